//! The view of a room or a conversation on one client's screen: opened, updated, redrawn, closed.
//!
//! *Owns* what the view shows, and the order of history and live text in it. *Knows nothing of* who may look.

use std::sync::Arc;
use std::time::Instant;

#[cfg(feature = "json")]
use super::json::Occasion;
use super::watching::View;
use super::{BELL, Batch, CausedBy, NEVER, OnScreen, Outbox, OutboxState, OwnCopy, Preferences};
use crate::chat::message::{Event, EventKind, MessageId, Sequenced};
use crate::ui::command::for_view;
use crate::ui::screen::{Clock, LineKind, Prompt, Recipient, render_event};

/// Whether messages show their times and ids.
#[derive(Clone, Copy)]
enum Stamps {
    /// As the user has set it.
    Wanted,
    /// All of them do.
    All,
}

impl OutboxState {
    /// Appends one event as this user sees it. True if the bell rings.
    fn render(
        &mut self,
        client: crate::chat::message::ClientId,
        event: &Event,
        stamps: Stamps,
        clock: &mut Clock,
    ) -> bool {
        let OutboxState { display, unsent, name, preferences, .. } = self;
        let look = match stamps {
            Stamps::Wanted => display.look(),
            Stamps::All => display.look().stamped(),
        };
        let hides_quote = preferences.as_ref().is_some_and(|preferences| preferences.hides_quote(event, client));
        let reader = Recipient { client, look, name: name.as_ref(), hides_quote };
        match preferences {
            Some(preferences) if preferences.hides(event, client) => false,
            Some(preferences) => {
                render_event(event, reader, preferences.clock.as_mut().unwrap_or(clock), unsent);
                preferences.rings(event, client, name.as_ref())
            }
            None => {
                render_event(event, reader, clock, unsent);
                false
            }
        }
    }

    /// Begins a view. On a terminal that can be redrawn, starts to track what is on the screen.
    fn begin_on_screen(&mut self, header: &[&str]) {
        let can = self.display.is_character_mode() && self.display.look().ansi;
        self.on_screen = can.then(|| Box::new(OnScreen::new(self.display.rows())));
        for line in header {
            self.note_news(LineKind::News, line);
        }
    }

    /// Notes what is written in the view. True if it changes something above.
    fn note(&mut self, event: &Arc<Event>) -> bool {
        self.on_screen.as_mut().is_some_and(|on_screen| on_screen.note(event))
    }

    /// Notes a server line.
    pub(super) fn note_news(&mut self, kind: LineKind, line: &str) {
        if let Some(on_screen) = self.on_screen.as_mut().filter(|_| kind == LineKind::News) {
            on_screen.note(&Arc::new(Event::Happened {
                news: line.into(),
                by: None,
                kind: EventKind::Other,
                people: Box::default(),
                crowd: None,
            }));
        }
    }
}

impl Outbox {
    /// Notes what is about to be written in the view. True if the view was redrawn instead and already shows it.
    pub(super) fn note_on_screen(
        &self,
        state: &mut OutboxState,
        batch: &Batch<'_>,
        fresh: std::ops::Range<usize>,
    ) -> bool {
        if state.on_screen.is_none() {
            return false;
        }
        let mut changed = false;
        for Sequenced { event, .. } in batch.events(fresh.clone()) {
            // The client was told of its own actions in a reply.
            let quiet = state.display.look().quiet;
            if !matches!(&**event, Event::Happened { by, kind, .. }
                if *by == Some(self.id) || (quiet && kind.is_presence()))
            {
                changed |= state.note(event);
            }
        }
        if !changed || !state.on_screen.as_mut().is_some_and(|on_screen| on_screen.may_redraw(Instant::now())) {
            return false;
        }
        self.redraw(state, batch.clock());
        let OutboxState { preferences, name, unsent, .. } = state;
        let rings = |event: &Sequenced| {
            let shows = |preferences: &&Preferences| !preferences.hides(&event.event, self.id);
            preferences.as_deref().filter(shows).is_some_and(|own| own.rings(&event.event, self.id, name.as_ref()))
        };
        if batch.events(fresh).iter().any(rings) {
            unsent.push(BELL);
        }
        true
    }

    /// Redraws the view from what it is known to show, without the prompt.
    fn redraw(&self, state: &mut OutboxState, mut clock: Clock) {
        let Some(on_screen) = state.on_screen.take() else { return };
        let OutboxState { display, unsent, .. } = state;
        display.clear(unsent);
        // From the last one up, as many as the screen has rows for. The others have scrolled off, and pasting a hundred
        // lines at a time must not make redraws grow.
        let before = std::mem::take(&mut state.unsent);
        let (mut drawn, mut rows) = (Vec::new(), 0);
        for event in on_screen.events().rev() {
            state.render(self.id, event, Stamps::Wanted, &mut clock);
            rows += state.unsent.iter().filter(|byte| **byte == b'\n').count();
            if rows > on_screen.rows() && !drawn.is_empty() {
                break;
            }
            drawn.push(std::mem::take(&mut state.unsent));
        }
        state.unsent = before;
        for text in drawn.iter().rev() {
            state.unsent.extend_from_slice(text);
        }
        state.on_screen = Some(on_screen);
    }

    /// Redraws the view as it was before the terminal moved its rows. False if what it shows is not known. Nothing is sent before
    /// [`Outbox::settle`].
    pub(crate) fn redraw_view(&self, clock: Clock) -> bool {
        let mut guard = self.lock();
        let knows = guard.on_screen.is_some();
        self.redraw(&mut guard, clock);
        knows
    }

    /// Stops redrawing messages that have expired. Called under the room's lock.
    pub(crate) fn forget_on_screen(&self, gone: &[MessageId]) {
        if let Some(on_screen) = &mut self.lock().on_screen {
            on_screen.forget(gone);
        }
    }

    /// Redraws the view if that had to wait. True if it still has to.
    pub(crate) fn redraw_if_due(&self, clock: Clock) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = Instant::now();
        let Some(on_screen) =
            state.on_screen.as_mut().filter(|on_screen| state.disconnect.is_none() && on_screen.is_due())
        else {
            return false;
        };
        if !on_screen.may_redraw(now) {
            return true;
        }
        if !self.begin_others(state) {
            return false;
        }
        self.redraw(state, clock);
        state.display.end(&mut state.unsent);
        self.transmit_unsent(state, CausedBy::Others);
        self.drop_if_over(state);
        false
    }

    /// Opens the view of a room: the header (empty lines are skipped), the room's last messages, and from then on everything after
    /// `seen`. Called under the room's lock, so that there is neither a gap nor an overlap between history and live text. Nothing
    /// is sent before [`Outbox::settle`].
    pub fn open_view(
        &self,
        room: u64,
        seen: u64,
        prompt: &Prompt,
        header: &[&str],
        history: &[Arc<Event>],
        clock: &mut Clock,
    ) {
        let mut guard = self.lock();
        if guard.watching.is_program() {
            return;
        }
        guard.watching.show(Some(View { room, seen, after: MessageId(0) }));
        self.fill_view(&mut guard, prompt, header, history, clock);
    }

    /// Opens the view of a conversation. Called under its lock. Nothing is sent before [`Outbox::settle`].
    pub(crate) fn open_direct_view(&self, prompt: &Prompt, header: &[&str], history: &[Arc<Event>], clock: &mut Clock) {
        let mut guard = self.lock();
        if guard.watching.is_program() {
            return;
        }
        guard.watching.show(None);
        self.fill_view(&mut guard, prompt, header, history, clock);
    }

    fn fill_view(
        &self,
        state: &mut OutboxState,
        prompt: &Prompt,
        header: &[&str],
        history: &[Arc<Event>],
        clock: &mut Clock,
    ) {
        let header: Vec<_> = header.iter().filter(|line| !line.is_empty()).copied().collect();
        state.make_room();
        state.begin_on_screen(&header);
        state.note_date(clock);
        for line in header {
            state.display.write(LineKind::News, line, &mut state.unsent);
        }
        for event in history {
            state.note(event);
            state.render(self.id, event, Stamps::Wanted, clock);
        }
        // The prompt changes with the view: a delivery before the end of the session's turn writes a prompt.
        if state.notices.is_empty() {
            state.display.set_prompt(prompt, &mut state.unsent);
            state.prompt = prompt.clone();
        }
    }

    /// Brings the client's own screen up to the room's newest event, ahead of the delivery in progress, which then finds nothing
    /// new for it. Called under the room's lock. Nothing is sent before [`Outbox::settle`].
    pub(crate) fn catch_up(&self, batch: &mut Batch<'_>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(view) = state.watching.view_mut(batch.room()) else { return };
        let fresh = batch.after(view.seen);
        if fresh.is_empty() {
            return;
        }
        view.seen = batch.last();
        #[cfg(feature = "json")]
        if state.watching.is_program() {
            let shown = fresh.len();
            if self.write_objects(state, batch, fresh) {
                batch.pushed.events.add(shown);
            }
            return;
        }
        let shown = batch.count_shown(fresh.clone(), self.id, state.hides_own_lines());
        if batch.now() >= state.day_ends {
            state.write_date_if_due(&batch.clock());
        }
        if self.write_fresh(state, batch, fresh) {
            batch.pushed.events.add(shown);
        }
    }

    /// Closes the view. What a delivery in progress still brings is dropped.
    pub(crate) fn close_view(&self) {
        self.lock().forget_view();
    }

    /// Shows nothing more of this room. What a delivery in progress still brings is dropped.
    pub(crate) fn leave_room(&self, room: u64) {
        self.lock().forget_room(room);
    }

    /// Whether this client is viewing the room and has not seen everything up to this number.
    pub(crate) fn is_behind(&self, room: u64, newest: u64) -> bool {
        self.lock().watching.view(room).is_some_and(|view| view.seen < newest)
    }

    /// Shows a server line that the client did not ask for, at once.
    pub fn announce(&self, kind: LineKind, line: &str) {
        self.announce_lines([(kind, line)]);
    }

    /// The same for a news line that ends with a hint: a sentence with the command to use next.
    pub(crate) fn announce_hint(&self, line: &str, hint: &str) {
        let hint = if self.lock().is_in_view() { for_view(hint) } else { hint.into() };
        self.announce(LineKind::News, &format!("{line} {hint}"));
    }

    /// The same for several lines that belong together: one write, followed by one prompt.
    pub(crate) fn announce_lines<'a>(&self, lines: impl IntoIterator<Item = (LineKind, &'a str)>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !self.begin_others(state) {
            return;
        }
        for (kind, line) in lines {
            state.note_news(kind, line);
            state.write_line(kind, line);
        }
        state.end();
        self.transmit_unsent(state, CausedBy::Others);
        self.drop_if_over(state);
    }

    /// Shows messages as a reply (`:history`). False if nothing is visible. Nothing is sent before [`Outbox::settle`].
    #[cfg_attr(not(feature = "json"), expect(unused_variables, reason = "a terminal's user knows where they are"))]
    pub(crate) fn tell_events(&self, events: &[Arc<Event>], room: Option<&str>, clock: &mut Clock) -> bool {
        #[cfg(feature = "json")]
        if self.is_program() {
            return self.list_messages(events, room) > 0;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        let before = std::mem::take(&mut state.unsent);
        for event in events {
            state.note(event);
            state.render(self.id, event, Stamps::All, clock);
        }
        let rows = std::mem::replace(&mut state.unsent, before);
        state.display.write_answer(&rows, &mut state.unsent);
        !rows.is_empty()
    }

    /// Notes messages that were shown in another form.
    pub(crate) fn note_events<'a>(&self, events: impl Iterator<Item = &'a Arc<Event>>) {
        let mut guard = self.lock();
        for event in events {
            guard.note(event);
        }
    }

    /// Shows an event of a conversation to the client that caused it. Nothing is sent before [`Outbox::settle`].
    pub(crate) fn tell_direct(&self, event: &Arc<Event>, own: OwnCopy, clock: &mut Clock) {
        let stamps = match own {
            OwnCopy::Said => Stamps::Wanted,
            OwnCopy::Answer => Stamps::All,
        };
        self.write_direct(&mut self.lock(), event, stamps, CausedBy::Client, clock);
    }

    /// Shows an event of a conversation at once, wherever the client is.
    pub(crate) fn show_direct(&self, event: &Arc<Event>, clock: &mut Clock) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !self.begin_others(state) {
            return;
        }
        let in_view = matches!(state.prompt, Prompt::ChatView(_));
        self.write_direct(state, event, if in_view { Stamps::Wanted } else { Stamps::All }, CausedBy::Others, clock);
        state.end();
        self.transmit_unsent(state, CausedBy::Others);
        self.drop_if_over(state);
    }

    fn write_direct(
        &self,
        state: &mut OutboxState,
        event: &Arc<Event>,
        stamps: Stamps,
        cause: CausedBy,
        clock: &mut Clock,
    ) {
        #[cfg(feature = "json")]
        if state.watching.is_program() {
            state.render_objects(self.id, event, None, Occasion::Live);
            return;
        }
        let hidden = state.preferences.as_ref().is_some_and(|preferences| preferences.hides(event, self.id));
        if hidden && matches!(**event, Event::Said(_)) {
            return;
        }
        if state.day_ends != NEVER {
            state.write_date_if_due(clock);
        }
        let now = Instant::now();
        if state.note(event) && state.on_screen.as_mut().is_some_and(|on_screen| on_screen.may_redraw(now)) {
            return self.redraw(state, clock.clone());
        }
        if hidden {
            return;
        }
        let before = std::mem::take(&mut state.unsent);
        let rings = state.render(self.id, event, stamps, clock);
        let line = std::mem::replace(&mut state.unsent, before);
        // Rendered first, because how the prompt is removed depends on what replaces it.
        match cause {
            CausedBy::Client => state.display.write_answer(&line, &mut state.unsent),
            CausedBy::Others => state.display.write_rows(&line, &mut state.unsent),
        }
        if rings {
            state.unsent.push(BELL);
        }
    }
}
