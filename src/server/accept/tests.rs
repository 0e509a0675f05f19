//! A stop or a ban is decided while a connection is between the accept loop and the roster.
//!
//! The tests take the place of the accept loop: what they do before they call [`serve`] happens in that gap.

use std::io::Read as _;
use std::sync::mpsc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::access::network::Network;
use crate::chat::names::UserName;
use crate::config::Config;
use crate::server::loopback;
use crate::server::ports::Ports;
use crate::server::transport::Transport;
use crate::store::AddressBanRecord;
use crate::ui::screen::Clock;

/// Long enough for any machine; ends a test that would otherwise hang.
const PATIENCE: Duration = Duration::from_secs(30);

const PEER: &str = "192.0.2.7:4242";

fn hub() -> Arc<Hub> {
    Arc::new(Hub::new(Config::default(), Clock::new(TimeZone::UTC), None, mpsc::channel().0, None))
}

/// A connection that the accept loop has admitted, from a documentation address, and its client.
fn let_in(hub: &Arc<Hub>) -> (Box<Connection>, TcpStream) {
    let peer: SocketAddr = PEER.parse().expect("an address");
    let counted = enter(hub, peer.ip(), Instant::now()).expect("let in");
    let listener = TcpListener::bind(loopback()).expect("a listener");
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let (stream, _) = listener.accept().expect("accepted");
    let outbox = Outbox::new(hub.next_client(), stream, Arc::clone(&hub.slow_readers));
    let ports = Ports { plain: None, tls: None };
    let entrance = Arc::new(Entrance { service: Service::Session(Door::Plain), transport: Transport::Plain, ports });
    let open = hub.shutdown.enter(10).expect("room for one");
    let counted_open = hub.metrics.open.raise(entrance.kind());
    (
        Box::new(Connection {
            hub: Arc::clone(hub),
            outbox,
            peer,
            entrance,
            door: Door::Plain,
            counted,
            open,
            counted_open,
        }),
        client,
    )
}

fn ban(hub: &Hub, network: &str) {
    let network = Network::parse(network).expect("a network");
    let by = UserName::parse("olga", 1, 12).expect("a name");
    hub.address_bans
        .add(AddressBanRecord { network, by, reason: "spam".into(), at: Timestamp::now(), until: None })
        .expect("nothing is written");
}

/// Everything the client hears.
fn heard(mut client: &TcpStream) -> String {
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).expect("the end");
    String::from_utf8_lossy(&heard).into_owned()
}

#[test]
fn an_address_banned_while_its_connection_is_being_accepted_does_not_get_in() {
    let hub = hub();
    let (connection, client) = let_in(&hub);
    ban(&hub, "192.0.2.0/24");
    serve(connection);
    assert_eq!(heard(&client), "! Your address is banned (spam).\r\n");
    assert!(hub.roster.connections().is_empty() && hub.shutdown.open() == 0, "nothing of it is left");
    #[cfg(feature = "metrics")]
    {
        use crate::metrics::{ListenerKind, RefusalKind};
        assert_eq!(hub.metrics.refused.of(RefusalKind::Banned).get(), 1);
        assert_eq!(hub.metrics.open.get(ListenerKind::Telnet), 0);
    }
}

#[test]
fn a_stop_announced_while_a_connection_is_being_accepted_reaches_it() {
    let hub = hub();
    let (connection, client) = let_in(&hub);
    hub.shutdown.announce();
    serve(connection);
    assert_eq!(heard(&client), "! The server is shutting down. Please try again later.\r\n");
    assert!(hub.roster.connections().is_empty() && hub.shutdown.open() == 0, "nothing of it is left");
}

#[test]
fn a_ban_of_others_keeps_nobody_out() {
    let hub = hub();
    let (connection, client) = let_in(&hub);
    ban(&hub, "198.51.100.0/24");
    // A client that sends nothing is admitted, greeted, and leaves.
    client.shutdown(Shutdown::Write).expect("half closed");
    serve(connection);
    assert!(heard(&client).contains("* Welcome to chatsock!\r\n"));
}

/// In TLS a refusal is an alert: a line in the clear would be taken for a broken record.
#[cfg(feature = "tls")]
#[test]
fn over_tls_a_ban_in_between_is_an_alert() {
    let hub = hub();
    let (mut connection, mut client) = let_in(&hub);
    let directory = std::env::temp_dir().join(format!("chatsock-accept-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let mut config = Config { state_dir: directory.clone(), ..Config::default() };
    config.tls.listen = vec![loopback()];
    let plan = crate::server::transport::plan(&config).expect("a certificate");
    let transport = plan.into_iter().find(|(_, transport, _)| !transport.is_plain()).expect("TLS").1;
    connection.entrance = Arc::new(Entrance {
        service: Service::Session(Door::Plain),
        transport,
        ports: Ports { plain: None, tls: None },
    });
    ban(&hub, "192.0.2.7");
    serve(connection);
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).expect("the end");
    assert_eq!(heard, *crate::protocol::wire::OtherProtocol::Tls.answer(None));
    let _ = std::fs::remove_dir_all(directory);
}
