//! Who may do what, written down once more from the promise and not from the server.

/// What somebody is to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Not in it.
    Stranger,
    /// Not in it, and kept out.
    Banned,
    /// In it, and silenced.
    Muted,
    Member,
    Admin,
    Owner,
}

impl Rank {
    pub fn is_in(self) -> bool {
        self >= Rank::Muted
    }

    pub fn speaks(self) -> bool {
        self >= Rank::Member
    }

    /// Sets the room up, pardons, promotes, sees the bans, deletes others' messages.
    pub fn keeps_order(self) -> bool {
        self >= Rank::Admin
    }

    /// Kicks, bans and mutes somebody of the other rank.
    pub fn is_over(self, other: Rank) -> bool {
        self.keeps_order() && other < self
    }

    /// Unmakes an admin of the other rank, who may be himself.
    pub fn demotes(self, other: Rank, himself: bool) -> bool {
        match self {
            Rank::Owner => other < Rank::Owner,
            Rank::Admin => himself,
            _ => false,
        }
    }
}

#[test]
fn admins_act_on_members_and_only_the_owner_on_admins() {
    use Rank::{Admin, Banned, Member, Muted, Owner, Stranger};
    for other in [Stranger, Banned, Muted, Member] {
        assert!(Admin.is_over(other) && Owner.is_over(other) && !Member.is_over(other));
        assert!(Owner.demotes(other, false) && !Admin.demotes(other, false));
    }
    assert!(!Admin.is_over(Admin) && Owner.is_over(Admin) && !Owner.is_over(Owner));
    assert!(Admin.demotes(Admin, true) && !Admin.demotes(Admin, false) && !Owner.demotes(Owner, true));
    assert!(!Muted.speaks() && Muted.is_in() && !Banned.is_in());
}
