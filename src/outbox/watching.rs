//! The rooms whose live text one client gets: one on a terminal, all of a program's.
//!
//! *Owns* how far each of them has been read, and whether a client gets text or objects. *Knows nothing of* what they say.

use std::sync::atomic::Ordering;

#[cfg(feature = "json")]
use jiff::Timestamp;

use super::{Outbox, OutboxState};
use crate::chat::message::MessageId;
use crate::ui::screen::LineKind;
#[cfg(feature = "json")]
use crate::ui::screen::render_line_object;

/// The room whose live text the client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// The room's instance: a room destroyed and created again under the same name is another one.
    pub(super) room: u64,
    /// Sequence number of the last event on this screen.
    pub(super) seen: u64,
    /// The client may read no message up to this one.
    pub(super) after: MessageId,
}

/// What the client sees live.
#[derive(Debug)]
pub(super) enum Watching {
    /// A terminal with no room in view.
    Nothing,
    /// A terminal with this room in view.
    One(View),
    /// A program that is sent an object per event, from all the rooms it is in. Boxed: most clients are terminals.
    #[cfg(feature = "json")]
    Many(Box<Program>),
}

/// The output of a client that speaks JSON.
#[cfg(feature = "json")]
#[derive(Debug, Default)]
pub(super) struct Program {
    /// Its rooms, few enough to be searched one by one.
    pub(super) views: Vec<View>,
    /// The id of the request that is being answered.
    pub(super) request: Option<std::sync::Arc<str>>,
    /// Why that request was refused.
    pub(super) refusal: Option<String>,
}

impl Watching {
    /// The view of a room, if the client has one.
    #[inline]
    pub(super) fn view(&self, room: u64) -> Option<&View> {
        match self {
            Watching::Nothing => None,
            Watching::One(view) => Some(view).filter(|view| view.room == room),
            #[cfg(feature = "json")]
            Watching::Many(program) => program.views.iter().find(|view| view.room == room),
        }
    }

    /// The same, to be changed.
    #[inline]
    pub(super) fn view_mut(&mut self, room: u64) -> Option<&mut View> {
        match self {
            Watching::Nothing => None,
            Watching::One(view) => Some(view).filter(|view| view.room == room),
            #[cfg(feature = "json")]
            Watching::Many(program) => program.views.iter_mut().find(|view| view.room == room),
        }
    }

    /// A terminal shows this room, or no room, from now on. A program goes on with all of its rooms.
    pub(super) fn show(&mut self, view: Option<View>) {
        match self {
            Watching::Nothing | Watching::One(_) => *self = view.map_or(Watching::Nothing, Watching::One),
            #[cfg(feature = "json")]
            Watching::Many(_) => {}
        }
    }

    /// The client is not shown this room any more.
    #[cfg_attr(not(feature = "json"), expect(unused_variables, reason = "a terminal sees one room"))]
    pub(super) fn forget(&mut self, room: u64) {
        match self {
            Watching::Nothing | Watching::One(_) => *self = Watching::Nothing,
            #[cfg(feature = "json")]
            Watching::Many(program) => {
                program.views.retain(|view| view.room != room);
                program.views.shrink_to_fit();
            }
        }
    }

    /// The connection is over: nothing more is shown.
    pub(super) fn clear(&mut self) {
        match self {
            Watching::Nothing | Watching::One(_) => *self = Watching::Nothing,
            #[cfg(feature = "json")]
            Watching::Many(program) => **program = Program::default(),
        }
    }

    /// The output of a program; `None` for a terminal.
    #[cfg(feature = "json")]
    #[inline]
    pub(super) fn program(&mut self) -> Option<&mut Program> {
        match self {
            Watching::Many(program) => Some(program),
            Watching::Nothing | Watching::One(_) => None,
        }
    }

    /// Whether the client is sent objects and no text.
    #[inline]
    pub(super) fn is_program(&self) -> bool {
        match self {
            Watching::Nothing | Watching::One(_) => false,
            #[cfg(feature = "json")]
            Watching::Many(_) => true,
        }
    }
}

impl OutboxState {
    /// Writes a line that the client did not ask for, in the client's form.
    pub(super) fn write_line(&mut self, kind: LineKind, line: &str) {
        #[cfg(feature = "json")]
        if self.watching.is_program() {
            return render_line_object(kind, line, None, Timestamp::now(), &mut self.unsent);
        }
        self.display.write(kind, line, &mut self.unsent);
    }

    /// Ends output that the client did not ask for: puts back the half-typed line.
    pub(super) fn end(&mut self) {
        if !self.watching.is_program() {
            self.display.end(&mut self.unsent);
        }
    }
}

impl Outbox {
    /// Whether the client speaks JSON. Takes no lock: an announcement to all programs must not wait for a single
    /// terminal.
    pub(crate) fn is_program(&self) -> bool {
        self.is_program.load(Ordering::Relaxed)
    }
}
