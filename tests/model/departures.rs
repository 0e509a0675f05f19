//! Where the server does not yet do what was promised, and the model follows it for the time being. Each of these goes
//! to `false` with the server's change, and is then taken out with what asks for it.

/// Who edits or deletes a direct message sent to several people sees that once for each of them, and not once.
pub const CHANGES_ARE_SEEN_ONCE_PER_PARTNER: bool = true;

/// The answer to one's own direct message to several people names them, and is sent to them, in any order, and not in
/// that of the message.
pub const ANSWERS_GO_IN_ANY_ORDER: bool = true;
