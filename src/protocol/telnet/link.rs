//! One connection's telnet: what the server offers and asks, and what follows from the answers.
//!
//! *Owns* the probe, the requests for terminal names, who echoes, and when character mode is on.
//! *Knows nothing of* lines.

use super::charset::CharsetOption;
use super::decode::{Decoder, TelnetEvent};
use super::event::{LinkEvent, Policy};
use super::options::{OURS, Refusals, Switch, SwitchChange, THEIRS};
use super::{
    ABORT, AYT, BINARY, CHARSET, DO, EC, ECHO, EL, EOF, IAC, IP, NAWS, SB, SE, SUPPRESS_GO_AHEAD, SUSP, TERMINAL_TYPE,
    TIMING_MARK, Terminal, WILL,
};
use crate::text::Charset;

/// Most terminal names asked for. RFC 1091 sets no limit; every known client has at most three.
const MOST_NAMES: u8 = 6;

/// RFC 1091: SEND asks for a name, IS gives one.
const TERMINAL_TYPE_IS: u8 = 0;
const TERMINAL_TYPE_SEND: u8 = 1;

/// Fewest and most columns and rows accepted.
const SMALLEST: u16 = 20;
const LARGEST: u16 = 500;
/// Used for a size of 0, unknown (RFC 1073), if the other one is known.
const DEFAULT_WINDOW: (u16, u16) = (80, 24);

/// The state of one connection's telnet.
#[derive(Debug)]
pub struct Link {
    decoder: Decoder,
    policy: Policy,
    confirmed: bool,
    /// The peer has sent a telnet command.
    command_seen: bool,
    /// [`LinkEvent::Confirmed`] is still to be reported.
    confirmation_due: bool,
    our_echo: Switch,
    our_sga: Switch,
    our_binary: Switch,
    their_sga: Switch,
    their_binary: Switch,
    their_terminal_type: Switch,
    their_naws: Switch,
    refusals: Refusals,
    terminal: Terminal,
    names_asked: u8,
    /// A request has no answer yet. A name that was not requested is ignored, so at most six can ever change the mode.
    name_due: bool,
    /// The list of names has ended, or was not continued in time.
    names_over: bool,
    charset: CharsetOption,
    window: Option<(u16, u16)>,
    /// The mode that the user chose; otherwise the terminal decides.
    chosen_mode: Option<bool>,
    /// Character mode is on or requested.
    character_wanted: bool,
    /// The peer has refused one of its two options: no further name is a reason to ask again.
    character_refused: bool,
    /// As last reported by `CharacterModeChanged`.
    character_mode: bool,
    hiding: bool,
    /// As last reported by `TerminalChanged`.
    go_ahead: bool,
    binary: bool,
}

impl Link {
    /// A link at the beginning of a connection.
    pub fn new(policy: Policy) -> Link {
        Link {
            decoder: Decoder::new(),
            policy,
            confirmed: policy == Policy::Always,
            command_seen: false,
            confirmation_due: false,
            our_echo: Switch::default(),
            our_sga: Switch::default(),
            our_binary: Switch::default(),
            their_sga: Switch::default(),
            their_binary: Switch::default(),
            their_terminal_type: Switch::default(),
            their_naws: Switch::default(),
            refusals: Refusals::default(),
            terminal: Terminal::default(),
            names_asked: 0,
            name_due: false,
            names_over: false,
            charset: CharsetOption::default(),
            window: None,
            chosen_mode: None,
            character_wanted: false,
            character_refused: false,
            character_mode: false,
            hiding: false,
            go_ahead: false,
            binary: false,
        }
    }

    /// Asks for terminal type and window size, and sends a CR: on a client that does not speak telnet, the first line
    /// overwrites what these six bytes have drawn.
    pub fn open(&mut self, out: &mut Vec<u8>) {
        if matches!(self.policy, Policy::Auto | Policy::Always) {
            self.their_terminal_type.want(true, TERMINAL_TYPE, THEIRS, out);
            self.their_naws.want(true, NAWS, THEIRS, out);
            out.push(b'\r');
        }
    }

    /// Asks for eight bits in both directions, and UTF-8. Only a telnet client should get these requests.
    ///
    /// Without BINARY (RFC 856) the connection has seven bits, and clients of the BSD family take the byte 0x9D, which
    /// occurs in every fortieth letter of UTF-8, for their escape character 0x1D.
    fn ask_for_eight_bits(&mut self, out: &mut Vec<u8>) {
        self.their_binary.want(true, BINARY, THEIRS, out);
        self.our_binary.want(true, BINARY, OURS, out);
        self.charset.offer(out);
    }

    /// The next event; answers are appended to `out`. `None` once the input is used up.
    pub fn next<'a>(&mut self, input: &mut &'a [u8], out: &mut Vec<u8>) -> Option<LinkEvent<'a>> {
        loop {
            if std::mem::take(&mut self.confirmation_due) {
                self.ask_for_eight_bits(out);
                if self.hiding {
                    // The first answer came late, while the server was already asking for a password.
                    self.announce_echo(out);
                }
                return Some(LinkEvent::Confirmed);
            }
            if self.character_mode != self.reaches_character_mode() {
                self.character_mode = !self.character_mode;
                return Some(LinkEvent::CharacterModeChanged(self.character_mode));
            }
            if (self.go_ahead, self.binary) != (self.wants_go_ahead(), self.sends_binary()) {
                (self.go_ahead, self.binary) = (self.wants_go_ahead(), self.sends_binary());
                return Some(LinkEvent::TerminalChanged);
            }
            let event = self.decoder.next(input)?;
            let report = match event {
                TelnetEvent::Data(bytes) => return Some(LinkEvent::Data(bytes)),
                TelnetEvent::Command(command) => {
                    self.confirm();
                    match command {
                        IP | ABORT | SUSP => Some(LinkEvent::Interrupted),
                        AYT => Some(LinkEvent::AreYouThere),
                        EC => Some(LinkEvent::CharacterErased),
                        EL => Some(LinkEvent::LineErased),
                        EOF => Some(LinkEvent::EndOfFile),
                        _ => None,
                    }
                }
                TelnetEvent::Negotiation(verb, option) => {
                    self.confirm();
                    // Under `Policy::Never` too: after Ctrl-C the stock client discards all output until this answer.
                    if self.confirmed || (verb, option) == (DO, TIMING_MARK) {
                        self.negotiate(verb, option, out);
                    }
                    None
                }
                TelnetEvent::Subnegotiation => {
                    self.confirm();
                    let report = if self.confirmed { self.subnegotiate(out) } else { None };
                    self.decoder.forget();
                    report
                }
            };
            if report.is_some() {
                return report;
            }
        }
    }

    fn confirm(&mut self) {
        // Under `Policy::Never` no peer speaks telnet: the server sends no commands, so nothing can be agreed on.
        if self.policy != Policy::Never && !std::mem::replace(&mut self.command_seen, true) {
            self.confirmed = true;
            self.confirmation_due = true;
        }
    }

    fn negotiate(&mut self, verb: u8, option: u8, out: &mut Vec<u8>) {
        let on = matches!(verb, DO | WILL);
        if matches!(verb, DO | super::DONT) {
            match option {
                // RFC 860: answered each time, since it is a mark and not a state.
                TIMING_MARK if on => out.extend_from_slice(&[IAC, WILL, TIMING_MARK]),
                TIMING_MARK => {}
                ECHO => {
                    self.our_echo.receive(on, false, option, OURS, out);
                }
                SUPPRESS_GO_AHEAD => {
                    self.our_sga.receive(on, true, option, OURS, out);
                }
                BINARY => {
                    self.our_binary.receive(on, true, option, OURS, out);
                }
                CHARSET => self.charset.receive_ours(on, out),
                _ => self.refusals.receive(verb, option, out),
            }
            if self.character_wanted && (self.our_echo.refused || self.our_sga.refused) {
                // One option without the other is useless: withdraw the other one, unless a password needs it. What the
                // peer has refused is offered again only when the user asks for it.
                self.character_wanted = false;
                self.character_refused = true;
                if !self.our_echo.refused {
                    self.announce_echo(out);
                }
                self.our_sga.want(false, SUPPRESS_GO_AHEAD, OURS, out);
            }
            return;
        }
        match option {
            SUPPRESS_GO_AHEAD => {
                self.their_sga.receive(on, true, option, THEIRS, out);
            }
            BINARY => {
                self.their_binary.receive(on, true, option, THEIRS, out);
            }
            TERMINAL_TYPE => match self.their_terminal_type.receive(on, true, option, THEIRS, out) {
                SwitchChange::SwitchedOn => self.ask_name(out),
                SwitchChange::SwitchedOff => self.end_names(out),
                SwitchChange::Nothing => {}
            },
            CHARSET => self.charset.receive_theirs(on, out),
            NAWS => {
                self.their_naws.receive(on, true, option, THEIRS, out);
            }
            _ => self.refusals.receive(verb, option, out),
        }
    }

    fn ask_name(&mut self, out: &mut Vec<u8>) {
        if self.names_asked < MOST_NAMES {
            self.names_asked += 1;
            self.name_due = true;
            out.extend_from_slice(&[IAC, SB, TERMINAL_TYPE, TERMINAL_TYPE_SEND, IAC, SE]);
        }
    }

    fn subnegotiate<'a>(&mut self, out: &mut Vec<u8>) -> Option<LinkEvent<'a>> {
        match self.decoder.subnegotiation()? {
            (TERMINAL_TYPE, [TERMINAL_TYPE_IS, name @ ..]) if std::mem::take(&mut self.name_due) => {
                if !self.terminal.add(name) {
                    self.end_names(out);
                    return None;
                }
                if self.their_terminal_type.is_on() {
                    self.ask_name(out);
                }
                if self.names_over || !self.name_due {
                    self.end_names(out);
                }
                Some(LinkEvent::TerminalChanged)
            }
            (CHARSET, content) => {
                let before = self.charset.charset();
                self.charset.subnegotiate(content, out);
                self.decoder.accept_lone_iac(self.charset.charset() == Charset::Latin1);
                (self.charset.charset() != before).then_some(LinkEvent::CharsetChanged)
            }
            (NAWS, &[w1, w0, h1, h0]) => {
                let size = |high, low, default| match u16::from_be_bytes([high, low]) {
                    0 => default,
                    known => known.clamp(SMALLEST, LARGEST),
                };
                let unknown = [w1, w0, h1, h0] == [0; 4];
                let window = (size(w1, w0, DEFAULT_WINDOW.0), size(h1, h0, DEFAULT_WINDOW.1));
                let before = std::mem::replace(&mut self.window, (!unknown).then_some(window));
                (before != self.window).then_some(LinkEvent::WindowResized)
            }
            _ => None,
        }
    }

    /// The number of the open request for a name, while the mode waits for its answer.
    pub(crate) fn open_question(&self) -> Option<u8> {
        let waits = self.name_due && !self.names_over && self.chosen_mode.is_none() && self.terminal.edits();
        waits.then_some(self.names_asked)
    }

    /// No more names are expected: the list has ended, or the peer has stopped answering, as telnet.exe does. A later name
    /// still counts.
    pub fn end_names(&mut self, out: &mut Vec<u8>) {
        self.names_over = true;
        self.choose_mode(out);
    }

    /// Requests character mode for a capable terminal, unless the user has chosen a mode. Waits for the last name,
    /// which may reveal a screen reader that would have to speak every redraw.
    fn choose_mode(&mut self, out: &mut Vec<u8>) {
        let wanted = self.terminal.edits();
        if self.chosen_mode.is_none() && wanted != self.character_wanted && !(wanted && self.character_refused) {
            self.want_character_mode(wanted, out);
        }
    }

    fn want_character_mode(&mut self, on: bool, out: &mut Vec<u8>) {
        self.character_wanted = on;
        self.announce_echo(out);
        self.our_sga.want(on, SUPPRESS_GO_AHEAD, OURS, out);
    }

    /// Announces ECHO in character mode, and while a password is typed: the client does not show it, nor does the server.
    fn announce_echo(&mut self, out: &mut Vec<u8>) {
        self.our_echo.want(self.character_wanted || self.hiding, ECHO, OURS, out);
    }

    fn reaches_character_mode(&self) -> bool {
        self.character_wanted && self.our_echo.is_on() && self.our_sga.is_on()
    }

    /// Whether the peer has shown that it speaks telnet.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// What the peer has said about its terminal.
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// Columns and rows, if the peer has sent them (RFC 1073).
    pub fn window(&self) -> Option<(u16, u16)> {
        self.window
    }

    /// Hides what is typed from now on, for a password.
    pub fn hide_input(&mut self, out: &mut Vec<u8>) {
        self.hiding = true;
        if self.is_confirmed() {
            self.announce_echo(out);
        }
    }

    /// Ends the hiding of [`Link::hide_input`].
    pub fn show_input(&mut self, out: &mut Vec<u8>) {
        self.hiding = false;
        if self.is_confirmed() {
            self.announce_echo(out);
        }
    }

    /// The charset of this connection: chosen by the user, else negotiated, else UTF-8.
    pub fn charset(&self) -> Charset {
        self.charset.charset()
    }

    /// Sets the user's choice, which wins over any negotiation.
    pub(crate) fn choose_charset(&mut self, charset: Charset) {
        self.charset.choose(charset);
        self.decoder.accept_lone_iac(charset == Charset::Latin1);
    }

    /// Whether the peer passes on unchanged what it receives (RFC 856). The stock client then turns off its terminal's
    /// output processing, and its local echo ends with a LF alone.
    pub(crate) fn sends_binary(&self) -> bool {
        self.our_binary.is_on()
    }

    /// Requests character or line mode for the user. Takes effect when the peer has answered.
    pub fn request_character_mode(&mut self, on: bool, out: &mut Vec<u8>) {
        if !self.is_confirmed() {
            return;
        }
        self.chosen_mode = Some(on);
        self.want_character_mode(on, out);
    }

    /// Whether the server edits the line.
    pub(crate) fn is_character_mode(&self) -> bool {
        self.character_mode
    }

    /// Whether prompts end with IAC GA, because the peer has refused to suppress it (RFC 858).
    pub(crate) fn wants_go_ahead(&self) -> bool {
        self.is_confirmed() && self.our_sga.refused
    }
}
