//! Who may do what to which room or message: the one table that every command goes through.
//!
//! | deed | stranger | banned | muted | member | admin | owner | operator |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | know that the room is there | if public | if public | yes | yes | yes | yes | yes |
//! | enter | if let in | no | yes | yes | yes | yes | yes |
//! | read: history, search, quotes, unread counts, who is there | no | no | yes | yes | yes | yes | yes |
//! | post | no | no | no | yes | yes | yes | yes |
//! | edit a message | no | no | no | own | own | own | own |
//! | delete a message | no | no | own | own | yes | yes | yes |
//! | invite | no | no | no | if open | yes | yes | yes |
//! | set: description, limit, password, public, invite, slow | no | no | no | no | yes | yes | yes |
//! | kick, ban, mute | no | no | no | no | those below | those below | those below |
//! | pardon (`:unban`), unmute, list bans | no | no | no | no | yes | yes | yes |
//! | promote (`:op`) | no | no | no | no | yes | yes | yes |
//! | demote (`:deop`) | no | no | no | no | himself | those below | those below |
//! | destroy | no | no | no | no | no | yes | yes |
//! | see addresses | no | no | no | no | no | no | yes |
//!
//! *Owns* the table and the order of the roles.
//! *Knows nothing of* rooms, people and how somebody came by his role.
//! *Called by* `room`, under its lock, and by nobody past it.

/// What somebody is to a room, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Not in it.
    Stranger,
    /// Not in it, and not to come in.
    Banned,
    /// In it, silenced.
    Muted,
    /// In it.
    Member,
    /// In it, and keeps order there.
    Admin,
    /// Who made it, or has inherited it.
    Owner,
    /// Keeps order on the whole server.
    Operator,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Hear that the room exists.
    Know,
    /// Come in.
    Enter,
    /// See what is said and who is there.
    Read,
    /// Say something.
    Post,
    /// Change a message.
    Edit,
    /// Take a message out.
    Delete,
    /// Open the room to a person.
    Invite,
    /// Change how the room is set up.
    Set,
    /// Put somebody out.
    Kick,
    /// Keep somebody out.
    Ban,
    /// Lift a ban.
    Pardon,
    /// List the bans.
    SeeBans,
    /// Silence somebody.
    Mute,
    /// End that.
    Unmute,
    /// Make somebody admin.
    Promote,
    /// End that.
    Demote,
    /// Close the room for good.
    Destroy,
    /// See whence people come.
    SeeAddresses,
}

/// All deeds, for whoever walks the table.
pub const DEEDS: [Deed; 18] = [
    Deed::Know,
    Deed::Enter,
    Deed::Read,
    Deed::Post,
    Deed::Edit,
    Deed::Delete,
    Deed::Invite,
    Deed::Set,
    Deed::Kick,
    Deed::Ban,
    Deed::Pardon,
    Deed::SeeBans,
    Deed::Mute,
    Deed::Unmute,
    Deed::Promote,
    Deed::Demote,
    Deed::Destroy,
    Deed::SeeAddresses,
];

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    No,
    Yes,
    IfPublic,
    /// The room lets him in: it is open, or he was invited, or knows the password.
    IfAdmitted,
    /// The room is public and has no password.
    IfOpen,
    IfOwn,
    /// Against people of a lesser role.
    IfBelow,
}

/// What a cell may depend on. Only what the deed is about has to be filled in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Case {
    /// Everybody may know of the room.
    pub public: bool,
    /// It has no door: no password, no invitation needed.
    pub open: bool,
    /// This person has given its password or holds an invitation.
    pub admitted: bool,
    /// The message is his own, or it is about himself.
    pub own: bool,
    /// Whom the deed is done to.
    pub against: Option<Role>,
}

/// Whether somebody of that role may do that.
pub fn permits(role: Role, deed: Deed, case: Case) -> bool {
    match cell(role, deed) {
        Cell::No => false,
        Cell::Yes => true,
        Cell::IfPublic => case.public,
        Cell::IfAdmitted => case.admitted || (case.public && case.open),
        Cell::IfOpen => case.public && case.open,
        Cell::IfOwn => case.own,
        Cell::IfBelow => case.against.is_some_and(|other| other < role),
    }
}

#[rustfmt::skip]
fn cell(role: Role, deed: Deed) -> Cell {
    use Cell::{IfAdmitted, IfBelow, IfOpen, IfOwn, IfPublic, No, Yes};
    let row = match deed {
        //                     stranger    banned    muted  member   admin    owner    operator
        Deed::Know         => [IfPublic,   IfPublic, Yes,   Yes,     Yes,     Yes,     Yes],
        Deed::Enter        => [IfAdmitted, No,       Yes,   Yes,     Yes,     Yes,     Yes],
        Deed::Read         => [No,         No,       Yes,   Yes,     Yes,     Yes,     Yes],
        Deed::Post         => [No,         No,       No,    Yes,     Yes,     Yes,     Yes],
        Deed::Edit         => [No,         No,       No,    IfOwn,   IfOwn,   IfOwn,   IfOwn],
        Deed::Delete       => [No,         No,       IfOwn, IfOwn,   Yes,     Yes,     Yes],
        Deed::Invite       => [No,         No,       No,    IfOpen,  Yes,     Yes,     Yes],
        Deed::Set          => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Deed::Kick         => [No,         No,       No,    No,      IfBelow, IfBelow, IfBelow],
        Deed::Ban          => [No,         No,       No,    No,      IfBelow, IfBelow, IfBelow],
        Deed::Pardon       => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Deed::SeeBans      => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Deed::Mute         => [No,         No,       No,    No,      IfBelow, IfBelow, IfBelow],
        Deed::Unmute       => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Deed::Promote      => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Deed::Demote       => [No,         No,       No,    No,      IfOwn,   IfBelow, IfBelow],
        Deed::Destroy      => [No,         No,       No,    No,      No,      Yes,     Yes],
        Deed::SeeAddresses => [No,         No,       No,    No,      No,      No,      Yes],
    };
    row[role as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Admin, Banned, Member, Muted, Operator, Owner, Stranger};

    const ROLES: [Role; 7] = [Stranger, Banned, Muted, Member, Admin, Owner, Operator];

    /// Whoever may do it in a case, as letters: s b m M A O P.
    fn who(deed: Deed, case: Case) -> String {
        let letters = ['s', 'b', 'm', 'M', 'A', 'O', 'P'];
        ROLES.iter().zip(letters).filter(|(role, _)| permits(**role, deed, case)).map(|(_, letter)| letter).collect()
    }

    #[test]
    fn every_cell_of_the_table_about_rooms_and_messages() {
        let nothing = Case::default();
        let public = Case { public: true, ..nothing };
        let open = Case { public: true, open: true, ..nothing };
        let admitted = Case { admitted: true, ..nothing };
        let own = Case { own: true, ..nothing };
        for (deed, case, expected) in [
            (Deed::Know, nothing, "mMAOP"),
            (Deed::Know, public, "sbmMAOP"),
            (Deed::Enter, nothing, "mMAOP"),
            (Deed::Enter, public, "mMAOP"),
            (Deed::Enter, open, "smMAOP"),
            (Deed::Enter, Case { open: true, ..nothing }, "mMAOP"),
            (Deed::Enter, admitted, "smMAOP"),
            (Deed::Read, open, "mMAOP"),
            (Deed::Post, open, "MAOP"),
            (Deed::Edit, open, ""),
            (Deed::Edit, own, "MAOP"),
            (Deed::Delete, open, "AOP"),
            (Deed::Delete, own, "mMAOP"),
            (Deed::Invite, nothing, "AOP"),
            (Deed::Invite, public, "AOP"),
            (Deed::Invite, open, "MAOP"),
            (Deed::Set, open, "AOP"),
            (Deed::Pardon, open, "AOP"),
            (Deed::SeeBans, open, "AOP"),
            (Deed::Unmute, open, "AOP"),
            (Deed::Promote, open, "AOP"),
            (Deed::Demote, own, "A"),
            (Deed::Destroy, open, "OP"),
            (Deed::SeeAddresses, open, "P"),
        ] {
            assert_eq!(who(deed, case), expected, "{deed:?} {case:?}");
        }
    }

    #[test]
    fn every_cell_of_the_table_about_other_people() {
        for (against, put_out, demote) in [
            (Stranger, "AOP", "OP"),
            (Banned, "AOP", "OP"),
            (Muted, "AOP", "OP"),
            (Member, "AOP", "OP"),
            (Admin, "OP", "OP"),
            (Owner, "P", "P"),
            (Operator, "", ""),
        ] {
            let case = Case { against: Some(against), ..Case::default() };
            for deed in [Deed::Kick, Deed::Ban, Deed::Mute] {
                assert_eq!(who(deed, case), put_out, "{deed:?} {against:?}");
            }
            assert_eq!(who(Deed::Demote, case), demote, "{against:?}");
        }
    }

    #[test]
    fn nothing_is_allowed_to_a_banned_person_but_to_know_of_a_public_room() {
        let all = Case { public: true, open: true, admitted: true, own: true, against: Some(Stranger) };
        for deed in DEEDS {
            assert_eq!(permits(Banned, deed, all), deed == Deed::Know, "{deed:?}");
        }
    }
}
