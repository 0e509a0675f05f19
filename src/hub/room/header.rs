//! The line above a room's view: who is here, and what to do next.
//!
//! *Owns* its sentence.
//! *Knows nothing of* who reads it.

use crate::chat::message::ClientId;
use crate::chat::room::RoomState;
use crate::ui::screen::PASSING_BUFFER;

/// Names listed on entering a view; the rest is a number.
const NAMES_SHOWN: usize = 20;

/// `general: bob, carol. Type to talk; /help for commands; :q goes back.`
pub(super) fn header(room: &RoomState, client: ClientId) -> String {
    let others = room.member_count().saturating_sub(1);
    let mut line = String::with_capacity(PASSING_BUFFER);
    line.push_str(room.name().as_str());
    line.push_str(": ");
    for (index, member) in room.members().filter(|member| member.who.client != client).take(NAMES_SHOWN).enumerate() {
        if index > 0 {
            line.push_str(", ");
        }
        line.push_str(member.who.name.as_str());
    }
    match others {
        0 => line.push_str("nobody else here"),
        1..=NAMES_SHOWN => {}
        _ => line.push_str(&[" and ", &grouped(others - NAMES_SHOWN), " more"].concat()),
    }
    line.push_str(". Type to talk; /help for commands; :q goes back.");
    line
}

/// `4,980`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
