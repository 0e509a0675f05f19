//! One client's output: the state of its screen, the bytes its socket has not accepted yet, and the socket.
//!
//! A thread that has output for the client sends it directly, without waiting (`MSG_DONTWAIT`). What the socket does
//! not accept becomes the backlog, which the thread `slow-readers` sends as the socket accepts it; meanwhile others
//! only append. So no one waits for a slow reader, and a slow reader loses nothing until it is dropped with a reason.
//!
//! *Owns* every byte written to a client, its encryption or framing if any, the state of the screen, and the decision
//! to drop a client. *Knows nothing of* rooms as objects, the palette's rules, and other clients.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod backlog;
mod batch;
mod conversations;
mod date_line;
mod disconnect;
mod encoded;
#[cfg(feature = "json")]
mod json;
mod linger;
mod on_screen;
mod preferences;
mod read_limit;
mod slow_readers;
#[cfg(test)]
mod tests;
mod transmit;
mod view;
mod watching;

use std::net::{IpAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, Weak};

use crate::chat::conversation::Conversation;
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::metrics::BatchCount;
use crate::protocol::wire::Codec;
#[cfg(feature = "web")]
use crate::protocol::wire::Sharing;
use crate::text::Charset;
use crate::ui::command::for_view;
use crate::ui::screen::{Display, LineKind, Prompt};
use backlog::Backlog;
use batch::Wanted;
use date_line::NEVER;
use on_screen::OnScreen;
use preferences::Preferences;
use watching::Watching;

pub use batch::Batch;
pub(crate) use batch::Pushed;
pub(crate) use conversations::{Expulsion, Notice};
pub use disconnect::DisconnectReason;
#[cfg(feature = "json")]
pub(crate) use json::WatchedRoom;
pub(crate) use preferences::MAX_IGNORED;
pub use slow_readers::{OutboxLimits, SlowReaders};

/// An empty buffer larger than this is freed, in bytes. A message fits, with the prompt and a half-typed line redrawn
/// after it; a view that was just opened does not. With ten thousand idle users every kilobyte is ten megabytes.
const MAX_IDLE_BUFFER: usize = 256;

/// BEL (ECMA-48, 8.3.3).
const BELL: u8 = 0x07;

/// Why a client is shown a direct message of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnCopy {
    /// It was typed in the conversation's view and takes its place there.
    Said,
    /// It answers a command.
    Answer,
}

struct OutboxState {
    display: Display,
    prompt: Prompt,
    /// The client's rooms and conversations, the current one last: the prompt to fall back to when the client loses one.
    open: Vec<Conversation>,
    /// Changes that the session has not taken yet.
    notices: Vec<Notice>,
    watching: Watching,
    /// When the day that the view shows ends, in Unix seconds; never without a view.
    day_ends: i64,
    /// What the view shows, if it can be redrawn.
    on_screen: Option<Box<OnScreen>>,
    /// The user's name, once they have one.
    name: Option<UserName>,
    preferences: Option<Box<Preferences>>,
    /// The terminal's encoding of non-ASCII text. Everything up to `unsent` is UTF-8.
    charset: Charset,
    /// The peer speaks telnet: bytes of 255 in text are doubled.
    is_telnet: bool,
    /// How many of the client's next own messages are shown to it even in line mode: it was told that they wait, so the
    /// terminal's echo of them is above that notice.
    own_lines: u16,
    /// Written, but not handed to the socket yet. Empty except during a turn of the session.
    unsent: Vec<u8>,
    /// Encodes every byte on its way to the socket. Its output is sent or joins the backlog before the lock is released, since
    /// the order is part of the encryption.
    codec: Codec,
    /// Encoded bytes that the socket has not accepted.
    backlog: Backlog,
    /// Counts the bytes that the socket accepts while a batch is pushed.
    sent: BatchCount,
    disconnect: Option<DisconnectReason>,
}

/// One client's outbox.
pub struct Outbox {
    /// Itself, for the list of slow readers.
    me: Weak<Outbox>,
    id: ClientId,
    stream: TcpStream,
    /// The client that the peer speaks for, if it is a proxy.
    forwarded_for: OnceLock<IpAddr>,
    slow_readers: Arc<SlowReaders>,
    /// Set once the client speaks JSON.
    is_program: AtomicBool,
    /// Rank 3 of 4: after a room, before the store. Guards the screen, the backlog, the codec in both directions, and the
    /// order of bytes on the socket.
    /// Nothing waits under it: sends are `MSG_DONTWAIT`. No log line, no disk, no second outbox.
    state: Mutex<OutboxState>,
    /// Signalled when the backlog has drained or the connection is over.
    changed: Condvar,
}

impl Outbox {
    /// The outbox of a new connection.
    pub fn new(id: ClientId, stream: TcpStream, slow_readers: Arc<SlowReaders>) -> Arc<Outbox> {
        Arc::new_cyclic(|me| Outbox {
            me: Weak::clone(me),
            id,
            stream,
            forwarded_for: OnceLock::new(),
            slow_readers,
            is_program: AtomicBool::new(false),
            state: Mutex::new(OutboxState {
                display: Display::new(),
                prompt: Prompt::Nowhere,
                open: Vec::new(),
                notices: Vec::new(),
                watching: Watching::Nothing,
                day_ends: NEVER,
                on_screen: None,
                name: None,
                preferences: None,
                charset: Charset::Utf8,
                is_telnet: false,
                own_lines: 0,
                unsent: Vec::new(),
                codec: Codec::default(),
                backlog: Backlog::new(),
                sent: BatchCount::default(),
                disconnect: None,
            }),
            changed: Condvar::new(),
        })
    }

    /// The client's id.
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// The socket, for reading and for its options. Only the outbox writes to it.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The client's address, as it is shown and compared: behind a proxy not the proxy's. `None` if the connection is gone.
    pub(crate) fn peer_address(&self) -> Option<IpAddr> {
        if let Some(address) = self.forwarded_for.get() {
            return Some(*address);
        }
        self.stream.peer_addr().ok().map(|peer| peer.ip().to_canonical())
    }

    /// Notes that the peer is a proxy that speaks for this address.
    pub(crate) fn speak_for(&self, address: IpAddr) {
        // Called once for each connection, so it is still unset.
        let _ = self.forwarded_for.set(address);
    }

    /// Returns the socket of a connection that could not be started.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// The only place that takes the lock. A thread that panicked under it may have left half a line behind, so this one
    /// connection ends.
    fn lock(&self) -> MutexGuard<'_, OutboxState> {
        self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            self.state.clear_poison();
            state.codec.abandon();
            self.disconnect_locked(&mut state, DisconnectReason::Panicked);
            state
        })
    }

    /// Delivers a batch: appends the events that this client has not seen, in one write.
    pub fn push(&self, batch: &mut Batch<'_>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.sent.begin();
        let shown = self.push_fresh(state, batch);
        batch.pushed.events.add(shown);
        batch.pushed.bytes.absorb(state.sent.end());
    }

    /// The same under the lock. Returns how many events were shown.
    #[inline]
    fn push_fresh(&self, state: &mut OutboxState, batch: &mut Batch<'_>) -> usize {
        if state.disconnect.is_some() {
            return 0;
        }
        let Some(view) = state.watching.view_mut(batch.room()) else { return 0 };
        let fresh = batch.after(view.seen);
        if fresh.is_empty() {
            return 0;
        }
        let all = fresh.len() == batch.len() && !batch.shows_up_to(view.after);
        view.seen = batch.last();
        if !self.begin_others(state) {
            return 0;
        }
        #[cfg(feature = "json")]
        if state.watching.is_program() {
            return self.push_objects(state, batch, fresh);
        }
        let shown = batch.count_shown(fresh.clone(), self.id, state.hides_own_lines());
        let new_day = batch.now() >= state.day_ends;
        if new_day {
            state.write_date_if_due(&batch.clock());
        }
        let look = state.display.look();
        let is_plain =
            state.preferences.is_none() && state.on_screen.is_none() && state.charset == Charset::Utf8 && !new_day;
        let shares = all && is_plain && !batch.has_by(self.id) && state.display.shares_frame(batch.prompt());
        let named = look.color && state.name.as_ref().is_some_and(|name| batch.mentions(name));
        if shares && !named {
            #[cfg(feature = "web")]
            if state.codec.shares() == Sharing::BinaryFrames {
                let Some(message) = batch.web_frame(look) else { return 0 };
                state.display.frame_written(batch.prompt());
                self.transmit_shared_encoded(state, &message);
                self.drop_if_over(state);
                return shown;
            }
            let Some(frame) = batch.frame(look) else { return 0 };
            state.display.frame_written(batch.prompt());
            self.transmit_shared(state, &frame);
        } else if self.write_fresh(state, batch, fresh) || new_day {
            state.display.end(&mut state.unsent);
            self.transmit_unsent(state, CausedBy::Others);
        } else {
            return 0;
        }
        self.drop_if_over(state);
        shown
    }

    /// Writes what is new to this client, without the prompt. False if nothing is visible.
    fn write_fresh(&self, state: &mut OutboxState, batch: &mut Batch<'_>, fresh: std::ops::Range<usize>) -> bool {
        let bound = state.watching.view(batch.room()).map(|view| view.after);
        if let Some(after) = bound.filter(|after| batch.shows_up_to(*after)) {
            return self.write_readable(state, batch, fresh, after);
        }
        if self.note_on_screen(state, batch, fresh.clone()) {
            return true;
        }
        let line_mode = state.hides_own_lines();
        if state.own_lines > 0 {
            state.own_lines = state.own_lines.saturating_sub(batch.count_own(fresh.clone(), self.id));
        }
        let wanted = Wanted {
            client: self.id,
            look: state.display.look(),
            line_mode,
            name: state.name.as_ref(),
            preferences: state.preferences.as_deref_mut(),
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

    /// Replies to the client's own line. Nothing is sent before [`Outbox::settle`].
    pub fn tell(&self, kind: LineKind, line: &str) {
        let mut guard = self.lock();
        let state = &mut *guard;
        #[cfg(feature = "json")]
        if state.watching.is_program() {
            return state.tell_program(kind, line);
        }
        state.make_room();
        let line = if kind == LineKind::Refusal && state.is_in_view() { for_view(line) } else { line.into() };
        state.display.write(kind, &line, &mut state.unsent);
    }

    /// Shows a news line that ends with a hint: a sentence with the command to use next, written as it is typed here.
    pub(crate) fn advise(&self, line: &str, hint: &str) {
        let hint = if self.lock().is_in_view() { for_view(hint) } else { hint.into() };
        self.tell(LineKind::News, &format!("{line} {hint}"));
    }

    /// Writes telnet protocol bytes, in order with the text. Nothing is sent before [`Outbox::settle`] or [`Outbox::flush`].
    pub(crate) fn write_protocol(&self, bytes: &[u8]) {
        let mut guard = self.lock();
        if !guard.watching.is_program() {
            guard.unsent.extend_from_slice(bytes);
        }
    }

    /// Answers a peer that has no terminal; the screen is not used any more. Nothing is sent before [`Outbox::flush`].
    pub(crate) fn answer_raw(&self, bytes: &[u8]) {
        let mut guard = self.lock();
        guard.display = Display::new();
        guard.prompt = Prompt::Nowhere;
        guard.unsent.extend_from_slice(bytes);
    }

    /// Sets the terminal's charset; `is_telnet`: the client speaks telnet.
    pub(crate) fn set_charset(&self, charset: Charset, is_telnet: bool) {
        let mut guard = self.lock();
        guard.charset = charset;
        guard.is_telnet = is_telnet;
    }

    /// Runs a closure on the screen and the buffer of unsent output.
    pub fn with_display<R>(&self, work: impl FnOnce(&mut Display, &mut Vec<u8>) -> R) -> R {
        let mut guard = self.lock();
        if guard.watching.is_program() {
            // A screen that nobody sees.
            return work(&mut guard.display, &mut Vec::new());
        }
        guard.make_room();
        let OutboxState { display, unsent, .. } = &mut *guard;
        let result = work(display, unsent);
        let OutboxState { display, on_screen, .. } = &mut *guard;
        match on_screen {
            // In line mode the client edits its own line, so a redraw could destroy it.
            Some(_) if !display.is_character_mode() => *on_screen = None,
            Some(on_screen) => on_screen.set_rows(display.rows()),
            None => {}
        }
        result
    }

    /// The client has ended a line: in line mode its terminal has moved to the next row. True in character mode, where
    /// the line is still on the screen as it was typed.
    pub(crate) fn line_ended(&self, alone: bool, blank: bool) -> bool {
        let mut guard = self.lock();
        guard.display.line_ended(alone, blank);
        guard.display.is_character_mode()
    }

    /// Bytes written and not sent yet.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.lock().unsent.len()
    }

    /// Ends a turn of the session: sends everything written, and the prompt if it is not there, in one write.
    pub fn settle(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.disconnect.is_none() {
            if !state.watching.is_program() {
                state.make_room();
                state.display.end_turn(&mut state.unsent);
            }
            self.transmit_unsent(state, CausedBy::Client);
        }
    }

    /// Sends what was written, without the prompt.
    pub fn flush(&self) {
        let mut guard = self.lock();
        if guard.disconnect.is_none() {
            self.transmit_unsent(&mut guard, CausedBy::Client);
        }
    }
}

/// Who caused this backlog. Only text from others counts towards the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CausedBy {
    Client,
    Others,
}
