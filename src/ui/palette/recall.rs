//! Which part of a line the recall may keep: never a password or a code.
//!
//! *Owns* where in a line a password begins.
//! *Knows nothing of* where the line was typed.

use crate::chat::account_policy::AccountPolicy;
use crate::chat::names;
use crate::ui::command::{self, AccountVerb, OperatorVerb, PlaceVerb, RoomVerb, Typed, Verb};

/// A line up to where a password or a code would begin, if it is, or was meant to be, a command that takes one.
pub(crate) fn without_password(line: &str) -> &str {
    let Some(typed) = Typed::parse(line) else { return line };
    // What would be suggested for a mistyped word counts as well. All commands count here, even on a server without
    // accounts, because this only shortens the recall.
    let all = AccountPolicy::Optional;
    let meant = command::resembling(typed.word, all).or_else(|| command::nearest(typed.word, all));
    let Some(spec) = meant else { return line };
    let (first, rest) = typed.split_rest();
    let secret = match spec.verb {
        Verb::Place(verb) => match verb {
            PlaceVerb::Join | PlaceVerb::Create => rest,
            PlaceVerb::Rooms
            | PlaceVerb::Group
            | PlaceVerb::Chat
            | PlaceVerb::Leave
            | PlaceVerb::Close
            | PlaceVerb::List
            | PlaceVerb::ListAll => return line,
        },
        Verb::Room(verb) => match verb {
            RoomVerb::Set if names::edit_distance(first, "password") <= 2 => rest,
            RoomVerb::Set
            | RoomVerb::Invite
            | RoomVerb::Topic
            | RoomVerb::Slow
            | RoomVerb::Bans
            | RoomVerb::Destroy => return line,
        },
        Verb::Account(verb) => match verb {
            AccountVerb::Login | AccountVerb::Ghost => rest,
            AccountVerb::Register | AccountVerb::ChangePassword | AccountVerb::Unregister => typed.rest,
        },
        Verb::Operator(verb) => match verb {
            OperatorVerb::Shutdown => typed.rest,
            OperatorVerb::Broadcast | OperatorVerb::BanAddress | OperatorVerb::UnbanAddress | OperatorVerb::Audit => {
                return line;
            }
        },
        Verb::Server(_) | Verb::Member(_) | Verb::Talk(_) | Verb::User(_) | Verb::File(_) | Verb::Screen(_) => {
            return line;
        }
    };
    // The secret is the rest of the line, blanks apart.
    line.trim_end().strip_suffix(secret).unwrap_or("").trim_end()
}
