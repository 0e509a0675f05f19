//! The same room through four doors in turns: terminals and programs, over TCP and over WebSocket.
//!
//! What WebSocket costs shows only between members who get the same text. A program's object is more than twice as long
//! as a terminal's line, and in large batches the kernel's copies cost more than anything else.
//!
//! *Owns* which doors are compared with each other, their table and their aims. *Knows nothing of* sockets and frames.

use crate::failure::Failure;
use crate::options::{Case, Options};
use crate::report::Report;
use crate::side::{Layout, Side};
use crate::subject::Setup;
use crate::traffic::{Flow, median};

/// The doors, in the order of the table's columns.
const DOORS: [Setup; 4] = [Setup::Bare, Setup::WebTerminal, Setup::Json, Setup::Web];

/// Two doors: the first may cost this many times the second, if there is an aim.
struct Pair {
    ours: usize,
    theirs: usize,
    aim: Option<f64>,
    name: &'static str,
}

const PAIRS: [Pair; 3] = [
    Pair { ours: 1, theirs: 0, aim: Some(1.1), name: "web text/plain" },
    Pair { ours: 3, theirs: 2, aim: Some(1.1), name: "web json/json" },
    Pair { ours: 3, theirs: 0, aim: None, name: "web json/plain" },
];

/// Most memory of an idle WebSocket, in KB.
const IDLE_WEBSOCKET: f64 = 20.0;
/// Fewer members than this do not tell what one of them costs.
const MANY: usize = 1_000;
/// Descriptors besides the members' sockets.
const SPARE_DESCRIPTORS: u64 = 64;

/// Measures these flows, if this process may open four sockets for each member.
pub fn run(
    options: &Options,
    layout: Layout,
    flows: &[(Flow, String)],
    descriptors: u64,
    report: &mut Report,
) -> Result<(), Failure> {
    let what = layout.describe();
    if layout.total() as u64 * DOORS.len() as u64 + SPARE_DESCRIPTORS > descriptors {
        Report::say(&format!("\n{what}: left out, only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    Report::say(&format!("\n{what}"));
    let mut sides = Vec::with_capacity(DOORS.len());
    for door in DOORS {
        sides.push(Side::server(options, layout, door)?);
    }
    if options.wants(Case::Memory) {
        memory(&sides, layout, report);
    }
    if flows.is_empty() {
        return Ok(());
    }
    let columns: String = DOORS.iter().map(|door| format!(" {:>9}", door.label())).collect();
    Report::say(&format!("{:>69} {:>19} {:>9}", "us", "same text: ratios", "web json"));
    Report::say(&format!("  CPU per delivery            {columns} {:>9} {:>9} {:>9}", "text", "json", "to plain"));
    for (flow, name) in flows {
        compare(options, &mut sides, *flow, name, &what, report)?;
    }
    Ok(())
}

/// One line of the table: windows of all sides in turns, so that other load on the machine affects all of them.
fn compare(
    options: &Options,
    sides: &mut [Side],
    flow: Flow,
    name: &str,
    what: &str,
    report: &mut Report,
) -> Result<(), Failure> {
    // Buffers grow and threads wake for the first time outside the figures.
    for side in &mut *sides {
        side.window(flow, options.window / 4)?;
    }
    let mut rounds: Vec<Vec<f64>> = Vec::with_capacity(options.rounds);
    for _ in 0..options.rounds {
        let costs = sides.iter_mut().map(|side| Ok(side.window(flow, options.window)?.cpu_per_delivery()));
        rounds.push(costs.collect::<Result<_, Failure>>()?);
    }
    let cost = |side: usize| median(rounds.iter().map(|round| round[side]).collect());
    let ratio = |pair: &Pair| median(rounds.iter().map(|round| round[pair.ours] / round[pair.theirs]).collect());
    let costs: String = (0..DOORS.len()).map(|side| format!(" {:>9.3}", cost(side))).collect();
    let ratios: String = PAIRS.iter().map(|pair| format!(" {:>9.3}", ratio(pair))).collect();
    Report::say(&format!("  {name:<28}{costs}{ratios}"));
    for pair in &PAIRS {
        let what = format!("{}, {what}, {name}", pair.name);
        let figures = format!("{:.3} us against {:.3} us", cost(pair.ours), cost(pair.theirs));
        match pair.aim {
            Some(aim) => report.target(what, figures, ratio(pair), aim, ""),
            None => report.note(what, figures, ratio(pair)),
        }
    }
    Ok(())
}

fn memory(sides: &[Side], layout: Layout, report: &mut Report) {
    let base = sides[0].arrival;
    for (side, door) in sides.iter().zip(DOORS).skip(1) {
        let (what, label, ours) = (layout.describe(), door.label(), side.arrival);
        let figures = format!("{:.1} KB against {:.1} KB plain", ours.resident, base.resident);
        let named = format!("resident memory per idle connection, {label}, {what}");
        if door.is_web() && layout.total() >= MANY {
            report.target(named, figures, ours.resident, IDLE_WEBSOCKET, "KB");
        } else {
            report.note(named, figures, ours.resident / base.resident);
        }
        let figures = format!("{:.0} us CPU against {:.0} us plain", ours.cpu, base.cpu);
        report.note(format!("cost of a login and join, {label}, {what}"), figures, ours.cpu / base.cpu);
    }
}
