//! The floor: one bare `write` per member and message, and nothing else.
//!
//! *Owns* the process that the server is measured against. No lock, no history, no batch, one thread: what is left is
//! what the kernel takes for bringing the bytes to the members one by one.
//! *Knows nothing of* the client's counting. *Called by* `main` in a process of its own, so that its processor time is
//! told from the client's.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::failure::Failure;

/// What the first member says to name the number of members who will speak: `=`, one digit.
pub const SPEAKERS_MARK: u8 = b'=';
/// What a member hears when it is in.
pub const GREETING: &str = "general | ";

/// What is read at once; far more than a sender may have in flight.
const BUFFER: usize = 64 * 1024;

/// Lets `members` in, then passes on what they say until the first of them ends.
pub fn serve(members: usize) -> Result<(), Failure> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {} (floor)", listener.local_addr()?);
    let mut sockets = Vec::with_capacity(members);
    while sockets.len() < members {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        (&socket).write_all(GREETING.as_bytes())?;
        sockets.push(socket);
    }
    let mut floor = Floor { buffer: vec![0; BUFFER], unfinished: vec![Vec::new(); members], sockets, speakers: 1 };
    while floor.pass_on()? {}
    Ok(())
}

struct Floor {
    sockets: Vec<TcpStream>,
    /// The first so many members speak, the others only listen.
    speakers: usize,
    /// A member's line so far.
    unfinished: Vec<Vec<u8>>,
    buffer: Vec<u8>,
}

impl Floor {
    /// False: the first member is gone.
    fn pass_on(&mut self) -> Result<bool, Failure> {
        // A single speaker is read without asking the kernel who is ready: that would not be bare.
        if self.speakers == 1 {
            return self.read_from(0);
        }
        let mut waiting: Vec<PollFd<'_>> =
            self.sockets[..self.speakers].iter().map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        poll(&mut waiting, PollTimeout::NONE)?;
        let ready: Vec<bool> = waiting.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        for (speaker, _) in ready.iter().enumerate().filter(|(_, ready)| **ready) {
            if !self.read_from(speaker)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read_from(&mut self, speaker: usize) -> Result<bool, Failure> {
        let Floor { sockets, speakers, unfinished, buffer } = self;
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
                // Blocking sockets take a line whole.
                if member != speaker && socket.write(line)? != line.len() {
                    return Err(Failure::new("a bare write was cut short"));
                }
            }
        }
        lines.drain(..done);
        Ok(true)
    }
}
