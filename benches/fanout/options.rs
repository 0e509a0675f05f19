//! The command line of the benchmark.
//!
//! *Owns* options, their defaults and the names of the cases. *Knows nothing of* sockets and processes.
//! *Called by* `main`; the cases read what is asked of them.

use std::time::Duration;

use lexopt::{Arg, ValueExt as _};

use crate::failure::Failure;

/// What this process is to do.
pub enum Task {
    /// Be the floor for so many members; how the benchmark calls itself.
    Floor {
        /// Connections to wait for.
        members: usize,
    },
    /// Measure.
    Measure(Options),
}

/// One thing that can be measured alone.
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
    /// 30 of 100 stop reading.
    Stall,
    /// What a login costs among few and among many.
    Login,
}

impl Case {
    const NAMES: [(&str, Case); 7] = [
        ("one", Case::One),
        ("burst", Case::Burst),
        ("eight", Case::Eight),
        ("latency", Case::Latency),
        ("memory", Case::Memory),
        ("stall", Case::Stall),
        ("login", Case::Login),
    ];

    fn parse(name: &str) -> Result<Case, Failure> {
        Case::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, case)| case).ok_or_else(|| {
            let names = Case::NAMES.map(|(name, _)| name).join(", ");
            Failure::new(format!("no case {name}; there are {names}"))
        })
    }
}

/// What the server is held against, in turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// One bare `write` per member.
    Floor,
    /// With messages kept on disk, against the same server without.
    History,
    /// By TLS, against the same server in plain text.
    Tls,
}

impl Comparison {
    /// The two sides in one word each.
    pub fn sides(self) -> (&'static str, &'static str) {
        match self {
            Comparison::Floor => ("server", "floor"),
            Comparison::History => ("history", "without"),
            Comparison::Tls => ("tls", "plain"),
        }
    }

    /// What is measured if no case is named.
    fn measures(self, case: Case) -> bool {
        match self {
            Comparison::Floor => true,
            Comparison::History => matches!(case, Case::One | Case::Burst | Case::Eight),
            Comparison::Tls => !matches!(case, Case::Latency | Case::Stall),
        }
    }
}

/// What to measure, and how long.
pub struct Options {
    /// Room sizes, senders included.
    pub members: Vec<usize>,
    /// Empty: all that belong to the comparison.
    cases: Vec<Case>,
    /// What the server is held against.
    pub comparison: Comparison,
    /// Length of one window of traffic.
    pub window: Duration,
    /// Windows per figure, the two sides in turns; the middle one counts.
    pub rounds: usize,
    /// The server's `telnet` setting.
    pub telnet: String,
    /// Shorter runs of the stall and login cases too.
    pub quick: bool,
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
        };
        let mut asked = false;
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("floor-server") => return Ok(Task::Floor { members: parser.value()?.parse()? }),
                // Cargo's own mark for `cargo bench`.
                Arg::Long("bench") => {}
                Arg::Long("quick") => {
                    options.quick = true;
                    options.window = Duration::from_millis(300);
                    options.rounds = 2;
                }
                Arg::Long("members") => options.members = sizes(&parser.value()?.string()?)?,
                Arg::Long("case") => options.cases.push(Case::parse(&parser.value()?.string()?)?),
                Arg::Long("seconds") => options.window = seconds(parser.value()?.parse()?)?,
                Arg::Long("rounds") => options.rounds = parser.value()?.parse::<usize>()?.clamp(1, 100),
                Arg::Long("telnet") => options.telnet = telnet(parser.value()?.string()?)?,
                Arg::Long("history") => options.compare(Comparison::History)?,
                Arg::Long("tls") => options.compare(Comparison::Tls)?,
                other => return Err(other.unexpected().into()),
            }
            asked = true;
        }
        if options.comparison != Comparison::Floor && options.cases.contains(&Case::Stall) {
            return Err(Failure::new(
                "the case stall holds one server against itself; take out --history or --tls, or the case",
            ));
        }
        // Without Cargo's mark it is `cargo test --benches`: that every message arrives is a test, how fast is none.
        if !asked {
            options.members = vec![10];
            options.cases = vec![Case::One, Case::Burst, Case::Eight];
            options.window = Duration::from_millis(200);
            options.rounds = 1;
        }
        Ok(Task::Measure(options))
    }

    /// Notes what the server is to be held against, if the build has it.
    fn compare(&mut self, comparison: Comparison) -> Result<(), Failure> {
        if self.comparison != Comparison::Floor {
            return Err(Failure::new("one of --history and --tls at a time, so that it is known what a figure is of"));
        }
        let (option, feature, is_built) = match comparison {
            Comparison::Floor => return Ok(()),
            Comparison::History => ("history", "storage", cfg!(feature = "storage")),
            Comparison::Tls => ("tls", "tls", cfg!(feature = "tls")),
        };
        if !is_built {
            return Err(Failure::new(format!(
                "--{option} needs the feature {feature}, which is not in this build; run: cargo bench --features {feature} --bench fanout -- --{option}"
            )));
        }
        self.comparison = comparison;
        Ok(())
    }

    /// Whether this case is to be run.
    pub fn wants(&self, case: Case) -> bool {
        if self.cases.is_empty() { self.comparison.measures(case) } else { self.cases.contains(&case) }
    }

    /// The head of the report.
    pub fn describe(&self) -> String {
        let sides = match self.comparison {
            Comparison::Floor => "server and floor",
            Comparison::History => "a server that keeps messages on disk and one that keeps none",
            Comparison::Tls => "a server by TLS and one in plain text",
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
        return Err(Failure::new("a room is measured with 2 to 100000 members"));
    }
    Ok(sizes)
}

fn seconds(seconds: f64) -> Result<Duration, Failure> {
    if (0.05..=600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(Failure::new("a window lasts 0.05 to 600 seconds"))
    }
}

fn telnet(value: String) -> Result<String, Failure> {
    match value.as_str() {
        "never" | "auto" => Ok(value),
        _ => Err(Failure::new("--telnet is never or auto")),
    }
}
