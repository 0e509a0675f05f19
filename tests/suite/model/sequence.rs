//! One sequence: run against server and model side by side, made shorter where they differ, and printed.

use std::fmt::Write as _;

use super::chat::{Chat, Outcome};
use super::choice;
use super::pattern::{fits, printed};
use super::server::{Server, Speaks};
use super::step::{Act, Step};
use crate::support::random::Random;

/// The clients' addresses: two share one, and two are on the server's machine.
pub const ADDRESSES: [&str; 5] = ["192.0.2.1", "192.0.2.2", "127.0.0.1", "192.0.2.2", "127.0.0.1"];

/// What a step showed.
struct Seen {
    lines: Vec<Vec<String>>,
    prompts: Vec<String>,
}

/// What each seat uses: text in most sequences; in the others also a program and one over WebSocket.
fn speaks(seed: u64, people: usize) -> Vec<Speaks> {
    let mut speaks = vec![Speaks::Text; people];
    if cfg!(all(feature = "json", feature = "web")) && seed.is_multiple_of(4) {
        // Independent of the steps.
        let mut random = Random::new(!seed);
        speaks[random.below(people)] = Speaks::Json;
        speaks[random.below(people)] = Speaks::WebSocket;
    }
    speaks
}

/// Server and model, and the progress of both.
struct Run {
    people: usize,
    chat: Chat,
    server: Server,
    transcript: Option<String>,
}

impl Run {
    fn new(speaks: &[Speaks], transcribed: bool) -> Run {
        let people = speaks.len();
        let addresses = &ADDRESSES[..people];
        let transcript = transcribed.then(String::new);
        let mut chat = Chat::new(addresses);
        chat.programs = speaks.iter().map(|speaks| *speaks != Speaks::Text).collect();
        Run { people, chat, server: Server::new(addresses, speaks), transcript }
    }

    /// Applies a step to both sides. `Some(false)`: they differ; `None`: it is impossible in the present state.
    fn step(&mut self, step: &Step) -> Option<bool> {
        let name = self.chat.seats[step.seat].as_ref().map(|person| person.name.clone()).unwrap_or_default();
        let room = self.chat.seats[step.seat].as_ref().and_then(|person| person.room());
        let outcome = self.chat.apply(step)?;
        let over = self.server.run(step, outcome.typed.as_deref(), room.as_deref());
        if step.act == Act::Lost {
            // The screen stays as it was, and nobody looks at it.
            self.server.forget(step.seat);
        }
        let (lines, prompts) = (0..self.people).map(|seat| self.server.seen(seat)).unzip();
        let seen = Seen { lines, prompts };
        if over {
            self.server.forget(step.seat);
        }
        let alike = over == outcome.over && agree(step, &outcome, &seen);
        if let Some(transcript) = &mut self.transcript {
            describe(transcript, step, &name, &outcome, &seen);
        }
        Some(alike)
    }
}

fn agree(step: &Step, outcome: &Outcome, seen: &Seen) -> bool {
    let agree = |(expected, seen): (&Vec<String>, &Vec<String>)| lines_agree(expected, seen, any_order(step));
    let lines = outcome.lines.iter().zip(&seen.lines).all(agree);
    lines && outcome.prompts == seen.prompts
}

/// A user who leaves several rooms leaves them in any order.
fn any_order(step: &Step) -> bool {
    matches!(step.act, Act::Quit | Act::Lost)
}

fn lines_agree(expected: &[String], seen: &[String], any_order: bool) -> bool {
    if expected.len() != seen.len() {
        return false;
    }
    if !any_order {
        return expected.iter().zip(seen).all(|(expected, seen)| fits(expected, seen));
    }
    let in_order = |lines: &[String]| {
        let mut lines = lines.to_vec();
        // The time of day stands at the start of some.
        lines.sort_by_cached_key(|line| line.split_once(']').map_or_else(|| line.clone(), |(_, rest)| rest.to_owned()));
        lines
    };
    let (expected, seen) = (in_order(expected), in_order(seen));
    expected.iter().zip(&seen).all(|(expected, seen)| fits(expected, seen))
}

fn describe(out: &mut String, step: &Step, name: &str, outcome: &Outcome, seen: &Seen) {
    let what = outcome.typed.clone().unwrap_or_else(|| format!("{:?}", step.act));
    // Writing to a String cannot fail.
    let _ = writeln!(out, "seat {} {name}: {what}", step.seat);
    for (seat, lines) in seen.lines.iter().enumerate() {
        for line in lines {
            let _ = writeln!(out, "    {seat} saw      {line}");
        }
        if !lines_agree(&outcome.lines[seat], lines, any_order(step)) {
            let _ = writeln!(out, "  ! {seat} was to see:");
            for line in &outcome.lines[seat] {
                let _ = writeln!(out, "    {seat} expected {}", printed(line));
            }
        }
        if outcome.prompts[seat] != seen.prompts[seat] {
            let _ = writeln!(
                out,
                "  ! {seat} has the prompt {:?}, expected {:?}",
                seen.prompts[seat], outcome.prompts[seat]
            );
        }
    }
}

/// Runs the sequence of a seed. Returns the steps up to a difference, if there is one, and how many were possible.
pub fn play(seed: u64, verbose: bool) -> Result<usize, Failure> {
    let mut random = Random::new(seed);
    let people = 3 + random.below(3);
    let length = 20 + random.below(26);
    let speaks = speaks(seed, people);
    let mut run = Run::new(&speaks, verbose);
    let mut steps = Vec::new();
    let mut opening = choice::opening(&mut random, people).into_iter();
    // An impossible step does not count; there are never many in a row.
    for _ in 0..length * 4 {
        if steps.len() >= length {
            break;
        }
        let step = opening.next().unwrap_or_else(|| choice::choose(&mut random, &run.chat));
        let alike = run.step(&step);
        if alike.is_some() {
            steps.push(step);
        }
        if alike == Some(false) {
            return Err(Failure { speaks, steps });
        }
    }
    if let Some(transcript) = run.transcript {
        println!("seed {seed}, {speaks:?}\n{transcript}");
    }
    Ok(steps.len())
}

/// A sequence after which server and model differ.
pub struct Failure {
    speaks: Vec<Speaks>,
    steps: Vec<Step>,
}

impl Failure {
    fn fails(&self, steps: &[Step]) -> bool {
        let mut run = Run::new(&self.speaks, false);
        steps.iter().any(|step| run.step(step) == Some(false))
    }

    /// Removes the steps that are not needed for the difference.
    pub fn shrink(mut self) -> Failure {
        let mut size = self.steps.len() / 2;
        while size > 0 {
            let mut at = 0;
            let before = self.steps.len();
            while at < self.steps.len() {
                let mut fewer = self.steps.clone();
                fewer.drain(at..(at + size).min(fewer.len()));
                if self.fails(&fewer) {
                    self.steps = fewer;
                } else {
                    at += size;
                }
            }
            if size > 1 {
                size /= 2;
            } else if self.steps.len() == before {
                break;
            }
        }
        self
    }

    /// The sequence with what was seen and what was expected.
    pub fn transcript(&self) -> String {
        let mut run = Run::new(&self.speaks, true);
        for step in &self.steps {
            if run.step(step) == Some(false) {
                break;
            }
        }
        format!("{:?}\n{}", self.speaks, run.transcript.unwrap_or_default())
    }
}
