//! A TCP proxy that delays or cuts connections, or blocks one direction: a bad network on one machine.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How it treats traffic.
#[derive(Default)]
struct Faults {
    /// Nothing passes and nothing is closed: both ends wait.
    stopped: AtomicBool,
    /// New connections are closed at once.
    refusing: AtomicBool,
    /// Milliseconds of delay for each piece.
    delay: AtomicUsize,
    /// Bytes towards the client after which everything is cut; zero: no limit.
    cut_after: AtomicUsize,
    ended: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
    target: Mutex<Option<SocketAddr>>,
}

/// The proxy.
pub struct LossyProxy {
    address: SocketAddr,
    faults: Arc<Faults>,
}

impl LossyProxy {
    /// A proxy in front of an address.
    pub fn before(target: SocketAddr) -> LossyProxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let faults = Arc::new(Faults::default());
        let shared = Arc::clone(&faults);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                if shared.refusing.load(Ordering::Relaxed) {
                    continue;
                }
                let target = shared.target.lock().expect("no panic").unwrap_or(target);
                let Ok(server) = TcpStream::connect(target) else { continue };
                let both = [client.try_clone().expect("a socket"), server.try_clone().expect("a socket")];
                {
                    // Under this lock, so that none slips through that is accepted while all are closed.
                    let mut open = shared.open.lock().expect("no panic");
                    if shared.refusing.load(Ordering::Relaxed) {
                        continue;
                    }
                    open.extend(both);
                }
                let (there, back) = (Arc::clone(&shared), Arc::clone(&shared));
                let (from, to) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
                thread::spawn(move || pass(from, to, &there, false));
                thread::spawn(move || pass(server, client, &back, true));
            }
        });
        LossyProxy { address, faults }
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops all traffic, or lets it pass again.
    pub fn stop(&self, stopped: bool) {
        self.faults.stopped.store(stopped, Ordering::Relaxed);
    }

    /// Delays each piece.
    pub fn delay(&self, by: Duration) {
        self.faults.delay.store(usize::try_from(by.as_millis()).expect("short"), Ordering::Relaxed);
    }

    /// Sends new connections to another target. The old ones stay.
    pub fn lead(&self, target: SocketAddr) {
        *self.faults.target.lock().expect("no panic") = Some(target);
    }

    /// Sends new connections to another target, and closes the old ones.
    pub fn retarget(&self, target: SocketAddr) {
        self.lead(target);
        self.cut();
    }

    /// Closes all connections, but accepts new ones.
    pub fn cut(&self) {
        for stream in self.faults.open.lock().expect("no panic").drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Closes all connections once this many bytes have gone to the client.
    pub fn cut_after(&self, bytes: usize) {
        self.faults.cut_after.store(bytes, Ordering::Relaxed);
    }

    /// Closes all connections and refuses new ones, or accepts them again.
    pub fn refuse(&self, refusing: bool) {
        {
            let _open = self.faults.open.lock().expect("no panic");
            self.faults.refusing.store(refusing, Ordering::Relaxed);
        }
        if refusing {
            self.cut();
        }
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.faults.ended.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, faults: &Faults, to_client: bool) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        while faults.stopped.load(Ordering::Relaxed) && !faults.ended.load(Ordering::Relaxed) {
            thread::park_timeout(Duration::from_millis(2));
        }
        let delay = faults.delay.load(Ordering::Relaxed);
        if delay > 0 {
            thread::park_timeout(Duration::from_millis(delay as u64));
        }
        let mut passed = count;
        if to_client {
            let left = faults.cut_after.load(Ordering::Relaxed);
            if left > 0 {
                passed = count.min(left);
                faults.cut_after.store(left - passed, Ordering::Relaxed);
                if passed == left {
                    let _ = to.write_all(&buffer[..passed]);
                    break;
                }
            }
        }
        if to.write_all(&buffer[..passed]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
