//! Many small rooms: 100 rooms of 10 members with one sender each, as most servers have them.
//!
//! *Owns* the course of that case. *Knows nothing of* sockets.

use crate::failure::Failure;
use crate::options::{Comparison, Options};
use crate::report::Report;
use crate::side::{Layout, Side, alternate_counting_stored, print_head};
use crate::subject::Setup;
use crate::traffic::Flow;

const ROOMS: usize = 100;
const MEMBERS: usize = 10;
/// Descriptors besides the members' sockets.
const SPARE_DESCRIPTORS: u64 = 64;

/// Measures it, if this process may open that many sockets twice.
pub fn run(options: &Options, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    let layout = Layout::Rooms(ROOMS, MEMBERS);
    if layout.total() as u64 * 2 + SPARE_DESCRIPTORS > descriptors {
        Report::say(&format!("\n{ROOMS} rooms: left out, only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    Report::say(&format!("\n{ROOMS} rooms of {MEMBERS} members, one sender in each"));
    let mut server = Side::server(options, layout, Setup::under(options.comparison))?;
    let mut other = match options.comparison {
        Comparison::Floor => Side::floor(layout)?,
        Comparison::History | Comparison::Tls => Side::server(options, layout, Setup::Bare)?,
    };
    print_head(options.comparison);
    for in_flight in [1, 8] {
        let name = format!("{in_flight} in flight in each room");
        let flow = Flow::Rooms { rooms: ROOMS, members: MEMBERS, in_flight };
        let (outcome, figures) = alternate_counting_stored(options, &mut server, &mut other, flow, &name)?;
        let more = (outcome.ours - outcome.theirs) * (MEMBERS - 1) as f64;
        Report::say(&format!("    {more:.1} us more per message"));
        report.note(format!("CPU per delivery, {ROOMS} rooms of {MEMBERS}, {name}"), figures, outcome.ratio);
    }
    Ok(())
}
