//! The inputs of the model from its user, and its outputs to its surroundings.
//!
//! *Owns* these words. *Knows nothing of* keys and sockets.

use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;

use super::channel::ChannelKey;
use super::request::ClientRequest;

/// The moment in which something happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// By the clock that is never set.
    pub(crate) instant: Instant,
    /// By the calendar.
    pub(crate) time: Timestamp,
}

impl Moment {
    /// Now.
    pub(crate) fn now() -> Moment {
        Moment { instant: Instant::now(), time: Timestamp::now() }
    }
}

/// What a user wants.
#[derive(Clone, Debug)]
pub(crate) enum Intent {
    /// A line was entered, or several as one paste: the answer to [`super::ClientModel::question`] if there is one, else a text or
    /// a command in the current channel.
    Submit(String),
    /// Give no answer to the question (Esc, Ctrl-C).
    Cancel,
    /// Go to a channel.
    Switch(ChannelKey),
    /// Go to the next or previous channel in the list (Alt-Down, Alt-Up).
    SwitchBy(isize),
    /// Go to the next channel with something unread; those that name the user come first.
    NextUnread,
    /// Load older messages of the current channel (PageUp at the top).
    LoadOlder,
    /// Let the server search the current room, or all rooms. The results are in [`super::ClientModel::search`].
    Search {
        /// A regular expression.
        pattern: String,
        /// In all rooms.
        everywhere: bool,
    },
    /// The search is left: its results are dropped.
    EndSearch,
    /// The end of the current channel is on the screen, or it is not: the user has scrolled up, or looks elsewhere. While it is not,
    /// new messages count as unread.
    Attend(bool),
    /// Leave the server, and end.
    Quit,
}

/// A question that the next line answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserQuestion {
    /// What stands before the line: `Password: `, `alice offers report.pdf, 1.2 MB. Take it? (y/n) `.
    pub(crate) prompt: String,
    /// The answer is a password: it is not shown and not kept to be recalled.
    pub(crate) hidden: bool,
}

/// What the model asks its surroundings to do, in this order.
#[derive(Debug)]
pub(crate) enum ClientEffect {
    /// Send a request.
    Send(ClientRequest),
    /// Connect again; what there is of a connection is dropped.
    Reconnect,
    /// Drop the connection, and make no other until [`ClientEffect::Reconnect`].
    Drop,
    /// Send a file, from this path.
    Upload(Upload),
    /// Fetch a file.
    Download(Download),
    /// Stop a transfer, by its offer.
    StopTransfer(u64),
    /// Ring the terminal's bell.
    Ring,
    /// Draw the whole screen again.
    Redraw,
    /// End the program with this status.
    Exit(u8),
}

/// A file to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// The number of the offer.
    pub(crate) offer: u64,
    /// The file.
    pub(crate) path: PathBuf,
    /// What opens the way.
    pub(crate) token: String,
    /// Where to, if the server says it.
    pub(crate) url: Option<String>,
    /// The first byte to be sent.
    pub(crate) from: u64,
}

/// A file to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Download {
    /// The number of the offer.
    pub(crate) offer: u64,
    /// Its name as the server tells it. It is somebody else's word.
    pub(crate) name: String,
    /// What opens the way.
    pub(crate) token: String,
    /// Where from.
    pub(crate) url: Option<String>,
    /// Where the file's first bytes are, from before a break.
    pub(crate) part: Option<PathBuf>,
}
