//! The threads that carry files: one for each, to or from the server's port for files.
//!
//! They speak HTTP there, as curl does, so that the server's refusal is never taken for a file.
//!
//! *Owns* the connections for files. *Knows nothing of* offers and questions.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ring::digest::{Context, SHA256};

use super::download_file::{DownloadFile, hexadecimal};
use super::model::{Download, Upload};
use super::signal::{ClientSignal, FileProgress};
use super::target::ConnectTarget;
use crate::cli::ServerAddress;
use crate::cli::proxy::upstream::{Preface, Upstream, UpstreamConnection};
use crate::protocol::wire::{Codec, Progress};
use crate::ui::file_lines::grouped;

/// Bytes read or sent at a time.
const AT_A_TIME: usize = 64 * 1024;

/// How often the user sees progress.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// Longest head of an answer.
const LONGEST_HEAD: usize = 16 * 1024;

/// Sockets of running transfers, by key, to stop them. A leaf lock: nothing is read or written under it.
type Running = Arc<Mutex<HashMap<u64, Arc<TcpStream>>>>;

/// The files on their way.
pub(super) struct Carriers {
    target: ConnectTarget,
    peer: Option<SocketAddr>,
    directory: PathBuf,
    running: Running,
    /// Hashes of incomplete files, by path.
    parts: Arc<Mutex<HashMap<PathBuf, String>>>,
}

/// The state of one transfer's thread.
struct Carrier {
    way: Upstream,
    key: u64,
    signals: SyncSender<ClientSignal>,
    running: Running,
    told: Option<Instant>,
}

/// A sentence for the user.
type Why = String;

fn in_words(what: &str, error: &io::Error) -> Why {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            format!("{what} broke off.")
        }
        _ => format!("{what} broke off: {error}."),
    }
}

impl Carriers {
    pub(super) fn new(target: ConnectTarget, directory: PathBuf) -> Carriers {
        Carriers { target, peer: None, directory, running: Arc::default(), parts: Arc::default() }
    }

    /// Notes the address at which the server was reached.
    pub(super) fn reach(&mut self, peer: Option<SocketAddr>) {
        self.peer = peer;
    }

    /// How to connect to the port for files, which the server names as `http://HOST:PORT/f/TOKEN`.
    fn way(&self, url: Option<&str>) -> Result<Upstream, Why> {
        let wrong = || "The server does not say where its files are.".to_owned();
        let url = url.ok_or_else(wrong)?;
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let place = rest.split('/').next().unwrap_or("");
        let named = ServerAddress::parse(place).ok_or_else(wrong)?;
        let expected = match scheme {
            "https" => {
                Some(self.target.expected().ok_or("The server's files need TLS, and this connection has none.")?)
            }
            "http" => None,
            _ => return Err(wrong()),
        };
        // The host that the client connected to is right; the server may not know that name.
        let host =
            if expected.is_some() || self.peer.is_some_and(|peer| named.host == peer.ip().to_canonical().to_string()) {
                self.target.address().host.clone()
            } else {
                named.host
            };
        Ok(Upstream { to: ServerAddress { host, port: named.port }, expected })
    }

    fn spawn(
        &self,
        key: u64,
        url: Option<&str>,
        signals: &SyncSender<ClientSignal>,
        work: impl FnOnce(&mut Carrier) -> Result<(), Why> + Send + 'static,
    ) -> Result<(), Why> {
        let way = self.way(url)?;
        let mut carrier =
            Carrier { way, key, signals: signals.clone(), running: Arc::clone(&self.running), told: None };
        let thread = thread::Builder::new().name(format!("connect-file:{key}")).spawn(move || {
            let result = work(&mut carrier);
            carrier.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&carrier.key);
            if let Err(why) = result {
                carrier.tell(FileProgress::Failed(why));
            }
        });
        thread.map(drop).map_err(|error| format!("Cannot start a thread for the file: {error}."))
    }

    /// Begins to send a file.
    pub(super) fn send(&self, upload: Upload, signals: &SyncSender<ClientSignal>) -> Result<(), Why> {
        let Upload { key, path, token, url, from } = upload;
        self.spawn(key, url.as_deref(), signals, move |carrier| carrier.send(&path, &token, from))
    }

    /// Begins to fetch a file.
    pub(super) fn fetch(&self, download: Download, signals: &SyncSender<ClientSignal>) -> Result<(), Why> {
        let (directory, parts) = (self.directory.clone(), Arc::clone(&self.parts));
        let url = download.url.clone();
        self.spawn(download.key, url.as_deref(), signals, move |carrier| {
            let known = download.part.as_ref().and_then(|part| {
                let hash = parts.lock().unwrap_or_else(PoisonError::into_inner).get(part).cloned()?;
                DownloadFile::resume(&directory, &download.name, part, &hash)
            });
            let made = match known {
                Some(known) => Ok(known),
                None => DownloadFile::create(&directory, &download.name),
            };
            let mut file = made
                .map_err(|error| format!("{} cannot be written in {}: {error}.", download.name, directory.display()))?;
            carrier.tell(FileProgress::Placed(file.part().to_owned()));
            match carrier.fetch(&mut file, &download.token) {
                Ok(()) => {
                    let hash = file.hash();
                    let place =
                        file.finish().map_err(|error| format!("{} cannot be saved: {error}.", download.name))?;
                    carrier.tell(FileProgress::Done(place, hash));
                    Ok(())
                }
                Err(why) => {
                    if file.length == 0 {
                        file.discard();
                    } else {
                        let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                        parts.insert(file.part().to_owned(), file.hash());
                    }
                    Err(why)
                }
            }
        })
    }

    /// Stops a transfer.
    pub(super) fn stop(&self, key: u64) {
        let socket = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        if let Some(socket) = socket {
            // An error means that it has ended already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// A connection to the port for files.
struct FileConnection {
    stream: Arc<TcpStream>,
    codec: Codec,
    /// Decrypted and not used yet.
    plain: Vec<u8>,
    buffer: Vec<u8>,
}

impl FileConnection {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.codec.is_plain() {
            return (&*self.stream).write_all(bytes);
        }
        let mut encoded = Vec::with_capacity(bytes.len() + 1024);
        self.codec.encode(bytes, &mut encoded);
        (&*self.stream).write_all(&encoded)
    }

    /// Reads until there are more bytes in `plain`. False at the end.
    fn read(&mut self) -> io::Result<bool> {
        let mut count = 0;
        loop {
            let mut answer = Vec::new();
            let before = self.plain.len();
            let progress = self.codec.feed(&self.buffer[..count], &mut self.plain, &mut answer);
            (&*self.stream).write_all(&answer)?;
            if self.plain.len() > before {
                return Ok(true);
            }
            match progress {
                Ok(Progress::Open | Progress::ShakingHands) => {}
                Ok(Progress::Closed) => return Ok(false),
                Err(_) => return Err(io::Error::other("the encryption has failed")),
            }
            count = loop {
                match (&*self.stream).read(&mut self.buffer) {
                    Ok(0) => return Ok(false),
                    Ok(count) => break count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            };
        }
    }

    /// The head of the answer: its status, and how many bytes follow.
    fn head(&mut self) -> io::Result<(u16, Option<u64>)> {
        let end = loop {
            if let Some(at) = self.plain.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.plain.len() > LONGEST_HEAD || !self.read()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&self.plain[..end]).into_owned();
        self.plain.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let length = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        Ok((status.ok_or_else(|| io::Error::other("the server does not speak HTTP there"))?, length))
    }

    /// The server's sentence in place of a file.
    fn sentence(&mut self) -> Why {
        while self.plain.len() < LONGEST_HEAD && self.read().is_ok_and(|more| more) {}
        let text = String::from_utf8_lossy(&self.plain);
        let line = text.lines().next().unwrap_or("").trim_start_matches("! ");
        let clean = crate::text::sanitize(line).into_owned();
        if clean.is_empty() { "The server refuses the file.".to_owned() } else { clean }
    }
}

impl Carrier {
    fn tell(&self, progress: FileProgress) {
        // An error means that the client has ended.
        let _ = self.signals.send(ClientSignal::File(self.key, progress));
    }

    fn moved(&mut self, done: u64, size: Option<u64>) {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) || Some(done) == size {
            self.told = Some(Instant::now());
            self.tell(FileProgress::Moved(done, size));
        }
    }

    fn connect(&self) -> Result<FileConnection, Why> {
        let connection = self.way.connect(Preface::Nothing).map_err(|error| error.sentence(&self.way.to))?;
        let UpstreamConnection { stream, codec } = connection;
        let stream = Arc::new(stream);
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(self.key, Arc::clone(&stream));
        Ok(FileConnection { stream, codec, plain: Vec::new(), buffer: vec![0; AT_A_TIME] })
    }

    fn send(&mut self, path: &Path, token: &str, from: u64) -> Result<(), Why> {
        let shown = path.display().to_string();
        let unreadable = |error: io::Error| format!("{shown} cannot be read: {error}.");
        let mut file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        if from > size {
            return Err(format!("{shown} is shorter than what was sent of it before."));
        }
        let mut hash = Context::new(&SHA256);
        let mut buffer = vec![0; AT_A_TIME];
        // The part sent before belongs to the hash too.
        let mut left = from;
        while left > 0 {
            let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = file.read(&mut buffer[..most]).map_err(unreadable)?;
            if count == 0 {
                return Err(format!("{shown} has become shorter."));
            }
            hash.update(&buffer[..count]);
            left -= count as u64;
        }
        file.seek(SeekFrom::Start(from)).map_err(unreadable)?;
        let mut connection = self.connect()?;
        let length = size - from;
        let range = if from > 0 {
            format!("Content-Range: bytes {from}-{}/{size}\r\n", size.saturating_sub(1))
        } else {
            String::new()
        };
        let head = format!(
            "PUT /f/{token} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n{range}Connection: close\r\n\r\n",
            self.way.to
        );
        let mut sent = connection.send(head.as_bytes());
        let mut done = from;
        while sent.is_ok() && done < size {
            let most = buffer.len().min(usize::try_from(size - done).unwrap_or(usize::MAX));
            let count = file.read(&mut buffer[..most]).map_err(unreadable)?;
            if count == 0 {
                return Err(format!("{shown} has become shorter while it was sent."));
            }
            hash.update(&buffer[..count]);
            sent = connection.send(&buffer[..count]);
            done += count as u64;
            self.moved(done, Some(size));
        }
        // A server that accepts no more bytes has said why.
        let what = format!("Sending {shown}");
        let (status, _) = connection.head().map_err(|error| in_words(&what, &error))?;
        if !(200..300).contains(&status) {
            return Err(connection.sentence());
        }
        sent.map_err(|error| in_words(&what, &error))?;
        self.tell(FileProgress::Done(path.to_owned(), hexadecimal(hash)));
        Ok(())
    }

    fn fetch(&mut self, file: &mut DownloadFile, token: &str) -> Result<(), Why> {
        let mut connection = self.connect()?;
        let range = if file.length > 0 { format!("Range: bytes={}-\r\n", file.length) } else { String::new() };
        let head = format!("GET /f/{token} HTTP/1.1\r\nHost: {}\r\n{range}Connection: close\r\n\r\n", self.way.to);
        let what = "Receiving the file".to_owned();
        connection.send(head.as_bytes()).map_err(|error| in_words(&what, &error))?;
        let (status, length) = connection.head().map_err(|error| in_words(&what, &error))?;
        if !(200..300).contains(&status) {
            return Err(connection.sentence());
        }
        if status != 206 && file.length > 0 {
            return Err("The server sends the whole file again, and not the rest of it.".to_owned());
        }
        let size = length.map(|length| file.length + length);
        loop {
            let bytes = std::mem::take(&mut connection.plain);
            file.write(&bytes).map_err(|error| format!("The file cannot be written: {error}."))?;
            self.moved(file.length, size);
            if size.is_some_and(|size| file.length >= size) {
                break;
            }
            if !connection.read().map_err(|error| in_words(&what, &error))? {
                break;
            }
        }
        match size {
            Some(size) if file.length != size => {
                Err(format!("The file broke off at {} of {} bytes.", grouped(file.length), grouped(size)))
            }
            Some(_) | None => Ok(()),
        }
    }
}
