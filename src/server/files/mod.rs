//! Connections that carry files, each on a thread of its own.
//!
//! *Owns* one such connection from its first byte to its last: its deadlines, the check of its token, and the answers.
//! *Knows nothing of* users beyond what the hub does for it.

mod relay;
#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::socket_options::set_options;
use super::transport::{Entrance, Service, Transport};
use crate::access::attempts::{Attempt, AttemptError};
use crate::chat::transfer::{Claim, Side};
use crate::config::FilesConfig;
use crate::hub::transfers::{FilePorts, PresentEnd, Received, TransferEnd};
use crate::hub::{Hub, TransferOutcome};
use crate::protocol::transfer::{Refused, RequestError, RequestReader, TransferRequest, TransferWish, Voice};
use crate::protocol::wire::{Codec, Progress};
use crate::ui::file_lines;

/// How long the handshake of TLS and the whole request may take together. A peer that opens connections only to hold them occupies
/// a thread no longer than this.
const BEGINNING: Duration = Duration::from_secs(10);

/// Bytes read at a time until the request is complete.
const READ: usize = 2048;

/// How long written bytes may take to be sent before the socket of a receiver with an incomplete file is reset.
const LAST_BYTES: Duration = Duration::from_millis(500);

/// The part of the file that the sender sends.
struct IncomingPart {
    /// Where the part begins in the file, in bytes.
    base: u64,
    /// Its size in bytes.
    size: u64,
    /// The sender waits for `100 Continue`.
    expects_continue: bool,
}

/// The ports of the listeners for files: the first plain one, and the first one with TLS that has a pin.
pub(super) fn ports<'a>(listeners: impl Iterator<Item = (Service, &'a Transport, SocketAddr)>) -> FilePorts {
    let mut ports = FilePorts::default();
    for (_, transport, address) in listeners.filter(|(service, ..)| *service == Service::Files) {
        match transport.pin() {
            Some(pin) => _ = ports.tls.get_or_insert((address.port(), pin)),
            // Without a pin, the line for curl would accept any key, so there is none.
            None if transport.is_plain() => _ = ports.plain.get_or_insert(address.port()),
            None => {}
        }
    }
    ports
}

/// Keeps the listeners of a configuration that is replaced.
pub(super) fn keep_listeners(old: &FilesConfig, new: &mut FilesConfig) {
    if old.listen != new.listen || old.tls_listen != new.tls_listen {
        log::warn!("the listeners of [files] have changed; this needs a restart, so the old ones stay");
        new.listen.clone_from(&old.listen);
        new.tls_listen.clone_from(&old.tls_listen);
    }
}

/// Starts the thread of a connection, which calls `over` at its end. False if no thread can be started.
pub(super) fn start(
    stream: TcpStream,
    peer: SocketAddr,
    hub: &Arc<Hub>,
    entrance: &Arc<Entrance>,
    stack: usize,
    over: impl FnOnce() + Send + 'static,
) -> bool {
    set_options(&stream);
    let (hub, entrance) = (Arc::clone(hub), Arc::clone(entrance));
    let thread = thread::Builder::new().name(format!("file:{peer}")).stack_size(stack);
    let spawned = thread.spawn(move || {
        let (address, began) = (peer.ip().to_canonical(), Instant::now());
        log::info!("{peer} connected ({})", entrance.name());
        let serve = || entrance.transport.codec().map_or("no TLS", |codec| serve(stream, codec, address, &hub));
        let ended = catch_unwind(AssertUnwindSafe(serve)).unwrap_or("panicked");
        log::info!("{peer} disconnected after {} s: {ended}", began.elapsed().as_secs());
        over();
    });
    spawned.inspect_err(|error| log::warn!("{peer}: cannot start a thread: {error}")).is_ok()
}

/// Serves one connection to its end. Returns what to log about it.
fn serve(stream: TcpStream, codec: Codec, address: IpAddr, hub: &Hub) -> &'static str {
    let (request, link) = match read_request(stream, codec) {
        Ok(read) => read,
        Err(why) => return why,
    };
    serve_request(&request, link, address, hub)
}

/// Like [`serve`], for a web listener that has already read the head of a request, and `early` after it.
#[cfg(feature = "web")]
pub(super) fn serve_head(
    head: &[u8],
    stream: TcpStream,
    codec: Codec,
    early: Vec<u8>,
    address: IpAddr,
    hub: &Hub,
) -> &'static str {
    match RequestReader::default().feed(head) {
        Ok(Some((request, _))) => match TransferEnd::new(stream, codec, request.voice, early) {
            Ok(link) => serve_request(&request, link, address, hub),
            Err(_) => "lost",
        },
        // The head is complete, or this would not be called.
        Ok(None) => "not understood",
        Err((error, voice)) => refuse_unread(stream, codec, voice, error),
    }
}

/// Carries out the request of one end of a transfer.
fn serve_request(request: &TransferRequest, link: TransferEnd, address: IpAddr, hub: &Hub) -> &'static str {
    let voice = request.voice;
    match &request.wish {
        TransferWish::Look { token } => {
            let answer = match check(token, address, hub, |token, now| hub.transfers.look_at(token, now)) {
                Ok(name) => Voice::Http { head_only: true }.download(name.reduced(), name.shown(), 0, None),
                Err(refused) => voice.refuse(&refused),
            };
            answer_and_close(link, &answer);
            "answered"
        }
        TransferWish::Get { token, from } => {
            match check(token, address, hub, |token, now| hub.transfers.claim(token, Side::Receiver, now)) {
                Ok(claim) => match arrive(&claim, address, hub) {
                    Some(_here) => get(&claim, from.unwrap_or(0), link, hub),
                    None => refuse(link, &over()),
                },
                Err(refused) => refuse(link, &refused),
            }
        }
        TransferWish::Put { token, size, part, expects_continue } => {
            match check(token, address, hub, |token, now| hub.transfers.claim(token, Side::Sender, now)) {
                Ok(claim) => {
                    // In the line protocol the sender sends the part that it was asked for; an HTTP request says where
                    // its part begins.
                    let base = if voice == Voice::Line { claim.from } else { part.map_or(0, |(first, _)| first) };
                    let part = IncomingPart { base, size: *size, expects_continue: *expects_continue };
                    match arrive(&claim, address, hub) {
                        Some(_here) => put(&claim, &part, link, hub),
                        None => refuse(link, &over()),
                    }
                }
                Err(refused) => refuse(link, &refused),
            }
        }
    }
}

/// Tries a token. Wrong ones count against the address, as wrong passwords do.
fn check<T>(
    token: &str,
    address: IpAddr,
    hub: &Hub,
    open: impl FnOnce(&str, Instant) -> Option<T>,
) -> Result<T, Refused> {
    let now = Instant::now();
    let pending = match hub.limits.file_tokens.begin(Attempt::from_address(address, ()), now) {
        Ok(pending) => pending,
        Err(AttemptError::Waiting(left)) => return Err(Refused::Wait(left)),
        // Other tokens from this address are being checked right now.
        Err(AttemptError::Undecided) => return Err(Refused::Wait(Duration::from_secs(1))),
    };
    match open(token, now) {
        Some(opened) => {
            // A right token does not clear the earlier failures: its owner may be guessing other tokens.
            drop(pending);
            Ok(opened)
        }
        None => {
            pending.wrong(now);
            Err(Refused::NoTransfer)
        }
    }
}

/// Records that an end has arrived, so that a ban of its address finds it. `None` if the address is banned already.
fn arrive<'a>(claim: &Claim, address: IpAddr, hub: &'a Hub) -> Option<PresentEnd<'a>> {
    let here = hub.transfers.arrive(claim.number, address);
    if hub.address_bans.find(address, hub.moment()).is_none() {
        return Some(here);
    }
    hub.cancel_transfer(claim.number);
    None
}

fn get(claim: &Claim, from: u64, mut link: TransferEnd, hub: &Hub) -> &'static str {
    if from < claim.from {
        let sentence = "The file there is shorter than expected: the chat shows another line to copy.".to_owned();
        hub.begin_transfer_again(claim.number, |name| file_lines::begins_again(name, from), from, Instant::now());
        return refuse(link, &Refused::Over(sentence));
    }
    link.rest();
    match hub.transfers.receive(claim, link, from) {
        Received::NotBegun(link) => refuse(link, &over()),
        Received::Ended(link) => {
            link.close();
            "received"
        }
        Received::Reset => "reset",
    }
}

fn put(claim: &Claim, part: &IncomingPart, mut link: TransferEnd, hub: &Hub) -> &'static str {
    let IncomingPart { base, size, expects_continue } = *part;
    let most = hub.config().files.max_bytes as u64;
    let Some(total) = base.checked_add(size).filter(|total| *total <= most) else {
        let sentence = hub.refuse_size(claim.number);
        return refuse(link, &Refused::TooBig(sentence));
    };
    if claim.size_before.is_some_and(|before| before != total) {
        let sentence = "The file has another size than before: the chat shows another line to copy.".to_owned();
        hub.begin_transfer_again(claim.number, file_lines::is_another_file, 0, Instant::now());
        return refuse(link, &Refused::Over(sentence));
    }
    if base > claim.from {
        hub.cancel_transfer(claim.number);
        return refuse(link, &Refused::Over(format!("The file has to begin at byte {}.", claim.from)));
    }
    link.rest();
    let Some(mut meet) = hub.transfers.meet(claim, total, || hub.transfer_limits()) else {
        return refuse(link, &over());
    };
    if meet.wanted > total {
        let line = hub.finish_transfer(claim.number, &claim.name, TransferOutcome::TooLong, Instant::now());
        let refused = Refused::Over(line);
        refuse(meet.receiver, &refused);
        return refuse(link, &refused);
    }
    let whole = relay::Whole { base, size, total, expects_continue };
    let rate = hub.config().files.bytes_per_second;
    let pass_on = || relay::pass_on(&mut link, &mut meet, &whole, claim, rate, &hub.transfers);
    // A panic must not leave both ends waiting.
    let passed = catch_unwind(AssertUnwindSafe(pass_on));
    let passed = passed.unwrap_or_else(|_| relay::Passed::Part { at: meet.progress.passed(), hasher: None });
    let now = Instant::now();
    match passed {
        relay::Passed::All { hash, is_longer } => {
            let outcome = if is_longer { TransferOutcome::CutOff(total) } else { TransferOutcome::Done(total, hash) };
            meet.receiver.end();
            hub.transfers.give_back(claim.number, meet.receiver);
            let line = hub.finish_transfer(claim.number, &claim.name, outcome, now);
            if is_longer {
                return refuse(link, &Refused::Over(line));
            }
            let answer = link.voice.done(&line);
            answer_and_close(link, &answer);
            "sent"
        }
        relay::Passed::Part { at, hasher } => {
            let line = hub.finish_transfer(claim.number, &claim.name, TransferOutcome::Broken(at, total, hasher), now);
            meet.receiver.reset(LAST_BYTES);
            refuse(link, &Refused::Over(line))
        }
    }
}

fn over() -> Refused {
    Refused::Over("This transfer is over.".to_owned())
}

fn refuse(link: TransferEnd, refused: &Refused) -> &'static str {
    let answer = link.voice.refuse(refused);
    if answer.is_empty() {
        link.reset(Duration::ZERO);
    } else {
        answer_and_close(link, &answer);
    }
    "refused"
}

/// Answers a peer whose request cannot be read or is not about a file.
fn refuse_unread(stream: TcpStream, codec: Codec, voice: Voice, error: RequestError) -> &'static str {
    let refused = if error == RequestError::NotFound { Refused::NoTransfer } else { Refused::Request(error) };
    if let Ok(link) = TransferEnd::new(stream, codec, voice, Vec::new()) {
        refuse(link, &refused);
    }
    "not understood"
}

fn answer_and_close(mut link: TransferEnd, answer: &[u8]) {
    // A peer that does not accept it is gone.
    let _ = link.write(answer, Duration::from_secs(1), || false);
    link.close();
}

/// Performs the TLS handshake, if there is one, and reads the request.
fn read_request(mut stream: TcpStream, mut codec: Codec) -> Result<(TransferRequest, TransferEnd), &'static str> {
    let deadline = Instant::now() + BEGINNING;
    let mut buffer = vec![0; READ];
    let mut reader = RequestReader::default();
    #[cfg(feature = "tls")]
    let mut is_shaking = !codec.is_plain();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return Err("said nothing in time");
        }
        let chunk = match stream.read(&mut buffer) {
            Ok(0) => return Err("left"),
            Ok(count) => &buffer[..count],
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => continue,
                _ => return Err("lost"),
            },
        };
        let (mut plain, mut answer) = (Vec::new(), Vec::new());
        #[cfg(feature = "tls")]
        if is_shaking {
            let shaken = codec.shake_hands(chunk, &mut answer);
            send(&stream, &answer);
            match shaken {
                Ok(Progress::ShakingHands) => continue,
                Ok(Progress::Open) => is_shaking = false,
                Ok(Progress::Closed) | Err(_) => return Err("no TLS"),
            }
            answer.clear();
            // Take out what arrived right behind the handshake.
            if codec.feed(&[], &mut plain, &mut answer).is_err() {
                return Err("no TLS");
            }
        } else if codec.feed(chunk, &mut plain, &mut answer).is_err() {
            send(&stream, &answer);
            return Err("broken TLS");
        }
        #[cfg(not(feature = "tls"))]
        if codec.feed(chunk, &mut plain, &mut answer) != Ok(Progress::Open) {
            return Err("broken");
        }
        send(&stream, &answer);
        match reader.feed(&plain) {
            Ok(None) => {}
            Ok(Some((request, taken))) => {
                let rest = plain.split_off(taken);
                let link = TransferEnd::new(stream, codec, request.voice, rest).map_err(|_| "lost")?;
                return Ok((request, link));
            }
            Err((error, voice)) => return Err(refuse_unread(stream, codec, voice, error)),
        }
    }
}

/// Sends protocol bytes. If the peer does not accept them, the next read notices.
fn send(mut stream: &TcpStream, answer: &[u8]) {
    if !answer.is_empty() {
        let _ = stream.set_write_timeout(Some(Duration::from_secs(1)));
        let _ = stream.write_all(answer);
    }
}
