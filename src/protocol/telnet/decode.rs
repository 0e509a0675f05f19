//! Bytes from a telnet peer to data, commands, negotiation and subnegotiation (RFC 854).
//!
//! *Owns* the framing: where a command begins and ends, and how much of a subnegotiation is stored.
//! *Knows nothing of* what any option means.

use super::{DO, DONT, EOF, IAC, SB, SE, WILL, WONT};

/// Longest subnegotiation stored, in bytes.
///
/// The longest one we read is a terminal name; RFC 1091 gives no limit and the names in use are under 40. At 512 a peer
/// that never closes one costs half a kilobyte, not the machine.
///
/// A longer one is taken for one that has lost its SE. The rest of it must not be read as typed text, nor may it swallow
/// everything that the peer types later: it ends at the next command or the next line end.
pub(super) const MAX_SUBNEGOTIATION: usize = 512;

/// The lowest byte that is a command after IAC (RFC 1184; in RFC 854 it is SE). A lower one follows an IAC that the peer
/// did not double.
const FIRST_COMMAND: u8 = EOF;

/// One thing a peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TelnetEvent<'a> {
    /// Bytes that the user typed, with IAC IAC undone.
    Data(&'a [u8]),
    /// A two-byte command: the byte after IAC.
    Command(u8),
    /// WILL, WONT, DO or DONT and the option.
    Negotiation(u8, u8),
    /// A complete subnegotiation: [`Decoder::subnegotiation`] returns it.
    Subnegotiation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DecoderState {
    Data,
    Iac,
    Negotiation(u8),
    /// After IAC SB: the option and the content, stored together.
    Subnegotiation,
    SubnegotiationIac,
}

/// Decodes telnet; can be resumed at every byte.
#[derive(Debug)]
pub(super) struct Decoder {
    state: DecoderState,
    /// Option and content; empty and unallocated outside of subnegotiations.
    stored: Vec<u8>,
    /// A lone 0xFF before text is text too.
    accepts_lone_iac: bool,
}

impl Decoder {
    /// A decoder at the beginning of a connection.
    pub(super) fn new() -> Decoder {
        Decoder { state: DecoderState::Data, stored: Vec::new(), accepts_lone_iac: false }
    }

    /// The option and content of the subnegotiation just completed; `None` if it was empty.
    pub(super) fn subnegotiation(&self) -> Option<(u8, &[u8])> {
        self.stored.split_first().map(|(option, content)| (*option, content))
    }

    /// The next event; `None` once the input is used up. A later call completes what is incomplete.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<TelnetEvent<'a>> {
        while let Some((&byte, rest)) = input.split_first() {
            match self.state {
                DecoderState::Data => {
                    let length = input.iter().position(|byte| *byte == IAC).unwrap_or(input.len());
                    if length > 0 {
                        let (data, rest) = input.split_at(length);
                        *input = rest;
                        return Some(TelnetEvent::Data(data));
                    }
                    *input = rest;
                    self.state = DecoderState::Iac;
                }
                // A lone 0xFF before text: the client does not speak telnet, or does not double. The text counts.
                DecoderState::Iac if byte < FIRST_COMMAND => {
                    self.state = DecoderState::Data;
                    if self.accepts_lone_iac {
                        return Some(TelnetEvent::Data(&[IAC]));
                    }
                }
                DecoderState::Iac => {
                    *input = rest;
                    self.state = DecoderState::Data;
                    match byte {
                        IAC => return Some(TelnetEvent::Data(&[IAC])),
                        WILL | WONT | DO | DONT => self.state = DecoderState::Negotiation(byte),
                        SB => {
                            self.forget();
                            self.state = DecoderState::Subnegotiation;
                        }
                        // A stray SE closes nothing.
                        SE => {}
                        command => return Some(TelnetEvent::Command(command)),
                    }
                }
                DecoderState::Negotiation(verb) => {
                    *input = rest;
                    self.state = DecoderState::Data;
                    return Some(TelnetEvent::Negotiation(verb, byte));
                }
                DecoderState::Subnegotiation if self.overlong() && matches!(byte, b'\r' | b'\n') => {
                    self.forget();
                    self.state = DecoderState::Data;
                }
                DecoderState::Subnegotiation => {
                    *input = rest;
                    if byte == IAC {
                        self.state = DecoderState::SubnegotiationIac;
                    } else {
                        self.store(byte);
                    }
                }
                DecoderState::SubnegotiationIac => match byte {
                    IAC => {
                        *input = rest;
                        self.state = DecoderState::Subnegotiation;
                        self.store(byte);
                    }
                    SE => {
                        *input = rest;
                        self.state = DecoderState::Data;
                        return Some(TelnetEvent::Subnegotiation);
                    }
                    // Not doubled: some clients send a width of 255 columns so.
                    ..FIRST_COMMAND => {
                        self.store(IAC);
                        self.state = DecoderState::Subnegotiation;
                    }
                    // The SE is missing: the command counts, the subnegotiation does not.
                    _ => {
                        self.forget();
                        self.state = DecoderState::Iac;
                    }
                },
            }
        }
        None
    }

    /// Whether an undoubled 0xFF that cannot begin a command is text: in Latin-1 it is the letter y with a diaeresis, in
    /// UTF-8 it means nothing.
    pub(super) fn accept_lone_iac(&mut self, on: bool) {
        self.accepts_lone_iac = on;
    }

    fn store(&mut self, byte: u8) {
        if !self.overlong() {
            self.stored.push(byte);
        }
    }

    fn overlong(&self) -> bool {
        self.stored.len() >= MAX_SUBNEGOTIATION
    }

    /// Frees the memory of a subnegotiation.
    pub(super) fn forget(&mut self) {
        self.stored = Vec::new();
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new()
    }
}
