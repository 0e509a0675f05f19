//! Bytes from a telnet peer to data, commands, negotiation and subnegotiation (RFC 854).
//!
//! *Owns* the framing: where a command begins and ends, and what is kept of a subnegotiation.
//! *Knows nothing of* what any option means.
//! *Called by* `telnet::link`.

use super::{DO, DONT, EOF, IAC, SB, SE, WILL, WONT};

/// Longest subnegotiation kept, in bytes.
///
/// The longest one read here is a terminal name; RFC 1091 gives no limit and the names in use are under 40. At 512 a
/// peer that never closes one costs half a kilobyte, not the machine.
///
/// What is longer is taken for one whose SE was lost. Its remains must not be read as typed, and must not swallow all
/// that its sender ever types either: they end at the next command or the next end of a line, whichever is first.
pub const MAX_SUBNEGOTIATION: usize = 512;

/// The lowest byte that is a command behind IAC (RFC 1184; in RFC 854 it is SE). Anything lower is there because
/// somebody did not double an IAC.
const FIRST_COMMAND: u8 = EOF;

/// One thing a peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TelnetEvent<'a> {
    /// Bytes of the user's, IAC IAC undone.
    Data(&'a [u8]),
    /// A command of two bytes: the byte behind IAC.
    Command(u8),
    /// WILL, WONT, DO or DONT and the option.
    Negotiation(u8, u8),
    /// A subnegotiation is complete: [`Decoder::subnegotiation`] has it.
    Subnegotiation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Data,
    Iac,
    Negotiation(u8),
    /// Behind IAC SB: the option, which is kept like what follows it, and the content.
    Subnegotiation,
    SubnegotiationIac,
}

/// The decoder; resumable at every byte.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Option and content; empty, without memory, outside of subnegotiations.
    kept: Vec<u8>,
    /// A lone 0xFF in front of text is text too.
    keeps_lone: bool,
}

impl Decoder {
    /// At the beginning of a connection.
    pub fn new() -> Decoder {
        Decoder { state: State::Data, kept: Vec::new(), keeps_lone: false }
    }

    /// The option and content of the subnegotiation just completed; `None` if it was empty.
    pub fn subnegotiation(&self) -> Option<(u8, &[u8])> {
        self.kept.split_first().map(|(option, content)| (*option, content))
    }

    /// The next event; `None` once the input is used up. What was incomplete is completed by a later call.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<TelnetEvent<'a>> {
        while let Some((&byte, rest)) = input.split_first() {
            match self.state {
                State::Data => {
                    let length = input.iter().position(|byte| *byte == IAC).unwrap_or(input.len());
                    if length > 0 {
                        let (data, rest) = input.split_at(length);
                        *input = rest;
                        return Some(TelnetEvent::Data(data));
                    }
                    *input = rest;
                    self.state = State::Iac;
                }
                // A lone 0xFF in front of text: a client that is not telnet, or that does not double. The text counts.
                State::Iac if byte < FIRST_COMMAND => {
                    self.state = State::Data;
                    if self.keeps_lone {
                        return Some(TelnetEvent::Data(&[IAC]));
                    }
                }
                State::Iac => {
                    *input = rest;
                    self.state = State::Data;
                    match byte {
                        IAC => return Some(TelnetEvent::Data(&[IAC])),
                        WILL | WONT | DO | DONT => self.state = State::Negotiation(byte),
                        SB => {
                            self.forget();
                            self.state = State::Subnegotiation;
                        }
                        // A stray SE closes nothing.
                        SE => {}
                        command => return Some(TelnetEvent::Command(command)),
                    }
                }
                State::Negotiation(verb) => {
                    *input = rest;
                    self.state = State::Data;
                    return Some(TelnetEvent::Negotiation(verb, byte));
                }
                State::Subnegotiation if self.overlong() && matches!(byte, b'\r' | b'\n') => {
                    self.forget();
                    self.state = State::Data;
                }
                State::Subnegotiation => {
                    *input = rest;
                    if byte == IAC {
                        self.state = State::SubnegotiationIac;
                    } else {
                        self.keep(byte);
                    }
                }
                State::SubnegotiationIac => match byte {
                    IAC => {
                        *input = rest;
                        self.state = State::Subnegotiation;
                        self.keep(byte);
                    }
                    SE => {
                        *input = rest;
                        self.state = State::Data;
                        return Some(TelnetEvent::Subnegotiation);
                    }
                    // Not doubled, as some clients send a window of 255 columns.
                    ..FIRST_COMMAND => {
                        self.keep(IAC);
                        self.state = State::Subnegotiation;
                    }
                    // The SE is missing: the command counts, what was kept does not.
                    _ => {
                        self.forget();
                        self.state = State::Iac;
                    }
                },
            }
        }
        None
    }

    /// Whether a 0xFF that nobody doubled is kept where it cannot begin a command: in Latin-1 it is a letter, y with a
    /// diaeresis; in UTF-8 it is nothing.
    pub fn keep_lone(&mut self, on: bool) {
        self.keeps_lone = on;
    }

    fn keep(&mut self, byte: u8) {
        if !self.overlong() {
            self.kept.push(byte);
        }
    }

    fn overlong(&self) -> bool {
        self.kept.len() >= MAX_SUBNEGOTIATION
    }

    /// Gives the memory of a subnegotiation back.
    pub fn forget(&mut self) {
        self.kept = Vec::new();
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new()
    }
}
