//! The view of a room or a conversation on one client's screen: opened, kept up, drawn anew, closed, lost.
//!
//! *Owns* what stands in the view, and the order of history and live text in it.
//! *Knows nothing of* who may look.
//! *Called by* `room` and `direct` (under their locks, where said), `session`, and the timer for drawing anew.

use std::sync::Arc;
use std::time::Instant;

use super::{BELL, Batch, NEVER, Notice, OnScreen, Outbox, OwnCopy, Preferences, State, View, Whose};
use crate::chat::conversation::{Conversation, MembershipId};
use crate::chat::message::{Addressee, Event, EventKind, MessageId, Sequenced};
use crate::ui::screen::{Clock, LineKind, Prompt, Recipient, render_event};

/// Whether messages have their times and ids.
#[derive(Clone, Copy)]
enum Stamps {
    /// As the person wants the view.
    Wanted,
    /// All of them.
    All,
}

impl State {
    /// Appends one event as this person sees it; true if his bell rings.
    fn render(
        &mut self,
        client: crate::chat::message::ClientId,
        event: &Event,
        stamps: Stamps,
        clock: &mut Clock,
    ) -> bool {
        let State { display, unsent, name, personal, .. } = self;
        let look = match stamps {
            Stamps::Wanted => display.look(),
            Stamps::All => display.look().stamped(),
        };
        let hides_quote = personal.as_ref().is_some_and(|personal| personal.hides_quote(event, client));
        let reader = Recipient { client, look, name: name.as_ref(), hides_quote };
        match personal {
            Some(personal) if personal.hides(event, client) => false,
            Some(personal) => {
                render_event(event, reader, personal.clock.as_mut().unwrap_or(clock), unsent);
                personal.rings(event, client, name.as_ref())
            }
            None => {
                render_event(event, reader, clock, unsent);
                false
            }
        }
    }

    /// A view begins: on a terminal that can be drawn anew it is remembered what stands there.
    fn begin_shown(&mut self, header: &[&str]) {
        let can = self.display.is_character_mode() && self.display.look().ansi;
        self.shown = can.then(|| Box::new(OnScreen::new(self.display.rows())));
        for line in header {
            self.note_news(LineKind::News, line);
        }
    }

    /// Notes what is written in the view. True if something above is not what it was.
    fn note(&mut self, event: &Arc<Event>) -> bool {
        self.shown.as_mut().is_some_and(|shown| shown.note(event))
    }

    /// Notes another name for the session: the last one alone. It takes its notices when it wakes, and while its user types
    /// nothing, a partner can have any number of names.
    fn note_renamed(&mut self, partner: &Addressee) {
        let earlier = self.notices.iter_mut().find_map(|notice| match notice {
            Notice::PartnerRenamed(known) if known.client == partner.client => Some(known),
            Notice::PartnerRenamed(_) | Notice::Lost { .. } => None,
        });
        match earlier {
            Some(known) => *known = partner.clone(),
            None => self.notices.push(Notice::PartnerRenamed(partner.clone())),
        }
    }

    /// Notes a line of the server's.
    pub(super) fn note_news(&mut self, tone: LineKind, line: &str) {
        if let Some(shown) = self.shown.as_mut().filter(|_| tone == LineKind::News) {
            shown.note(&Arc::new(Event::Happened {
                news: line.into(),
                by: None,
                kind: EventKind::Other,
                people: Box::default(),
            }));
        }
    }
}

impl Outbox {
    /// Notes what is about to be written in the view. True if the view was drawn anew instead, and has it already.
    pub(super) fn note_shown(&self, state: &mut State, batch: &Batch<'_>, fresh: std::ops::Range<usize>) -> bool {
        if state.shown.is_none() {
            return false;
        }
        let mut changed = false;
        for Sequenced { event, .. } in batch.events(fresh.clone()) {
            // Of his own doing he was told otherwise.
            let quiet = state.display.look().quiet;
            if !matches!(&**event, Event::Happened { by, kind, .. }
                if *by == Some(self.id) || (quiet && *kind == EventKind::Presence))
            {
                changed |= state.note(event);
            }
        }
        if !changed || !state.shown.as_mut().is_some_and(|shown| shown.may_draw(Instant::now())) {
            return false;
        }
        self.draw_anew(state, batch.clock());
        let State { personal, name, unsent, .. } = state;
        let rings = |event: &Sequenced| {
            let shows = |personal: &&Preferences| !personal.hides(&event.event, self.id);
            personal.as_deref().filter(shows).is_some_and(|own| own.rings(&event.event, self.id, name.as_ref()))
        };
        if batch.events(fresh).iter().any(rings) {
            unsent.push(BELL);
        }
        true
    }

    /// Draws the view anew from what is known to stand there, without the prompt.
    fn draw_anew(&self, state: &mut State, mut clock: Clock) {
        let Some(shown) = state.shown.take() else { return };
        let State { display, unsent, .. } = state;
        display.clear(unsent);
        // From the last one up, as many as the screen has rows for: the others have scrolled off, and whoever pastes a
        // hundred lines at a time does not make a redraw grow.
        let before = std::mem::take(&mut state.unsent);
        let (mut drawn, mut rows) = (Vec::new(), 0);
        for event in shown.events().rev() {
            state.render(self.id, event, Stamps::Wanted, &mut clock);
            rows += state.unsent.iter().filter(|byte| **byte == b'\n').count();
            if rows > shown.rows() && !drawn.is_empty() {
                break;
            }
            drawn.push(std::mem::take(&mut state.unsent));
        }
        state.unsent = before;
        for text in drawn.iter().rev() {
            state.unsent.extend_from_slice(text);
        }
        state.shown = Some(shown);
    }

    /// Redraws the view as it stood before the terminal moved its rows. False if nobody knows what stands there. Nothing
    /// is sent before [`Outbox::settle`].
    pub fn redraw_view(&self, clock: Clock) -> bool {
        let mut guard = self.lock();
        let knows = guard.shown.is_some();
        self.draw_anew(&mut guard, clock);
        knows
    }

    /// Messages that are too old to be shown are not drawn again. Called under the room's lock.
    pub fn forget_on_screen(&self, gone: &[MessageId]) {
        if let Some(shown) = &mut self.lock().shown {
            shown.forget(gone);
        }
    }

    /// Draws the view anew if that had to wait. True if it has to wait still.
    pub fn redraw_if_due(&self, clock: Clock) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = Instant::now();
        let Some(shown) = state.shown.as_mut().filter(|shown| state.ended.is_none() && shown.is_due()) else {
            return false;
        };
        if !shown.may_draw(now) {
            return true;
        }
        if !self.begin_others(state) {
            return false;
        }
        self.draw_anew(state, clock);
        state.display.end(&mut state.unsent);
        self.transmit_unsent(state, Whose::Others);
        self.drop_if_over(state);
        false
    }

    /// Opens the view of a room: the header (empty lines of it are none), the room's last messages, and from then on everything after `seen`. Called
    /// under the room's lock, so that between history and live text there is neither a gap nor an overlap. Nothing is
    /// sent before [`Outbox::settle`].
    pub fn open_view(
        &self,
        room: u64,
        seen: u64,
        place: &Prompt,
        header: &[&str],
        history: &[Arc<Event>],
        clock: &mut Clock,
    ) {
        let mut guard = self.lock();
        guard.view = Some(View { room, seen, after: MessageId(0) });
        self.fill_view(&mut guard, place, header, history, clock);
    }

    /// Opens the view of a conversation. Called under its lock. Nothing is sent before [`Outbox::settle`].
    pub fn open_direct_view(&self, place: &Prompt, header: &[&str], history: &[Arc<Event>], clock: &mut Clock) {
        let mut guard = self.lock();
        guard.view = None;
        self.fill_view(&mut guard, place, header, history, clock);
    }

    fn fill_view(&self, state: &mut State, place: &Prompt, header: &[&str], history: &[Arc<Event>], clock: &mut Clock) {
        let header: Vec<_> = header.iter().filter(|line| !line.is_empty()).copied().collect();
        state.begin_shown(&header);
        state.note_day(clock);
        for line in header {
            state.display.write(LineKind::News, line, &mut state.unsent);
        }
        for event in history {
            state.note(event);
            state.render(self.id, event, Stamps::Wanted, clock);
        }
        // With the view its prompt: what is delivered before the session's turn ends brings a prompt along.
        if state.notices.is_empty() {
            state.display.set_place(place, &mut state.unsent);
            state.place = place.clone();
        }
    }

    /// Brings the client's own screen up to the room's newest event, ahead of the delivery under way, which then finds
    /// nothing new for him. Called under the room's lock. Nothing is sent before [`Outbox::settle`].
    pub fn catch_up(&self, batch: &mut Batch<'_>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(view) = state.view.as_mut().filter(|view| view.room == batch.room()) else { return };
        let fresh = batch.after(view.seen);
        if fresh.is_empty() {
            return;
        }
        view.seen = batch.last();
        if batch.now() >= state.day_ends {
            state.begin_day(&batch.clock());
        }
        self.write_fresh(state, batch, fresh);
    }

    /// Closes the view: what a delivery in progress still brings is dropped.
    pub fn close_view(&self) {
        self.lock().forget_view();
    }

    /// Whether this client looks at the room and has not seen everything up to the number.
    pub fn is_behind(&self, room: u64, newest: u64) -> bool {
        self.lock().view.is_some_and(|view| view.room == room && view.seen < newest)
    }

    /// Shows messages as a reply (`:history`). False if there is nothing to be seen. Nothing is sent before
    /// [`Outbox::settle`].
    pub fn tell_events(&self, events: &[Arc<Event>], clock: &mut Clock) -> bool {
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
    pub fn note_events<'a>(&self, events: impl Iterator<Item = &'a Arc<Event>>) {
        let mut guard = self.lock();
        for event in events {
            guard.note(event);
        }
    }

    /// Something of a conversation, for its author, or for whoever has erased it. Nothing is sent before
    /// [`Outbox::settle`].
    pub fn tell_direct(&self, event: &Arc<Event>, own: OwnCopy, clock: &mut Clock) {
        let stamps = match own {
            OwnCopy::Said => Stamps::Wanted,
            OwnCopy::Answer => Stamps::All,
        };
        self.write_direct(&mut self.lock(), event, stamps, Whose::Own, clock);
    }

    /// Something of a conversation, shown at once wherever the client is.
    pub fn show_direct(&self, event: &Arc<Event>, clock: &mut Clock) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !self.begin_others(state) {
            return;
        }
        let in_view = matches!(state.place, Prompt::ChatView(_));
        self.write_direct(state, event, if in_view { Stamps::Wanted } else { Stamps::All }, Whose::Others, clock);
        state.display.end(&mut state.unsent);
        self.transmit_unsent(state, Whose::Others);
        self.drop_if_over(state);
    }

    fn write_direct(&self, state: &mut State, event: &Arc<Event>, stamps: Stamps, whose: Whose, clock: &mut Clock) {
        let hidden = state.personal.as_ref().is_some_and(|personal| personal.hides(event, self.id));
        if hidden && matches!(**event, Event::Said(_)) {
            return;
        }
        if state.day_ends != NEVER {
            state.begin_day(clock);
        }
        let now = Instant::now();
        if state.note(event) && state.shown.as_mut().is_some_and(|shown| shown.may_draw(now)) {
            return self.draw_anew(state, clock.clone());
        }
        if hidden {
            return;
        }
        let before = std::mem::take(&mut state.unsent);
        let rings = state.render(self.id, event, stamps, clock);
        let line = std::mem::replace(&mut state.unsent, before);
        // Rendered first: how the prompt is taken away depends on what comes over it.
        match whose {
            Whose::Own => state.display.write_answer(&line, &mut state.unsent),
            Whose::Others => state.display.write_rows(&line, &mut state.unsent),
        }
        if rings {
            state.unsent.push(BELL);
        }
    }

    /// Puts the client out of a conversation: shows the line, and closes the view if it is that one's. Called under the
    /// room's lock or after the room was closed, with the membership that has ended; the session hears of it by
    /// [`Outbox::take_notices`].
    pub fn expel(&self, from: &Conversation, membership: Option<MembershipId>, line: &str) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.ended.is_some() {
            return;
        }
        let had = state.open.iter().any(|known| known.is(from));
        // A room he has only just entered is not known here yet; a conversation the other one has begun may never be.
        if (!had && membership.is_none()) || !self.begin_others(state) {
            return;
        }
        state.open.retain(|known| !known.is(from));
        state.notices.push(Notice::Lost { from: from.clone(), membership });
        let instance = from.room().map(|room| room.instance);
        if instance.is_some() && state.view.map(|view| view.room) == instance {
            state.forget_view();
        }
        state.display.write(LineKind::News, line, &mut state.unsent);
        let in_view = matches!(&state.place, Prompt::ChatView(current) if current.is(from));
        if in_view {
            state.forget_view();
        }
        if in_view || matches!(&state.place, Prompt::Palette(Some(current)) if current.is(from)) {
            state.place = Prompt::Palette(state.open.last().cloned());
            let State { display, place, unsent, .. } = state;
            display.set_place(place, unsent);
        }
        state.display.end(&mut state.unsent);
        self.transmit_unsent(state, Whose::Others);
        self.drop_if_over(state);
    }

    /// The other one of a conversation has another name. Told if the client has the conversation open.
    pub fn partner_renamed(&self, partner: &Addressee, line: &str) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let conversation = Conversation::Direct(partner.clone());
        if !state.open.iter().any(|known| known.is(&conversation)) || !self.begin_others(state) {
            return;
        }
        for known in state.open.iter_mut().filter(|known| known.is(&conversation)) {
            *known = conversation.clone();
        }
        state.note_renamed(partner);
        // The prompt says it in any case.
        let ignored = state.personal.as_ref().is_some_and(|own| own.ignores(partner.client, &partner.name));
        let quiet = state.display.look().quiet && matches!(state.place, Prompt::ChatView(_));
        if !ignored && !quiet {
            state.display.write(LineKind::News, line, &mut state.unsent);
        }
        let place = match &state.place {
            Prompt::ChatView(current) if current.is(&conversation) => Some(Prompt::ChatView(conversation)),
            Prompt::Palette(Some(current)) if current.is(&conversation) => Some(Prompt::Palette(Some(conversation))),
            _ => None,
        };
        if let Some(place) = place {
            state.display.set_place(&place, &mut state.unsent);
            state.place = place;
        }
        state.display.end(&mut state.unsent);
        self.transmit_unsent(state, Whose::Others);
        self.drop_if_over(state);
    }

    /// What has happened to the client's conversations since the last call.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.lock().notices)
    }
}
