//! One room size: the cost and time of a delivery and the memory of an idle member, compared with the other side in turns.
//!
//! *Owns* the order of the measurements and their targets. *Knows nothing of* sockets.

use crate::doors;
use crate::failure::Failure;
use crate::options::{Case, Comparison, Options};
use crate::report::Report;
use crate::side::{Arrival, Layout, Side, alternate_counting_stored, print_head};
use crate::subject::Setup;
use crate::traffic::{Flow, paced, percentile};

/// Messages a second while delivery is timed: a lively room.
const LIVELY: u32 = 50;
/// Descriptors besides the members' sockets: standard streams, epoll, timers, pipes.
const SPARE_DESCRIPTORS: u64 = 64;

/// Most that storing messages on disk may add to a delivery.
const HISTORY_COSTS: f64 = 1.15;

/// Resident memory per idle member, in KB.
const IDLE_MEMBER: f64 = 13.4;

/// The cases of traffic in one room, and what tables call them.
const FLOWS: [(Case, Flow, &str); 3] = [
    (Case::One, Flow::One, "1 in flight"),
    (Case::Burst, Flow::Senders { senders: 1, in_flight: 64 }, "64 in flight"),
    (Case::Eight, Flow::Senders { senders: 8, in_flight: 64 }, "8 senders, 64 in flight each"),
];

/// Measures a room of `members`, if this process may open that many sockets twice.
pub fn run(options: &Options, members: usize, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    let traffic = [Case::One, Case::Burst, Case::Eight, Case::Latency].iter().any(|&case| options.wants(case));
    if !traffic && !options.wants(Case::Memory) {
        return Ok(());
    }
    let layout = Layout::OneRoom(members);
    let by_doors = options.comparison == Comparison::Web;
    if by_doors {
        let flows = FLOWS.iter().filter(|(case, ..)| options.wants(*case));
        let flows: Vec<_> = flows.map(|&(_, flow, name)| (flow, name.to_owned())).collect();
        doors::run(options, layout, &flows, descriptors, report)?;
        if !options.wants(Case::Latency) {
            return Ok(());
        }
    }
    if members as u64 * 2 + SPARE_DESCRIPTORS > descriptors {
        Report::say(&format!("\n{members} members: left out, only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    Report::say(&format!("\n{members} members"));
    let mut server = Side::server(options, layout, Setup::under(options.comparison))?;
    if members == 5_000 && options.wants(Case::Memory) && options.comparison == Comparison::Floor {
        let Arrival { resident, before, .. } = server.arrival;
        let figures = format!("{before:.1} MB before, 12 KB would be good");
        report.target("resident memory per idle connection, 5000 members", figures, resident, IDLE_MEMBER, "KB");
    }
    let mut other = match options.comparison {
        Comparison::Floor if !traffic => return Ok(()),
        Comparison::Floor => Side::floor(layout)?,
        Comparison::History
        | Comparison::Tls
        | Comparison::Json
        | Comparison::Web
        | Comparison::Metrics
        | Comparison::Cluster => Side::server(options, layout, Setup::Bare)?,
    };
    if options.comparison != Comparison::Floor && !by_doors && options.wants(Case::Memory) {
        compare_arrivals(options, members, server.arrival, other.arrival, report);
    }
    if traffic && !by_doors {
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
    print_head(options.comparison);
    for (case, flow, name) in FLOWS {
        if !options.wants(case) {
            continue;
        }
        let what = format!("CPU per delivery, {members} members, {name}");
        let (outcome, figures) = alternate_counting_stored(options, server, other, flow, name)?;
        match options.comparison {
            Comparison::Floor => {
                if let Some(target) = target(case, members) {
                    report.target(what, figures, outcome.ratio, target, "");
                }
            }
            Comparison::History => {
                let more = (outcome.ours - outcome.theirs) * (members - 1) as f64;
                Report::say(&format!("    {more:.1} us more per message; {figures}"));
                report.target(what, figures, outcome.ratio, HISTORY_COSTS, "");
            }
            Comparison::Tls | Comparison::Json | Comparison::Web | Comparison::Metrics | Comparison::Cluster => {
                report.note(what, figures, outcome.ratio)
            }
        }
    }
    Ok(())
}

/// The largest acceptable ratio of the server's cost to the floor's.
fn target(case: Case, members: usize) -> Option<f64> {
    match (case, members) {
        (Case::One, 100 | 1_000) => Some(1.2),
        (Case::Burst, 100) => Some(0.08),
        (Case::Eight, 1_000) => Some(0.03),
        _ => None,
    }
}

fn compare_arrivals(options: &Options, members: usize, ours: Arrival, theirs: Arrival, report: &mut Report) {
    let (with, without) = options.comparison.sides();
    let figures = format!("{:.1} KB {with} against {:.1} KB {without}", ours.resident, theirs.resident);
    let ratio = ours.resident / theirs.resident;
    report.note(format!("resident memory per idle connection, {members} members"), figures, ratio);
    let figures = format!("{:.0} us CPU {with} against {:.0} us {without}", ours.cpu, theirs.cpu);
    report.note(format!("cost of a login and join, the first {members}"), figures, ours.cpu / theirs.cpu);
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
        report.target("p50 of delivery, 100 members, 50 messages a second", figures, ratio, 1.3, "");
    }
    Ok(())
}
