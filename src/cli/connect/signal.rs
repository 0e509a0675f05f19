//! The signals that wake the client's loop: from the server, the user, file transfers and the system.
//!
//! *Owns* these types. *Knows nothing of* the effects of a signal.

use std::path::PathBuf;

/// Input from the user.
#[derive(Debug)]
pub(crate) enum ViewInput {
    /// A line, in the line view.
    Line(String),
    /// The end of the input.
    End,
    /// Bytes from the keyboard, in the full-screen view.
    Bytes(Vec<u8>),
}

/// An event for the client's loop. All threads of the client send to it.
#[derive(Debug)]
pub(crate) enum ClientSignal {
    /// The server has sent bytes, or a connection has opened or closed. The number identifies the connection, so that
    /// late news of an earlier connection is not taken for the current one's.
    Server(u64, ServerNews),
    /// Input from the user.
    Input(ViewInput),
    /// Progress of the file transfer with this key.
    File(u64, FileProgress),
    /// A signal of the system (signal(7)).
    System(i32),
}

/// News of a connection.
#[derive(Debug)]
pub(crate) enum ServerNews {
    /// It is open. Its writing end is in the client's other inbox.
    Up,
    /// Decrypted bytes.
    Bytes(Vec<u8>),
    /// It is closed, or could not be opened: a sentence that says why.
    Down(String),
    /// The server's certificate is not the known one: the lines that say so.
    Changed(String),
}

/// News from the thread of a file transfer.
#[derive(Debug)]
pub(crate) enum FileProgress {
    /// The bytes transferred so far, and the total if it is known.
    Moved(u64, Option<u64>),
    /// The path of the incomplete file.
    Placed(PathBuf),
    /// Complete: the path of the file and its SHA-256.
    Done(PathBuf, String),
    /// Failed: a sentence that says why.
    Failed(String),
}
