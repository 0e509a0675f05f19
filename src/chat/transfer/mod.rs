//! Files that users send each other: the offers, and the state of each transfer.
//!
//! ```text
//! Offered --accept--> Accepted --both ends have come--> Running --> over
//!    |                   |                                 |
//!    '--decline, leave,  '--decline, time--> over          '--decline, an end is lost: broken, and may be resumed
//!       time--> over
//! ```
//!
//! *Owns* these states, who may do what in them, and the limits. Pure: `now` is an argument. *Knows nothing of*
//! sockets, of bytes, and of how users are told.

mod records;
mod table;
#[cfg(test)]
mod tests;
mod token;

pub use records::{
    Accepted, Claim, Declined, EndCause, EndedTransfer, Listed, OfferError, Offered, PickError, Side, Stage,
    TransferLimits,
};
pub use table::TransferTable;
pub use token::Token;

use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;

/// One of the two users of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Their connection.
    pub client: ClientId,
    /// The account they are logged in to.
    pub account: Option<AccountId>,
    /// Their name.
    pub name: UserName,
}

impl Party {
    /// Whether both are the same user, on this connection or on another one of their account.
    fn is(&self, other: &Party) -> bool {
        self.client == other.client || (self.account.is_some() && self.account == other.account)
    }
}
