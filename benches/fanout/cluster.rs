//! Several servers that share one Redis, compared with a standalone server.
//!
//! *Owns* starting the servers with their members, and the targets of a cluster.
//! *Knows nothing of* the messages.

use std::time::Duration;

use crate::crowd::{Crowd, Door};
use crate::failure::Failure;
use crate::options::{Case, Options};
use crate::report::Report;
use crate::side::{Layout, PARALLEL_LOGINS, Side};
use crate::subject::{Setup, Subject};
use crate::traffic::{Flow, Tally, closed_loop, median, paced, percentile, spread};
use crate::wire;

/// Target for two servers: deliveries of all of them per mean processor time of one, compared with a standalone server.
const TWICE: f64 = 1.8;
/// Most that a cluster may add to a message's delivery time, in microseconds: the median, and the 99th percentile.
const ADDED: [f64; 2] = [1_000.0, 5_000.0];
/// Messages a second while delivery is timed.
const LIVELY: u32 = 50;
/// Users while delivery is timed: all on one server, or as many spread over the cluster.
const TIMED: usize = 100;
/// Senders in the case `rate`, and readers on each server.
const SENDERS: usize = 16;
const READERS: usize = 2;
/// Longest time to the readers in the case `rate`, in microseconds. This bounds how far the log may lag.
const LAG: f64 = 50_000.0;
/// Memory may grow by this factor between the first quarter of the case `rate` and its end, because logs and histories
/// fill up.
const FLAT: f64 = 1.1;
/// Descriptors besides the members' sockets.
const SPARE_DESCRIPTORS: u64 = 64;

/// Servers that share one Redis, and all their users.
struct Cluster {
    crowd: Crowd,
    nodes: Vec<Subject>,
    redis: Subject,
}

impl Cluster {
    /// Starts them, and brings in one group of members after the other, each spread evenly over the servers.
    fn start(options: &Options, redis: Subject, groups: &[usize]) -> Result<Cluster, Failure> {
        let name = |index: usize| format!("n{index}");
        let nodes: Result<Vec<_>, _> =
            (0..options.nodes).map(|index| Subject::node(&options.telnet, redis.port, &name(index))).collect();
        let nodes = nodes?;
        let mut crowd = Crowd::new(Door::Server, nodes[0].port, wire::SHORT)?;
        for group in groups {
            for (index, node) in nodes.iter().enumerate() {
                crowd.connect_to(node.port);
                let share = group / nodes.len() + usize::from(index < group % nodes.len());
                crowd.join(share, PARALLEL_LOGINS, None).map_err(|failure| failure.with(&node.last_words()))?;
            }
        }
        crowd.settle()?;
        Ok(Cluster { crowd, nodes, redis })
    }

    fn cpu(nodes: &[Subject]) -> Result<Duration, Failure> {
        nodes.iter().map(Subject::cpu).sum()
    }

    /// One window, and the processor time of Redis in it.
    fn window(&mut self, flow: Flow, length: Duration) -> Result<(Tally, Duration), Failure> {
        let redis = self.redis.cpu()?;
        let Cluster { crowd, nodes, .. } = self;
        let tally = closed_loop(crowd, &|| Cluster::cpu(nodes), flow, length);
        let tally = tally.map_err(|failure| failure.with(&self.last_words()))?;
        Ok((tally, self.redis.cpu()?.saturating_sub(redis)))
    }

    fn last_words(&self) -> String {
        self.nodes.iter().map(Subject::last_words).collect()
    }

    fn resident(&self) -> Result<(u64, u64), Failure> {
        let nodes: Result<Vec<u64>, _> = self.nodes.iter().map(Subject::resident).collect();
        Ok((nodes?.into_iter().max().unwrap_or(0), self.redis.resident()?))
    }
}

/// A run of the cluster with the time of Redis, and one of a standalone server.
type Pair = ((Tally, Duration), Tally);

/// Measures a cluster with `members` on each server, if Redis is installed and this process may open that many sockets.
pub fn run(options: &Options, members: usize, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    Report::say(&format!("\n{} servers over one Redis, {members} members on each", options.nodes));
    if Subject::redis()?.is_none() {
        Report::say("  left out: redis-server is not installed");
        return Ok(());
    }
    if members as u64 * (options.nodes as u64 + 1) + SPARE_DESCRIPTORS > descriptors {
        Report::say(&format!("  left out: only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    if options.wants(Case::Burst) {
        fan_out(options, members, report)?;
    }
    if options.wants(Case::Latency) {
        latency(options, report)?;
    }
    if options.wants(Case::Rate) {
        rate(options, report)?;
    }
    Ok(())
}

fn redis() -> Result<Subject, Failure> {
    Subject::redis()?.ok_or_else(|| Failure::new("redis-server is gone"))
}

/// 64 messages in flight from one sender, alternating between the cluster and the standalone server.
fn fan_out(options: &Options, members: usize, report: &mut Report) -> Result<(), Failure> {
    let flow = Flow::Senders { senders: 1, in_flight: 64 };
    let mut alone = Side::server(options, Layout::OneRoom(members), Setup::Bare)?;
    let mut cluster = Cluster::start(options, redis()?, &[members * options.nodes])?;
    let nodes = options.nodes as f64;
    let of = |tally: &Tally, nodes: f64| tally.deliveries as f64 * nodes / tally.cpu.as_secs_f64() / 1e6;
    let warm_up = options.window / 4;
    alone.window(flow, warm_up)?;
    cluster.window(flow, warm_up)?;
    let mut pairs = Vec::with_capacity(options.rounds);
    for _ in 0..options.rounds {
        pairs.push((cluster.window(flow, options.window)?, alone.window(flow, options.window)?));
    }
    let of_pairs = |figure: &dyn Fn(&Pair) -> f64| median(pairs.iter().map(figure).collect());
    let ratio = of_pairs(&|((ours, _), theirs)| of(ours, nodes) / of(theirs, 1.0));
    let ours = of_pairs(&|((ours, _), _)| of(ours, nodes));
    let theirs = of_pairs(&|(_, theirs)| of(theirs, 1.0));
    let redis = of_pairs(&|((ours, redis), _)| redis.as_secs_f64() / (ours.cpu.as_secs_f64() / nodes));
    let messages = |tally: &Tally, people: usize| tally.deliveries as f64 / (people - 1) as f64;
    let per_message =
        of_pairs(&|((ours, redis), _)| redis.as_secs_f64() * 1e6 / messages(ours, members * options.nodes));
    let rates = [
        of_pairs(&|((ours, _), _)| messages(ours, members * options.nodes) / ours.wall.as_secs_f64()),
        of_pairs(&|(_, theirs)| messages(theirs, members) / theirs.wall.as_secs_f64()),
    ];
    Report::say(&format!(
        "  64 in flight: {ours:.2} million deliveries by a second of a server's processor time, alone {theirs:.2}; {:.0} messages a second, alone {:.0}; Redis: {per_message:.1} us a message, {:.0} % of a server's time",
        rates[0],
        rates[1],
        redis * 100.0
    ));
    let what = format!("deliveries by processor time, {} servers against one", options.nodes);
    let figures =
        format!("{ours:.2} against {theirs:.2} million a second, {members} members each; Redis {redis:.2} of a server");
    if options.nodes == 2 && members >= 1_000 {
        report.at_least(what, figures, ratio, TWICE);
    } else {
        report.note(what, figures, ratio);
    }
    Ok(())
}

/// How long a message takes to reach everyone, with equally many users on one server and on the whole cluster.
fn latency(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let mut alone = Side::server(options, Layout::OneRoom(TIMED), Setup::Bare)?;
    let mut cluster = Cluster::start(options, redis()?, &[TIMED])?;
    let window = options.window.max(Duration::from_secs(2));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let served = paced(&mut cluster.crowd, TIMED, LIVELY, window);
        ours.extend(served.map_err(|failure| failure.with(&cluster.last_words()))?);
        theirs.extend(paced(&mut alone.crowd, TIMED, LIVELY, window)?);
    }
    Report::say(&format!("  delivery time at {LIVELY} messages a second, {TIMED} people in all, microseconds"));
    for (share, most) in [0.5, 0.99].into_iter().zip(ADDED) {
        let [ours, theirs] = [&mut ours, &mut theirs].map(|waits| percentile(waits, share) as f64 / 1e3);
        let name = format!("p{:.0}", share * 100.0);
        Report::say(&format!("  {name:<28} {ours:>7.0}, alone {theirs:>7.0}"));
        let what = format!("{name} of delivery, added by {} servers", options.nodes);
        report.target(what, format!("{ours:.0} us against {theirs:.0} us"), ours - theirs, most, "us");
    }
    Ok(())
}

/// 20,000 messages a second for a minute. A refusal is an unexpected line, which ends the run.
fn rate(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let (length, rate) = (Duration::from_secs(if options.quick { 5 } else { 60 }), options.rate);
    let mut cluster = Cluster::start(options, redis()?, &[SENDERS, READERS * options.nodes])?;
    let Cluster { crowd, nodes, redis } = &mut cluster;
    let (mut early, before) = (None, (Cluster::cpu(nodes)?, redis.cpu()?));
    let mut waits = spread(crowd, SENDERS, rate, length, |since| {
        if early.is_none() && since > length / 4 {
            let resident: Result<Vec<u64>, _> = nodes.iter().map(Subject::resident).collect();
            early = Some((resident?.into_iter().max().unwrap_or(0), redis.resident()?));
        }
        Ok(())
    })
    .map_err(|failure| failure.with(&nodes.iter().map(Subject::last_words).collect::<String>()))?;
    let messages = f64::from(rate) * length.as_secs_f64();
    let per_message = |after: Duration, before: Duration| after.saturating_sub(before).as_secs_f64() * 1e6 / messages;
    let (node, redis) = (per_message(Cluster::cpu(nodes)?, before.0), per_message(redis.cpu()?, before.1));
    let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| percentile(&mut waits, share) as f64 / 1e3);
    let (now, early) = (cluster.resident()?, early.unwrap_or((1, 1)));
    Report::say(&format!(
        "  {rate} messages a second for {} s from {SENDERS} senders: none refused; to the readers p50 {p50:.0} us, p99 {p99:.0} us, at most {most:.0} us; {node:.1} us of all servers and {redis:.1} us of Redis a message",
        length.as_secs()
    ));
    let figures = format!("p50 {p50:.0} us, at most {most:.0} us, {rate} messages a second for {} s", length.as_secs());
    report.target(format!("p99 of delivery at {rate} messages a second (lag)"), figures, p99, LAG, "us");
    let growth = |now: u64, early: u64| now as f64 / early.max(1) as f64;
    let mb = |bytes: u64| bytes as f64 / 1_048_576.0;
    let figures =
        format!("{:.1} MB then {:.1} MB; Redis {:.1} MB then {:.1} MB", mb(early.0), mb(now.0), mb(early.1), mb(now.1));
    report.target("memory of a server at the end against the first quarter", figures, growth(now.0, early.0), FLAT, "");
    Ok(())
}
