//! Many small rooms: 100 rooms of 10 members with one sender each, as most servers have them.
//!
//! What a message costs there beyond delivering it (`perf record`, 1 in flight): of the server's processor time 59 % is in the
//! nine sends to the others and a tenth one, which gives the sender a prompt again; 9 % in the sender's read and the thread
//! switch around it, which the floor shares among all senders that are ready at once; 18 % in the server's own code and 10 %
//! in the C library, mostly waiting for memory, since a message visits ten outboxes of a thousand and no cache holds them.
//! There is one read per message, and no lock is waited for. With 8 in flight a batch saves more than all of that.
//!
//! *Owns* the course of that case. *Knows nothing of* sockets.

use crate::doors;
use crate::failure::Failure;
use crate::options::{Comparison, Options};
use crate::report::Report;
use crate::side::{Layout, Side, alternate_counting_stored, print_head};
use crate::subject::Setup;
use crate::traffic::Flow;

const ROOMS: usize = 100;
const MEMBERS: usize = 10;
/// Messages in flight in each room.
const IN_FLIGHT: [u32; 2] = [1, 8];
/// Descriptors besides the members' sockets.
const SPARE_DESCRIPTORS: u64 = 64;

/// Measures it, if this process may open that many sockets twice.
pub fn run(options: &Options, descriptors: u64, report: &mut Report) -> Result<(), Failure> {
    let layout = Layout::Rooms(ROOMS, MEMBERS);
    let flow = |in_flight| Flow::Rooms { rooms: ROOMS, members: MEMBERS, in_flight };
    let name = |in_flight| format!("{in_flight} in flight in each room");
    if options.comparison == Comparison::Web {
        let flows = IN_FLIGHT.map(|in_flight| (flow(in_flight), name(in_flight)));
        return doors::run(options, layout, &flows, descriptors, report);
    }
    if layout.total() as u64 * 2 + SPARE_DESCRIPTORS > descriptors {
        Report::say(&format!("\n{ROOMS} rooms: left out, only {descriptors} descriptors are allowed"));
        return Ok(());
    }
    Report::say(&format!("\n{ROOMS} rooms of {MEMBERS} members, one sender in each"));
    let mut server = Side::server(options, layout, Setup::under(options.comparison))?;
    let mut other = match options.comparison {
        Comparison::Floor => Side::floor(layout)?,
        Comparison::History
        | Comparison::Tls
        | Comparison::Json
        | Comparison::Web
        | Comparison::Metrics
        | Comparison::Cluster => Side::server(options, layout, Setup::Bare)?,
    };
    print_head(options.comparison);
    for in_flight in IN_FLIGHT {
        let name = name(in_flight);
        let (outcome, figures) = alternate_counting_stored(options, &mut server, &mut other, flow(in_flight), &name)?;
        let more = (outcome.ours - outcome.theirs) * (MEMBERS - 1) as f64;
        Report::say(&format!("    {more:.1} us more per message"));
        report.note(format!("CPU per delivery, {ROOMS} rooms of {MEMBERS}, {name}"), figures, outcome.ratio);
    }
    Ok(())
}
