//! Rewrites a failing case from what is seen. *Owns* which old lines stay.
//!
//! Between two inputs, each person's lines in the file are compared with those that came. A line that fits stays,
//! including its placeholders; a line that came in place of another one replaces it; and what is left over on one side
//! is added or removed.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::pattern::Names;
use super::play::World;
use super::script::{Kind, Script, Step};
use crate::support::PATIENCE;

/// How long to wait for as many lines as the file has: longer than a line may be delayed.
const LINES_COME: Duration = Duration::from_millis(3500);

/// How long nothing must arrive before a step counts as over.
const QUIET: Duration = Duration::from_millis(80);

/// Plays a case to its end, and returns its text as it should have been.
pub fn bless(script: &Script) -> Result<String, String> {
    let mut world = World::new(script, PATIENCE);
    let mut text: Vec<String> = script.head.clone();
    let mut steps = &script.steps[..];
    while !steps.is_empty() {
        // An input, and everything up to the next one.
        let length = steps[1..].iter().position(acts).map_or(steps.len(), |at| at + 1);
        let (segment, later) = steps.split_at(length);
        let mut over: Vec<String> =
            world.people.iter().filter(|person| person.over).map(|person| person.name.clone()).collect();
        if acts(&segment[0]) {
            if let Kind::Connect { who, .. } = &segment[0].kind {
                over.retain(|name| name != who);
            }
            world.act(&segment[0].kind).map_err(|problem| format!("line {}: {problem}", segment[0].number))?;
        }
        gather(&mut world, segment)?;
        // Checking for more output may answer a pending question.
        let prompts: HashMap<String, String> =
            world.people.iter().map(|p| (p.name.clone(), p.screen.row().trim_end().to_owned())).collect();
        if later.is_empty() {
            for index in 0..world.people.len() {
                world.settle(index)?;
            }
        }
        write(&mut world, segment, &Before { over, prompts }, script, &mut text);
        steps = later;
    }
    Ok(text.join("\n") + "\n")
}

fn acts(step: &Step) -> bool {
    step.kind != Kind::Remark && !step.kind.expects()
}

fn pattern_for<'a>(step: &'a Step, name: &str) -> Option<&'a str> {
    match &step.kind {
        Kind::Line { who, pattern } if who == name => Some(pattern),
        _ => None,
    }
}

/// Waits until everybody has as many lines as the file has, and then until nothing more arrives.
fn gather(world: &mut World, segment: &[Step]) -> Result<(), String> {
    for step in segment {
        if let Kind::Line { who, .. } | Kind::Prompt { who, .. } | Kind::End { who } = &step.kind {
            world.person(who)?;
        }
    }
    let late = Instant::now() + LINES_COME;
    for person in &mut world.people {
        let wanted = segment.iter().filter(|step| pattern_for(step, &person.name).is_some()).count();
        person.wait(late, |person| person.screen.lines.len() >= wanted);
        if segment.iter().any(|step| step.kind == (Kind::End { who: person.name.clone() })) {
            person.wait(late, |person| person.over);
        }
    }
    let count = |world: &World| -> Vec<_> {
        world.people.iter().map(|person| (person.screen.lines.len(), person.screen.row(), person.over)).collect()
    };
    loop {
        let before = count(world);
        for person in &mut world.people {
            let lines = person.screen.lines.len();
            person.wait(Instant::now() + QUIET, |person| person.screen.lines.len() > lines);
        }
        if count(world) == before {
            return Ok(());
        }
    }
}

/// The state before a segment.
struct Before {
    /// The people whose connection was over before the segment.
    over: Vec<String>,
    /// The prompts at the end of the segment.
    prompts: HashMap<String, String>,
}

/// Writes a segment as it was seen.
fn write(world: &mut World, segment: &[Step], known: &Before, script: &Script, text: &mut Vec<String>) {
    // What replaces a line of the file, and what follows it, by the line's number.
    let mut places: HashMap<usize, String> = HashMap::new();
    let mut extra: HashMap<usize, Vec<String>> = HashMap::new();
    let mut before: HashMap<usize, Vec<String>> = HashMap::new();
    let mut at_the_end = Vec::new();
    let World { people, names, .. } = world;
    let taken = |name: &str| script.steps.iter().any(|step| step.text.contains(&format!("{{{name}}}")));
    for person in people.iter_mut() {
        let olds: Vec<(&Step, &str)> =
            segment.iter().filter_map(|step| pattern_for(step, &person.name).map(|pattern| (step, pattern))).collect();
        let patterns: Vec<&str> = olds.iter().map(|(_, pattern)| *pattern).collect();
        let lines: Vec<String> = person.screen.lines.drain(..).collect();
        let mut olds = olds.into_iter().collect::<VecDeque<_>>();
        let (mut last, mut unplaced) = (None, Vec::new());
        let mut added = |step: Option<usize>, line: String| match step {
            Some(step) => extra.entry(step).or_default().push(line),
            None => unplaced.push(line),
        };
        let fits = fitting(&patterns, &lines, names);
        for (index, line) in lines.iter().enumerate() {
            let shown = |text: String| format!("{}> {text}", person.name);
            if let Some(number) = fits[index] {
                // Lines of the file before it that fit nothing are removed.
                while patterns.len() - olds.len() < number {
                    olds.pop_front();
                }
                if let Some((step, pattern)) = olds.pop_front() {
                    names.matches(pattern, line);
                    places.insert(step.number, step.text.clone());
                    last = Some(step.number);
                }
                continue;
            }
            let next = fits[index..].iter().flatten().next().copied().unwrap_or(patterns.len());
            let replaced = patterns.len() - olds.len() < next;
            let old = if replaced { olds.pop_front() } else { None };
            let written = shown(names.write(line, old.map(|(_, pattern)| pattern), &taken));
            match old {
                Some((step, _)) => {
                    places.insert(step.number, written);
                    last = Some(step.number);
                }
                None => added(last, written),
            }
        }
        // Without a line of the file to follow, they come before what the file says about the prompt or the end.
        if let Some(step) = segment.iter().skip(1).find(|step| match &step.kind {
            Kind::Prompt { who, .. } | Kind::End { who } => *who == person.name,
            _ => false,
        }) {
            before.entry(step.number).or_default().append(&mut unplaced);
        }
        at_the_end.append(&mut unplaced);
        let end = Kind::End { who: person.name.clone() };
        if person.over && !known.over.contains(&person.name) && !segment.iter().any(|step| step.kind == end) {
            at_the_end.push(format!("{}- end", person.name));
        }
    }
    // Lines without a counterpart in the file come after the last entry that is not a remark.
    let behind = segment.iter().rposition(|step| step.kind != Kind::Remark).unwrap_or(0);
    for (index, step) in segment.iter().enumerate() {
        text.extend(before.remove(&step.number).unwrap_or_default());
        let person = |who: &String| people.iter().find(|person| person.name == *who);
        match &step.kind {
            Kind::Line { .. } => text.extend(places.remove(&step.number)),
            Kind::Prompt { who, .. } => {
                if person(who).is_some_and(|person| !person.over) {
                    text.push(
                        format!("{who}| {}", known.prompts.get(who).map_or("", String::as_str)).trim_end().to_owned(),
                    );
                }
            }
            Kind::End { who } => {
                if person(who).is_some_and(|person| person.over) {
                    text.push(step.text.clone());
                }
            }
            _ => text.push(step.text.clone()),
        }
        text.extend(extra.remove(&step.number).unwrap_or_default());
        if index == behind {
            text.append(&mut at_the_end);
        }
    }
}

/// For every line seen, the number of the pattern it fits: as many as possible in order.
fn fitting(patterns: &[&str], lines: &[String], names: &Names) -> Vec<Option<usize>> {
    let fits = |p: usize, l: usize| names.clone().matches(patterns[p], &lines[l]);
    let mut best = vec![vec![0; lines.len() + 1]; patterns.len() + 1];
    for p in (0..patterns.len()).rev() {
        for l in (0..lines.len()).rev() {
            let both = if fits(p, l) { best[p + 1][l + 1] + 1 } else { 0 };
            best[p][l] = both.max(best[p + 1][l]).max(best[p][l + 1]);
        }
    }
    let mut found = vec![None; lines.len()];
    let (mut p, mut l) = (0, 0);
    while p < patterns.len() && l < lines.len() {
        if fits(p, l) && best[p][l] == best[p + 1][l + 1] + 1 {
            found[l] = Some(p);
            (p, l) = (p + 1, l + 1);
        } else if best[p + 1][l] >= best[p][l + 1] {
            p += 1;
        } else {
            l += 1;
        }
    }
    found
}
