//! The policy that a telnet link is given, and the events that it reports.

/// Whether to speak telnet with an unknown peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Probe, and decide by the answers.
    Auto,
    /// Send no telnet command, whatever comes, except to answer a timing mark.
    Never,
    /// Treat every peer as a telnet client.
    Always,
}

/// What a peer's bytes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEvent<'a> {
    /// Bytes that the user typed.
    Data(&'a [u8]),
    /// IP, ABORT or SUSP: as Ctrl-C.
    Interrupted,
    /// AYT: needs a visible answer.
    AreYouThere,
    /// EC: as Backspace.
    CharacterErased,
    /// EL: as Ctrl-U.
    LineErased,
    /// EOF: as Ctrl-D.
    EndOfFile,
    /// The size of the window has changed.
    WindowResized,
    /// More is known of the terminal.
    TerminalChanged,
    /// Whether the server edits the line from now on.
    CharacterModeChanged(bool),
    /// Another charset was agreed on.
    CharsetChanged,
    /// The first proof that the peer speaks telnet.
    Confirmed,
}
