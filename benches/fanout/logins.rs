//! The cost of a login among a thousand users and among nine thousand, or of two kinds of login among a thousand.
//!
//! *Owns* the course of that case. *Knows nothing of* the floor: the server is compared with itself.

use std::time::Instant;

use crate::crowd::Crowd;
use crate::failure::Failure;
use crate::options::{Comparison, Options};
use crate::report::Report;
use crate::side::PARALLEL_LOGINS;
use crate::subject::{OutboxLimits, Setup, Subject};
use crate::traffic::median;
use crate::wire;

/// Logins per measurement. At a few thousand a second they take less than the second for which notices are collected.
const ARRIVALS: usize = 500;
const FEW: usize = 1_000;
const MANY: usize = 9_000;
/// Descriptors besides the members' sockets.
const SPARE_DESCRIPTORS: u64 = 200;

/// Measures what belongs to the comparison.
pub fn run(options: &Options, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    match options.comparison {
        Comparison::Floor => few_and_many(options, descriptors, report),
        Comparison::History
        | Comparison::Tls
        | Comparison::Json
        | Comparison::Web
        | Comparison::Metrics
        | Comparison::Cluster => side_by_side(options, descriptors, report),
    }
}

/// The same arrivals among equally many users on both sides of the comparison.
fn side_by_side(options: &Options, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    let allowed = usize::try_from(descriptors.saturating_sub(SPARE_DESCRIPTORS)).unwrap_or(usize::MAX);
    let users = if options.quick { ARRIVALS } else { FEW };
    if allowed < 2 * (users + ARRIVALS) {
        Report::say(&format!("\nlogins: left out, only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    Report::say(&format!("\nlogin, join and chat, {ARRIVALS} newcomers, {PARALLEL_LOGINS} at a time"));
    let mut with = Among::start(options, users, Setup::under(options.comparison))?;
    let mut without = Among::start(options, users, Setup::Bare)?;
    let [with, without] = in_turns(options, &mut with, &mut without)?;
    let ratio = median(with.iter().zip(&without).map(|(with, without)| with.cpu / without.cpu).collect());
    let (ours, theirs) = options.comparison.sides();
    let [with, without] =
        [(with, ours), (without, theirs)].map(|(rounds, side)| show(&rounds, &format!("{side} among"), users));
    let figures = format!("{with:.1} us CPU {ours} against {without:.1} us {theirs}");
    report.note(format!("cost of a login and join among {users}"), figures, ratio);
    Ok(())
}

/// Measures both, or fewer users where that many sockets are not allowed.
///
/// Two servers run side by side and are measured in turns: most of a login's cost is the kernel's, for pages and for a
/// thread, and that cost depends more on what the machine has just done than on the number of users.
fn few_and_many(options: &Options, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    let allowed = usize::try_from(descriptors.saturating_sub(SPARE_DESCRIPTORS)).unwrap_or(usize::MAX);
    let many = MANY.min(allowed.saturating_sub(FEW + 2 * ARRIVALS));
    if many < 2 * FEW {
        Report::say(&format!("\nlogins: left out, only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    Report::say(&format!("\nlogin, join and chat, {ARRIVALS} newcomers, {PARALLEL_LOGINS} at a time"));
    let mut among_few = Among::start(options, FEW, Setup::Bare)?;
    let mut among_many = Among::start(options, many, Setup::Bare)?;
    let [few, more] = in_turns(options, &mut among_few, &mut among_many)?;
    let ratio = median(few.iter().zip(&more).map(|(few, more)| more.cpu / few.cpu).collect());
    let [few_told, more_told] = [&few, &more].map(|rounds| rounds.iter().map(|round| round.told).collect::<Vec<f64>>());
    let (few, many_cost) = (show(&few, "among", FEW), show(&more, "among", many));
    let figures = format!("{many_cost:.1} us CPU against {few:.1} us");
    report.target(format!("cost of a login and join, {many} users against {FEW}"), figures, ratio, 4.0 / 3.0, "");
    // Notices go out once a second at most, so their share falls with the rate of arrivals; here one line announces all.
    let told = median(few_told.iter().zip(&more_told).map(|(few, more)| more / few).collect());
    let figures = format!("{:.1} us CPU against {:.1} us", median(more_told), median(few_told));
    report.target("the same with the notices to everybody".to_owned(), figures, told, 4.0 / 3.0, "");
    Ok(())
}

fn in_turns(options: &Options, one: &mut Among, other: &mut Among) -> Result<[Vec<Round>; 2], Failure> {
    // The first arrivals take memory that was never touched before.
    one.round()?;
    other.round()?;
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..if options.quick { 3 } else { 9 } {
        rounds[0].push(one.round()?);
        rounds[1].push(other.round()?);
    }
    Ok(rounds)
}

/// A server with users in its one room.
struct Among {
    crowd: Crowd,
    subject: Subject,
}

/// The cost of one group of newcomers.
struct Round {
    /// Microseconds of processor time for each of them.
    cpu: f64,
    /// The same until everybody else has seen that they joined.
    told: f64,
    /// Logins a second.
    rate: f64,
    /// Notices about it sent to all users together.
    notices: f64,
}

impl Among {
    /// Half of the newcomers will come before the number of `users` is reached, half after.
    fn start(options: &Options, users: usize, setup: Setup) -> Result<Among, Failure> {
        let subject = Subject::server(&options.telnet, OutboxLimits::Off, setup, 0)?;
        let mut crowd = Crowd::new(setup.door(), subject.port, wire::SHORT)?;
        crowd
            .join(users - ARRIVALS / 2, PARALLEL_LOGINS, None)
            .map_err(|failure| failure.with(&subject.last_words()))?;
        Ok(Among { crowd, subject })
    }

    /// Newcomers join and, outside the figures, leave again.
    fn round(&mut self) -> Result<Round, Failure> {
        self.come_and_go().map_err(|failure| failure.with(&self.subject.last_words()))
    }

    fn come_and_go(&mut self) -> Result<Round, Failure> {
        // The effects of the last round are over before the next one begins.
        self.crowd.settle()?;
        let (cpu, start, heard) = (self.subject.cpu()?, Instant::now(), self.crowd.notices);
        self.crowd.join(ARRIVALS, PARALLEL_LOGINS, None)?;
        let (wall, joined) = (start.elapsed(), self.subject.cpu()?.saturating_sub(cpu));
        self.crowd.settle()?;
        let told = self.subject.cpu()?.saturating_sub(cpu);
        let notices = (self.crowd.notices - heard) as f64;
        self.crowd.leave(ARRIVALS)?;
        let each = ARRIVALS as f64;
        let [cpu, told] = [joined, told].map(|time| time.as_secs_f64() * 1e6 / each);
        Ok(Round { cpu, told, rate: each / wall.as_secs_f64(), notices })
    }
}

/// Prints the medians of the rounds; returns the processor time.
fn show(rounds: &[Round], among: &str, users: usize) -> f64 {
    let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    let (cpu, told) = (of(|round| round.cpu), of(|round| round.told));
    let (rate, notices) = (of(|round| round.rate), of(|round| round.notices));
    Report::say(&format!(
        "  {among} {users:>5}: {cpu:>6.1} us CPU each, {rate:>6.0} a second; {told:.1} us with the {notices:.0} notices"
    ));
    cpu
}
