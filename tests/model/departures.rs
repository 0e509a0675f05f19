//! Where the server does not yet do what was promised, and the model follows it for the time being. Each of these goes
//! to `false` with the server's change, and is then taken out with what asks for it.

/// Who edits or deletes a direct message sent to several people sees that once for each of them, and not once.
pub const CHANGES_ARE_SEEN_ONCE_PER_PARTNER: bool = false;

/// The answer to one's own direct message to several people names them, and is sent to them, in any order, and not in
/// that of the message.
pub const ANSWERS_GO_IN_ANY_ORDER: bool = false;

/// Who is kicked, silenced or invited is remembered by the name he had when he was last in the room. An invitation under
/// a new name does not end his kick, and nobody can let him speak again by the name he has now.
pub const OLD_NAMES_ARE_MEANT: bool = false;

/// A ban by name and a number that is nobody's keeps out whoever has the name, whatever his rank.
pub const WRONG_NUMBERS_BAN_ANYBODY: bool = false;

/// Who leaves a slow room and comes back speaks at once.
pub const LEAVING_ENDS_SLOWNESS: bool = false;

/// Who takes the name of somebody he has ignored does not see what he himself says.
pub const ONES_OWN_NAME_IS_IGNORED: bool = false;
