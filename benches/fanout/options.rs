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

/// What to measure, and how long.
pub struct Options {
    /// Room sizes, senders included.
    pub members: Vec<usize>,
    /// Empty: all.
    cases: Vec<Case>,
    /// Length of one window of traffic.
    pub window: Duration,
    /// Windows per figure, floor and server in turns; the middle one counts.
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
                other => return Err(other.unexpected().into()),
            }
            asked = true;
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

    /// Whether this case is to be run.
    pub fn wants(&self, case: Case) -> bool {
        self.cases.is_empty() || self.cases.contains(&case)
    }

    /// The head of the report.
    pub fn describe(&self) -> String {
        format!(
            "fan-out, server and floor in turns: {} windows of {} ms each per figure, telnet = \"{}\"",
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
