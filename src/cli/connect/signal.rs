//! What wakes the client's loop: the server, the user, the files on their way, the system.
//!
//! *Owns* these words. *Knows nothing of* what they lead to.

use std::path::PathBuf;

/// Something from the user.
#[derive(Debug)]
pub(crate) enum ViewInput {
    /// A line, where lines are read.
    Line(String),
    /// There will be no more input.
    End,
    /// What a terminal has sent, where a whole screen is drawn.
    Bytes(Vec<u8>),
}

/// Something has happened. All threads of the client send to one loop.
#[derive(Debug)]
pub(crate) enum ClientSignal {
    /// The server has sent lines, or a connection has come or gone. The number names the connection: what an earlier one still
    /// brings is not taken for the next one's.
    Server(u64, ServerNews),
    /// The user has done something.
    Input(ViewInput),
    /// A file has come further.
    File(u64, FileProgress),
    /// The system wants something (signal(7)).
    System(i32),
}

/// From a connection.
#[derive(Debug)]
pub(crate) enum ServerNews {
    /// It is there, and its writing end in the client's other inbox.
    Up,
    /// Bytes, decrypted.
    Bytes(Vec<u8>),
    /// It is gone, or could not be made: a sentence.
    Down(String),
    /// It shows another certificate than the known one: the lines to say so.
    Changed(String),
}

/// From a thread that carries a file.
#[derive(Debug)]
pub(crate) enum FileProgress {
    /// This many bytes have passed, out of this total if it is known.
    Moved(u64, Option<u64>),
    /// It is in this place so far.
    Placed(PathBuf),
    /// It is whole, in this place, with this SHA-256.
    Done(PathBuf, String),
    /// It is not whole: a sentence.
    Failed(String),
}
