//! The first request on a web listener: the page, a refusal, one end of a file transfer, or the handshake of a WebSocket,
//! after which a session begins.
//!
//! *Owns* the deadline of the request's head, and which client address a trusted proxy may name.
//! *Knows nothing of* the session, or of the rules of HTTP, which are pure.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::files;
use super::turned_away::TurnedAway;
use crate::hub::Hub;
use crate::outbox::{DisconnectReason, Outbox};
use crate::protocol::http::{
    Body, HeadReader, Host, HttpRefusal, HttpRequest, Method, Protocol, Route, Site, Upgrade, page_head,
    write_accepted, write_refusal, write_response,
};
use crate::protocol::websocket::{Form, WebSocket};
use crate::protocol::wire::{FirstBytes, OtherProtocol, Progress, Verdict};
use crate::text::escape_for_log;
use crate::ui::palette::Door;
use crate::ui::screen::passing_buffer;

mod page;
mod script;
#[cfg(test)]
mod tests;

/// Bytes read at a time. A head has 200 to 1,500.
const READ: usize = 2048;

/// How long a client may take to receive an answer. The page has up to 60 KB, which take a phone on a slow network six
/// seconds.
const FETCH: Duration = Duration::from_secs(30);

/// Longest message if `line_bytes` sets no limit, in bytes: everything that strangers can make grow is bounded.
const LONGEST_MESSAGE: usize = 4 << 20;

/// How much longer than a line a message may be: in JSON a one-byte character may take six, but few do.
const TIMES_A_LINE: usize = 4;

/// A connection whose request is not complete yet.
pub(super) struct BrowserConnection<'a> {
    pub(super) hub: &'a Hub,
    pub(super) outbox: &'a Outbox,
    /// Whether it is through TLS.
    pub(super) is_secure: bool,
    /// Where the connection comes from.
    pub(super) peer: SocketAddr,
    /// Whether the peer is a proxy that may name the client's address.
    pub(super) is_proxy: bool,
    /// When the whole head must have arrived: a client that sends one byte a second occupies its thread no longer than
    /// this.
    pub(super) deadline: Instant,
}

/// A complete request, and its answer.
struct Decided {
    route: Route,
    /// What the request calls the server (`Host`).
    host: Option<Host>,
    /// The head of the request, and what arrived after it.
    head: Vec<u8>,
    early: Vec<u8>,
}

/// Why a request is refused.
enum FirstRequestError {
    /// It gets this refusal instead.
    Refused(HttpRefusal),
    /// The connection is over: there was no request, or nobody is left to answer.
    Over(DisconnectReason),
}

impl From<HttpRefusal> for FirstRequestError {
    fn from(refusal: HttpRefusal) -> FirstRequestError {
        FirstRequestError::Refused(refusal)
    }
}

impl From<TurnedAway> for FirstRequestError {
    fn from(why: TurnedAway) -> FirstRequestError {
        FirstRequestError::Refused(HttpRefusal::from(&why))
    }
}

/// Receives the first request. Returns the door of the session that begins with it. `admit` admits the client whose
/// address a proxy names.
///
/// Not inlined, so that its buffers are off the stack when the session begins.
///
/// # Errors
///
/// The request is answered and the socket closed, or there was none.
#[inline(never)]
pub(super) fn receive(
    visit: &BrowserConnection<'_>,
    admit: &mut dyn FnMut(IpAddr) -> Result<(), TurnedAway>,
) -> Result<Door, DisconnectReason> {
    let mut method = Method::Get;
    let mut answer = Vec::new();
    let ended = match visit.decide(&mut method, admit) {
        Ok(Decided { route: Route::Upgrade(upgrade), early, .. }) => return Ok(visit.open(&upgrade, early)),
        Ok(Decided { route: Route::File, head, early, .. }) => match visit.carry_file(&head, early) {
            Ok(how) => return Err(DisconnectReason::Transfer(how)),
            Err(error) => {
                log::warn!("client {}: no file can pass: {error}", visit.outbox.id());
                let refusal = HttpRefusal::Full("The server is full. Please try again later.".to_owned());
                write_refusal(&refusal, method, &mut answer);
                DisconnectReason::Answered(refusal.status())
            }
        },
        Ok(Decided { route: Route::Page, host, .. }) => match write_page(host.as_ref(), method, &mut answer) {
            Ok(()) => DisconnectReason::Answered(200),
            Err(error) => {
                log::error!("no page can be made: {error}");
                let refusal = HttpRefusal::Full("The system returns no random numbers.".to_owned());
                write_refusal(&refusal, method, &mut answer);
                DisconnectReason::Answered(refusal.status())
            }
        },
        Ok(Decided { route: Route::NoIcon, .. }) => {
            write_response(204, "", Body::None, method, &mut answer);
            DisconnectReason::Answered(204)
        }
        Err(FirstRequestError::Refused(refusal)) => {
            log::info!("client {}: {}", visit.outbox.id(), escape_for_log(&refusal.to_string()));
            write_refusal(&refusal, method, &mut answer);
            if refusal == HttpRefusal::TooSlow {
                DisconnectReason::RequestTimeout
            } else {
                DisconnectReason::Answered(refusal.status())
            }
        }
        Err(FirstRequestError::Over(ended)) => {
            if let DisconnectReason::OtherProtocol(protocol) = &ended {
                answer.extend_from_slice(&protocol.answer(None));
            }
            ended
        }
    };
    visit.outbox.answer_raw(&answer);
    visit.outbox.flush();
    visit.outbox.wait_drained(Some(Instant::now() + FETCH));
    visit.outbox.lingering_close(&ended);
    Err(visit.outbox.disconnect_reason().unwrap_or(ended))
}

impl BrowserConnection<'_> {
    /// Reads the request and decides the answer.
    fn decide(
        &self,
        method: &mut Method,
        admit: &mut dyn FnMut(IpAddr) -> Result<(), TurnedAway>,
    ) -> Result<Decided, FirstRequestError> {
        let (head, early) = self.read_head()?;
        let request = HttpRequest::parse(&head)?;
        *method = request.method;
        if self.is_proxy {
            // A proxy's own request, such as a health check, names nobody.
            let address = match request.forwarded_for() {
                Some(text) => forwarded(text, self.peer.ip())
                    .ok_or(HttpRefusal::Bad("its X-Forwarded-For does not end with an address"))?,
                None => self.peer.ip().to_canonical(),
            };
            // First, so that a ban that is decided meanwhile finds the connection.
            self.outbox.speak_for(address);
            admit(address)?;
        }
        let config = self.hub.config();
        let names = self.hub.site_names();
        let site = Site { names: &names, origins: &config.web.origins, is_secure: self.is_secure };
        let route = site.answer(&request)?;
        Ok(Decided { route, host: request.host, head, early })
    }

    /// Serves one end of a file transfer. Returns what to log about it.
    ///
    /// # Errors
    ///
    /// No descriptor is left for it.
    #[inline(never)]
    fn carry_file(&self, head: &[u8], early: Vec<u8>) -> io::Result<&'static str> {
        let Some(address) = self.outbox.peer_address() else { return Ok("lost") };
        let (stream, codec) = self.outbox.hand_over()?;
        Ok(files::serve_head(head, stream, codec, early, address, self.hub))
    }

    /// Reads until the head is complete. Also returns what arrived after it.
    fn read_head(&self) -> Result<(Vec<u8>, Vec<u8>), FirstRequestError> {
        let lost = |error: io::Error| FirstRequestError::Over(DisconnectReason::Reset(error.kind()));
        let mut stream = self.outbox.stream();
        let mut buffer = vec![0; READ];
        let mut reader = HeadReader::new();
        let mut first = FirstBytes::new();
        // The first round decodes what arrived right behind the TLS handshake.
        let mut count = 0;
        loop {
            let mut plain = Vec::new();
            let progress = self.outbox.decode(&buffer[..count], &mut plain).map_err(|error| {
                log::info!("client {}: {}", self.outbox.id(), escape_for_log(&error.to_string()));
                FirstRequestError::Over(DisconnectReason::Tls)
            })?;
            // For example TLS, from a browser that was given an https address. It would wait for an answer until the
            // deadline.
            match first.feed(&plain) {
                Verdict::OtherProtocol(OtherProtocol::Http) | Verdict::Undecided | Verdict::Person => {}
                Verdict::OtherProtocol(other) => {
                    return Err(FirstRequestError::Over(DisconnectReason::OtherProtocol(other)));
                }
            }
            let had_line = reader.has_line();
            if let Some((head, used)) = reader.feed(&plain)? {
                return Ok((head, plain.split_off(used)));
            }
            if reader.has_line() && !had_line {
                HttpRequest::check_start(reader.so_far())?;
            }
            let cut_off = || match reader.is_empty() {
                true => FirstRequestError::Over(DisconnectReason::PeerClosed),
                false => FirstRequestError::Refused(HttpRefusal::Bad("it is incomplete")),
            };
            if progress == Progress::Closed {
                return Err(cut_off());
            }
            count = loop {
                if let Some(ended) = self.outbox.disconnect_reason() {
                    return Err(FirstRequestError::Over(ended));
                }
                let left = self.deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    // A browser opens connections in advance, and takes an answer without a request for an error.
                    let said_nothing = reader.is_empty();
                    return Err(if said_nothing {
                        FirstRequestError::Over(DisconnectReason::RequestTimeout)
                    } else {
                        FirstRequestError::Refused(HttpRefusal::TooSlow)
                    });
                }
                stream.set_read_timeout(Some(left)).map_err(lost)?;
                let read = stream.read(&mut buffer);
                self.outbox.note_received(*read.as_ref().unwrap_or(&0));
                match read {
                    Ok(0) => return Err(cut_off()),
                    Ok(count) => break count,
                    Err(error) => match error.kind() {
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
                        _ => return Err(lost(error)),
                    },
                }
            };
        }
    }

    /// Completes the WebSocket handshake. From now on everything is messages.
    fn open(&self, upgrade: &Upgrade, early: Vec<u8>) -> Door {
        let (form, door) = match upgrade.protocol {
            None | Some(Protocol::Json) => (Form::Lines, Door::Json),
            Some(Protocol::Terminal) => (Form::Terminal, Door::Plain),
            Some(Protocol::Telnet) => (Form::Telnet, Door::Plain),
        };
        let line = self.hub.config().limits.line_bytes;
        let limit = line.map_or(LONGEST_MESSAGE, |line| line.saturating_mul(TIMES_A_LINE));
        let mut accepted = passing_buffer(0);
        write_accepted(upgrade, &mut accepted);
        self.outbox.open_web(&accepted, WebSocket::new(form, limit, early));
        door
    }
}

/// The client address that a proxy at `proxy` names, as proxies write it: an address, with or without a port. `None`
/// for an address that would make a stranger one of this machine's own clients.
fn forwarded(text: &str, proxy: IpAddr) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = inner.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    let address = address.to_canonical();
    let is_usual = !address.is_unspecified() && !address.is_multicast();
    (is_usual && (!address.is_loopback() || proxy.to_canonical().is_loopback())).then_some(address)
}

/// Appends the page. Each page has a new nonce, so that an injected script cannot run.
fn write_page(host: Option<&Host>, method: Method, out: &mut Vec<u8>) -> Result<(), getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let nonce: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let html = page::page(&nonce);
    write_response(200, &page_head(&nonce, host), Body::Html(html.as_bytes()), method, out);
    Ok(())
}
