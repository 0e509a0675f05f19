//! The floor: one bare `write` per member and message, and nothing else.
//!
//! *Owns* the process that the server is compared with. It has no lock, no history, no batches and one thread: what remains
//! is what the kernel takes to bring the bytes to the members one by one. `main` runs it in a process of its own, so that its
//! processor time is separate from the client's.
//! *Knows nothing of* the client's counting.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::failure::Failure;

/// What the first member sends to set the number of members who speak: `=`, one digit.
pub const SPEAKERS_MARK: u8 = b'=';
/// What every member receives on connecting.
pub const GREETING: &str = "general | ";

/// Bytes per read; far more than a sender has in flight.
const BUFFER: usize = 64 * 1024;

/// Accepts `members` for each room, one room after the other, then passes on what they say until the first of them ends.
pub fn serve(rooms: usize, members: usize) -> Result<(), Failure> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {} (floor)", listener.local_addr()?);
    let mut all = Vec::with_capacity(rooms);
    for _ in 0..rooms {
        let mut sockets = Vec::with_capacity(members);
        while sockets.len() < members {
            let (socket, _) = listener.accept()?;
            socket.set_nodelay(true)?;
            (&socket).write_all(GREETING.as_bytes())?;
            sockets.push(socket);
        }
        all.push(Room { unfinished: vec![Vec::new(); members], sockets, speakers: 1 });
    }
    let mut buffer = vec![0; BUFFER];
    match &mut all[..] {
        [room] => while room.pass_on(&mut buffer)? {},
        rooms => pass_on_in_all(rooms, &mut buffer)?,
    }
    Ok(())
}

/// The first member of every room speaks.
fn pass_on_in_all(rooms: &mut [Room], buffer: &mut [u8]) -> Result<(), Failure> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (index, room) in rooms.iter().enumerate() {
        epoll.add(&room.sockets[0], EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
    }
    let mut events = vec![EpollEvent::empty(); rooms.len()];
    loop {
        let ready = epoll.wait(&mut events, EpollTimeout::NONE)?;
        for event in &events[..ready] {
            if !rooms[usize::try_from(event.data())?].read_from(0, buffer)? {
                return Ok(());
            }
        }
    }
}

struct Room {
    sockets: Vec<TcpStream>,
    /// This many of the first members speak; the others only listen.
    speakers: usize,
    /// Each member's line so far.
    unfinished: Vec<Vec<u8>>,
}

impl Room {
    /// Passes on what has come. False once the first member is gone.
    fn pass_on(&mut self, buffer: &mut [u8]) -> Result<bool, Failure> {
        // A single speaker is read without asking the kernel who is ready: that would not be bare.
        if self.speakers == 1 {
            return self.read_from(0, buffer);
        }
        let mut waiting: Vec<PollFd<'_>> =
            self.sockets[..self.speakers].iter().map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        poll(&mut waiting, PollTimeout::NONE)?;
        let ready: Vec<bool> = waiting.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        for (speaker, _) in ready.iter().enumerate().filter(|(_, ready)| **ready) {
            if !self.read_from(speaker, buffer)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read_from(&mut self, speaker: usize, buffer: &mut [u8]) -> Result<bool, Failure> {
        let Room { sockets, speakers, unfinished } = self;
        let length = (&sockets[speaker]).read(buffer)?;
        if length == 0 {
            return Ok(false);
        }
        let lines = &mut unfinished[speaker];
        lines.extend_from_slice(&buffer[..length]);
        let mut done = 0;
        while let Some(end) = memchr::memchr(b'\n', &lines[done..]) {
            let line = &lines[done..=done + end];
            done += end + 1;
            if line[0] == SPEAKERS_MARK {
                *speakers = usize::from(line[1].wrapping_sub(b'0')).clamp(1, sockets.len());
                continue;
            }
            for (member, mut socket) in sockets.iter().enumerate() {
                // Blocking sockets accept a whole line.
                if member != speaker && socket.write(line)? != line.len() {
                    return Err(Failure::new("a bare write was cut short"));
                }
            }
        }
        lines.drain(..done);
        Ok(true)
    }
}
