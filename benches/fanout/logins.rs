//! What coming in costs among a thousand people, and among nine thousand; or by another way among a thousand.
//!
//! *Owns* the course of that case. *Knows nothing of* the floor: the server is measured against itself.
//! *Called by* `main`.

use std::time::Instant;

use crate::cases::PARALLEL_LOGINS;
use crate::crowd::Crowd;
use crate::failure::Failure;
use crate::options::{Comparison, Options};
use crate::report::Report;
use crate::subject::{OutboxLimits, Setup, Subject};
use crate::traffic::median;
use crate::wire;

/// Logins per measurement. At a few thousand a second they take less than the second for which news are gathered.
const ARRIVALS: usize = 500;
const FEW: usize = 1_000;
const MANY: usize = 9_000;
/// Descriptors besides the members' sockets.
const SPARE_DESCRIPTORS: u64 = 200;

/// Measures what belongs to the comparison.
pub fn run(options: &Options, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    match options.comparison {
        Comparison::Floor => few_and_many(options, descriptors, report),
        Comparison::History | Comparison::Tls => side_by_side(options, descriptors, report),
    }
}

/// The same arrivals among equally many people on both sides of the comparison.
fn side_by_side(options: &Options, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    let allowed = usize::try_from(descriptors.saturating_sub(SPARE_DESCRIPTORS)).unwrap_or(usize::MAX);
    let people = if options.quick { ARRIVALS } else { FEW };
    if allowed < 2 * (people + ARRIVALS) {
        Report::say(&format!("\nlogins: left out, only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    Report::say(&format!("\nlogin, join and chat, {ARRIVALS} newcomers, {PARALLEL_LOGINS} at a time"));
    let mut with = Among::gather(options, people, Setup::under(options.comparison))?;
    let mut without = Among::gather(options, people, Setup::Bare)?;
    let [with, without] = in_turns(options, &mut with, &mut without)?;
    let ratio = median(with.iter().zip(&without).map(|(with, without)| with.cpu / without.cpu).collect());
    let (ours, theirs) = options.comparison.sides();
    let [with, without] =
        [(with, ours), (without, theirs)].map(|(rounds, side)| show(&rounds, &format!("{side} among"), people));
    let figures = format!("{with:.1} us CPU {ours} against {without:.1} us {theirs}");
    report.tell(format!("cost of a login and join among {people}"), figures, ratio);
    Ok(())
}

/// Measures both, or with fewer people where so many sockets are not allowed.
///
/// Two servers run side by side and are measured in turns: most of what a login costs is the kernel's, for pages and for
/// a thread, and what that costs changes with what the machine has just done more than with the number of people.
fn few_and_many(options: &Options, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    let allowed = usize::try_from(descriptors.saturating_sub(SPARE_DESCRIPTORS)).unwrap_or(usize::MAX);
    let many = MANY.min(allowed.saturating_sub(FEW + 2 * ARRIVALS));
    if many < 2 * FEW {
        Report::say(&format!("\nlogins: left out, only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    Report::say(&format!("\nlogin, join and chat, {ARRIVALS} newcomers, {PARALLEL_LOGINS} at a time"));
    let mut among_few = Among::gather(options, FEW, Setup::Bare)?;
    let mut among_many = Among::gather(options, many, Setup::Bare)?;
    let [few, more] = in_turns(options, &mut among_few, &mut among_many)?;
    let ratio = median(few.iter().zip(&more).map(|(few, more)| more.cpu / few.cpu).collect());
    let [few_told, more_told] = [&few, &more].map(|rounds| rounds.iter().map(|round| round.told).collect::<Vec<f64>>());
    let (few, many_cost) = (show(&few, "among", FEW), show(&more, "among", many));
    let figures = format!("{many_cost:.1} us CPU against {few:.1} us");
    report.hold(format!("cost of a login and join, {many} people against {FEW}"), figures, ratio, 4.0 / 3.0, "");
    // News go out once a second at most, so their share falls with the rate of arrivals; here it is one line for them all.
    let told = median(few_told.iter().zip(&more_told).map(|(few, more)| more / few).collect());
    let figures = format!("{:.1} us CPU against {:.1} us", median(more_told), median(few_told));
    report.hold("the same with telling everybody of it".to_owned(), figures, told, 4.0 / 3.0, "");
    Ok(())
}

fn in_turns(options: &Options, one: &mut Among, other: &mut Among) -> Result<[Vec<Round>; 2], Failure> {
    // The first arrivals take memory that nobody has touched before.
    one.round()?;
    other.round()?;
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..if options.quick { 3 } else { 9 } {
        rounds[0].push(one.round()?);
        rounds[1].push(other.round()?);
    }
    Ok(rounds)
}

/// A server with people in its one room.
struct Among {
    crowd: Crowd,
    subject: Subject,
}

/// What one group of newcomers came to.
struct Round {
    /// Microseconds of processor time for each of them.
    cpu: f64,
    /// The same until everybody else has been told of them.
    told: f64,
    /// Logins a second.
    rate: f64,
    /// Lines of news that all people together were sent of it.
    news: f64,
}

impl Among {
    /// Half of the newcomers will come before `people` is reached, half after.
    fn gather(options: &Options, people: usize, setup: Setup) -> Result<Among, Failure> {
        let subject = Subject::server(&options.telnet, OutboxLimits::Off, setup)?;
        let mut crowd = Crowd::new(setup.door(), subject.port, wire::SHORT)?;
        crowd
            .join(people - ARRIVALS / 2, PARALLEL_LOGINS, None)
            .map_err(|failure| failure.with(&subject.last_words()))?;
        Ok(Among { crowd, subject })
    }

    /// Newcomers come and, outside the figures, leave again.
    fn round(&mut self) -> Result<Round, Failure> {
        self.come_and_go().map_err(|failure| failure.with(&self.subject.last_words()))
    }

    fn come_and_go(&mut self) -> Result<Round, Failure> {
        // What the last ones have set off is over before the next ones come.
        self.crowd.settle()?;
        let (cpu, start, heard) = (self.subject.cpu()?, Instant::now(), self.crowd.news);
        self.crowd.join(ARRIVALS, PARALLEL_LOGINS, None)?;
        let (wall, joined) = (start.elapsed(), self.subject.cpu()?.saturating_sub(cpu));
        self.crowd.settle()?;
        let told = self.subject.cpu()?.saturating_sub(cpu);
        let news = (self.crowd.news - heard) as f64;
        self.crowd.leave(ARRIVALS)?;
        let each = ARRIVALS as f64;
        let [cpu, told] = [joined, told].map(|time| time.as_secs_f64() * 1e6 / each);
        Ok(Round { cpu, told, rate: each / wall.as_secs_f64(), news })
    }
}

/// Prints the middle of the rounds; returns the processor time.
fn show(rounds: &[Round], among: &str, people: usize) -> f64 {
    let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    let (cpu, told) = (of(|round| round.cpu), of(|round| round.told));
    let (rate, news) = (of(|round| round.rate), of(|round| round.news));
    Report::say(&format!(
        "  {among} {people:>5}: {cpu:>6.1} us CPU each, {rate:>6.0} a second; {told:.1} us with the {news:.0} lines of news"
    ));
    cpu
}
