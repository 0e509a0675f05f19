//! One room size: delivery, its cost, its time, and the memory of who is there, the server and what it is held against in
//! turns.
//!
//! *Owns* the order of the measurements and which of them have targets. *Knows nothing of* sockets.
//! *Called by* `main`, once per size.

use std::time::{Duration, Instant};

use crate::crowd::{Crowd, Door};
use crate::failure::Failure;
use crate::options::{Case, Comparison, Options};
use crate::report::Report;
use crate::subject::{OutboxLimits, Setup, Subject};
use crate::traffic::{Flow, Tally, closed_loop, median, paced, percentile, rest};
use crate::wire;

/// Logins under way at a time. Enough to keep the server's two sides busy, few enough to be people and not a flood.
pub const PARALLEL_LOGINS: usize = 16;
/// The rate at which delivery is timed: a lively room.
const LIVELY: u32 = 50;
/// Descriptors besides the members' sockets: standard streams, epoll, timers, pipes.
const SPARE_DESCRIPTORS: u64 = 64;

/// Most that keeping messages on disk may add to a delivery.
const HISTORY_COSTS: f64 = 1.15;

/// A process under test with a room full of members. The members leave before it is ended.
struct Side {
    crowd: Crowd,
    subject: Subject,
    /// What it does after the last delivery is part of a window's cost.
    pays_later: bool,
    arrival: Arrival,
}

/// What it cost to let everybody in.
#[derive(Clone, Copy, Default)]
struct Arrival {
    /// Microseconds of processor time for each.
    cpu: f64,
    /// Resident KB for each.
    resident: f64,
}

impl Side {
    fn window(&mut self, flow: Flow, length: Duration) -> Result<Tally, Failure> {
        self.measure(flow, length).map_err(|failure| failure.with(&self.subject.last_words()))
    }

    fn measure(&mut self, flow: Flow, length: Duration) -> Result<Tally, Failure> {
        let before = self.subject.cpu()?;
        let mut tally = closed_loop(&mut self.crowd, &self.subject, flow, length)?;
        if self.pays_later {
            rest(&mut self.crowd, &self.subject)?;
            tally.cpu = self.subject.cpu()?.saturating_sub(before);
        }
        Ok(tally)
    }

    /// How many of the texts of the server's life are on disk, and how many were said.
    fn kept(&mut self) -> Result<(u64, u64), Failure> {
        let said = self.crowd.said();
        let mut kept = self.subject.kept()?;
        if kept < said {
            // A disk that was slow to answer looks like rest.
            self.crowd.settle()?;
            kept = self.subject.kept()?;
        }
        Ok((kept, said))
    }
}

/// Measures a room of `members`, as far as this process may open that many sockets twice.
pub fn run(options: &Options, members: usize, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    let traffic = [Case::One, Case::Burst, Case::Eight, Case::Latency].iter().any(|&case| options.wants(case));
    if !traffic && !options.wants(Case::Memory) {
        return Ok(());
    }
    if members as u64 * 2 + SPARE_DESCRIPTORS > descriptors {
        Report::say(&format!("\n{members} members: left out, only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    Report::say(&format!("\n{members} members"));
    let mut server = fill(options, members, Setup::under(options.comparison), report)?;
    let mut other = match options.comparison {
        Comparison::Floor if !traffic => return Ok(()),
        Comparison::Floor => floor(members)?,
        Comparison::History | Comparison::Tls => fill(options, members, Setup::Bare, report)?,
    };
    if options.comparison != Comparison::Floor && options.wants(Case::Memory) {
        compare_arrivals(options, members, server.arrival, other.arrival, report);
    }
    if traffic {
        compare_traffic(options, members, &mut server, &mut other, report)?;
    }
    if options.wants(Case::Latency) {
        latency(options, &mut server, &mut other, members, report)?;
    }
    Ok(())
}

fn compare_traffic(
    options: &Options,
    members: usize,
    server: &mut Side,
    other: &mut Side,
    report: &mut Report,
) -> Result<(), Failure> {
    let (ours, theirs) = options.comparison.sides();
    Report::say(&format!("{ours:>37} {theirs:>7}             deliveries a second"));
    Report::say(&format!("  CPU per delivery                 us      us    ratio {ours:>11} {theirs:>11}"));
    let flows = [
        (Case::One, Flow::One, "1 in flight"),
        (Case::Burst, Flow::Senders { senders: 1, in_flight: 64 }, "64 in flight"),
        (Case::Eight, Flow::Senders { senders: 8, in_flight: 64 }, "8 senders, 64 in flight each"),
    ];
    for (case, flow, name) in flows {
        if !options.wants(case) {
            continue;
        }
        let what = format!("CPU per delivery, {members} members, {name}");
        match options.comparison {
            Comparison::Floor => {
                let outcome = alternate(options, server, other, flow, name)?;
                if let Some(target) = target(case, members) {
                    report.hold(what, outcome.figures(), outcome.ratio, target, "");
                }
            }
            Comparison::History => {
                let before = server.kept()?;
                let outcome = alternate(options, server, other, flow, name)?;
                let after = server.kept()?;
                let kept = kept_in_words(after.0 - before.0, after.1 - before.1);
                let more = (outcome.ours - outcome.theirs) * (members - 1) as f64;
                Report::say(&format!("    {more:.1} us more per message; {kept}"));
                report.hold(what, format!("{}; {kept}", outcome.figures()), outcome.ratio, HISTORY_COSTS, "");
            }
            Comparison::Tls => {
                let outcome = alternate(options, server, other, flow, name)?;
                report.tell(what, outcome.figures(), outcome.ratio);
            }
        }
    }
    Ok(())
}

/// What the server may cost of the floor.
fn target(case: Case, members: usize) -> Option<f64> {
    match (case, members) {
        (Case::One, 100 | 1_000) => Some(1.2),
        (Case::Burst, 100) => Some(0.08),
        (Case::Eight, 1_000) => Some(0.03),
        _ => None,
    }
}

/// Microseconds per delivery, and how they relate.
struct Outcome {
    ours: f64,
    theirs: f64,
    ratio: f64,
}

impl Outcome {
    fn figures(&self) -> String {
        format!("{:.3} us against {:.3} us", self.ours, self.theirs)
    }
}

/// What is lost under pressure costs nothing: without this the ratio would be too good.
fn kept_in_words(kept: u64, said: u64) -> String {
    if kept == said { format!("all {said} messages kept") } else { format!("only {kept} of {said} messages kept") }
}

fn floor(members: usize) -> Result<Side, Failure> {
    let subject = Subject::floor(members)?;
    let mut crowd = Crowd::new(Door::Floor, subject.port, wire::SHORT)?;
    crowd.join(members, PARALLEL_LOGINS, None)?;
    Ok(Side { crowd, subject, pays_later: false, arrival: Arrival::default() })
}

/// Starts a server and lets everybody in.
fn fill(options: &Options, members: usize, setup: Setup, report: &mut Report) -> Result<Side, Failure> {
    let subject = Subject::server(&options.telnet, OutboxLimits::Off, setup)?;
    let mut crowd = Crowd::new(setup.door(), subject.port, wire::SHORT)?;
    let (empty, cpu, start) = (subject.resident()?, subject.cpu()?, Instant::now());
    crowd.join(members, PARALLEL_LOGINS, None).map_err(|failure| failure.with(&subject.last_words()))?;
    let (wall, cpu) = (start.elapsed(), subject.cpu()?.saturating_sub(cpu));
    crowd.settle()?;
    let each = subject.resident()?.saturating_sub(empty) as f64 / members as f64 / 1024.0;
    let arrival = Arrival { cpu: cpu.as_secs_f64() * 1e6 / members as f64, resident: each };
    let (ours, theirs) = options.comparison.sides();
    let side = match (options.comparison, setup) {
        (Comparison::Floor, _) => String::new(),
        (_, Setup::Bare) => format!("{theirs}: "),
        (_, Setup::History | Setup::Tls) => format!("{ours}: "),
    };
    let encryption = crowd.encryption().map(|agreed| format!("; {agreed}")).unwrap_or_default();
    Report::say(&format!(
        "  {side}login and join: {:.0} a second, {PARALLEL_LOGINS} at a time, {:.0} us CPU each; resident: {each:.1} KB per idle connection{encryption}",
        members as f64 / wall.as_secs_f64(),
        arrival.cpu,
    ));
    if members == 5_000 && options.wants(Case::Memory) && options.comparison == Comparison::Floor {
        let figures = format!("{:.1} MB before, the aim is 12 KB", empty as f64 / 1_048_576.0);
        report.hold("resident memory per idle connection, 5000 members", figures, each, 16.0, "KB");
    }
    Ok(Side { crowd, subject, pays_later: options.comparison == Comparison::History, arrival })
}

fn compare_arrivals(options: &Options, members: usize, ours: Arrival, theirs: Arrival, report: &mut Report) {
    let (with, without) = options.comparison.sides();
    let figures = format!("{:.1} KB {with} against {:.1} KB {without}", ours.resident, theirs.resident);
    let ratio = ours.resident / theirs.resident;
    report.tell(format!("resident memory per idle connection, {members} members"), figures, ratio);
    let figures = format!("{:.0} us CPU {with} against {:.0} us {without}", ours.cpu, theirs.cpu);
    report.tell(format!("cost of a login and join, the first {members}"), figures, ours.cpu / theirs.cpu);
}

/// Windows of the two sides in turns, so that what else the machine does meets both. The middle ratio counts.
fn alternate(
    options: &Options,
    server: &mut Side,
    other: &mut Side,
    flow: Flow,
    name: &str,
) -> Result<Outcome, Failure> {
    // Buffers grow and threads wake up for the first time outside the figures.
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

fn latency(
    options: &Options,
    server: &mut Side,
    other: &mut Side,
    members: usize,
    report: &mut Report,
) -> Result<(), Failure> {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let served = paced(&mut server.crowd, members, LIVELY, options.window);
        ours.extend(served.map_err(|failure| failure.with(&server.subject.last_words()))?);
        bare.extend(paced(&mut other.crowd, members, LIVELY, options.window)?);
    }
    let [ours_50, ours_99] = [0.5, 0.99].map(|share| percentile(&mut ours, share) as f64 / 1e3);
    let [bare_50, bare_99] = [0.5, 0.99].map(|share| percentile(&mut bare, share) as f64 / 1e3);
    let ratio = ours_50 / bare_50;
    Report::say(&format!("  delivery time at {LIVELY} messages a second"));
    Report::say(&format!("  p50                          {ours_50:>7.0} {bare_50:>7.0} {ratio:>8.3}"));
    Report::say(&format!("  p99                          {ours_99:>7.0} {bare_99:>7.0} {:>8.3}", ours_99 / bare_99));
    if members == 100 && options.comparison == Comparison::Floor {
        let figures = format!("{ours_50:.0} us against {bare_50:.0} us");
        report.hold("p50 of delivery, 100 members, 50 messages a second", figures, ratio, 1.3, "");
    }
    Ok(())
}
