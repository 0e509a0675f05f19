//! One client's way out: what his screen shows, the bytes his socket has not taken yet, and the socket itself.
//!
//! Whoever has something for the client sends it straight from his own thread, without waiting (`MSG_DONTWAIT`). What the
//! socket does not take becomes the backlog, which the sweep thread sends on as the socket takes it; meanwhile others only
//! append. So nobody ever waits for a slow reader, and a slow reader loses nothing until he is dropped with a reason.
//!
//! *Owns* every byte written to a client, their encryption if there is one, the state of his screen, and the decision to
//! drop him.
//! *Knows nothing of* rooms as objects, the palette's rules, and other clients.
//! *Called by* `room` (delivery), `session` (replies), `server` (announcements), the sweep thread (backlogs).

mod backlog;
mod batch;
mod bounded;
mod day;
mod disconnect;
mod encrypted;
mod linger;
mod on_screen;
mod preferences;
mod reader;
mod slow_readers;
#[cfg(test)]
mod tests;
mod transmit;
mod view;
mod whereabouts;

use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};

use crate::chat::conversation::{Conversation, MembershipId};
use crate::chat::message::{Addressee, ClientId, MessageId};
use crate::chat::names::UserName;
use crate::protocol::wire::Codec;
use crate::text::Charset;
use crate::ui::screen::{Display, LineKind, Prompt};
use backlog::Backlog;
use batch::Wanted;
use day::NEVER;
use on_screen::OnScreen;
use preferences::Preferences;

pub use batch::Batch;
pub use disconnect::DisconnectReason;
pub use preferences::MAX_IGNORED;
pub use slow_readers::{OutboxLimits, SlowReaders};

/// An emptied buffer larger than this is freed, in bytes. A message fits, with the prompt and a half-typed line redrawn behind
/// it; what a user gets on opening a view does not, and with ten thousand idle users every kilobyte is ten megabytes.
const KEPT_BUFFER: usize = 256;

/// BEL (ECMA-48, 8.3.3).
const BELL: u8 = 0x07;

/// The room whose live text a client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct View {
    /// Which instance of the room: one destroyed and made again under the same name is another.
    room: u64,
    /// Sequence number of the last event on this screen.
    seen: u64,
    /// They may read no message up to this one.
    after: MessageId,
}

/// Why a client is shown a direct message of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnCopy {
    /// It was typed into the view of the conversation, and takes its place there.
    Said,
    /// It answers a command.
    Answer,
}

/// What has happened to a person's conversations without his doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// He was put out of a room, or the other one of a conversation has left.
    Lost {
        /// Which one.
        from: Conversation,
        /// The membership that has ended. The user may be in the room again by now, by another one.
        membership: Option<MembershipId>,
    },
    /// The other one of a conversation has another name.
    PartnerRenamed(Addressee),
}

struct State {
    display: Display,
    place: Prompt,
    /// Rooms this person is in and conversations he has opened, the current one last: the prompt to fall back to when he
    /// is put out of one.
    open: Vec<Conversation>,
    /// What the session has not been told yet.
    notices: Vec<Notice>,
    view: Option<View>,
    /// When the day ends that the view shows, in seconds of the Unix time; never where there is no view.
    day_ends: i64,
    /// What stands in the view, where it can be drawn anew.
    shown: Option<Box<OnScreen>>,
    /// The person's name, once he has one.
    name: Option<UserName>,
    personal: Option<Box<Preferences>>,
    /// How the terminal reads letters beyond ASCII. Everything up to `unsent` is in UTF-8.
    charset: Charset,
    /// The peer has shown telnet: a byte of 255 in text is doubled for it.
    is_telnet: bool,
    /// Written, but not given to the socket yet. Empty except within one turn of the session.
    unsent: Vec<u8>,
    /// What every byte passes on its way to the socket. What it has made of them is sent, or joins the backlog, before the
    /// lock is let go: their order is part of the encryption.
    codec: Codec,
    /// What the socket has not taken, as the codec has made it.
    backlog: Backlog,
    ended: Option<DisconnectReason>,
}

/// One client's outbox.
pub struct Outbox {
    /// Itself, to be listed among the laggards.
    me: Weak<Outbox>,
    id: ClientId,
    stream: TcpStream,
    laggards: Arc<SlowReaders>,
    /// Rank 3 of 4: after a room, before the store. Guards the screen, the backlog, the encryption's state in both
    /// directions, and the order of bytes on the socket.
    /// Nothing under it waits: sends are `MSG_DONTWAIT`. No log line, no disk, no second outbox.
    state: Mutex<State>,
    /// Signalled when the backlog has drained or the connection has ended.
    changed: Condvar,
}

impl Outbox {
    /// The outbox of a connection just accepted.
    pub fn new(id: ClientId, stream: TcpStream, laggards: Arc<SlowReaders>) -> Arc<Outbox> {
        Arc::new_cyclic(|me| Outbox {
            me: Weak::clone(me),
            id,
            stream,
            laggards,
            state: Mutex::new(State {
                display: Display::new(),
                place: Prompt::Nowhere,
                open: Vec::new(),
                notices: Vec::new(),
                view: None,
                day_ends: NEVER,
                shown: None,
                name: None,
                personal: None,
                charset: Charset::Utf8,
                is_telnet: false,
                unsent: Vec::new(),
                codec: Codec::Plain,
                backlog: Backlog::new(),
                ended: None,
            }),
            changed: Condvar::new(),
        })
    }

    /// Whose outbox it is.
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// The socket, for reading and for its options. Only the outbox writes to it.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The socket back, for a connection that never came to be.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// The one place where the lock is taken. A thread that panicked under it may have left half a line behind: the
    /// connection is over then, and only this one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            self.state.clear_poison();
            state.codec.abandon();
            self.disconnect_locked(&mut state, DisconnectReason::Panicked);
            state
        })
    }

    /// A delivery: appends what this client has not seen of the batch, in one write.
    pub fn push(&self, batch: &mut Batch<'_>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.ended.is_some() {
            return;
        }
        let Some(view) = state.view.as_mut().filter(|view| view.room == batch.room()) else { return };
        let fresh = batch.after(view.seen);
        if fresh.is_empty() {
            return;
        }
        let all = fresh.len() == batch.len() && !batch.shows_up_to(view.after);
        view.seen = batch.last();
        if !self.begin_others(state) {
            return;
        }
        let new_day = batch.now() >= state.day_ends;
        if new_day {
            state.begin_day(&batch.clock());
        }
        let look = state.display.look();
        let is_plain = state.personal.is_none() && state.shown.is_none() && state.charset == Charset::Utf8 && !new_day;
        let shares = all && is_plain && !batch.has_by(self.id) && state.display.shares_frame(batch.prompt());
        let named = look.color && state.name.as_ref().is_some_and(|name| batch.mentions(name));
        if shares && !named {
            let Some(frame) = batch.frame(look) else { return };
            state.display.frame_written(batch.prompt());
            self.transmit_shared(state, &frame);
        } else if self.write_fresh(state, batch, fresh) || new_day {
            state.display.end(&mut state.unsent);
            self.transmit_unsent(state, Whose::Others);
        } else {
            return;
        }
        self.drop_if_over(state);
    }

    /// Writes what is new to this client, without the prompt. False if there is nothing to be seen.
    fn write_fresh(&self, state: &mut State, batch: &mut Batch<'_>, fresh: std::ops::Range<usize>) -> bool {
        if let Some(view) = state.view.filter(|view| batch.shows_up_to(view.after)) {
            return self.write_bounded(state, batch, fresh, view.after);
        }
        if self.note_shown(state, batch, fresh.clone()) {
            return true;
        }
        let wanted = Wanted {
            client: self.id,
            look: state.display.look(),
            line_mode: !state.display.is_character_mode(),
            name: state.name.as_ref(),
            personal: state.personal.as_deref_mut(),
        };
        let (text, rings) = batch.text_for(fresh, wanted);
        if text.is_empty() {
            return false;
        }
        state.display.write_rows(&text, &mut state.unsent);
        if rings {
            state.unsent.push(BELL);
        }
        true
    }

    /// A line of the server's for this client that he did not ask for: shown at once.
    pub fn announce(&self, tone: LineKind, line: &str) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !self.begin_others(state) {
            return;
        }
        state.note_news(tone, line);
        state.display.write(tone, line, &mut state.unsent);
        state.display.end(&mut state.unsent);
        self.transmit_unsent(state, Whose::Others);
        self.drop_if_over(state);
    }

    /// Replies to the client's own line. Nothing is sent before [`Outbox::settle`].
    pub fn tell(&self, tone: LineKind, line: &str) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.display.write(tone, line, &mut state.unsent);
    }

    /// Bytes of the telnet protocol, in their place among the text. Nothing is sent before [`Outbox::settle`] or
    /// [`Outbox::flush`].
    pub fn write_protocol(&self, bytes: &[u8]) {
        self.lock().unsent.extend_from_slice(bytes);
    }

    /// An answer to a peer that has no terminal: from here on the screen is nobody's. Nothing is sent before
    /// [`Outbox::flush`].
    pub fn answer_raw(&self, bytes: &[u8]) {
        let mut guard = self.lock();
        guard.display = Display::new();
        guard.place = Prompt::Nowhere;
        guard.unsent.extend_from_slice(bytes);
    }

    /// What leaves from now on is for a terminal that reads this charset; `is_telnet`: over telnet.
    pub fn set_charset(&self, charset: Charset, is_telnet: bool) {
        let mut guard = self.lock();
        guard.charset = charset;
        guard.is_telnet = is_telnet;
    }

    /// Works on the screen: the closure gets it and the buffer for what is to be written.
    pub fn with_display<R>(&self, work: impl FnOnce(&mut Display, &mut Vec<u8>) -> R) -> R {
        let mut guard = self.lock();
        let State { display, unsent, .. } = &mut *guard;
        let result = work(display, unsent);
        let State { display, shown, .. } = &mut *guard;
        match shown {
            // Whoever edits his line himself cannot have his screen drawn anew under it.
            Some(_) if !display.is_character_mode() => *shown = None,
            Some(shown) => shown.set_rows(display.rows()),
            None => {}
        }
        result
    }

    /// The person has ended a line: in line mode his terminal has moved to the next row. True in character mode, where
    /// the line is still on the screen and has to be finished with.
    pub fn line_ended(&self, alone: bool, blank: bool) -> bool {
        let mut guard = self.lock();
        guard.display.line_ended(alone, blank);
        guard.display.is_character_mode()
    }

    /// Bytes written and not sent yet.
    pub fn unsent_bytes(&self) -> usize {
        self.lock().unsent.len()
    }

    /// Rooms the person is in and conversations he has opened, the current one last.
    pub fn open(&self) -> Vec<Conversation> {
        self.lock().open.clone()
    }

    /// The user is about to open a conversation. Noted first: otherwise the session would not hear of its end, or of the
    /// partner's new name, in between.
    pub fn opening(&self, conversation: &Conversation) {
        let mut state = self.lock();
        if !state.open.iter().any(|known| known.is(conversation)) {
            // Not as the current one: it may still fail.
            state.open.insert(0, conversation.clone());
        }
    }

    /// Where the person is now: decides the prompt. False, and nothing is changed, if something has happened to his
    /// conversations that the caller has not heard of yet ([`Outbox::take_notices`]).
    pub fn set_prompt(&self, place: Prompt, open: &[Conversation]) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !state.notices.is_empty() {
            return false;
        }
        if state.open != open {
            state.open = open.to_vec();
        }
        if state.place != place {
            state.display.set_place(&place, &mut state.unsent);
            state.place = place;
        }
        true
    }

    /// Ends a turn of the session: the prompt, if it does not stand there, and all that was written, in one write.
    pub fn settle(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.ended.is_none() {
            state.display.end_turn(&mut state.unsent);
            self.transmit_unsent(state, Whose::Own);
        }
    }

    /// Sends what was written without adding the prompt.
    pub fn flush(&self) {
        let mut guard = self.lock();
        if guard.ended.is_none() {
            self.transmit_unsent(&mut guard, Whose::Own);
        }
    }

    /// The last words: takes the prompt away, says the line, restores the terminal and sends it all. Whoever was dropped
    /// has heard his already.
    pub fn farewell(&self, line: Option<(LineKind, &str)>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.ended.is_some() {
            return;
        }
        state.forget_view();
        let State { display, unsent, .. } = state;
        display.wipe_prompt(unsent);
        if let Some((tone, line)) = line {
            display.write(tone, line, unsent);
        }
        display.restore(unsent);
        self.transmit_unsent(state, Whose::Own);
    }
}

/// Whose doing a piece of backlog is: only others' text can get a reader dropped for its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Own,
    Others,
}
