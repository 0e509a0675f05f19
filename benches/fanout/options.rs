//! The command line of the benchmark.
//!
//! *Owns* options, their defaults and the names of the cases. *Knows nothing of* sockets and processes.

use std::time::Duration;

use lexopt::{Arg, ValueExt as _};

use crate::failure::Failure;

/// What this process is to do.
pub enum Task {
    /// Be the floor: how the benchmark starts itself.
    Floor {
        rooms: usize,
        /// Members of each room to wait for.
        members: usize,
    },
    Measure(Options),
}

/// A measurement that can be run on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// One message in flight.
    One,
    /// 64 messages in flight from one sender.
    Burst,
    /// Eight senders with 64 in flight each.
    Eight,
    /// Delivery time at 50 messages a second.
    Latency,
    /// Resident memory per idle connection, and logins per second.
    Memory,
    /// 100 rooms of 10 members, one sender in each.
    Rooms,
    /// 30 of 100 stop reading.
    Stall,
    /// The cost of a login among few users and among many.
    Login,
    /// 20,000 messages a second over several servers.
    Rate,
}

impl Case {
    const NAMES: [(&str, Case); 9] = [
        ("one", Case::One),
        ("burst", Case::Burst),
        ("eight", Case::Eight),
        ("latency", Case::Latency),
        ("memory", Case::Memory),
        ("rooms", Case::Rooms),
        ("stall", Case::Stall),
        ("login", Case::Login),
        ("rate", Case::Rate),
    ];

    fn name(self) -> &'static str {
        Case::NAMES.iter().find(|(_, case)| *case == self).map_or("", |(name, _)| name)
    }

    fn parse(name: &str) -> Result<Case, Failure> {
        Case::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, case)| case).ok_or_else(|| {
            let names = Case::NAMES.map(|(name, _)| name).join(", ");
            Failure::new(format!("unknown case {name}; the cases are {names}"))
        })
    }
}

/// What the server is compared with, in turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// One bare `write` per member.
    Floor,
    /// A server that stores messages on disk with one that does not.
    History,
    /// A server over TLS with one in plain text.
    Tls,
    /// A server whose members are programs that speak JSON with one whose members are on terminals.
    Json,
    /// The same over WebSocket, and both by terminals and programs.
    Web,
    /// A server with a listener for metrics with one without.
    Metrics,
    /// Several servers as one, over Redis, with one that stands alone.
    Cluster,
}

impl Comparison {
    /// One word for each side.
    pub fn sides(self) -> (&'static str, &'static str) {
        match self {
            Comparison::Floor => ("server", "floor"),
            Comparison::History => ("history", "without"),
            Comparison::Tls => ("tls", "plain"),
            Comparison::Json => ("json", "plain"),
            Comparison::Web => ("web", "plain"),
            Comparison::Metrics => ("metrics", "without"),
            Comparison::Cluster => ("cluster", "alone"),
        }
    }

    /// Whether a case is measured if none is named.
    fn measures(self, case: Case) -> bool {
        match self {
            Comparison::Floor => case != Case::Rate,
            Comparison::History => matches!(case, Case::One | Case::Burst | Case::Eight | Case::Rooms),
            Comparison::Tls | Comparison::Metrics => !matches!(case, Case::Latency | Case::Stall | Case::Rate),
            Comparison::Json | Comparison::Web => {
                !matches!(case, Case::Latency | Case::Stall | Case::Login | Case::Rate)
            }
            Comparison::Cluster => matches!(case, Case::Burst | Case::Latency | Case::Rate),
        }
    }
}

/// What to measure, and how long.
pub struct Options {
    /// Room sizes, senders included.
    pub members: Vec<usize>,
    /// Empty: all that belong to the comparison.
    cases: Vec<Case>,
    /// What the server is compared with.
    pub comparison: Comparison,
    /// Length of one window of traffic.
    pub window: Duration,
    /// Windows per figure, the two sides in turns; the median counts.
    pub rounds: usize,
    /// The server's `telnet` setting.
    pub telnet: String,
    /// Makes the stall, login and rate cases shorter too.
    pub quick: bool,
    /// Servers of a cluster; 0 if none is measured.
    pub nodes: usize,
    /// Messages a second of the case `rate`.
    pub rate: u32,
}

impl Options {
    /// Reads this process's command line.
    pub fn read() -> Result<Task, Failure> {
        let mut options = Options {
            members: vec![10, 100, 1_000, 5_000],
            cases: Vec::new(),
            comparison: Comparison::Floor,
            window: Duration::from_secs(1),
            rounds: 5,
            telnet: "never".to_owned(),
            quick: false,
            nodes: 0,
            rate: 20_000,
        };
        let mut sized = false;
        let mut asked = false;
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("floor-server") => {
                    let (rooms, members) = (parser.value()?.parse()?, parser.value()?.parse()?);
                    return Ok(Task::Floor { rooms, members });
                }
                // Passed by `cargo bench` itself.
                Arg::Long("bench") => {}
                Arg::Long("quick") => {
                    options.quick = true;
                    options.window = Duration::from_millis(300);
                    options.rounds = 2;
                }
                Arg::Long("members") => {
                    options.members = sizes(&parser.value()?.string()?)?;
                    sized = true;
                }
                Arg::Long("case") => options.cases.push(Case::parse(&parser.value()?.string()?)?),
                Arg::Long("seconds") => options.window = seconds(parser.value()?.parse()?)?,
                Arg::Long("rate") => options.rate = parser.value()?.parse::<u32>()?.clamp(100, 1_000_000),
                Arg::Long("rounds") => options.rounds = parser.value()?.parse::<usize>()?.clamp(1, 100),
                Arg::Long("telnet") => options.telnet = telnet(parser.value()?.string()?)?,
                Arg::Long("history") => options.compare(Comparison::History)?,
                Arg::Long("tls") => options.compare(Comparison::Tls)?,
                Arg::Long("json") => options.compare(Comparison::Json)?,
                Arg::Long("web") => options.compare(Comparison::Web)?,
                Arg::Long("metrics") => options.compare(Comparison::Metrics)?,
                Arg::Long("cluster") => {
                    options.compare(Comparison::Cluster)?;
                    options.nodes = nodes(parser.value()?.parse()?)?;
                }
                other => return Err(other.unexpected().into()),
            }
            asked = true;
        }
        if options.comparison != Comparison::Floor && options.cases.contains(&Case::Stall) {
            return Err(Failure::new(
                "the case stall compares a server with itself; remove the other comparison, or the case",
            ));
        }
        if options.nodes > 0 && !sized {
            options.members = vec![1_000];
        }
        if let Some(case) = options.cases.iter().find(|case| options.nodes > 0 && !Comparison::Cluster.measures(**case))
        {
            return Err(Failure::new(format!("--cluster has the cases burst, latency and rate, not {}", case.name())));
        }
        if options.nodes == 0 && options.cases.contains(&Case::Rate) {
            return Err(Failure::new("the case rate needs several servers: --cluster 2"));
        }
        // Without any argument this is `cargo test --benches`: checks that every message arrives, and not how fast.
        if !asked {
            options.quick = true;
            options.nodes = if cfg!(feature = "cluster") { 2 } else { 0 };
            options.members = vec![10];
            options.cases = vec![Case::One, Case::Burst, Case::Eight];
            options.window = Duration::from_millis(200);
            options.rounds = 1;
        }
        Ok(Task::Measure(options))
    }

    /// Sets the comparison, if this build can make it.
    fn compare(&mut self, comparison: Comparison) -> Result<(), Failure> {
        if self.comparison != Comparison::Floor {
            return Err(Failure::new("--history, --tls, --json, --web, --metrics and --cluster cannot be combined"));
        }
        let (option, feature, is_built) = match comparison {
            Comparison::Floor => return Ok(()),
            Comparison::History => ("history", "storage", cfg!(feature = "storage")),
            Comparison::Tls => ("tls", "tls", cfg!(feature = "tls")),
            Comparison::Json => ("json", "json", cfg!(feature = "json")),
            Comparison::Web => ("web", "web", cfg!(feature = "web")),
            Comparison::Metrics => ("metrics", "metrics", cfg!(feature = "metrics")),
            Comparison::Cluster => ("cluster", "cluster", cfg!(feature = "cluster")),
        };
        if !is_built {
            return Err(Failure::new(format!(
                "--{option} needs the feature {feature}, which is not in this build; run: cargo bench --features {feature} --bench fanout -- --{option}"
            )));
        }
        self.comparison = comparison;
        Ok(())
    }

    /// Whether to run this case.
    pub fn wants(&self, case: Case) -> bool {
        if self.cases.is_empty() { self.comparison.measures(case) } else { self.cases.contains(&case) }
    }

    /// The first line of the report.
    pub fn describe(&self) -> String {
        let sides = match self.comparison {
            Comparison::Floor => "server and floor",
            Comparison::History => "a server that stores messages on disk and one that does not",
            Comparison::Tls => "a server over TLS and one in plain text",
            Comparison::Metrics => "a server with metrics and one without",
            Comparison::Cluster => "several servers over Redis and one that stands alone",
            Comparison::Json => "members that speak JSON and members on terminals",
            Comparison::Web => "terminals and programs, over TCP and over WebSocket",
        };
        format!(
            "fan-out, {sides} in turns: {} windows of {} ms each per figure, telnet = \"{}\"",
            self.rounds,
            self.window.as_millis(),
            self.telnet
        )
    }
}

fn sizes(text: &str) -> Result<Vec<usize>, Failure> {
    let sizes = text.split(',').map(|size| size.trim().parse()).collect::<Result<Vec<usize>, _>>()?;
    if sizes.iter().any(|size| !(2..=100_000).contains(size)) {
        return Err(Failure::new("--members takes sizes from 2 to 100000"));
    }
    Ok(sizes)
}

fn nodes(nodes: usize) -> Result<usize, Failure> {
    if (2..=8).contains(&nodes) { Ok(nodes) } else { Err(Failure::new("--cluster takes 2 to 8 servers")) }
}

fn seconds(seconds: f64) -> Result<Duration, Failure> {
    if (0.05..=600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(Failure::new("--seconds takes 0.05 to 600"))
    }
}

fn telnet(value: String) -> Result<String, Failure> {
    match value.as_str() {
        "never" | "auto" => Ok(value),
        _ => Err(Failure::new("--telnet takes never or auto")),
    }
}
