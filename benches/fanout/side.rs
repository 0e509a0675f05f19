//! One side of a comparison: a process under test with its members.
//!
//! *Owns* starting the two sides, and measuring them in turns.
//! *Knows nothing of* targets.

use std::time::{Duration, Instant};

use crate::crowd::{Crowd, Door};
use crate::failure::Failure;
use crate::options::{Comparison, Options};
use crate::report::Report;
use crate::subject::{OutboxLimits, Setup, Subject};
use crate::traffic::{Flow, Tally, closed_loop, median, wait_idle};
use crate::wire;

/// Logins under way at a time. Enough to keep both sides busy, few enough not to be a flood.
pub const PARALLEL_LOGINS: usize = 16;

/// How many members there are, and where.
#[derive(Clone, Copy)]
pub enum Layout {
    /// In the room `general`.
    OneRoom(usize),
    /// This many rooms, and members in each.
    Rooms(usize, usize),
}

impl Layout {
    fn crowd(self, door: Door, port: u16) -> Result<Crowd, Failure> {
        match self {
            Layout::OneRoom(_) => Crowd::new(door, port, wire::SHORT),
            Layout::Rooms(rooms, members) => Crowd::in_rooms(door, port, wire::SHORT, rooms, members),
        }
    }

    /// What a table is about.
    pub fn describe(self) -> String {
        match self {
            Layout::OneRoom(members) => format!("{members} members"),
            Layout::Rooms(rooms, members) => format!("{rooms} rooms of {members}"),
        }
    }

    /// All members.
    pub fn total(self) -> usize {
        match self {
            Layout::OneRoom(members) => members,
            Layout::Rooms(rooms, members) => rooms * members,
        }
    }
}

/// A process under test and its members, who leave before it is ended.
pub struct Side {
    pub crowd: Crowd,
    pub subject: Subject,
    /// Work that the process does after the last delivery belongs to a window's cost.
    pays_later: bool,
    pub arrival: Arrival,
}

/// What bringing everybody in has cost.
#[derive(Clone, Copy, Default)]
pub struct Arrival {
    /// Microseconds of processor time per member.
    pub cpu: f64,
    /// Resident KB per member.
    pub resident: f64,
    /// Resident MB before the first of them.
    pub before: f64,
}

impl Side {
    /// Starts a floor and connects everybody.
    pub fn floor(layout: Layout) -> Result<Side, Failure> {
        let (rooms, members) = match layout {
            Layout::OneRoom(members) => (1, members),
            Layout::Rooms(rooms, members) => (rooms, members),
        };
        let subject = Subject::floor(rooms, members)?;
        let mut crowd = layout.crowd(Door::Floor, subject.port)?;
        // One at a time in several rooms: the floor seats members in the order in which they connect.
        let parallel = if rooms > 1 { 1 } else { PARALLEL_LOGINS };
        crowd.join(layout.total(), parallel, None)?;
        Ok(Side { crowd, subject, pays_later: false, arrival: Arrival::default() })
    }

    /// Starts a server and brings everybody in.
    pub fn server(options: &Options, layout: Layout, setup: Setup) -> Result<Side, Failure> {
        let rooms = match layout {
            Layout::OneRoom(_) => 0,
            Layout::Rooms(rooms, _) => rooms,
        };
        let subject = Subject::server(&options.telnet, OutboxLimits::Off, setup, rooms)?;
        let mut crowd = layout.crowd(setup.door(), subject.port)?;
        let (empty, cpu, start) = (subject.resident()?, subject.cpu()?, Instant::now());
        crowd.join(layout.total(), PARALLEL_LOGINS, None).map_err(|failure| failure.with(&subject.last_words()))?;
        let (wall, cpu) = (start.elapsed(), subject.cpu()?.saturating_sub(cpu));
        crowd.settle()?;
        let members = layout.total() as f64;
        let arrival = Arrival {
            cpu: cpu.as_secs_f64() * 1e6 / members,
            resident: subject.resident()?.saturating_sub(empty) as f64 / members / 1024.0,
            before: empty as f64 / 1_048_576.0,
        };
        let (ours, theirs) = options.comparison.sides();
        let side = match (options.comparison, setup) {
            (Comparison::Floor, _) => String::new(),
            (Comparison::Web, door) => format!("{}: ", door.label()),
            (_, Setup::Bare) => format!("{theirs}: "),
            _ => format!("{ours}: "),
        };
        let encryption = crowd.encryption().map(|negotiated| format!("; {negotiated}")).unwrap_or_default();
        Report::say(&format!(
            "  {side}login and join: {:.0} a second, {PARALLEL_LOGINS} at a time, {:.0} us CPU each; resident: {:.1} KB per idle connection{encryption}",
            members / wall.as_secs_f64(),
            arrival.cpu,
            arrival.resident,
        ));
        Ok(Side { crowd, subject, pays_later: options.comparison == Comparison::History, arrival })
    }

    pub fn window(&mut self, flow: Flow, length: Duration) -> Result<Tally, Failure> {
        self.measure(flow, length).map_err(|failure| failure.with(&self.subject.last_words()))
    }

    fn measure(&mut self, flow: Flow, length: Duration) -> Result<Tally, Failure> {
        let before = self.subject.cpu()?;
        let mut tally = closed_loop(&mut self.crowd, &|| self.subject.cpu(), flow, length)?;
        if self.pays_later {
            wait_idle(&mut self.crowd, &self.subject)?;
            tally.cpu = self.subject.cpu()?.saturating_sub(before);
        }
        Ok(tally)
    }

    /// How many of the texts of the server's life are on disk, and how many were sent.
    fn stored(&mut self) -> Result<(u64, u64), Failure> {
        let sent = self.crowd.total_sent();
        let mut stored = self.subject.stored()?;
        if stored < sent {
            // A slow disk looks like an idle server.
            self.crowd.settle()?;
            stored = self.subject.stored()?;
        }
        Ok((stored, sent))
    }
}

/// Microseconds per delivery on both sides, and their ratio.
pub struct Outcome {
    pub ours: f64,
    pub theirs: f64,
    pub ratio: f64,
}

impl Outcome {
    pub fn figures(&self) -> String {
        format!("{:.3} us against {:.3} us", self.ours, self.theirs)
    }
}

/// The head of the table that [`alternate`] fills.
pub fn print_head(comparison: Comparison) {
    let (ours, theirs) = comparison.sides();
    Report::say(&format!("{ours:>37} {theirs:>7}             deliveries a second"));
    Report::say(&format!("  CPU per delivery                 us      us    ratio {ours:>11} {theirs:>11}"));
}

/// Measures windows of the two sides in turns, so that other load on the machine affects both. The median ratio counts.
pub fn alternate(
    options: &Options,
    server: &mut Side,
    other: &mut Side,
    flow: Flow,
    name: &str,
) -> Result<Outcome, Failure> {
    // Buffers grow and threads wake for the first time outside the figures.
    let warm_up = options.window / 4;
    other.window(flow, warm_up)?;
    server.window(flow, warm_up)?;
    let mut pairs = Vec::with_capacity(options.rounds);
    for _ in 0..options.rounds {
        pairs.push((server.window(flow, options.window)?, other.window(flow, options.window)?));
    }
    let of = |figure: fn(&(Tally, Tally)) -> f64| median(pairs.iter().map(figure).collect());
    let ratio = of(|(server, other)| server.cpu_per_delivery() / other.cpu_per_delivery());
    let (ours, theirs) = (of(|pair| pair.0.cpu_per_delivery()), of(|pair| pair.1.cpu_per_delivery()));
    let (our_rate, their_rate) = (of(|pair| pair.0.per_second()), of(|pair| pair.1.per_second()));
    Report::say(&format!("  {name:<28} {ours:>7.3} {theirs:>7.3} {ratio:>8.3} {our_rate:>11.0} {their_rate:>11.0}"));
    Ok(Outcome { ours, theirs, ratio })
}

/// The same, and for a server that stores messages how many of them it has stored: a message lost under pressure costs
/// nothing, and without this the ratio would look too good.
pub fn alternate_counting_stored(
    options: &Options,
    server: &mut Side,
    other: &mut Side,
    flow: Flow,
    name: &str,
) -> Result<(Outcome, String), Failure> {
    if options.comparison != Comparison::History {
        let outcome = alternate(options, server, other, flow, name)?;
        let figures = outcome.figures();
        return Ok((outcome, figures));
    }
    let before = server.stored()?;
    let outcome = alternate(options, server, other, flow, name)?;
    let after = server.stored()?;
    let (stored, sent) = (after.0 - before.0, after.1 - before.1);
    let stored = if stored == sent {
        format!("all {sent} messages stored")
    } else {
        format!("only {stored} of {sent} messages stored")
    };
    let figures = format!("{}; {stored}", outcome.figures());
    Ok((outcome, figures))
}
