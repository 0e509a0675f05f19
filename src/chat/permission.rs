//! Who may do what to which room or message: the one table that every command goes through.
//!
//! | permission | stranger | banned | muted | member | admin | owner | operator |
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
//! | unban, unmute, list bans | no | no | no | no | yes | yes | yes |
//! | promote (`:op`) | no | no | no | no | yes | yes | yes |
//! | demote (`:deop`) | no | no | no | no | themselves | those below | those below |
//! | destroy | no | no | no | no | no | yes | yes |
//! | see addresses | no | no | no | no | no | no | yes |
//!
//! *Owns* the table and the order of the roles. *Knows nothing of* rooms, users and how a user got their role. Only the
//! room uses it, so no command gets past the table.

/// What a user is to a room, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Not in the room.
    Stranger,
    /// Not in the room, and banned from it.
    Banned,
    /// In the room, and muted.
    Muted,
    /// In the room.
    Member,
    /// In the room, and moderates it.
    Admin,
    /// Created the room, or inherited it.
    Owner,
    /// Moderates the whole server.
    Operator,
}

/// What a user may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Learn that the room exists.
    Know,
    /// Come in.
    Enter,
    /// See what is said and who is there.
    Read,
    /// Say something.
    Post,
    /// Change a message.
    Edit,
    /// Remove a message.
    Delete,
    /// Invite a user.
    Invite,
    /// Change the room's settings.
    Set,
    /// Remove a user for a minute.
    Kick,
    /// Ban a user.
    Ban,
    /// Lift a ban.
    Unban,
    /// See who is banned.
    ListBans,
    /// Mute a user.
    Mute,
    /// Lift a mute.
    Unmute,
    /// Make a user admin.
    Promote,
    /// Make an admin an ordinary member.
    Demote,
    /// Close the room for good.
    Destroy,
    /// See the addresses users connect from.
    SeeAddresses,
}

/// Every permission, in the order of the table.
#[cfg(test)]
const PERMISSIONS: [Permission; 18] = [
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
    Permission::Unban,
    Permission::ListBans,
    Permission::Mute,
    Permission::Unmute,
    Permission::Promote,
    Permission::Demote,
    Permission::Destroy,
    Permission::SeeAddresses,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    No,
    Yes,
    IfPublic,
    /// If the room lets them in: it is open, or they are invited or know the password.
    IfAdmitted,
    /// If the room is public and has no password.
    IfOpen,
    IfOwn,
    /// Against users of a lesser role.
    IfBelow,
}

/// What a grant may depend on. Only the fields that matter for the permission have to be filled in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    /// The room is listed for everybody.
    pub public: bool,
    /// No password and no invitation are needed.
    pub open: bool,
    /// This user has given the room's password or holds an invitation.
    pub(crate) admitted: bool,
    /// The message is theirs, or it is about themselves.
    pub own: bool,
    /// The role of the user that it affects.
    pub against: Option<Role>,
}

/// Whether a user of this role has a permission.
pub(crate) fn permits(role: Role, permission: Permission, context: Context) -> bool {
    match grant(role, permission) {
        Grant::No => false,
        Grant::Yes => true,
        Grant::IfPublic => context.public,
        Grant::IfAdmitted => context.admitted || (context.public && context.open),
        Grant::IfOpen => context.public && context.open,
        Grant::IfOwn => context.own,
        Grant::IfBelow => context.against.is_some_and(|other| other < role),
    }
}

#[rustfmt::skip]
fn grant(role: Role, permission: Permission) -> Grant {
    use Grant::{IfAdmitted, IfBelow, IfOpen, IfOwn, IfPublic, No, Yes};
    let row = match permission {
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
        Permission::Unban        => [No,         No,       No,    No,      Yes,     Yes,     Yes],
        Permission::ListBans     => [No,         No,       No,    No,      Yes,     Yes,     Yes],
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

    /// The roles that have it in a context, as letters: s b m M A O P.
    fn who(permission: Permission, context: Context) -> String {
        let letters = ['s', 'b', 'm', 'M', 'A', 'O', 'P'];
        ROLES
            .iter()
            .zip(letters)
            .filter(|(role, _)| permits(**role, permission, context))
            .map(|(_, letter)| letter)
            .collect()
    }

    #[test]
    fn every_grant_of_the_table_about_rooms_and_messages() {
        let nothing = Context::default();
        let public = Context { public: true, ..nothing };
        let open = Context { public: true, open: true, ..nothing };
        let admitted = Context { admitted: true, ..nothing };
        let own = Context { own: true, ..nothing };
        for (permission, context, expected) in [
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
            (Permission::Unban, open, "AOP"),
            (Permission::ListBans, open, "AOP"),
            (Permission::Unmute, open, "AOP"),
            (Permission::Promote, open, "AOP"),
            (Permission::Demote, own, "A"),
            (Permission::Destroy, open, "OP"),
            (Permission::SeeAddresses, open, "P"),
        ] {
            assert_eq!(who(permission, context), expected, "{permission:?} {context:?}");
        }
    }

    #[test]
    fn every_grant_of_the_table_about_other_people() {
        for (against, put_out, demote) in [
            (Stranger, "AOP", "OP"),
            (Banned, "AOP", "OP"),
            (Muted, "AOP", "OP"),
            (Member, "AOP", "OP"),
            (Admin, "OP", "OP"),
            (Owner, "P", "P"),
            (Operator, "", ""),
        ] {
            let context = Context { against: Some(against), ..Context::default() };
            for permission in [Permission::Kick, Permission::Ban, Permission::Mute] {
                assert_eq!(who(permission, context), put_out, "{permission:?} {against:?}");
            }
            assert_eq!(who(Permission::Demote, context), demote, "{against:?}");
        }
    }

    #[test]
    fn a_banned_user_may_only_know_of_a_public_room() {
        let all = Context { public: true, open: true, admitted: true, own: true, against: Some(Stranger) };
        for permission in PERMISSIONS {
            assert_eq!(permits(Banned, permission, all), permission == Permission::Know, "{permission:?}");
        }
    }
}
