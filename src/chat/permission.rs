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
pub enum Permission {
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
pub const DEEDS: [Permission; 18] = [
    Permission::Know,
    Permission::Enter,
    Permission::Read,
    Permission::Post,
    Permission::Edit,
    Permission::Delete,
    Permission::Invite,
    Permission::Set,
    Permission::Kick,
    Permission::Ban,
    Permission::Pardon,
    Permission::SeeBans,
    Permission::Mute,
    Permission::Unmute,
    Permission::Promote,
    Permission::Demote,
    Permission::Destroy,
    Permission::SeeAddresses,
];

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
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
pub struct Context {
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
pub fn permits(role: Role, deed: Permission, case: Context) -> bool {
    match cell(role, deed) {
        Grant::No => false,
        Grant::Yes => true,
        Grant::IfPublic => case.public,
        Grant::IfAdmitted => case.admitted || (case.public && case.open),
        Grant::IfOpen => case.public && case.open,
        Grant::IfOwn => case.own,
        Grant::IfBelow => case.against.is_some_and(|other| other < role),
    }
}

#[rustfmt::skip]
fn cell(role: Role, deed: Permission) -> Grant {
    use Grant::{IfAdmitted, IfBelow, IfOpen, IfOwn, IfPublic, No, Yes};
    let row = match deed {
        //                     stranger    banned    muted  member   admin    owner    operator
        Permission::Know         => [IfPublic,   IfPublic, Yes,   Yes,     Yes,     Yes,     Yes],
        Permission::Enter        => [IfAdmitted, No,       Yes,   Yes,     Yes,     Yes,     Yes],
        Permission::Read         => [No,         No,       Yes,   Yes,     Yes,     Yes,     Yes],
        Permission::Post         => [No,         No,       No,    Yes,     Yes,     Yes,     Yes],
        Permission::Edit         => [No,         No,       No,    IfOwn,   IfOwn,   IfOwn,   IfOwn],
        Permission::Delete       => [No,         No,       IfOwn, IfOwn,   Yes,     Yes,     Yes],
        Permission::Invite       => [No,         No,       No,    IfOpen,  Yes,     Yes,     Yes],
        Permission::Set          => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Permission::Kick         => [No,         No,       No,    No,      IfBelow, IfBelow, IfBelow],
        Permission::Ban          => [No,         No,       No,    No,      IfBelow, IfBelow, IfBelow],
        Permission::Pardon       => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Permission::SeeBans      => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Permission::Mute         => [No,         No,       No,    No,      IfBelow, IfBelow, IfBelow],
        Permission::Unmute       => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Permission::Promote      => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Permission::Demote       => [No,         No,       No,    No,      IfOwn,   IfBelow, IfBelow],
        Permission::Destroy      => [No,         No,       No,    No,      No,      Yes,     Yes],
        Permission::SeeAddresses => [No,         No,       No,    No,      No,      No,      Yes],
    };
    row[role as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Admin, Banned, Member, Muted, Operator, Owner, Stranger};

    const ROLES: [Role; 7] = [Stranger, Banned, Muted, Member, Admin, Owner, Operator];

    /// Whoever may do it in a case, as letters: s b m M A O P.
    fn who(deed: Permission, case: Context) -> String {
        let letters = ['s', 'b', 'm', 'M', 'A', 'O', 'P'];
        ROLES.iter().zip(letters).filter(|(role, _)| permits(**role, deed, case)).map(|(_, letter)| letter).collect()
    }

    #[test]
    fn every_cell_of_the_table_about_rooms_and_messages() {
        let nothing = Context::default();
        let public = Context { public: true, ..nothing };
        let open = Context { public: true, open: true, ..nothing };
        let admitted = Context { admitted: true, ..nothing };
        let own = Context { own: true, ..nothing };
        for (deed, case, expected) in [
            (Permission::Know, nothing, "mMAOP"),
            (Permission::Know, public, "sbmMAOP"),
            (Permission::Enter, nothing, "mMAOP"),
            (Permission::Enter, public, "mMAOP"),
            (Permission::Enter, open, "smMAOP"),
            (Permission::Enter, Context { open: true, ..nothing }, "mMAOP"),
            (Permission::Enter, admitted, "smMAOP"),
            (Permission::Read, open, "mMAOP"),
            (Permission::Post, open, "MAOP"),
            (Permission::Edit, open, ""),
            (Permission::Edit, own, "MAOP"),
            (Permission::Delete, open, "AOP"),
            (Permission::Delete, own, "mMAOP"),
            (Permission::Invite, nothing, "AOP"),
            (Permission::Invite, public, "AOP"),
            (Permission::Invite, open, "MAOP"),
            (Permission::Set, open, "AOP"),
            (Permission::Pardon, open, "AOP"),
            (Permission::SeeBans, open, "AOP"),
            (Permission::Unmute, open, "AOP"),
            (Permission::Promote, open, "AOP"),
            (Permission::Demote, own, "A"),
            (Permission::Destroy, open, "OP"),
            (Permission::SeeAddresses, open, "P"),
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
            let case = Context { against: Some(against), ..Context::default() };
            for deed in [Permission::Kick, Permission::Ban, Permission::Mute] {
                assert_eq!(who(deed, case), put_out, "{deed:?} {against:?}");
            }
            assert_eq!(who(Permission::Demote, case), demote, "{against:?}");
        }
    }

    #[test]
    fn nothing_is_allowed_to_a_banned_person_but_to_know_of_a_public_room() {
        let all = Context { public: true, open: true, admitted: true, own: true, against: Some(Stranger) };
        for deed in DEEDS {
            assert_eq!(permits(Banned, deed, all), deed == Permission::Know, "{deed:?}");
        }
    }
}
