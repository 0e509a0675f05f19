//! Accepts connections: the accept loop, and the first and last steps of a client's thread.
//!
//! *Owns* which connections are admitted and how the others are refused; socket options; the log lines about connections.
//! *Knows nothing of* the session.

use std::fs::File;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::Capacity;
use super::files;
use super::proxy_header;
use super::socket_options::set_options;
use super::transport::{Entrance, Service};
use super::turned_away::TurnedAway;
#[cfg(feature = "web")]
use super::web;
use crate::access::{address::canonical, rate::Rate};
use crate::hub::Hub;
use crate::hub::shutdown::Open;
use crate::metrics::{Raised, RefusalKind};
use crate::outbox::{DisconnectReason, Outbox};
use crate::session::Session;
use crate::text;
use crate::ui::palette::Door;

/// Stack of a client's thread, in bytes. A session needs about 20 KiB in an optimised build and three times that in a
/// debug build. Only touched pages become resident.
const CLIENT_STACK: usize = 128 * 1024;

/// How long a refused socket stays open, so that the refusal can arrive.
const REFUSED_STAYS: Duration = Duration::from_secs(1);

/// How long the accept loop waits when it has no descriptor or thread left, unless a connection closes earlier.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(100);

/// How long a connection's first steps may take: the handshake of TLS, and the head of an HTTP request. A handshake
/// takes two round trips at most and a request one: five seconds on a slow line that loses packets. A peer that opens
/// connections only to hold them occupies a thread no longer than this.
const FIRST_STEPS: Duration = Duration::from_secs(10);

/// Most connections from one proxy that have not named a client's address yet.
const MOST_PENDING_HEADS: usize = 64;

/// Accepts until the listener is shut down.
pub(super) fn accept(listener: &TcpListener, entrance: &Arc<Entrance>, hub: &Arc<Hub>, capacity: Capacity) {
    // A spare descriptor to give up when there are none left, so that one more connection can be accepted and refused.
    let mut spare = open_spare();
    loop {
        match listener.accept() {
            Ok((stream, peer)) => admit(stream, canonical(peer), entrance, hub, capacity),
            Err(error) => match error.raw_os_error() {
                // The listener was shut down because the server stops.
                Some(libc::EINVAL) if hub.shutdown.is_announced() => return,
                Some(libc::EMFILE | libc::ENFILE) => {
                    if spare.take().is_some() {
                        if let Ok((stream, peer)) = listener.accept() {
                            refuse(stream, canonical(peer), entrance, hub, &TurnedAway::Full);
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
    if let Some(why) = TurnedAway::by_stop(&hub.shutdown) {
        return refuse(stream, peer, entrance, hub, &why);
    }
    let address = peer.ip();
    // The limits of the address come first, so that an address over its limit does not use up the server's.
    let counted = match enter_by(hub, entrance, address, Instant::now()) {
        Ok(counted) => counted,
        Err(why) => return refuse(stream, peer, entrance, hub, &why),
    };
    let limit = hub.config().limits.max_connections.unwrap_or(usize::MAX).min(capacity.connections);
    let Some(open) = hub.shutdown.enter(limit) else {
        leave(hub, counted, address);
        return refuse(stream, peer, entrance, hub, &TurnedAway::Full);
    };
    let counted_open = hub.metrics.open.raise(entrance.kind());
    let door = match entrance.service {
        Service::Session(door) => door,
        Service::Proxied => Door::Plain,
        Service::Files => {
            let hub_share = Arc::clone(hub);
            let over = move || {
                leave(&hub_share, counted, address);
                drop((open, counted_open));
            };
            if files::start(stream, peer, hub, entrance, CLIENT_STACK, over) {
                hub.metrics.accepted.add(1);
            } else {
                hub.metrics.refused.of(RefusalKind::Full).add(1);
                leave(hub, counted, address);
                hub.shutdown.wait_fewer(Instant::now() + EXHAUSTED_WAIT);
            }
            return;
        }
        // The first request decides how the session begins.
        #[cfg(feature = "web")]
        Service::Web => Door::Plain,
    };
    let id = hub.next_client();
    let outbox = Outbox::new(id, stream, Arc::clone(&hub.slow_readers));
    let (hub_share, outbox_share, entrance_share) = (Arc::clone(hub), Arc::clone(&outbox), Arc::clone(entrance));
    let connection = Box::new(Connection {
        hub: hub_share,
        outbox: outbox_share,
        peer,
        entrance: entrance_share,
        door,
        counted,
        open,
        counted_open,
    });
    let spawned =
        thread::Builder::new().name(format!("client:{id}")).stack_size(CLIENT_STACK).spawn(move || serve(connection));
    if let Err(error) = spawned {
        log::warn!("{peer}: cannot start a thread: {error}");
        leave(hub, counted, address);
        if let Some(outbox) = Arc::into_inner(outbox) {
            refuse(outbox.into_stream(), peer, entrance, hub, &TurnedAway::Full);
        }
        // Usually memory or threads are short for a moment; accepting more at once would make it worse.
        hub.shutdown.wait_fewer(Instant::now() + EXHAUSTED_WAIT);
        return;
    }
    hub.metrics.accepted.add(1);
}

/// Sends one line to a client that is not admitted, and closes the socket a little later.
fn refuse(stream: TcpStream, peer: SocketAddr, entrance: &Entrance, hub: &Hub, why: &TurnedAway) {
    log::info!("{peer}: refused: {why}");
    hub.metrics.refused.of(why.counts_as()).add(1);
    let socket = SockRef::from(&stream);
    // If the socket does not accept the line at once, the client does not get it.
    let sent = socket.send_with_flags(&entrance.refusal(why), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
    hub.slow_readers.traffic.sent.add(sent.unwrap_or(0) as u64);
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
    /// How its session begins.
    door: Door,
    counted: CountedTowards,
    open: Open,
    counted_open: Raised,
}

/// What a connection counts towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedTowards {
    /// Nothing: its address is exempt.
    Nowhere,
    /// The limit of its address.
    ByAddress,
    /// The connections of its proxy that have not named a client's address yet.
    ByProxy,
}

/// A client's thread.
///
/// Its beginning and end are separate functions and never inlined: the depth of the stack while the session waits decides
/// whether an idle user costs two pages of it or three.
fn serve(mut connection: Box<Connection>) {
    let began = Instant::now();
    log_connected(&connection);
    let ended = match begin(&mut connection, began) {
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
    let usual = entrance.service == Service::Session(Door::Plain) && entrance.transport.is_plain();
    let kind = if usual { String::new() } else { format!(" ({})", entrance.name()) };
    log::info!("client {} from {peer} connected{kind}", outbox.id());
}

#[inline(never)]
fn begin(connection: &mut Connection, began: Instant) -> Result<(), DisconnectReason> {
    let Connection { hub, outbox, peer, entrance, counted, .. } = connection;
    entrance.transport.prepare(outbox);
    #[cfg(feature = "web")]
    if entrance.service == Service::Web {
        outbox.await_request();
    }
    set_options(outbox.stream());
    hub.roster.connected(outbox);
    // A ban of a network may include the proxy. Only the client's address counts, and it is checked once it is known.
    let address = Some(peer.ip()).filter(|_| *counted != CountedTowards::ByProxy);
    if let Some((why, ended)) = decided_meanwhile(hub, address) {
        hub.metrics.refused.of(why.counts_as()).add(1);
        outbox.turn_away(&entrance.refusal(&why), ended.clone());
        outbox.lingering_close(&ended);
        return Err(ended);
    }
    // A panic in the first steps must not leave anything of this connection behind.
    let first_steps = || take_first_steps(connection, began);
    catch_unwind(AssertUnwindSafe(first_steps)).unwrap_or(Err(DisconnectReason::Panicked))
}

/// Everything that comes before a session, under one deadline.
fn take_first_steps(connection: &mut Connection, began: Instant) -> Result<(), DisconnectReason> {
    if connection.entrance.service == Service::Proxied {
        receive_header(connection, began)?;
    }
    let Connection { hub, outbox, peer, entrance, .. } = connection;
    entrance.shake_hands(outbox, hub, peer.ip(), began + FIRST_STEPS)?;
    match entrance.service {
        Service::Session(_) | Service::Proxied | Service::Files => Ok(()),
        #[cfg(feature = "web")]
        Service::Web => receive_request(connection, began + FIRST_STEPS),
    }
}

/// Receives the header of a proxy. From then on the connection counts as that of the client it names.
fn receive_header(connection: &mut Connection, began: Instant) -> Result<(), DisconnectReason> {
    let Connection { hub, outbox, entrance, peer, counted, .. } = connection;
    let proxy = *peer;
    let mut admit = |client: SocketAddr| {
        let address = client.ip();
        // First, so that a ban that is decided meanwhile finds the connection.
        outbox.speak_for(address);
        if let Some(why) = entrance.refuses_plain(&hub.config(), address) {
            return Err(why);
        }
        let entered = enter(hub, address, Instant::now())?;
        leave(hub, std::mem::replace(counted, entered), proxy.ip());
        *peer = client;
        log::info!("client {} is from {client}, through a proxy at {proxy}", outbox.id());
        Ok(())
    };
    proxy_header::receive(outbox, entrance, proxy, began, &hub.metrics, &mut admit)
}

/// Receives the first request, which may name the client's address and decides how the session begins.
#[cfg(feature = "web")]
fn receive_request(connection: &mut Connection, deadline: Instant) -> Result<(), DisconnectReason> {
    let Connection { hub, outbox, entrance, peer, counted, door, .. } = connection;
    let visit = web::BrowserConnection {
        hub,
        outbox,
        is_secure: !entrance.transport.is_plain(),
        peer: *peer,
        is_proxy: *counted == CountedTowards::ByProxy,
        deadline,
    };
    let proxy = peer.ip();
    let mut admit = |address: IpAddr| {
        let entered = enter(hub, address, Instant::now());
        let entered = entered.inspect_err(|why| hub.metrics.refused.of(why.counts_as()).add(1))?;
        leave(hub, std::mem::replace(counted, entered), proxy);
        peer.set_ip(address);
        log::info!("client {} is from {address}, through a proxy at {proxy}", outbox.id());
        Ok(())
    };
    *door = web::receive(&visit, &mut admit)?;
    Ok(())
}

/// A stop or a ban that was decided after this connection was admitted and before it was in the roster. Such a decision is
/// applied to the connections in the roster, so it has missed this one; later decisions will not.
fn decided_meanwhile(hub: &Hub, address: Option<IpAddr>) -> Option<(TurnedAway, DisconnectReason)> {
    if let Some(why) = TurnedAway::by_stop(&hub.shutdown) {
        return Some((why, DisconnectReason::Stopping));
    }
    Some((banned(hub, address?)?, DisconnectReason::AddressBanned))
}

#[inline(never)]
fn open_session(Connection { hub, outbox, peer, door, .. }: &Connection, began: Instant) -> Box<Session> {
    Session::new(Arc::clone(hub), Arc::clone(outbox), *peer, *door, began)
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
    let Connection { hub, outbox, peer, counted, open, counted_open, .. } = *connection;
    if let Some(kind) = ended.counts_as() {
        hub.metrics.dropped.of(kind).add(1);
    }
    let id = outbox.id();
    hub.roster.disconnected(id);
    leave(&hub, counted, peer.ip());
    outbox.shut(ended);
    drop(outbox);
    let seconds = began.elapsed().as_secs();
    log::info!("client {id} from {peer} disconnected after {seconds} s: {}", text::escape_for_log(&ended.to_string()));
    drop((open, counted_open));
}

/// Admits a connection by the address that it comes from, or returns the refusal.
fn enter_by(hub: &Hub, entrance: &Entrance, address: IpAddr, now: Instant) -> Result<CountedTowards, TurnedAway> {
    if entrance.service == Service::Proxied {
        let is_trusted = hub.config().proxy.trusted.iter().any(|network| network.contains(address));
        return if is_trusted { enter_for_others(hub, address, now) } else { Err(TurnedAway::NotAProxy) };
    }
    if let Some(why) = entrance.refuses_plain(&hub.config(), address) {
        return Err(why);
    }
    if speaks_for_others(hub, entrance, address) {
        enter_for_others(hub, address, now)
    } else {
        enter(hub, address, now)
    }
}

/// Whether a connection is from a proxy, whose requests name the address they are for.
#[cfg_attr(not(feature = "web"), expect(unused_variables, reason = "there are no requests"))]
fn speaks_for_others(hub: &Hub, entrance: &Entrance, address: IpAddr) -> bool {
    #[cfg(feature = "web")]
    if entrance.service == Service::Web {
        return hub.config().web.trusted_proxies.iter().any(|network| network.contains(address));
    }
    false
}

/// Admits a connection of a proxy until it has named an address.
fn enter_for_others(hub: &Hub, proxy: IpAddr, now: Instant) -> Result<CountedTowards, TurnedAway> {
    let entered = hub.limits.pending_heads().enter(proxy, Some(MOST_PENDING_HEADS), None, now);
    entered.map(|()| CountedTowards::ByProxy).map_err(|_| TurnedAway::Full)
}

/// Stops counting a connection that was admitted.
fn leave(hub: &Hub, counted: CountedTowards, address: IpAddr) {
    match counted {
        CountedTowards::Nowhere => {}
        CountedTowards::ByAddress => hub.limits.admission().leave(address),
        CountedTowards::ByProxy => hub.limits.pending_heads().leave(address),
    }
}

/// The refusal, if an address is banned.
fn banned(hub: &Hub, address: IpAddr) -> Option<TurnedAway> {
    let moment = hub.moment();
    hub.address_bans.find(address, moment).map(|ban| TurnedAway::Banned(Box::new(ban), moment))
}

/// Admits a connection or returns the refusal.
fn enter(hub: &Hub, address: IpAddr, now: Instant) -> Result<CountedTowards, TurnedAway> {
    if let Some(why) = banned(hub, address) {
        return Err(why);
    }
    let config = hub.config();
    if config.is_exempt(address) {
        return Ok(CountedTowards::Nowhere);
    }
    let limits = &config.limits;
    let rate = limits.connections_per_ip_per_minute.and_then(|count| u32::try_from(count).ok());
    let rate = rate.and_then(|count| Rate::new(count, count, Duration::from_secs(60)));
    let entered = hub.limits.admission().enter(address, limits.connections_per_ip, rate, now);
    entered.map(|()| CountedTowards::ByAddress).map_err(TurnedAway::NotAdmitted)
}

#[cfg(test)]
mod tests;
