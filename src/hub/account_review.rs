//! Reacts when another program has changed accounts: ends the sessions concerned, and finds new admins for their rooms.
//!
//! *Owns* who is disconnected because their account has changed, and the thread that finds out. *Knows nothing of* how
//! accounts are stored, or of passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::Hub;
use crate::chat::message::AccountId;
#[cfg(feature = "cluster")]
use crate::chat::message::ClientId;
use crate::hub::room::Room;
use crate::hub::roster::User;
use crate::outbox::DisconnectReason;
use crate::store::ReadError;

/// Stack of the reviewing thread: it reads the database and delivers.
const STACK: usize = 512 * 1024;

/// For users whose account was removed by `chatsock user`.
const REMOVED: &str = "Your account was removed. If that is a mistake, ask the admin of this server.";

/// For users whose password was changed by `chatsock user`.
const CHANGED: &str = "Your password was changed on the server's machine. Log in again with the new one.";

/// Changes that have not been reviewed yet. One thread at a time reviews.
#[derive(Debug, Default)]
pub(crate) struct PendingReviews(AtomicUsize);

impl PendingReviews {
    /// Notes a change. True if no thread reviews yet.
    fn add(&self) -> bool {
        self.0.fetch_add(1, Ordering::AcqRel) == 0
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// The changes counted so far were reviewed. False if another one came meanwhile.
    fn finish(&self, seen: usize) -> bool {
        self.0.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn give_up(&self) {
        self.0.store(0, Ordering::Release);
    }
}

impl Hub {
    /// Another program has changed accounts: checks whether this concerns anybody online or any admin of a room. Runs
    /// on its own thread, since it waits for the store. A change during a review is reviewed afterwards.
    pub(crate) fn review_accounts(self: &Arc<Hub>) {
        if !self.pending_reviews.add() {
            return;
        }
        let hub = Arc::clone(self);
        let thread = thread::Builder::new().name("account-review".to_owned()).stack_size(STACK);
        if let Err(error) = thread.spawn(move || hub.review_until_done()) {
            self.pending_reviews.give_up();
            log::error!("accounts were changed, but no thread could be started to review them: {error}");
        }
    }

    fn review_until_done(&self) {
        loop {
            let seen = self.pending_reviews.count();
            if let Err(error) = self.review_all(Instant::now()) {
                log::error!("accounts were changed, but could not be read: {error}");
            }
            if self.pending_reviews.finish(seen) {
                return;
            }
        }
    }

    fn review_all(&self, now: Instant) -> Result<(), ReadError> {
        let Some(accounts) = self.account_store() else { return Ok(()) };
        if accounts.is_lost()? {
            if self.roster.users().iter().any(|user| user.account().is_some()) {
                log::error!("all accounts are gone: Redis has lost them; users stay logged in until they leave");
            }
            return Ok(());
        }
        for user in self.roster.users().iter().filter(|user| !user.is_elsewhere()) {
            self.review_login(user, now)?;
        }
        // Admins who are offline.
        for room in self.rooms.all() {
            for account in room.admin_accounts() {
                if !accounts.exists(account)? {
                    self.forget_in_room(&room, account, now);
                }
            }
        }
        // Offline users have no session to end, but may have messages waiting in memory; those on disk went with the account.
        for account in self.mailbox.readers() {
            if !accounts.exists(account)? {
                self.mailbox.take(account);
            }
        }
        Ok(())
    }

    /// Ends a user's connection if their account is gone, or has another password than the one they logged in with. Reads
    /// the disk.
    pub fn review_login(&self, user: &Arc<User>, now: Instant) -> Result<(), ReadError> {
        let (Some(accounts), Some((name, login))) = (self.account_store(), user.login()) else { return Ok(()) };
        match accounts.account(&name)?.filter(|account| account.id == login.account) {
            Some(account) if account.hash == login.hash => {}
            Some(_) => self.throw_out(user, CHANGED, DisconnectReason::PasswordChanged),
            None => {
                self.throw_out(user, REMOVED, DisconnectReason::AccountRemoved);
                self.forget_account(user, login.account, now);
            }
        }
        Ok(())
    }

    /// An account's password was changed by this connection: ends all its others. Reads the accounts.
    #[cfg(feature = "cluster")]
    pub(crate) fn password_changed(&self, account: AccountId, by: ClientId, now: Instant) {
        for user in self.logged_in_to(account, by) {
            if let Err(error) = self.review_login(&user, now) {
                log::error!("a password was changed, but the account could not be read: {error}");
                self.throw_out(&user, CHANGED, DisconnectReason::PasswordChanged);
            }
        }
    }

    /// An account was removed by this connection: ends all its others, and removes its roles.
    #[cfg(feature = "cluster")]
    pub(crate) fn account_removed(&self, account: AccountId, by: ClientId, now: Instant) {
        for user in self.logged_in_to(account, by) {
            self.throw_out(&user, REMOVED, DisconnectReason::AccountRemoved);
            user.set_login(None);
        }
        self.forget_roles(account, now);
    }

    /// The local users who are logged in to an account, except this connection.
    #[cfg(feature = "cluster")]
    fn logged_in_to(&self, account: AccountId, except: ClientId) -> Vec<Arc<User>> {
        let mut users = self.roster.own_users();
        users.retain(|user| user.account() == Some(account) && user.client() != except);
        users
    }

    /// A user's account was removed: they lose its roles in all rooms. Waits for the store.
    pub(crate) fn forget_account(&self, user: &User, account: AccountId, now: Instant) {
        user.set_login(None);
        self.share_presence(user, now);
        for room in self.rooms.all() {
            self.identify(&room, user, now);
        }
        self.forget_roles(account, now);
    }

    /// An account was removed: it loses its roles in all rooms. Waits for the store.
    pub(crate) fn forget_roles(&self, account: AccountId, now: Instant) {
        self.mailbox.take(account);
        self.open_rooms.forget(account);
        for room in self.rooms.all() {
            self.forget_in_room(&room, account, now);
        }
    }

    /// Removes a deleted account's role in a room, in memory and on disk. An heir is told once that is written.
    fn forget_in_room(&self, room: &Arc<Room>, account: AccountId, now: Instant) {
        if room.forget_account(account, now) {
            self.save_room(room);
            room.deliver_pending();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_during_a_review_is_reviewed_by_the_same_thread() {
        let pending = PendingReviews::default();
        assert!(pending.add());
        let seen = pending.count();
        assert!(!pending.add(), "a thread is at it");
        assert!(!pending.finish(seen));
        assert!(pending.finish(pending.count()));
        assert!(pending.add(), "the next change starts another");
        pending.give_up();
        assert!(pending.add());
    }
}
