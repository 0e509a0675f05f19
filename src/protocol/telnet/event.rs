//! What a link is told, and what it tells.
//!
//! *Owns* the words for both.
//! *Knows nothing of* the bytes behind them.
//! *Called by* `telnet::link` and `session`.

/// Whether telnet is spoken with a peer of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Probe, and go by the answers.
    Auto,
    /// Send no telnet command, whatever comes; only a timing mark is answered.
    Never,
    /// Take everybody for telnet.
    Always,
}

/// What came of a peer's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEvent<'a> {
    /// Bytes of the user's.
    Data(&'a [u8]),
    /// IP, ABORT or SUSP: as Ctrl-C.
    Interrupted,
    /// AYT: something visible has to be answered.
    AreYouThere,
    /// EC: as Backspace.
    CharacterErased,
    /// EL: as Ctrl-U.
    LineErased,
    /// EOF: as Ctrl-D.
    EndOfFile,
    /// The window has another size.
    WindowResized,
    /// More is known of the terminal.
    TerminalChanged,
    /// From now on the server edits the line, or does not any more.
    CharacterModeChanged(bool),
    /// Another charset was agreed on.
    CharsetChanged,
    /// The first proof that the peer speaks telnet.
    Confirmed,
}
