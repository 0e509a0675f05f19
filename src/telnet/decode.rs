//! Bytes from a telnet peer to data, commands, negotiation and subnegotiation (RFC 854).
//!
//! *Owns* the framing: where a command begins and ends, and what is kept of a subnegotiation.
//! *Knows nothing of* what any option means.
//! *Called by* `telnet::link`.

use super::{DO, DONT, IAC, SB, SE, WILL, WONT};

/// Longest subnegotiation kept, in bytes.
///
/// The longest one read here is a terminal name; RFC 1091 gives no limit and the names in use are under 40. At 512 a peer
/// that never closes one costs half a kilobyte, not the machine.
pub const MAX_SUBNEGOTIATION: usize = 512;

/// A subnegotiation that has gone on for so many bytes is given up: what follows is data again. Otherwise one lost SE
/// would swallow everything its sender ever types.
const GIVE_UP: u32 = 4096;

/// One thing a peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
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
    /// Behind IAC SB: the option comes.
    Option,
    Subnegotiation,
    SubnegotiationIac,
}

/// The decoder; resumable at every byte.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Option and content; empty, without memory, outside of subnegotiations.
    kept: Vec<u8>,
    /// Bytes of the subnegotiation so far, kept or not.
    length: u32,
}

impl Decoder {
    /// At the beginning of a connection.
    pub fn new() -> Decoder {
        Decoder { state: State::Data, kept: Vec::new(), length: 0 }
    }

    /// The option and content of the subnegotiation just completed.
    pub fn subnegotiation(&self) -> Option<(u8, &[u8])> {
        self.kept.split_first().map(|(option, content)| (*option, content))
    }

    /// The next event; `None` once the input is used up. What was incomplete is completed by a later call.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        while let Some((&byte, rest)) = input.split_first() {
            match self.state {
                State::Data => {
                    let length = input.iter().position(|byte| *byte == IAC).unwrap_or(input.len());
                    if length > 0 {
                        let (data, rest) = input.split_at(length);
                        *input = rest;
                        return Some(Event::Data(data));
                    }
                    *input = rest;
                    self.state = State::Iac;
                }
                State::Iac => {
                    *input = rest;
                    self.state = State::Data;
                    match byte {
                        IAC => return Some(Event::Data(&[IAC])),
                        WILL | WONT | DO | DONT => self.state = State::Negotiation(byte),
                        SB => {
                            self.kept = Vec::new();
                            self.length = 0;
                            self.state = State::Option;
                        }
                        // A stray SE closes nothing.
                        SE => {}
                        command => return Some(Event::Command(command)),
                    }
                }
                State::Negotiation(verb) => {
                    *input = rest;
                    self.state = State::Data;
                    return Some(Event::Negotiation(verb, byte));
                }
                State::Option => {
                    *input = rest;
                    self.state = State::Subnegotiation;
                    self.keep(byte);
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
                        return Some(Event::Subnegotiation);
                    }
                    // The SE is missing: the command counts, what was kept does not.
                    _ => {
                        self.kept = Vec::new();
                        self.state = State::Iac;
                    }
                },
            }
        }
        None
    }

    fn keep(&mut self, byte: u8) {
        self.length += 1;
        if self.kept.len() < MAX_SUBNEGOTIATION {
            self.kept.push(byte);
        }
        if self.length >= GIVE_UP {
            self.kept = Vec::new();
            self.state = State::Data;
        }
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
