//! The inputs of the model from its user, and its outputs to its surroundings.
//!
//! *Owns* these values. *Knows nothing of* keys and sockets.

use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;

use super::channel::ChannelKey;
use super::request::ClientRequest;

/// The time of an event, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// By the monotonic clock.
    pub(crate) instant: Instant,
    /// By the wall clock.
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
    /// End the search and drop its results.
    EndSearch,
    /// Whether the end of the current channel is on the screen. It is not if the user has scrolled up or looks
    /// elsewhere; then new messages count as unread.
    Attend(bool),
    /// Leave the server, and end.
    Quit,
}

/// A question that the next line answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserQuestion {
    /// The text before the line: `Password: `, `alice offers report.pdf, 1.2 MB. Take it? (y/n) `.
    pub(crate) prompt: String,
    /// The answer is a password: it is not shown and cannot be recalled.
    pub(crate) hidden: bool,
}

/// What the model asks its surroundings to do, in this order.
#[derive(Debug)]
pub(crate) enum ClientEffect {
    /// Send a request.
    Send(ClientRequest),
    /// Connect again, and drop the old connection if there is one.
    Reconnect,
    /// Drop the connection, and make no other until [`ClientEffect::Reconnect`].
    Drop,
    /// Send a file, from this path.
    Upload(Upload),
    /// Fetch a file.
    Download(Download),
    /// Stop a transfer, by its key.
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
    /// Identifies the transfer.
    pub(crate) key: u64,
    /// The file.
    pub(crate) path: PathBuf,
    /// What opens the way.
    pub(crate) token: String,
    /// The address to send to, if the server names it.
    pub(crate) url: Option<String>,
    /// The first byte to send.
    pub(crate) from: u64,
}

/// A file to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Download {
    /// Identifies the transfer.
    pub(crate) key: u64,
    /// Its name as the server gives it. The sender picked it, so it is not trusted.
    pub(crate) name: String,
    /// What opens the way.
    pub(crate) token: String,
    /// The address to fetch from, if the server names it.
    pub(crate) url: Option<String>,
    /// The incomplete file from before a break.
    pub(crate) part: Option<PathBuf>,
}
