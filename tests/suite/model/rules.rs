//! Who may do what, written a second time from the documentation and not from the server.

/// A user's standing in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Not a member.
    Stranger,
    /// Not a member, and banned.
    Banned,
    /// A member who is muted.
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

    /// May change settings, lift bans, promote, list bans and delete messages of others.
    pub fn keeps_order(self) -> bool {
        self >= Rank::Admin
    }

    /// May kick, ban and mute a user of the other rank.
    pub fn is_over(self, other: Rank) -> bool {
        self.keeps_order() && other < self
    }

    /// May demote an admin of the other rank, possibly themselves.
    pub fn demotes(self, other: Rank, themselves: bool) -> bool {
        match self {
            Rank::Owner => other < Rank::Owner,
            Rank::Admin => themselves,
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
