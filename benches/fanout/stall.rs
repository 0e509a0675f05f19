//! 30 of 100 stop reading at the same moment while 1,000 messages a second of 1,400 bytes flow.
//!
//! *Owns* the course of that case. *Knows nothing of* the floor: the server is compared with itself.

use std::time::Duration;

use crate::crowd::{Crowd, Door};
use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;
use crate::side::PARALLEL_LOGINS;
use crate::subject::{OutboxLimits, Setup, Subject};
use crate::traffic::{median, paced, percentile};
use crate::wire;

const READERS: usize = 70;
const STOPPING: usize = 30;
const RATE: u32 = 1_000;
/// What the kernel accepts for a member who stops reading, in bytes. By default it accepts megabytes, which would take many
/// seconds to fill.
const SMALL_RECEIVE_BUFFER: usize = 32 * 1024;

/// Measures it several times, each with a new server: a 99th percentile depends on the machine as much as on the server, and
/// a single run proves nothing. The median ratio counts, and all are shown.
pub fn run(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let all = READERS + STOPPING;
    Report::say(&format!("\n{STOPPING} of {all} stop reading, {RATE} messages a second of {} bytes", wire::LONG));
    let mut ratios = Vec::with_capacity(options.rounds);
    let mut dropped = usize::MAX;
    for _ in 0..options.rounds {
        let round = once(options)?;
        ratios.push(round.0);
        dropped = dropped.min(round.1);
    }
    let shown: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    let figures = format!("{}; at least {dropped} dropped", shown.join(", "));
    report.target(
        format!("p99 of {READERS}, after against before {STOPPING} stop reading"),
        figures,
        median(ratios),
        3.0,
        "",
    );
    Ok(())
}

/// The ratio of one run, and how many were dropped in it.
fn once(options: &Options) -> Result<(f64, usize), Failure> {
    // The kernel's buffers of the members who stop reading fill in about four seconds: the second part must last longer.
    let (before, after) = (if options.quick { 1 } else { 3 }, 5);
    let subject = Subject::server(&options.telnet, OutboxLimits::Default, Setup::Bare, 0)?;
    let mut crowd = Crowd::new(Door::Server, subject.port, wire::LONG)?;
    let all = READERS + STOPPING;
    let words = |failure: Failure| failure.with(&subject.last_words());
    crowd.join(READERS, PARALLEL_LOGINS, None).map_err(words)?;
    crowd.join(STOPPING, PARALLEL_LOGINS, Some(SMALL_RECEIVE_BUFFER)).map_err(words)?;
    crowd.settle().map_err(words)?;

    paced(&mut crowd, all, RATE, Duration::from_millis(500)).map_err(words)?;
    let mut waits = paced(&mut crowd, READERS, RATE, Duration::from_secs(before)).map_err(words)?;
    let resident = subject.resident()?;
    let [p50, p99] = [0.5, 0.99].map(|share| percentile(&mut waits, share) as f64 / 1e3);

    crowd.pause(READERS..all)?;
    let mut waits = paced(&mut crowd, READERS, RATE, Duration::from_secs(after)).map_err(words)?;
    let peak = subject.peak_resident()?;
    let [p50_stalled, p99_stalled] = [0.5, 0.99].map(|share| percentile(&mut waits, share) as f64 / 1e3);
    let dropped = crowd.resume(READERS..all).map_err(words)?;
    // Notices about dropped members may still come; they are no failure, a lost text would be.
    crowd.settle().map_err(words)?;
    crowd.check_all_alike(READERS)?;

    let ratio = p99_stalled / p99;
    let [resident, peak] = [resident, peak].map(|bytes| bytes as f64 / 1_048_576.0);
    Report::say(&format!("  the other {READERS}: p50 {p50:.0} us before, {p50_stalled:.0} us after"));
    Report::say(&format!("  the other {READERS}: p99 {p99:.0} us before, {p99_stalled:.0} us after, ratio {ratio:.3}"));
    Report::say(&format!(
        "  {dropped} of {STOPPING} were dropped; resident: {resident:.1} MB before, {peak:.1} MB at most"
    ));
    Ok((ratio, dropped))
}
