//! What a user is told about a transfer: rows on a terminal, one object for a program.
//!
//! *Owns* how both users are told. *Knows nothing of* when.

#[cfg(feature = "json")]
use jiff::Timestamp;

use super::Hub;
use crate::chat::file_name::FileName;
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
#[cfg(feature = "json")]
use crate::outbox::Outbox;
#[cfg(feature = "json")]
use crate::protocol::json::{Object, Receiver, Value};
use crate::ui::screen::LineKind;

/// What has happened, as programs read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileEvent<'a> {
    /// A file is offered, of this many bytes if its sender has said so.
    Offered(Option<u64>),
    /// The offer was accepted: where this end connects to, and with what.
    Accepted {
        /// The whole address for HTTP, if there is one.
        url: Option<&'a str>,
        /// This end's token.
        token: &'a str,
        /// The offset of the first byte to send.
        from: u64,
    },
    /// One of the two declined it.
    Declined,
    /// It ended before it began.
    Ended,
    /// It has arrived.
    Done {
        /// Its bytes.
        size: u64,
        /// Its SHA-256, where the server can tell.
        hash: Option<&'a str>,
    },
    /// It broke off.
    Broken {
        /// Bytes passed on.
        at: u64,
        /// Bytes in total.
        size: u64,
    },
}

/// What one user is told.
pub(crate) struct FileNews<'a> {
    /// The number of the transfer.
    #[cfg_attr(not(feature = "json"), expect(dead_code, reason = "only programs read it"))]
    pub(crate) number: u64,
    /// Who sends.
    #[cfg_attr(not(feature = "json"), expect(dead_code, reason = "only programs read it"))]
    pub(crate) sender: &'a UserName,
    /// Who receives.
    #[cfg_attr(not(feature = "json"), expect(dead_code, reason = "only programs read it"))]
    pub(crate) receiver: &'a UserName,
    /// What.
    #[cfg_attr(not(feature = "json"), expect(dead_code, reason = "only programs read it"))]
    pub(crate) name: &'a FileName,
    /// What has happened to it.
    #[cfg_attr(not(feature = "json"), expect(dead_code, reason = "only programs read it"))]
    pub(crate) event: FileEvent<'a>,
    /// What a terminal shows.
    pub(crate) rows: &'a [(LineKind, String)],
}

impl Hub {
    /// Tells a user something they did not ask for, if they are still there.
    pub(crate) fn tell_of_file(&self, client: ClientId, news: &FileNews<'_>) {
        let Some(outbox) = self.roster.connection(client) else {
            #[cfg(feature = "cluster")]
            if let Some(nodes) = self.nodes() {
                nodes.pass_file_news(self, client, news);
            }
            return;
        };
        #[cfg(feature = "json")]
        if outbox.is_program() {
            return news.announce(&outbox);
        }
        outbox.announce_lines(news.rows.iter().map(|(kind, row)| (*kind, row.as_str())));
    }
}

#[cfg(feature = "json")]
impl FileNews<'_> {
    fn announce(&self, outbox: &Outbox) {
        let action = if matches!(self.event, FileEvent::Offered(_)) { "offer" } else { "transfer" };
        let mut object = Object::new(action, Timestamp::now());
        object.private = true;
        object.sender = self.sender.as_str().into();
        object.receiver = Receiver::One(self.receiver.as_str().into());
        let sentence = self.rows.first().map_or("", |(_, row)| row.as_str());
        // The commands below the sentence of an accepted offer are for shells.
        object.content = if matches!(self.event, FileEvent::Accepted { .. }) { "".into() } else { sentence.into() };
        object.optional.push(("offer", Value::Number(self.number)));
        object.optional.push(("name", Value::Text(self.name.shown().into())));
        object.optional.extend(self.event.fields());
        outbox.announce_object(&object);
    }
}

#[cfg(feature = "json")]
impl<'a> FileEvent<'a> {
    /// The fields of `optional` besides number and name.
    fn fields(&self) -> Vec<(&'static str, Value<'a>)> {
        let state = |word: &'static str| ("state", Value::Text(word.into()));
        match *self {
            FileEvent::Offered(size) => size.map(|size| ("size", Value::Number(size))).into_iter().collect(),
            FileEvent::Declined => vec![state("declined")],
            FileEvent::Ended => vec![state("ended")],
            FileEvent::Accepted { url, token, from } => {
                let mut fields = vec![state("accepted"), ("token", Value::Text(token.into()))];
                fields.extend(url.map(|url| ("url", Value::Text(url.into()))));
                fields.extend((from > 0).then_some(("from", Value::Number(from))));
                fields
            }
            FileEvent::Done { size, hash } => {
                let mut fields = vec![state("done"), ("size", Value::Number(size))];
                fields.extend(hash.map(|hash| ("sha256", Value::Text(hash.into()))));
                fields
            }
            FileEvent::Broken { at, size } => {
                vec![state("broken"), ("bytes", Value::Number(at)), ("size", Value::Number(size))]
            }
        }
    }
}
