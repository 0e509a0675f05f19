//! Lines that came in one read, said together: each would otherwise wait for its own way to all servers and back.
//!
//! *Owns* which lines wait for the end of the turn, and their answers, in the order of the lines.
//! *Knows nothing of* how they travel.

use std::sync::Arc;

use jiff::Timestamp;

use crate::chat::action::{Actor, Denied};
use crate::chat::message::{Draft, MessageId};
use crate::hub::room::Room;
use crate::metrics::PostKind;
use crate::session::Session;

/// Most lines that wait.
const MOST_UNSAID: usize = 512;

/// What a user has said in one room in this turn.
pub(crate) struct Unsaid {
    room: Arc<Room>,
    actor: Actor,
    drafts: Vec<(Draft, Timestamp)>,
    lines: Vec<UnsaidLine>,
}

/// What a line waits as.
pub(in crate::session) enum PutOff {
    /// A line of a terminal.
    Line,
    /// A request, with the program's own number for it.
    Request(Option<Arc<str>>),
}

struct UnsaidLine {
    kind: PostKind,
    /// What has left the screen, and comes back if it is not said.
    typed: Option<String>,
    from: PutOff,
}

impl Session {
    /// Keeps a plain line for the end of the turn; gives it back if it is to be said now.
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
        let begin = || Unsaid { room: Arc::clone(room), actor: actor.clone(), drafts: Vec::new(), lines: Vec::new() };
        let unsaid = self.unsaid.get_or_insert_with(|| Box::new(begin()));
        unsaid.drafts.push((draft, Timestamp::now()));
        unsaid.lines.push(line);
        None
    }

    /// Says what waits, before something that is said now.
    fn say_first(&mut self) {
        if self.unsaid.is_some() {
            self.say_unsaid();
            self.resume_request();
        }
    }

    /// Says what waits for the end of the turn.
    #[inline(never)]
    pub(in crate::session) fn say_unsaid(&mut self) {
        let Some(unsaid) = self.unsaid.take() else { return };
        let Unsaid { room, actor, drafts, lines } = *unsaid;
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
