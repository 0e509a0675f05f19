//! Order in one room: its admins, and who is kept out, silenced or let in.
//!
//! Pure: `now` is an argument. Every list is bounded, and what has run out is dropped when a list is looked at.
//!
//! *Owns* who is admin and for how long one who has lost his connection is waited for; bans, kicks, mutes, invitations.
//! *Knows nothing of* who is in the room, and of who may change any of this.
//! *Called by* `room`, under its lock.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::chat::identity::{AccountId, Identity};
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::chat::permission::Role;

/// How long an admin who has lost his connection stays one: a router that starts anew takes about a minute.
pub const GRACE: Duration = Duration::from_secs(60);

/// How long somebody who was kicked may not come back.
pub const KICK_LASTS: Duration = Duration::from_secs(60);

/// How long an invitation holds.
pub const INVITATION_LASTS: Duration = Duration::from_secs(24 * 3600);

/// Entries in each list. A list is looked through on every entry into the room; of admins and bans one more is refused,
/// of the others the oldest goes.
pub const MOST_ENTRIES: usize = 200;

#[derive(Clone, Debug)]
struct Admin {
    who: Identity,
    owner: bool,
    /// He has lost his connection, and is waited for until then.
    until: Option<Instant>,
}

/// Somebody kept out.
#[derive(Clone, Debug)]
pub struct Ban {
    /// By this name,
    pub name: UserName,
    /// and as this person, whatever he calls himself later,
    pub who: Option<Identity>,
    /// and from this address, unless that is the machine's own.
    pub address: Option<IpAddr>,
    /// Who banned him.
    pub by: UserName,
    /// Why; may be empty.
    pub reason: Box<str>,
    /// The end of it, if there is one.
    pub until: Option<Instant>,
}

impl Ban {
    fn is_about(&self, who: &Identity) -> bool {
        self.name == who.name
            || self.address == Some(who.address)
            || self.who.as_ref().is_some_and(|known| known.is(who))
    }
}

/// Something about one person, for a while.
#[derive(Clone, Debug)]
struct ListEntry {
    who: Identity,
    /// `None`: until it is taken back.
    until: Option<Instant>,
}

/// What of a room's order outlasts the server.
#[derive(Clone, Debug, Default)]
pub struct ModerationLists {
    /// Who keeps order; true: the room is his.
    pub admins: Vec<(Identity, bool)>,
    /// Who is kept out.
    pub bans: Vec<Ban>,
    /// Who is silenced, until when.
    pub mutes: Vec<(Identity, Option<Instant>)>,
    /// Who is invited, until when.
    pub invitations: Vec<(Identity, Option<Instant>)>,
}

/// The lists of one room.
#[derive(Debug, Default)]
pub struct Moderation {
    admins: Vec<Admin>,
    bans: Vec<Ban>,
    kicks: Vec<ListEntry>,
    mutes: Vec<ListEntry>,
    invitations: Vec<ListEntry>,
    /// Those who have left a slow room before it was their turn again.
    rests: Vec<ListEntry>,
}

/// Whether an end still lies ahead.
fn holds(until: Option<Instant>, now: Instant) -> bool {
    until.is_none_or(|until| until > now)
}

/// The end of what holds longest: a connection may have an entry of its own and one of the account it was logged in to.
fn find(list: &[ListEntry], who: &Identity, now: Instant) -> Option<Option<Instant>> {
    let found = list.iter().filter(|entry| entry.who.is(who) && holds(entry.until, now)).map(|entry| entry.until);
    found.reduce(|one, other| Some(one?.max(other?)))
}

/// An account's entry is replaced by one of the same account alone: what a guest on its connection gets is the guest's.
fn put(list: &mut Vec<ListEntry>, who: &Identity, until: Option<Instant>, now: Instant) {
    let is_replaced = |known: &Identity| known.account == who.account && known.is(who);
    list.retain(|entry| holds(entry.until, now) && !is_replaced(&entry.who));
    if list.len() >= MOST_ENTRIES {
        list.remove(0);
    }
    list.push(ListEntry { who: who.clone(), until });
}

fn take(list: &mut Vec<ListEntry>, meant: impl Fn(&Identity) -> bool, now: Instant) -> bool {
    list.retain(|entry| holds(entry.until, now));
    let before = list.len();
    list.retain(|entry| !meant(&entry.who));
    list.len() < before
}

impl Moderation {
    /// A room that somebody makes is his.
    pub fn founded_by(who: Identity) -> Moderation {
        Moderation { admins: vec![Admin { who, owner: true, until: None }], ..Moderation::default() }
    }

    /// Whether he is owner or admin, present or waited for.
    pub fn rank(&self, who: &Identity, now: Instant) -> Option<Role> {
        let admin = self.admins.iter().find(|admin| admin.who.entitles(who) && holds(admin.until, now))?;
        Some(if admin.owner { Role::Owner } else { Role::Admin })
    }

    /// The rank of a name that is not there: nobody may be kept out by name while their place is kept for them.
    pub fn awaited_rank(&self, name: &UserName, now: Instant) -> Option<Role> {
        let awaited = |admin: &&Admin| admin.who.name == *name && holds(admin.until, now);
        self.admins.iter().find(awaited).map(|admin| if admin.owner { Role::Owner } else { Role::Admin })
    }

    /// Makes somebody admin; `owner`: the room is his. False if there are as many as can be.
    pub fn promote(&mut self, who: Identity, owner: bool) -> bool {
        self.admins.retain(|admin| !admin.who.entitles(&who));
        let room = self.admins.len() < MOST_ENTRIES;
        if room {
            self.admins.push(Admin { who, owner, until: None });
        }
        room
    }

    /// Ends that. False if he was none.
    pub fn demote(&mut self, who: &Identity) -> bool {
        let before = self.admins.len();
        self.admins.retain(|admin| !admin.who.entitles(who));
        self.admins.len() < before
    }

    /// Ends that of everybody who is neither there nor waited for: in a room that is kept no more nobody's place is.
    pub fn demote_absent(&mut self, is_there: impl Fn(&Identity) -> bool) {
        self.admins.retain(|admin| admin.until.is_some() || is_there(&admin.who));
    }

    /// The accounts of those who keep order.
    pub fn admin_accounts(&self) -> impl Iterator<Item = AccountId> {
        self.admins.iter().filter_map(|admin| admin.who.account)
    }

    /// An account is gone: nobody has its place any more, but who is there keeps his. False if it had none.
    pub fn forget_account(&mut self, account: AccountId, is_there: impl Fn(&Identity) -> bool) -> bool {
        let had_place = self.admin_accounts().any(|admin| admin == account);
        for admin in &mut self.admins {
            if admin.who.account == Some(account) && is_there(&admin.who) {
                admin.who.account = None;
            }
        }
        self.admins.retain(|admin| admin.who.account != Some(account));
        had_place
    }

    /// Makes somebody the owner of a room that has no other admin.
    pub fn inherit(&mut self, who: Identity) {
        self.admins = vec![Admin { who, owner: true, until: None }];
    }

    /// Somebody comes in: an admin who was waited for is one again.
    pub fn entered(&mut self, who: &Identity, now: Instant) {
        if let Some(admin) = self.admins.iter_mut().find(|admin| admin.who.entitles(who) && holds(admin.until, now)) {
            admin.who = who.clone();
            admin.until = None;
        }
    }

    /// Somebody goes: an admin who has only lost his connection is waited for, and in a room that is `kept` one who has an
    /// account stays admin however he goes. True if he was one and the room may need another now, or after [`GRACE`].
    pub fn left(&mut self, who: &Identity, lost: bool, kept: bool, now: Instant) -> bool {
        let Some(index) = self.admins.iter().position(|admin| admin.who.entitles(who)) else { return false };
        if kept && self.admins[index].who.account.is_some() {
            return false;
        }
        // There may be two: of an account, and of the guest on the connection that has logged in to it. Whoever could not be
        // known again is not waited for.
        if lost && who.can_come_back() {
            for admin in self.admins.iter_mut().filter(|admin| admin.who.entitles(who)) {
                admin.until = Some(now + GRACE);
            }
        } else {
            self.admins.retain(|admin| !admin.who.entitles(who));
        }
        true
    }

    /// A connection goes that was logged in to an account whose place this is, and is not any more: the account is waited
    /// for as after a lost connection, and in a room that is `kept` without an end. True if one is waited for now.
    pub fn await_account(&mut self, who: &Identity, kept: bool, now: Instant) -> bool {
        let is_left_behind = |admin: &&mut Admin| {
            admin.who.account.is_some() && admin.who.shares_connection(who) && !admin.who.entitles(who)
        };
        let mut awaited = false;
        for admin in self.admins.iter_mut().filter(is_left_behind) {
            // It is nobody's connection any more.
            admin.who.client = ClientId::NONE;
            if !kept {
                admin.until = Some(now + GRACE);
                awaited = true;
            }
        }
        awaited
    }

    /// Somebody in the room has another name now, or has logged in to an account: whose place is kept is back. What was
    /// given with an account stays the account's. True if something is an account's now that was a guest's.
    pub fn renamed(&mut self, who: &Identity, now: Instant) -> bool {
        let admins = self.admins.iter_mut().map(|admin| &mut admin.who);
        let lists = [&mut self.kicks, &mut self.mutes, &mut self.invitations, &mut self.rests];
        let others = lists.into_iter().flat_map(|list| list.iter_mut().map(|entry| &mut entry.who));
        let mut adopted = false;
        for known in admins.chain(others) {
            if known.client == who.client && known.account.is_none() {
                *known = who.clone();
                adopted |= who.account.is_some();
            }
        }
        self.entered(who, now);
        adopted
    }

    /// Whether there is an admin, present or waited for.
    pub fn has_admin(&mut self, now: Instant) -> bool {
        self.admins.retain(|admin| holds(admin.until, now));
        !self.admins.is_empty()
    }

    /// Whether one of the admins has an account.
    pub fn has_account_admin(&self) -> bool {
        self.admins.iter().any(|admin| admin.who.account.is_some())
    }

    /// Keeps somebody out. False if the list is full.
    pub fn ban(&mut self, ban: Ban, now: Instant) -> bool {
        // A second ban of the same name keeps the address that the first one knew.
        let known = self.bans.iter().find(|known| known.name == ban.name);
        let (address, who) = known.map_or((None, None), |known| (known.address, known.who.clone()));
        self.bans.retain(|known| holds(known.until, now) && known.name != ban.name);
        if self.bans.len() >= MOST_ENTRIES {
            return false;
        }
        let ban = Ban { address: ban.address.or(address), who: ban.who.or(who), ..ban };
        take(&mut self.invitations, |known| ban.is_about(known), now);
        self.bans.push(ban);
        true
    }

    /// Lets somebody in again, by the name he was banned under, or as the person he is. False if he was not banned.
    pub fn pardon(&mut self, name: &UserName, who: Option<&Identity>, now: Instant) -> bool {
        self.bans.retain(|ban| holds(ban.until, now));
        let before = self.bans.len();
        let meant =
            |ban: &Ban| ban.name == *name || ban.who.as_ref().zip(who).is_some_and(|(known, who)| known.is(who));
        self.bans.retain(|ban| !meant(ban));
        self.bans.len() < before
    }

    /// Everybody kept out.
    pub fn bans(&mut self, now: Instant) -> &[Ban] {
        self.bans.retain(|ban| holds(ban.until, now));
        &self.bans
    }

    /// The ban that keeps him out.
    pub fn banned(&self, who: &Identity, now: Instant) -> Option<&Ban> {
        self.bans.iter().filter(|ban| holds(ban.until, now)).find(|ban| ban.is_about(who))
    }

    /// Somebody was put out, and may come back: an invitation stays. A ban ends it.
    pub fn kick(&mut self, who: &Identity, now: Instant) {
        put(&mut self.kicks, who, Some(now + KICK_LASTS), now);
    }

    /// How long he may not come back.
    pub fn kicked(&self, who: &Identity, now: Instant) -> Option<Duration> {
        find(&self.kicks, who, now).flatten().map(|until| until.saturating_duration_since(now))
    }

    /// Silences somebody.
    pub fn mute(&mut self, who: &Identity, until: Option<Instant>, now: Instant) {
        put(&mut self.mutes, who, until, now);
    }

    /// Ends that, for a name, or for the person himself where he is known. False if he was not silenced.
    pub fn unmute(&mut self, name: &UserName, who: Option<&Identity>, now: Instant) -> bool {
        take(&mut self.mutes, |known| who.map_or(known.name == *name, |who| known.is(who)), now)
    }

    /// Whether he is silenced, and until when.
    pub fn muted(&self, who: &Identity, now: Instant) -> Option<Option<Instant>> {
        find(&self.mutes, who, now)
    }

    /// Forgets that somebody was kicked.
    pub fn forgive(&mut self, who: &Identity, now: Instant) {
        take(&mut self.kicks, |known| known.is(who), now);
    }

    /// Somebody leaves a slow room: until when he could not have spoken.
    pub fn rest(&mut self, who: &Identity, until: Instant, now: Instant) {
        put(&mut self.rests, who, Some(until), now);
    }

    /// Until when somebody cannot speak who has left and come back.
    pub fn rested(&self, who: &Identity, now: Instant) -> Option<Instant> {
        find(&self.rests, who, now).flatten()
    }

    /// The lists with their ends, to be written down: admins (true: the owner), the silenced, the invited.
    pub fn lists(&mut self, now: Instant) -> ModerationLists {
        self.has_admin(now);
        let entries = |list: &[ListEntry]| {
            list.iter().filter(|entry| holds(entry.until, now)).map(|entry| (entry.who.clone(), entry.until)).collect()
        };
        ModerationLists {
            admins: self.admins.iter().map(|admin| (admin.who.clone(), admin.owner)).collect(),
            bans: self.bans(now).to_vec(),
            mutes: entries(&self.mutes),
            invitations: entries(&self.invitations),
        }
    }

    /// The lists as they were written down.
    pub fn restored(lists: ModerationLists) -> Moderation {
        let entries = |list: Vec<(Identity, Option<Instant>)>| {
            list.into_iter().take(MOST_ENTRIES).map(|(who, until)| ListEntry { who, until }).collect()
        };
        let admins = lists.admins.into_iter().take(MOST_ENTRIES);
        Moderation {
            admins: admins.map(|(who, owner)| Admin { who, owner, until: None }).collect(),
            bans: lists.bans.into_iter().take(MOST_ENTRIES).collect(),
            mutes: entries(lists.mutes),
            invitations: entries(lists.invitations),
            ..Moderation::default()
        }
    }

    /// Opens the room to somebody.
    pub fn invite(&mut self, who: &Identity, now: Instant) {
        put(&mut self.invitations, who, Some(now + INVITATION_LASTS), now);
    }

    /// Whether the room is open to him.
    pub fn invited(&self, who: &Identity, now: Instant) -> bool {
        let is_his = |entry: &ListEntry| entry.who.entitles(who) && holds(entry.until, now);
        self.invitations.iter().any(is_his)
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
    fn a_guest_behind_a_tunnel_is_not_waited_for_and_nobody_comes_back_in_their_place() {
        let now = Instant::now();
        let shared = |client, name| Identity { shared: true, ..who(client, name, "127.0.0.1") };
        let mut order = Moderation::founded_by(shared(1, "alice"));
        assert_eq!(order.rank(&shared(1, "alice"), now), Some(Role::Owner));
        order.invite(&shared(2, "bob"), now);
        assert!(order.left(&shared(1, "alice"), true, false, now), "another one inherits");
        assert!(!order.has_admin(now) && order.awaited_rank(&shared(1, "alice").name, now).is_none());
        assert_eq!(order.rank(&shared(3, "alice"), now), None);
        assert!(order.invited(&shared(2, "bob"), now) && !order.invited(&shared(4, "bob"), now));
        order.kick(&shared(2, "bob"), now);
        order.mute(&shared(2, "bob"), None, now);
        assert!(order.kicked(&shared(4, "bob"), now).is_some() && order.muted(&shared(4, "bob"), now).is_some());
    }

    fn alice() -> Identity {
        who(1, "alice", "192.0.2.1")
    }

    fn bob() -> Identity {
        who(2, "bob", "192.0.2.2")
    }

    fn ban(of: &Identity, until: Option<Instant>) -> Ban {
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
    fn an_admin_who_lost_his_connection_is_waited_for_and_one_who_left_is_not() {
        let now = Instant::now();
        let mut order = Moderation::founded_by(alice());
        assert!(order.left(&alice(), true, false, now));
        assert_eq!(order.awaited_rank(&alice().name, now), Some(Role::Owner));
        assert!(order.has_admin(now + GRACE / 2));
        let back = who(9, "alice", "192.0.2.1");
        order.entered(&back, now + GRACE / 2);
        assert_eq!(order.rank(&back, now + GRACE * 9), Some(Role::Owner));
        assert!(order.left(&back, false, false, now));
        assert!(!order.has_admin(now));
        assert!(!order.left(&bob(), false, false, now));
    }

    #[test]
    fn a_stranger_with_the_name_of_an_awaited_admin_is_none() {
        let now = Instant::now();
        let mut order = Moderation::founded_by(alice());
        order.left(&alice(), true, false, now);
        let impostor = who(9, "alice", "192.0.2.66");
        order.entered(&impostor, now);
        assert_eq!(order.rank(&impostor, now), None);
        assert!(!order.has_admin(now + GRACE));
    }

    #[test]
    fn what_an_account_was_given_is_not_a_guests_of_its_name_when_it_is_gone() {
        let now = Instant::now();
        let account = Identity { account: Some(AccountId(7)), ..alice() };
        let mut order = Moderation::founded_by(account.clone());
        order.invite(&account, now);
        order.mute(&account, None, now);
        let guest = who(9, "alice", "192.0.2.1");
        order.entered(&guest, now);
        assert!(order.rank(&guest, now).is_none() && !order.invited(&guest, now));
        assert!(!order.left(&guest, false, true, now) && !order.demote(&guest));
        assert_eq!(order.rank(&account, now), Some(Role::Owner));
        assert!(order.muted(&guest, now).is_some(), "what is against him is not shaken off so");
    }

    #[test]
    fn who_has_an_account_stays_admin_of_a_kept_room_however_he_goes() {
        let now = Instant::now();
        let account = Identity { account: Some(AccountId(7)), ..alice() };
        let mut order = Moderation::founded_by(account.clone());
        assert!(!order.left(&account, false, true, now) && order.has_admin(now + GRACE * 9));
        let elsewhere = Identity { account: Some(AccountId(7)), ..who(9, "alice", "192.0.2.200") };
        assert_eq!(order.rank(&elsewhere, now), Some(Role::Owner));
        assert!(order.left(&elsewhere, false, false, now) && !order.has_admin(now));
        let mut kept_no_more = Moderation::founded_by(account);
        kept_no_more.promote(bob(), false);
        kept_no_more.demote_absent(|who| *who == bob());
        assert!(kept_no_more.rank(&elsewhere, now).is_none() && kept_no_more.rank(&bob(), now) == Some(Role::Admin));
        let mut guests = Moderation::founded_by(alice());
        assert!(guests.left(&alice(), false, true, now) && !guests.has_admin(now));
    }

    #[test]
    fn a_rank_goes_over_to_the_account_and_stays_with_it() {
        let now = Instant::now();
        let mut order = Moderation::founded_by(alice());
        let account = Identity { account: Some(AccountId(7)), ..alice() };
        assert!(order.renamed(&account, now));
        let guest = Identity { account: None, ..who(1, "al", "192.0.2.1") };
        assert!(!order.renamed(&guest, now));
        assert_eq!(order.rank(&guest, now), None);
        assert_eq!(order.rank(&Identity { client: ClientId(9), ..account }, now), Some(Role::Owner));
    }

    fn account(client: u64, number: u64) -> Identity {
        Identity { account: Some(AccountId(number)), ..who(client, &format!("a{number}"), "192.0.2.1") }
    }

    #[test]
    fn what_an_account_was_given_does_not_follow_its_connection_into_another_account() {
        let now = Instant::now();
        for kept in [false, true] {
            let mut order = Moderation::founded_by(account(1, 7));
            order.invite(&account(1, 7), now);
            order.mute(&account(1, 7), None, now);
            order.kick(&account(2, 9), now);
            order.ban(Ban { address: None, ..ban(&account(2, 9), None) }, now);
            let other = account(1, 8);
            order.renamed(&other, now);
            assert_eq!(order.rank(&other, now), None);
            assert!(!order.invited(&other, now) && order.muted(&other, now).is_none());
            let other = account(2, 8);
            assert!(order.kicked(&other, now).is_none() && order.banned(&other, now).is_none());
            // Leaving and coming back makes it no other's.
            assert!(!order.left(&account(1, 8), false, kept, now));
            assert_eq!(order.await_account(&account(1, 8), kept, now), !kept);
            order.entered(&account(1, 8), now);
            assert_eq!(order.rank(&account(1, 8), now), None);
            assert!(order.muted(&account(5, 7), now).is_some());
            assert_eq!(order.rank(&account(5, 7), now), Some(Role::Owner));
            assert_eq!(order.has_admin(now + GRACE), kept, "in a room that is not kept, somebody inherits in the end");
        }
    }

    #[test]
    fn who_logs_in_again_in_the_room_is_waited_for_no_more() {
        let now = Instant::now();
        let mut order = Moderation::founded_by(account(1, 7));
        order.renamed(&account(1, 8), now);
        order.await_account(&account(1, 8), false, now);
        // By another connection, which was in the room as somebody else.
        order.renamed(&account(2, 7), now);
        assert_eq!(order.rank(&account(2, 7), now + GRACE * 9), Some(Role::Owner));
    }

    #[test]
    fn a_mute_of_a_guest_does_not_replace_that_of_the_account_on_the_connection() {
        let now = Instant::now();
        let mut order = Moderation::default();
        order.mute(&account(1, 7), None, now);
        let guest = who(1, "al", "192.0.2.1");
        order.mute(&guest, Some(now + GRACE), now);
        assert_eq!(order.muted(&guest, now), Some(None), "the longer one");
        assert_eq!(order.muted(&account(5, 7), now + GRACE), Some(None));
        assert!(order.unmute(&guest.name, Some(&guest), now) && order.muted(&guest, now).is_none());
    }

    #[test]
    fn what_was_written_down_is_the_same_when_it_is_read() {
        let now = Instant::now();
        let mut order = Moderation::founded_by(alice());
        order.ban(ban(&bob(), Some(now + GRACE)), now);
        order.mute(&who(3, "carol", "192.0.2.3"), None, now);
        order.invite(&who(4, "dave", "192.0.2.4"), now);
        let mut read = Moderation::restored(order.lists(now));
        assert_eq!(read.rank(&alice(), now), Some(Role::Owner));
        assert!(read.banned(&bob(), now).is_some() && read.banned(&bob(), now + GRACE).is_none());
        assert_eq!(read.muted(&who(3, "carol", "192.0.2.3"), now), Some(None));
        assert!(read.invited(&who(4, "dave", "192.0.2.4"), now));
        assert!(read.lists(now + INVITATION_LASTS).invitations.is_empty());
    }

    #[test]
    fn a_ban_holds_for_the_name_and_for_the_address_until_it_runs_out() {
        let now = Instant::now();
        let mut order = Moderation::default();
        assert!(order.ban(ban(&bob(), Some(now + Duration::from_secs(60))), now));
        for kept_out in [bob(), who(5, "bob", "192.0.2.9"), who(5, "other", "192.0.2.2")] {
            assert!(order.banned(&kept_out, now).is_some());
            assert!(order.banned(&kept_out, now + Duration::from_secs(60)).is_none());
        }
        assert!(order.banned(&alice(), now).is_none());
        assert!(order.pardon(&bob().name, None, now) && !order.pardon(&bob().name, None, now));
    }

    #[test]
    fn a_ban_follows_a_connection_to_another_name() {
        let now = Instant::now();
        let mut order = Moderation::default();
        order.ban(Ban { address: None, ..ban(&bob(), None) }, now);
        assert!(order.banned(&who(2, "robert", "192.0.2.2"), now).is_some());
        assert!(order.banned(&who(3, "robert", "192.0.2.2"), now).is_none());
    }

    #[test]
    fn a_second_ban_of_an_absent_person_keeps_the_known_address() {
        let now = Instant::now();
        let mut order = Moderation::default();
        order.ban(ban(&bob(), None), now);
        order.ban(Ban { address: None, ..ban(&bob(), None) }, now);
        assert_eq!(order.bans(now).len(), 1);
        assert!(order.banned(&who(7, "other", "192.0.2.2"), now).is_some());
    }

    #[test]
    fn kicks_end_after_a_minute_or_when_they_are_forgiven() {
        let now = Instant::now();
        let mut order = Moderation::default();
        order.kick(&bob(), now);
        assert_eq!(order.kicked(&bob(), now), Some(KICK_LASTS));
        assert_eq!(order.kicked(&bob(), now + KICK_LASTS), None);
        order.forgive(&bob(), now);
        order.invite(&bob(), now);
        assert_eq!(order.kicked(&bob(), now), None);
        assert!(order.invited(&bob(), now) && !order.invited(&bob(), now + INVITATION_LASTS));
    }

    #[test]
    fn a_kick_keeps_the_invitation_and_a_ban_ends_it() {
        let now = Instant::now();
        let mut order = Moderation::default();
        order.invite(&bob(), now);
        order.kick(&bob(), now);
        assert!(order.invited(&bob(), now + KICK_LASTS));
        order.ban(ban(&bob(), None), now);
        assert!(order.pardon(&bob().name, None, now) && !order.invited(&bob(), now));
    }

    #[test]
    fn a_mute_follows_a_new_name() {
        let now = Instant::now();
        let mut order = Moderation::default();
        order.mute(&bob(), None, now);
        let renamed = who(2, "robert", "192.0.2.2");
        order.renamed(&renamed, now);
        assert_eq!(order.muted(&who(8, "robert", "192.0.2.2"), now), Some(None));
        assert!(order.unmute(&renamed.name, Some(&renamed), now));
        assert_eq!(order.muted(&renamed, now), None);
    }

    #[test]
    fn no_list_grows_without_end() {
        let now = Instant::now();
        let mut order = Moderation::default();
        for number in 0..1000 {
            let person = who(number, &format!("p{number}"), "192.0.2.1");
            order.kick(&person, now);
            order.mute(&person, None, now);
            order.invite(&person, now);
            order.promote(person.clone(), false);
            assert_eq!(order.ban(ban(&person, None), now), number < MOST_ENTRIES as u64);
        }
        for length in [order.kicks.len(), order.mutes.len(), order.invitations.len(), order.admins.len()] {
            assert!(length <= MOST_ENTRIES);
        }
    }
}
