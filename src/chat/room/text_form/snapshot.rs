//! A whole room as lines of text, and back: for another server, which has not seen the earlier changes.
//!
//! There are three kinds of line, which a cluster stores separately: the core, one line per member, and one per
//! message.
//!
//! *Owns* the order of the fields in each.
//! *Knows nothing of* where the lines are kept, and of when they were written.

use std::sync::Arc;

use super::VERSION;
use super::reader::{FieldReader, ParseChangeError};
use super::values::Field;
use super::writer::FieldWriter;
use crate::chat::history::History;
use crate::chat::message::{Event, Message, MessageId};
use crate::chat::moderation::{Admin, ListEntry, Moderation};
use crate::chat::names::RoomName;
use crate::chat::room::read_access::Readers;
use crate::chat::room::{Creation, DoorVersion, Member, RoomState};

impl Field for Admin {
    fn write(&self, line: &mut FieldWriter) {
        let Admin { who, owner, until } = self;
        who.write(line);
        owner.write(line);
        until.write(line);
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Admin, ParseChangeError> {
        Ok(Admin { who: Field::read(line)?, owner: Field::read(line)?, until: Field::read(line)? })
    }
}

impl Field for ListEntry {
    fn write(&self, line: &mut FieldWriter) {
        self.who.write(line);
        self.until.write(line);
    }

    fn read(line: &mut FieldReader<'_>) -> Result<ListEntry, ParseChangeError> {
        Ok(ListEntry { who: Field::read(line)?, until: Field::read(line)? })
    }
}

impl Field for Creation {
    fn write(&self, line: &mut FieldWriter) {
        self.by.write(line);
        self.address.write(line);
        self.at.write(line);
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Creation, ParseChangeError> {
        Ok(Creation { by: Field::read(line)?, address: Field::read(line)?, at: Field::read(line)? })
    }
}

impl Field for Member {
    fn write(&self, line: &mut FieldWriter) {
        let Member { membership, who, operator, since, posted, first, came_in } = self;
        membership.write(line);
        who.write(line);
        operator.write(line);
        since.write(line);
        posted.write(line);
        first.write(line);
        came_in.write(line);
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Member, ParseChangeError> {
        Ok(Member {
            membership: Field::read(line)?,
            who: Field::read(line)?,
            operator: Field::read(line)?,
            since: Field::read(line)?,
            posted: Field::read(line)?,
            first: Field::read(line)?,
            came_in: Field::read(line)?,
        })
    }
}

fn list<T: Field>(entries: &[T], line: &mut FieldWriter) {
    entries.len().write(line);
    entries.iter().for_each(|entry| entry.write(line));
}

fn read_list<T: Field>(line: &mut FieldReader<'_>) -> Result<Vec<T>, ParseChangeError> {
    Box::<[T]>::read(line).map(Vec::from)
}

impl Member {
    /// This member, as one line.
    pub(crate) fn line(&self) -> String {
        let mut line = FieldWriter::default();
        VERSION.write(&mut line);
        self.write(&mut line);
        line.into()
    }
}

/// The line of a message as [`RoomState::assemble`] reads it.
pub(crate) fn message_line(message: &Message) -> String {
    let mut line = FieldWriter::default();
    VERSION.write(&mut line);
    message.write(&mut line);
    line.into()
}

fn begin(text: &str) -> Result<FieldReader<'_>, ParseChangeError> {
    let mut line = FieldReader::new(text);
    if u64::read(&mut line)? != VERSION {
        return Err(line.expected("version 1"));
    }
    Ok(line)
}

fn whole<T: Field>(text: &str) -> Result<T, ParseChangeError> {
    let mut line = begin(text)?;
    let value = T::read(&mut line)?;
    line.end()?;
    Ok(value)
}

/// Reads a line of [`message_line`].
pub(crate) fn parse_message(text: &str) -> Result<Message, ParseChangeError> {
    whole(text)
}

impl RoomState {
    /// The room without its members and its messages, as one line.
    pub(crate) fn core_line(&self) -> String {
        let mut core = FieldWriter::default();
        let line = &mut core;
        VERSION.write(line);
        self.settings.write(line);
        self.door.0.write(line);
        self.created.write(line);
        self.kept.write(line);
        self.revision.write(line);
        let (admins, bans, lists) = self.moderation.parts();
        list(admins, line);
        list(bans, line);
        lists.iter().for_each(|entries| list(entries, line));
        self.slow.write(line);
        self.read_back.write(line);
        let (accounts, guests) = self.readers.parts();
        accounts.len().write(line);
        for (account, since) in accounts {
            account.write(line);
            since.write(line);
        }
        guests.len().write(line);
        for (guest, since) in guests {
            guest.write(line);
            since.write(line);
        }
        self.empty_since.write(line);
        self.closed.write(line);
        core.into()
    }

    /// Whether the core line is the same, apart from when users became members, which each member has too.
    #[cfg(feature = "cluster")]
    pub(crate) fn has_same_core(&self, other: &RoomState) -> bool {
        self.moderation == other.moderation
            && self.settings == other.settings
            && (self.door, self.kept, self.slow, self.read_back, self.closed)
                == (other.door, other.kept, other.slow, other.read_back, other.closed)
    }

    /// Puts a room together again. `said`: how many messages were ever said in it; `messages`: the newest of them, oldest
    /// first. Lines of members and messages that cannot be read are left out and counted.
    ///
    /// # Errors
    ///
    /// The core cannot be read.
    pub(crate) fn assemble<'a>(
        name: RoomName,
        core: &str,
        members: impl IntoIterator<Item = &'a str>,
        messages: impl IntoIterator<Item = Message>,
        said: u64,
        history_max: usize,
    ) -> Result<(RoomState, usize), ParseChangeError> {
        let mut line = begin(core)?;
        let line = &mut line;
        let settings = Field::read(line)?;
        let door = DoorVersion(u64::read(line)?);
        let created = Field::read(line)?;
        let kept = Field::read(line)?;
        let revision = Field::read(line)?;
        let (admins, bans) = (read_list(line)?, read_list(line)?);
        let lists = [read_list(line)?, read_list(line)?, read_list(line)?, read_list(line)?];
        let slow = Field::read(line)?;
        let read_back = Field::read(line)?;
        let mut readers = Readers::default();
        for _ in 0..usize::read(line)? {
            readers.put_account(Field::read(line)?, Field::read(line)?);
        }
        for _ in 0..usize::read(line)? {
            readers.put_guest(Field::read(line)?, Field::read(line)?);
        }
        let empty_since = Field::read(line)?;
        let closed = Field::read(line)?;
        line.end()?;
        let mut room = RoomState {
            name,
            settings,
            door,
            created,
            kept,
            // In a cluster every room can be kept.
            can_be_kept: true,
            revision,
            moderation: Moderation::of_parts(admins, bans, lists),
            slow,
            read_back,
            read_back_guessed: false,
            readers,
            members: std::collections::BTreeMap::new(),
            history: History::new(),
            history_max,
            newest: None,
            said,
            empty_since,
            closed,
        };
        let mut unread = 0;
        for text in members {
            match whole::<Member>(text) {
                Ok(member) => {
                    room.readers.note(&member.who, member.first);
                    room.members.insert(member.who.client, Box::new(member));
                }
                Err(_) => unread += 1,
            }
        }
        // The core is stored separately, and may be older than the last member.
        if !room.members.is_empty() {
            room.empty_since = None;
        }
        let mut kept = 0;
        for message in messages {
            if room.newest.is_none() {
                room.history.begins_after(MessageId(message.id.0.saturating_sub(1)));
            }
            room.newest = Some(message.id);
            kept += 1;
            room.history.push(Arc::new(Event::Said(message)), history_max);
        }
        room.said = said.max(kept);
        Ok((room, unread))
    }
}
