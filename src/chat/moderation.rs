//! Moderation of one room: its admins, and who is banned, muted, kicked or invited.
//!
//! Pure: the time is an argument. Every list is bounded. An entry that has ended counts for nothing, and is dropped when
//! its list is next changed.
//!
//! *Owns* who is admin and how long the room waits for one who lost their connection; bans, kicks, mutes, invitations.
//! *Knows nothing of* who is in the room, or of who may change any of this.

mod entries;

use std::time::Duration;

use jiff::Timestamp;

use crate::chat::duration::{after, remaining};
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;
use crate::chat::permission::Role;
use entries::{holds, is_of_same_user};

pub use entries::{Admin, Ban, ListEntry, ModerationLists};

/// How long an admin who has lost their connection stays admin: a router takes about a minute to restart.
pub const GRACE: Duration = Duration::from_secs(60);

/// How long a kicked user is kept out.
pub(crate) const KICK_LASTS: Duration = Duration::from_secs(60);

/// How long an invitation is valid.
pub(crate) const INVITATION_LASTS: Duration = Duration::from_secs(24 * 3600);

/// Most entries in each list. The lists are searched whenever somebody enters the room. Further admins and bans are
/// refused; in the other lists the oldest entry is dropped.
pub(crate) const MOST_ENTRIES: usize = 200;

/// The lists of one room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moderation {
    admins: Vec<Admin>,
    bans: Vec<Ban>,
    kicks: Vec<ListEntry>,
    mutes: Vec<ListEntry>,
    invitations: Vec<ListEntry>,
    /// Users who left a slow room before they could post again.
    waits: Vec<ListEntry>,
}

/// The entry of a user that lasts longest: a connection may have one of its own and one of the account it was logged in
/// to.
fn find<'a>(list: &'a [ListEntry], who: &Identity, at: Timestamp) -> Option<&'a ListEntry> {
    let found = list.iter().filter(|entry| entry.who.is(who) && holds(entry.until, at));
    found.max_by_key(|entry| (entry.until.is_none(), entry.until))
}

/// Adds an entry, which replaces an older one of the same user. An account's entry is replaced only by one of the same
/// account: what a guest on the same connection is given belongs to the guest.
fn put(list: &mut Vec<ListEntry>, who: &Identity, until: Option<Timestamp>, at: Timestamp) {
    let is_replaced = |known: &Identity| known.account == who.account && known.is(who);
    list.retain(|entry| holds(entry.until, at) && !is_replaced(&entry.who));
    if list.len() >= MOST_ENTRIES {
        list.remove(0);
    }
    list.push(ListEntry { who: who.clone(), until });
}

/// Puts older entries in front of a list, except those that an entry in it replaces.
fn put_before<T>(list: &mut Vec<T>, mut older: Vec<T>, replaces: impl Fn(&T, &T) -> bool) {
    older.retain(|old| !list.iter().any(|new| replaces(new, old)));
    older.append(list);
    older.drain(..older.len().saturating_sub(MOST_ENTRIES));
    *list = older;
}

fn take(list: &mut Vec<ListEntry>, meant: impl Fn(&Identity) -> bool, at: Timestamp) {
    list.retain(|entry| holds(entry.until, at) && !meant(&entry.who));
}

/// Whether this is the mute that is meant: by person if known, otherwise by name.
fn is_muted_as(known: &Identity, name: &UserName, who: Option<&Identity>) -> bool {
    who.map_or(known.name == *name, |who| known.is(who))
}

/// Whether this is the ban that is meant, by name or by person.
fn is_banned_as(ban: &Ban, name: &UserName, who: Option<&Identity>) -> bool {
    ban.name == *name || ban.who.as_ref().zip(who).is_some_and(|(known, who)| known.is(who))
}

impl Moderation {
    /// A new room belongs to the user who creates it.
    pub(crate) fn founded_by(who: Identity) -> Moderation {
        Moderation { admins: vec![Admin::new(who, true)], ..Moderation::default() }
    }

    /// Their rank as owner or admin, whether present or waited for.
    pub(crate) fn rank(&self, who: &Identity, at: Timestamp) -> Option<Role> {
        let admin = self.admins.iter().find(|admin| admin.who.entitles(who) && holds(admin.until, at))?;
        Some(admin.role())
    }

    /// The rank of an absent user by name: nobody may be banned by name while their place is kept for them.
    pub(crate) fn awaited_rank(&self, name: &UserName, at: Timestamp) -> Option<Role> {
        let awaited = |admin: &&Admin| admin.who.name == *name && holds(admin.until, at);
        self.admins.iter().find(awaited).map(Admin::role)
    }

    /// Whether there is room for this user among the admins.
    pub(crate) fn takes_admin(&self, who: &Identity, at: Timestamp) -> bool {
        let others = self.admins.iter().filter(|admin| holds(admin.until, at) && !admin.who.entitles(who));
        others.count() < MOST_ENTRIES
    }

    /// Makes a user admin.
    pub(crate) fn promote(&mut self, who: Identity, at: Timestamp) {
        self.admins.retain(|admin| holds(admin.until, at) && !admin.who.entitles(&who));
        if self.admins.len() < MOST_ENTRIES {
            self.admins.push(Admin::new(who, false));
        }
    }

    /// Whether one of the places among the admins is this user's, even if it has ended.
    pub(crate) fn is_listed(&self, who: &Identity) -> bool {
        self.admins.iter().any(|admin| admin.who.entitles(who))
    }

    /// Ends their place among the admins.
    pub(crate) fn demote(&mut self, who: &Identity) {
        self.admins.retain(|admin| !admin.who.entitles(who));
    }

    /// Ends the places of absent admins that nobody waits for, because a room that is no longer kept keeps no places.
    pub(crate) fn demote_absent(&mut self, is_there: impl Fn(&Identity) -> bool) {
        self.admins.retain(|admin| admin.until.is_some() || is_there(&admin.who));
    }

    /// The accounts of the admins.
    pub(crate) fn admin_accounts(&self) -> impl Iterator<Item = AccountId> {
        self.admins.iter().filter_map(|admin| admin.who.account)
    }

    /// An account was deleted: its place goes, but a user who is there keeps theirs as a guest.
    pub(crate) fn forget_account(&mut self, account: AccountId, is_there: impl Fn(&Identity) -> bool) {
        for admin in &mut self.admins {
            if admin.who.account == Some(account) && is_there(&admin.who) {
                admin.who.account = None;
            }
        }
        self.admins.retain(|admin| admin.who.account != Some(account));
    }

    /// Makes a user the owner of a room that has no other admin.
    pub(crate) fn inherit(&mut self, who: Identity) {
        self.admins = vec![Admin::new(who, true)];
    }

    /// Whether the wait for some admin is over.
    pub(crate) fn misses_admin(&self, at: Timestamp) -> bool {
        self.admins.iter().any(|admin| !holds(admin.until, at))
    }

    /// Ends the place of every admin who did not come back in time.
    pub(crate) fn demote_missing(&mut self, at: Timestamp) {
        self.admins.retain(|admin| holds(admin.until, at));
    }

    /// A user has entered. An admin that the room waited for is admin again.
    pub(crate) fn entered(&mut self, who: &Identity, at: Timestamp) {
        if let Some(admin) = self.admins.iter_mut().find(|admin| admin.who.entitles(who) && holds(admin.until, at)) {
            admin.who = who.clone();
            admin.until = None;
        }
    }

    /// A user has left. The room waits for an admin who has only lost their connection; in a room that is `kept`, an
    /// admin with an account stays admin however they leave. True if they were admin and the room may need another one,
    /// now or after [`GRACE`].
    pub(crate) fn left(&mut self, who: &Identity, lost: bool, kept: bool, at: Timestamp) -> bool {
        let Some(index) = self.admins.iter().position(|admin| admin.who.entitles(who)) else { return false };
        if kept && self.admins[index].who.account.is_some() {
            return false;
        }
        // There may be two: one of the account, and one of the guest on the connection that has logged in to it. There
        // is no waiting for a user who could not be recognised.
        if lost && who.can_come_back() {
            for admin in self.admins.iter_mut().filter(|admin| admin.who.entitles(who)) {
                admin.until = Some(after(at, GRACE));
            }
        } else {
            self.admins.retain(|admin| !admin.who.entitles(who));
        }
        true
    }

    /// A connection has closed that was once logged in to the account of an admin here. The room waits for that account
    /// as after a lost connection, or forever if the room is `kept`.
    pub(crate) fn await_account(&mut self, who: &Identity, kept: bool, at: Timestamp) {
        let is_left_behind = |admin: &&mut Admin| {
            admin.who.account.is_some() && admin.who.shares_connection(who) && !admin.who.entitles(who)
        };
        for admin in self.admins.iter_mut().filter(is_left_behind) {
            // It no longer belongs to a connection.
            admin.who.client = ClientId::NONE;
            if !kept {
                admin.until = Some(after(at, GRACE));
            }
        }
    }

    /// Whether the room waits for an admin who left at this moment.
    pub(crate) fn awaits_since(&self, at: Timestamp) -> bool {
        let end = Some(after(at, GRACE));
        self.admins.iter().any(|admin| admin.until == end)
    }

    /// A guest continues on another connection, and has proved that it is theirs.
    pub(crate) fn moved(&mut self, from: ClientId, who: &Identity) {
        self.given_to_guest(from).for_each(|known| *known = who.clone());
    }

    /// The user in each entry that was given to the guest on a connection.
    fn given_to_guest(&mut self, client: ClientId) -> impl Iterator<Item = &mut Identity> {
        let admins = self.admins.iter_mut().map(|admin| &mut admin.who);
        let lists = [&mut self.kicks, &mut self.mutes, &mut self.invitations, &mut self.waits];
        let others = lists.into_iter().flat_map(|list| list.iter_mut().map(|entry| &mut entry.who));
        admins.chain(others).filter(move |known| known.client == client && known.account.is_none())
    }

    /// A member has changed their name or logged in, and gets back a place kept for them. The entries of an account
    /// stay with it. Returns whether an entry of a guest now belongs to an account.
    pub(crate) fn renamed(&mut self, who: &Identity, at: Timestamp) -> bool {
        let mut adopted = false;
        for known in self.given_to_guest(who.client) {
            *known = who.clone();
            adopted |= who.account.is_some();
        }
        self.entered(who, at);
        adopted
    }

    /// Whether there is an admin, present or waited for.
    pub(crate) fn has_admin(&self, at: Timestamp) -> bool {
        self.admins.iter().any(|admin| holds(admin.until, at))
    }

    /// Whether one of the admins has an account.
    pub(crate) fn has_account_admin(&self) -> bool {
        self.admins.iter().any(|admin| admin.who.account.is_some())
    }

    /// Whether the list of bans has room for one more, or holds this name already.
    pub(crate) fn takes_ban(&self, name: &UserName, at: Timestamp) -> bool {
        self.bans.iter().filter(|known| holds(known.until, at) && known.name != *name).count() < MOST_ENTRIES
    }

    /// Bans a user, and ends their invitation.
    pub(crate) fn ban(&mut self, ban: Ban, at: Timestamp) {
        // A second ban of the same name keeps the address of the first.
        let known = self.bans.iter().find(|known| known.name == ban.name);
        let (address, who) = known.map_or((None, None), |known| (known.address, known.who.clone()));
        self.bans.retain(|known| holds(known.until, at) && known.name != ban.name);
        let ban = Ban { address: ban.address.or(address), who: ban.who.or(who), ..ban };
        take(&mut self.invitations, |known| ban.is_about(known), at);
        if self.bans.len() < MOST_ENTRIES {
            self.bans.push(ban);
        }
    }

    /// Whether a name, or a person, is banned.
    pub(crate) fn is_banned(&self, name: &UserName, who: Option<&Identity>, at: Timestamp) -> bool {
        self.bans.iter().any(|ban| holds(ban.until, at) && is_banned_as(ban, name, who))
    }

    /// Lifts the bans of a name, and of a person.
    pub(crate) fn unban(&mut self, name: &UserName, who: Option<&Identity>, at: Timestamp) {
        self.bans.retain(|ban| holds(ban.until, at) && !is_banned_as(ban, name, who));
    }

    /// Every ban in force, oldest first.
    pub(crate) fn bans(&self, at: Timestamp) -> impl Iterator<Item = &Ban> {
        self.bans.iter().filter(move |ban| holds(ban.until, at))
    }

    /// The ban that keeps a user out.
    pub(crate) fn banned(&self, who: &Identity, at: Timestamp) -> Option<&Ban> {
        self.bans(at).find(|ban| ban.is_about(who))
    }

    /// A user was kicked. An invitation stays; a ban would end it.
    pub(crate) fn kick(&mut self, who: &Identity, at: Timestamp) {
        put(&mut self.kicks, who, Some(after(at, KICK_LASTS)), at);
    }

    /// How long a kicked user has to stay out.
    pub fn kicked(&self, who: &Identity, at: Timestamp) -> Option<Duration> {
        find(&self.kicks, who, at)?.until.map(|until| remaining(at, until))
    }

    /// Mutes a user.
    pub(crate) fn mute(&mut self, who: &Identity, until: Option<Timestamp>, at: Timestamp) {
        put(&mut self.mutes, who, until, at);
    }

    /// Whether [`unmute`](Moderation::unmute) would lift anything.
    pub(crate) fn is_muted(&self, name: &UserName, who: Option<&Identity>, at: Timestamp) -> bool {
        self.mutes.iter().any(|entry| holds(entry.until, at) && is_muted_as(&entry.who, name, who))
    }

    /// Unmutes a person, or a name if no user of that name is known.
    pub(crate) fn unmute(&mut self, name: &UserName, who: Option<&Identity>, at: Timestamp) {
        take(&mut self.mutes, |known| is_muted_as(known, name, who), at);
    }

    /// A user's mute, if they are muted.
    pub(crate) fn muted(&self, who: &Identity, at: Timestamp) -> Option<&ListEntry> {
        find(&self.mutes, who, at)
    }

    /// Lifts a kick.
    pub(crate) fn forgive(&mut self, who: &Identity, at: Timestamp) {
        take(&mut self.kicks, |known| known.is(who), at);
    }

    /// A user leaves a slow room before they could post again.
    pub(crate) fn wait(&mut self, who: &Identity, until: Timestamp, at: Timestamp) {
        put(&mut self.waits, who, Some(until), at);
    }

    /// Until when a user who left and came back cannot post.
    pub(crate) fn waits(&self, who: &Identity, at: Timestamp) -> Option<Timestamp> {
        find(&self.waits, who, at)?.until
    }

    /// The lists to store. Admins who are waited for are stored as if they were present.
    pub(crate) fn lists(&self, at: Timestamp) -> ModerationLists {
        let entries = |list: &[ListEntry]| list.iter().filter(|entry| holds(entry.until, at)).cloned().collect();
        let admins = self.admins.iter().filter(|admin| holds(admin.until, at));
        ModerationLists {
            admins: admins.map(|admin| Admin::new(admin.who.clone(), admin.owner)).collect(),
            bans: self.bans(at).cloned().collect(),
            mutes: entries(&self.mutes),
            invitations: entries(&self.invitations),
        }
    }

    /// The lists as they were stored, without what has ended since.
    pub(crate) fn restored(lists: ModerationLists, at: Timestamp) -> Moderation {
        let entries =
            |list: Vec<ListEntry>| list.into_iter().filter(|entry| holds(entry.until, at)).take(MOST_ENTRIES).collect();
        let bans = lists.bans.into_iter().filter(|ban| holds(ban.until, at));
        Moderation {
            admins: lists.admins.into_iter().take(MOST_ENTRIES).collect(),
            bans: bans.take(MOST_ENTRIES).collect(),
            mutes: entries(lists.mutes),
            invitations: entries(lists.invitations),
            ..Moderation::default()
        }
    }

    /// Adds the stored bans, mutes and invitations that have not ended to those made meanwhile. Of two entries about one
    /// user the later one counts. If there are too many, the oldest are dropped.
    pub(crate) fn add_stored(&mut self, lists: ModerationLists, at: Timestamp) {
        let Moderation { bans, mutes, mut invitations, .. } = Moderation::restored(lists, at);
        // Each ban made meanwhile counts as later than the stored ones: see `ban`.
        for ban in &mut self.bans {
            let known = bans.iter().find(|known| known.name == ban.name);
            ban.address = ban.address.or(known.and_then(|known| known.address));
            ban.who = ban.who.take().or_else(|| known.and_then(|known| known.who.clone()));
            invitations.retain(|invited| !ban.is_about(&invited.who));
        }
        put_before(&mut self.bans, bans, |new, old| new.name == old.name);
        put_before(&mut self.mutes, mutes, is_of_same_user);
        put_before(&mut self.invitations, invitations, is_of_same_user);
    }

    /// All of it: admins, bans, then kicks, mutes, invitations and waits.
    #[cfg(any(test, feature = "cluster"))]
    pub(crate) fn parts(&self) -> (&[Admin], &[Ban], [&[ListEntry]; 4]) {
        (&self.admins, &self.bans, [&self.kicks, &self.mutes, &self.invitations, &self.waits])
    }

    /// Puts the parts of [`parts`](Moderation::parts) together again.
    #[cfg(any(test, feature = "cluster"))]
    pub(crate) fn of_parts(admins: Vec<Admin>, bans: Vec<Ban>, lists: [Vec<ListEntry>; 4]) -> Moderation {
        let [kicks, mutes, invitations, waits] = lists;
        Moderation { admins, bans, kicks, mutes, invitations, waits }
    }

    /// Invites a user.
    pub(crate) fn invite(&mut self, who: &Identity, at: Timestamp) {
        put(&mut self.invitations, who, Some(after(at, INVITATION_LASTS)), at);
    }

    /// Whether a user is invited.
    pub fn invited(&self, who: &Identity, at: Timestamp) -> bool {
        self.invitations.iter().any(|entry| entry.who.entitles(who) && holds(entry.until, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(client: u64, name: &str, address: &str) -> Identity {
        let name = UserName::parse(name, 1, 32).expect("a name");
        let address = address.parse().expect("an address");
        Identity { client: ClientId(client), name, address, shared: false, account: None }
    }

    #[test]
    fn a_guest_behind_a_shared_address_is_not_waited_for_and_nobody_gets_their_place() {
        let now = Timestamp::UNIX_EPOCH;
        let shared = |client, name| Identity { shared: true, ..who(client, name, "127.0.0.1") };
        let mut moderation = Moderation::founded_by(shared(1, "alice"));
        assert_eq!(moderation.rank(&shared(1, "alice"), now), Some(Role::Owner));
        moderation.invite(&shared(2, "bob"), now);
        assert!(moderation.left(&shared(1, "alice"), true, false, now), "another one inherits");
        assert!(!moderation.has_admin(now) && moderation.awaited_rank(&shared(1, "alice").name, now).is_none());
        assert_eq!(moderation.rank(&shared(3, "alice"), now), None);
        assert!(moderation.invited(&shared(2, "bob"), now) && !moderation.invited(&shared(4, "bob"), now));
        moderation.kick(&shared(2, "bob"), now);
        moderation.mute(&shared(2, "bob"), None, now);
        assert!(
            moderation.kicked(&shared(4, "bob"), now).is_some() && moderation.muted(&shared(4, "bob"), now).is_some()
        );
    }

    fn alice() -> Identity {
        who(1, "alice", "192.0.2.1")
    }

    fn bob() -> Identity {
        who(2, "bob", "192.0.2.2")
    }

    fn ban(of: &Identity, until: Option<Timestamp>) -> Ban {
        Ban {
            name: of.name.clone(),
            who: Some(of.clone()),
            address: Some(of.address),
            by: alice().name,
            reason: "".into(),
            until,
        }
    }

    #[test]
    fn an_admin_who_lost_the_connection_is_waited_for_and_one_who_left_is_not() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::founded_by(alice());
        assert!(moderation.left(&alice(), true, false, now));
        assert_eq!(moderation.awaited_rank(&alice().name, now), Some(Role::Owner));
        assert!(moderation.has_admin(now + GRACE / 2));
        let back = who(9, "alice", "192.0.2.1");
        moderation.entered(&back, now + GRACE / 2);
        assert_eq!(moderation.rank(&back, now + GRACE * 9), Some(Role::Owner));
        assert!(moderation.left(&back, false, false, now));
        assert!(!moderation.has_admin(now));
        assert!(!moderation.left(&bob(), false, false, now));
    }

    #[test]
    fn lists_that_are_read_late_do_not_replace_later_decisions() {
        let now = Timestamp::UNIX_EPOCH;
        let carol = who(3, "carol", "192.0.2.3");
        let (brief, long) = (Some(after(now, GRACE)), Some(after(now, INVITATION_LASTS)));
        let mut stored = Moderation::default();
        stored.ban(ban(&alice(), None), now);
        stored.ban(ban(&bob(), None), now);
        stored.ban(ban(&carol, brief), now);
        stored.mute(&bob(), None, now);
        stored.invite(&carol, now);
        let mut moderation = Moderation::default();
        moderation.ban(Ban { who: None, address: None, ..ban(&bob(), long) }, now);
        moderation.mute(&bob(), brief, now);
        let later = after(now, GRACE);
        moderation.add_stored(stored.lists(now), later);
        let bans: Vec<_> = moderation.bans(later).map(|ban| (ban.name.as_str(), ban.until)).collect();
        assert_eq!(bans, [("alice", None), ("bob", long)], "carol's is over");
        assert!(moderation.banned(&who(9, "robert", "192.0.2.2"), later).is_some(), "by the address known before");
        assert_eq!(moderation.muted(&bob(), later), None, "the shorter one was the last");
        assert!(moderation.invited(&carol, later));
        let mut full = Moderation::default();
        for number in 0..MOST_ENTRIES as u64 {
            full.ban(ban(&who(number + 10, &format!("u{number}"), "192.0.2.9"), None), now);
        }
        full.add_stored(stored.lists(now), later);
        assert!(full.bans(later).count() == MOST_ENTRIES && full.bans(later).all(|ban| ban.name.as_str() != "alice"));
    }

    #[test]
    fn a_stranger_with_the_name_of_an_awaited_admin_is_not_admin() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::founded_by(alice());
        moderation.left(&alice(), true, false, now);
        let impostor = who(9, "alice", "192.0.2.66");
        moderation.entered(&impostor, now);
        assert_eq!(moderation.rank(&impostor, now), None);
        assert!(!moderation.has_admin(now + GRACE));
    }

    #[test]
    fn what_an_absent_account_was_given_is_not_for_a_guest_of_its_name() {
        let now = Timestamp::UNIX_EPOCH;
        let account = Identity { account: Some(AccountId(7)), ..alice() };
        let mut moderation = Moderation::founded_by(account.clone());
        moderation.invite(&account, now);
        moderation.mute(&account, None, now);
        let guest = who(9, "alice", "192.0.2.1");
        moderation.entered(&guest, now);
        assert!(moderation.rank(&guest, now).is_none() && !moderation.invited(&guest, now));
        assert!(!moderation.left(&guest, false, true, now) && !moderation.is_listed(&guest));
        assert_eq!(moderation.rank(&account, now), Some(Role::Owner));
        assert!(moderation.muted(&guest, now).is_some(), "a mute cannot be shaken off like that");
    }

    #[test]
    fn an_admin_with_an_account_stays_one_of_a_kept_room_however_they_leave() {
        let now = Timestamp::UNIX_EPOCH;
        let account = Identity { account: Some(AccountId(7)), ..alice() };
        let mut moderation = Moderation::founded_by(account.clone());
        assert!(!moderation.left(&account, false, true, now) && moderation.has_admin(now + GRACE * 9));
        let elsewhere = Identity { account: Some(AccountId(7)), ..who(9, "alice", "192.0.2.200") };
        assert_eq!(moderation.rank(&elsewhere, now), Some(Role::Owner));
        assert!(moderation.left(&elsewhere, false, false, now) && !moderation.has_admin(now));
        let mut kept_no_more = Moderation::founded_by(account);
        kept_no_more.promote(bob(), now);
        kept_no_more.demote_absent(|who| *who == bob());
        assert!(kept_no_more.rank(&elsewhere, now).is_none() && kept_no_more.rank(&bob(), now) == Some(Role::Admin));
        let mut guests = Moderation::founded_by(alice());
        assert!(guests.left(&alice(), false, true, now) && !guests.has_admin(now));
    }

    #[test]
    fn a_rank_passes_to_the_account_and_stays_with_it() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::founded_by(alice());
        let account = Identity { account: Some(AccountId(7)), ..alice() };
        assert!(moderation.renamed(&account, now));
        let guest = Identity { account: None, ..who(1, "al", "192.0.2.1") };
        assert!(!moderation.renamed(&guest, now));
        assert_eq!(moderation.rank(&guest, now), None);
        assert_eq!(moderation.rank(&Identity { client: ClientId(9), ..account }, now), Some(Role::Owner));
    }

    fn account(client: u64, number: u64) -> Identity {
        Identity { account: Some(AccountId(number)), ..who(client, &format!("a{number}"), "192.0.2.1") }
    }

    #[test]
    fn what_an_account_was_given_does_not_follow_its_connection_into_another_account() {
        let now = Timestamp::UNIX_EPOCH;
        for kept in [false, true] {
            let mut moderation = Moderation::founded_by(account(1, 7));
            moderation.invite(&account(1, 7), now);
            moderation.mute(&account(1, 7), None, now);
            moderation.kick(&account(2, 9), now);
            moderation.ban(Ban { address: None, ..ban(&account(2, 9), None) }, now);
            let other = account(1, 8);
            moderation.renamed(&other, now);
            assert_eq!(moderation.rank(&other, now), None);
            assert!(!moderation.invited(&other, now) && moderation.muted(&other, now).is_none());
            let other = account(2, 8);
            assert!(moderation.kicked(&other, now).is_none() && moderation.banned(&other, now).is_none());
            // Leaving and coming back gives it to nobody else.
            assert!(!moderation.left(&account(1, 8), false, kept, now));
            moderation.await_account(&account(1, 8), kept, now);
            assert_eq!(moderation.awaits_since(now), !kept);
            moderation.entered(&account(1, 8), now);
            assert_eq!(moderation.rank(&account(1, 8), now), None);
            assert!(moderation.muted(&account(5, 7), now).is_some());
            assert_eq!(moderation.rank(&account(5, 7), now), Some(Role::Owner));
            assert_eq!(
                moderation.has_admin(now + GRACE),
                kept,
                "in a room that is not kept, another member inherits in the end"
            );
        }
    }

    #[test]
    fn an_admin_who_logs_in_again_in_the_room_is_no_longer_waited_for() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::founded_by(account(1, 7));
        moderation.renamed(&account(1, 8), now);
        moderation.await_account(&account(1, 8), false, now);
        // On another connection, which was in the room under another account.
        moderation.renamed(&account(2, 7), now);
        assert_eq!(moderation.rank(&account(2, 7), now + GRACE * 9), Some(Role::Owner));
    }

    #[test]
    fn a_mute_of_a_guest_does_not_replace_that_of_the_account_on_the_connection() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::default();
        moderation.mute(&account(1, 7), None, now);
        let guest = who(1, "al", "192.0.2.1");
        moderation.mute(&guest, Some(now + GRACE), now);
        assert_eq!(moderation.muted(&guest, now).map(|mute| mute.until), Some(None), "the longer one");
        assert_eq!(moderation.muted(&account(5, 7), now + GRACE).map(|mute| mute.until), Some(None));
        assert!(moderation.is_muted(&guest.name, Some(&guest), now));
        moderation.unmute(&guest.name, Some(&guest), now);
        assert!(moderation.muted(&guest, now).is_none());
    }

    #[test]
    fn stored_lists_are_the_same_when_they_are_read() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::founded_by(alice());
        moderation.ban(ban(&bob(), Some(now + GRACE)), now);
        moderation.mute(&who(3, "carol", "192.0.2.3"), None, now);
        moderation.invite(&who(4, "dave", "192.0.2.4"), now);
        let read = Moderation::restored(moderation.lists(now), now);
        assert_eq!(read.rank(&alice(), now), Some(Role::Owner));
        assert!(read.banned(&bob(), now).is_some() && read.banned(&bob(), now + GRACE).is_none());
        assert_eq!(read.muted(&who(3, "carol", "192.0.2.3"), now).map(|mute| mute.until), Some(None));
        assert!(read.invited(&who(4, "dave", "192.0.2.4"), now));
        assert!(read.lists(now + INVITATION_LASTS).invitations.is_empty());
        let later = Moderation::restored(moderation.lists(now), now + GRACE);
        assert!(later.banned(&bob(), now).is_none(), "what has ended is not read back");
    }

    #[test]
    fn a_ban_holds_for_the_name_and_for_the_address_until_it_ends() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::default();
        moderation.ban(ban(&bob(), Some(now + Duration::from_secs(60))), now);
        for kept_out in [bob(), who(5, "bob", "192.0.2.9"), who(5, "other", "192.0.2.2")] {
            assert!(moderation.banned(&kept_out, now).is_some());
            assert!(moderation.banned(&kept_out, now + Duration::from_secs(60)).is_none());
        }
        assert!(moderation.banned(&alice(), now).is_none());
        assert!(moderation.is_banned(&bob().name, None, now));
        moderation.unban(&bob().name, None, now);
        assert!(!moderation.is_banned(&bob().name, None, now));
    }

    #[test]
    fn a_ban_follows_a_connection_to_another_name() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::default();
        moderation.ban(Ban { address: None, ..ban(&bob(), None) }, now);
        assert!(moderation.banned(&who(2, "robert", "192.0.2.2"), now).is_some());
        assert!(moderation.banned(&who(3, "robert", "192.0.2.2"), now).is_none());
    }

    #[test]
    fn a_second_ban_of_an_absent_person_keeps_the_known_address() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::default();
        moderation.ban(ban(&bob(), None), now);
        moderation.ban(Ban { address: None, ..ban(&bob(), None) }, now);
        assert_eq!(moderation.bans(now).count(), 1);
        assert!(moderation.banned(&who(7, "other", "192.0.2.2"), now).is_some());
    }

    #[test]
    fn kicks_end_after_a_minute_or_when_they_are_forgiven() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::default();
        moderation.kick(&bob(), now);
        assert_eq!(moderation.kicked(&bob(), now), Some(KICK_LASTS));
        assert_eq!(moderation.kicked(&bob(), now + KICK_LASTS), None);
        moderation.forgive(&bob(), now);
        moderation.invite(&bob(), now);
        assert_eq!(moderation.kicked(&bob(), now), None);
        assert!(moderation.invited(&bob(), now) && !moderation.invited(&bob(), now + INVITATION_LASTS));
    }

    #[test]
    fn a_kick_keeps_the_invitation_and_a_ban_ends_it() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::default();
        moderation.invite(&bob(), now);
        moderation.kick(&bob(), now);
        assert!(moderation.invited(&bob(), now + KICK_LASTS));
        moderation.ban(ban(&bob(), None), now);
        assert!(moderation.is_banned(&bob().name, None, now));
        moderation.unban(&bob().name, None, now);
        assert!(!moderation.invited(&bob(), now));
    }

    #[test]
    fn a_mute_follows_a_new_name() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::default();
        moderation.mute(&bob(), None, now);
        let renamed = who(2, "robert", "192.0.2.2");
        moderation.renamed(&renamed, now);
        assert_eq!(moderation.muted(&who(8, "robert", "192.0.2.2"), now).map(|mute| mute.until), Some(None));
        assert!(moderation.is_muted(&renamed.name, Some(&renamed), now));
        moderation.unmute(&renamed.name, Some(&renamed), now);
        assert_eq!(moderation.muted(&renamed, now), None);
    }

    #[test]
    fn every_list_is_bounded() {
        let now = Timestamp::UNIX_EPOCH;
        let mut moderation = Moderation::default();
        for number in 0..1000 {
            let person = who(number, &format!("p{number}"), "192.0.2.1");
            moderation.kick(&person, now);
            moderation.mute(&person, None, now);
            moderation.invite(&person, now);
            assert_eq!(moderation.takes_admin(&person, now), number < MOST_ENTRIES as u64);
            moderation.promote(person.clone(), now);
            assert_eq!(moderation.takes_ban(&person.name, now), number < MOST_ENTRIES as u64);
            moderation.ban(ban(&person, None), now);
        }
        let Moderation { admins, bans, kicks, mutes, invitations, .. } = &moderation;
        for length in [admins.len(), bans.len(), kicks.len(), mutes.len(), invitations.len()] {
            assert!(length <= MOST_ENTRIES);
        }
    }
}
