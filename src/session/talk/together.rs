//! Lines that came in one read, posted together: otherwise each would wait for its own round trip through the shared
//! log.
//!
//! *Owns* which lines wait for the end of the turn, and their answers, in the order of the lines.
//! *Knows nothing of* how they travel.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::chat::action::{Actor, Denied};
use crate::chat::message::{Draft, MessageId};
use crate::hub::room::Room;
use crate::metrics::PostKind;
use crate::session::Session;
use crate::session::read::more_waits;

/// Most lines that wait.
const MOST_UNSAID: usize = 128;

/// A user who posts this many lines at once is sending rather than typing. If only a few of the next lines have arrived,
/// it pays to wait for the others: each round of a large room costs as much for one line as for many.
const BURST: usize = 8;

/// How long it waits for them.
const MORE: Duration = Duration::from_micros(250);

/// How long a line waits at most while others come.
const PATIENCE: Duration = Duration::from_millis(10);

/// What a user has said in one room in this turn.
pub(crate) struct Unsaid {
    began: Instant,
    room: Arc<Room>,
    actor: Actor,
    drafts: Vec<(Draft, Timestamp)>,
    lines: Vec<UnsaidLine>,
}

/// How the answer to a waiting line is given.
pub(in crate::session) enum PutOff {
    /// A line of a terminal.
    Line,
    /// A request, with the id that the program chose for it.
    Request(Option<Arc<str>>),
}

struct UnsaidLine {
    kind: PostKind,
    /// The line, if it has left the screen: it comes back if it is not posted.
    typed: Option<String>,
    from: PutOff,
}

impl Session {
    /// Holds a plain line until the end of the turn, or returns it if it should be posted now.
    #[inline(never)]
    pub(super) fn say_later(&mut self, room: &Arc<Room>, actor: &Actor, draft: Draft, confirm: bool) -> Option<Draft> {
        let is_plain = !confirm && draft.lasts.is_none() && draft.reply.is_none();
        if !is_plain || !room.takes_posts_together() {
            self.say_first();
            return Some(draft);
        }
        let is_elsewhere = |unsaid: &Unsaid| !Arc::ptr_eq(&unsaid.room, room) || unsaid.lines.len() >= MOST_UNSAID;
        let Some(from) = self.put_off() else { return Some(draft) };
        if self.unsaid.as_deref().is_some_and(is_elsewhere) {
            self.say_unsaid();
        }
        let typed = (!draft.action && self.input.link.is_character_mode()).then(|| draft.text.clone());
        let line = UnsaidLine { kind: PostKind::Room.of(draft.action, false), typed, from };
        let began = self.now();
        let begin =
            || Unsaid { began, room: Arc::clone(room), actor: actor.clone(), drafts: Vec::new(), lines: Vec::new() };
        let unsaid = self.unsaid.get_or_insert_with(|| Box::new(begin()));
        unsaid.drafts.push((draft, Timestamp::now()));
        unsaid.lines.push(line);
        None
    }

    /// Posts what waits, before a line that is posted now.
    fn say_first(&mut self) {
        if self.unsaid.is_some() {
            self.say_unsaid();
            self.resume_request();
        }
    }

    /// The same at the end of a turn, unless more lines can be read now: they belong to the turn too.
    #[inline(never)]
    pub(in crate::session) fn say_unsaid_at_end(&mut self) {
        if !self.expects_more() {
            self.say_unsaid();
        }
    }

    /// Whether more of the user's lines are on their way.
    fn expects_more(&mut self) -> bool {
        let Some(unsaid) = &self.unsaid else { return false };
        let (lines, burst) = (unsaid.lines.len(), self.rooms.said_together);
        let is_over = self.is_over() || self.input.held_until().is_some() || self.input.is_over();
        if is_over || lines >= MOST_UNSAID || self.now().saturating_duration_since(unsaid.began) >= PATIENCE {
            return false;
        }
        if !self.input.more_waits && burst >= BURST && lines * 2 < burst {
            thread::park_timeout(MORE);
            self.input.more_waits = more_waits(self.outbox.stream());
        }
        self.input.more_waits
    }

    /// Posts what waits for the end of the turn.
    #[inline(never)]
    pub(in crate::session) fn say_unsaid(&mut self) {
        let Some(unsaid) = self.unsaid.take() else { return };
        let Unsaid { began: _, room, actor, drafts, lines } = *unsaid;
        self.rooms.said_together = lines.len();
        let said = room.post_together(&actor, &drafts, self.now());
        // It may have taken a while.
        self.tick();
        for (line, said) in lines.into_iter().zip(said) {
            let UnsaidLine { kind, typed, from } = line;
            match from {
                PutOff::Line => self.tell_said(&room, kind, typed.as_deref(), said),
                PutOff::Request(id) => self.answer_later(id, |session| session.tell_said(&room, kind, None, said)),
            }
        }
    }

    fn tell_said(&mut self, room: &Arc<Room>, kind: PostKind, typed: Option<&str>, said: Result<MessageId, Denied>) {
        match said {
            Ok(id) => self.note_said(room, kind, id),
            Err(denied) => self.note_not_said(&denied, typed),
        }
    }
}
