//! Accepts connections: the accept loop, and the first and last steps of a client's thread.
//!
//! *Owns* which connections are admitted and how the others are refused; socket options; the log lines about connections.
//! *Knows nothing of* the session.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::Capacity;
use super::transport::Entrance;
use crate::access::admission::AdmissionError;
use crate::access::rate::Rate;
use crate::hub::Hub;
use crate::hub::shutdown::Open;
use crate::outbox::{DisconnectReason, Outbox};
use crate::session::Session;
use crate::text;
use crate::text::seconds;
use crate::ui::palette::Door;

/// Stack of a client's thread, in bytes. A session needs about 20 KiB in an optimised build and three times that in a
/// debug build. Only touched pages become resident.
const CLIENT_STACK: usize = 128 * 1024;

/// Sent to a client for which there is no room.
const FULL: &str = "The server is full. Please try again later.";
/// Sent to a client that connects during the stop.
const STOPPING: &str = "The server is shutting down. Please try again later.";

/// How long a refused socket stays open, so that the refusal can arrive.
const REFUSED_STAYS: Duration = Duration::from_secs(1);

/// How long the accept loop waits when it has no descriptor or thread left, unless a connection closes earlier.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(100);

/// Keepalive finds a dead peer within 60 + 4 x 15 = 120 s, and keeps NAT mappings alive, which last at least five minutes
/// (RFC 5382 asks for over two hours, but not all comply).
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_TRIES: u32 = 4;

/// Ends a connection whose data is not acknowledged for this long (RFC 5482).
const USER_TIMEOUT: Duration = Duration::from_secs(100);

/// Accepts until the listener is shut down.
pub(super) fn accept(listener: &TcpListener, entrance: &Arc<Entrance>, hub: &Arc<Hub>, capacity: Capacity) {
    // A spare descriptor to give up when there are none left, so that one more connection can be accepted and refused.
    let mut spare = open_spare();
    loop {
        match listener.accept() {
            Ok((stream, peer)) => admit(stream, peer, entrance, hub, capacity),
            Err(error) => match error.raw_os_error() {
                // The listener was shut down because the server stops.
                Some(libc::EINVAL) if hub.shutdown.is_announced() => return,
                Some(libc::EMFILE | libc::ENFILE) => {
                    if spare.take().is_some() {
                        if let Ok((stream, peer)) = listener.accept() {
                            refuse(stream, peer, entrance, hub, FULL);
                        }
                    } else {
                        hub.shutdown.wait_fewer(Instant::now() + EXHAUSTED_WAIT);
                    }
                    spare = open_spare();
                }
                Some(libc::ENOBUFS | libc::ENOMEM) => {
                    log::warn!("cannot accept: {error}");
                    hub.shutdown.wait_fewer(Instant::now() + EXHAUSTED_WAIT);
                }
                // The peer left before it was accepted, or a signal interrupted the call.
                _ => log::debug!("accept: {error}"),
            },
        }
    }
}

fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn admit(stream: TcpStream, peer: SocketAddr, entrance: &Arc<Entrance>, hub: &Arc<Hub>, capacity: Capacity) {
    if hub.shutdown.is_announced() {
        return refuse(stream, peer, entrance, hub, STOPPING);
    }
    let address = peer.ip().to_canonical();
    if let Some(why) = entrance.refuses_plain(&hub.config(), address) {
        return refuse(stream, peer, entrance, hub, &why);
    }
    // By address first, so that an address with too many connections takes up no room.
    let counted = match enter(hub, address, Instant::now()) {
        Ok(counted) => counted,
        Err(why) => return refuse(stream, peer, entrance, hub, &why),
    };
    let leave = || {
        if counted {
            hub.limits.admission().leave(address);
        }
    };
    let limit = hub.config().limits.max_connections.unwrap_or(usize::MAX).min(capacity.connections);
    let Some(open) = hub.shutdown.enter(limit) else {
        leave();
        return refuse(stream, peer, entrance, hub, FULL);
    };
    let id = hub.next_client();
    let outbox = Outbox::new(id, stream, Arc::clone(&hub.slow_readers));
    let (hub_share, outbox_share, entrance_share) = (Arc::clone(hub), Arc::clone(&outbox), Arc::clone(entrance));
    let connection =
        Box::new(Connection { hub: hub_share, outbox: outbox_share, peer, entrance: entrance_share, counted, open });
    let spawned =
        thread::Builder::new().name(format!("client:{id}")).stack_size(CLIENT_STACK).spawn(move || serve(connection));
    if let Err(error) = spawned {
        log::warn!("{peer}: cannot start a thread: {error}");
        leave();
        if let Some(outbox) = Arc::into_inner(outbox) {
            refuse(outbox.into_stream(), peer, entrance, hub, FULL);
        }
        // Usually memory or threads are short for a moment; accepting more at once would make it worse.
        hub.shutdown.wait_fewer(Instant::now() + EXHAUSTED_WAIT);
    }
}

/// Sends one line to a client that is not admitted, and closes the socket a little later.
fn refuse(stream: TcpStream, peer: SocketAddr, entrance: &Entrance, hub: &Hub, line: &str) {
    log::info!("{peer}: refused: {line}");
    let socket = SockRef::from(&stream);
    // If the socket does not accept the line at once, the client does not get it.
    let _ = socket.send_with_flags(&entrance.transport.refusal(line), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
    let _ = socket.shutdown(Shutdown::Write);
    hub.timer.close_later(Instant::now() + REFUSED_STAYS, peer.ip(), stream);
}

/// The arguments of a client's thread. Boxed, because values moved from function to function at its start would leave
/// copies on its stack.
struct Connection {
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    peer: SocketAddr,
    entrance: Arc<Entrance>,
    /// Whether it counts towards the limit of its address.
    counted: bool,
    open: Open,
}

/// A client's thread.
///
/// Its beginning and end are separate functions and never inlined: the depth of the stack while the session waits decides
/// whether an idle user costs two pages of it or three.
fn serve(connection: Box<Connection>) {
    let began = Instant::now();
    log_connected(&connection);
    let ended = match begin(&connection) {
        Ok(()) => {
            let mut session = open_session(&connection, began);
            run(&mut session)
        }
        Err(ended) => ended,
    };
    finish(connection, began, &ended);
}

#[inline(never)]
fn log_connected(Connection { outbox, peer, entrance, .. }: &Connection) {
    let usual = entrance.door == Door::Plain && entrance.transport.is_plain();
    let kind = if usual { String::new() } else { format!(" ({})", entrance.transport.name(entrance.door)) };
    log::info!("client {} from {peer} connected{kind}", outbox.id());
}

#[inline(never)]
fn begin(Connection { hub, outbox, peer, entrance, .. }: &Connection) -> Result<(), DisconnectReason> {
    entrance.transport.prepare(outbox);
    set_options(outbox.stream());
    hub.roster.connected(outbox);
    if let Some((line, ended)) = decided_meanwhile(hub, peer.ip().to_canonical()) {
        outbox.turn_away(&entrance.transport.refusal(&line), ended.clone());
        outbox.lingering_close(&ended);
        return Err(ended);
    }
    // A panic in the handshake must not leave anything of this connection behind.
    let config = hub.config();
    let shake_hands = || entrance.shake_hands(outbox, &config, peer.ip().to_canonical());
    catch_unwind(AssertUnwindSafe(shake_hands)).unwrap_or(Err(DisconnectReason::Panicked))
}

/// A stop or a ban that was decided after this connection was admitted and before it was in the roster. Such a decision is
/// applied to the connections in the roster, so it has missed this one; later decisions will not.
fn decided_meanwhile(hub: &Hub, address: IpAddr) -> Option<(String, DisconnectReason)> {
    if hub.shutdown.is_announced() {
        return Some((STOPPING.to_owned(), DisconnectReason::Stopping));
    }
    hub.address_bans
        .find(address, hub.moment())
        .map(|ban| (ban.notice(hub.moment()).to_string(), DisconnectReason::AddressBanned))
}

#[inline(never)]
fn open_session(Connection { hub, outbox, peer, entrance, .. }: &Connection, began: Instant) -> Box<Session> {
    Session::new(Arc::clone(hub), Arc::clone(outbox), *peer, entrance.door, began)
}

fn run(session: &mut Session) -> DisconnectReason {
    catch_unwind(AssertUnwindSafe(|| session.run())).unwrap_or_else(|_| {
        // Rooms and name must be released in any case; a second panic there ends only this thread.
        if catch_unwind(AssertUnwindSafe(|| session.leave(&DisconnectReason::Panicked))).is_err() {
            log::error!("a session panicked twice");
        }
        DisconnectReason::Panicked
    })
}

#[inline(never)]
#[expect(clippy::boxed_local, reason = "unboxed, it would be on the stack of `serve`")]
fn finish(connection: Box<Connection>, began: Instant, ended: &DisconnectReason) {
    let Connection { hub, outbox, peer, counted, open, .. } = *connection;
    let id = outbox.id();
    hub.roster.disconnected(id);
    if counted {
        hub.limits.admission().leave(peer.ip().to_canonical());
    }
    // Closed here, because a delivery's snapshot may still hold a reference to the outbox.
    let _ = outbox.stream().shutdown(Shutdown::Both);
    outbox.disconnect(DisconnectReason::Quit);
    drop(outbox);
    let seconds = began.elapsed().as_secs();
    log::info!("client {id} from {peer} disconnected after {seconds} s: {}", text::escape_for_log(&ended.to_string()));
    drop(open);
}

/// Admits a connection or returns the refusal. True if the connection was counted, false if its address is exempt.
fn enter(hub: &Hub, address: IpAddr, now: Instant) -> Result<bool, String> {
    let moment = hub.moment();
    if let Some(ban) = hub.address_bans.find(address, moment) {
        return Err(ban.notice(moment).to_string());
    }
    let config = hub.config();
    if config.is_exempt(address) {
        return Ok(false);
    }
    let limits = &config.limits;
    let rate = limits.connections_per_ip_per_minute.and_then(|count| u32::try_from(count).ok());
    let rate = rate.and_then(|count| Rate::new(count, count, Duration::from_secs(60)));
    let entered = hub.limits.admission().enter(address, limits.connections_per_ip, rate, now);
    entered.map(|()| true).map_err(|why| match why {
        AdmissionError::TooManyOpen(limit) => {
            format!("Too many connections from your address: at most {limit} at once.")
        }
        AdmissionError::TooManyNew(wait) => {
            format!("Too many new connections from your address: try again in {}.", seconds(wait))
        }
    })
}

fn set_options(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_TRIES);
    let set = || -> io::Result<()> {
        // Without it, a reply after a reply waits 40 ms for the peer's delayed acknowledgement.
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_keepalive(&keepalive)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        Ok(())
    };
    if let Err(error) = set() {
        // A socket that was reset refuses options; the first read will report it.
        log::debug!("socket options: {error}");
    }
}

#[cfg(test)]
mod tests;
