//! The store of a build without the feature `storage`: it has no value, and its methods are never run.
//!
//! *Owns* that the rest of the program reads the same in both builds. *Knows nothing of* SQLite.
//! *Called by* whoever holds an `Option<Arc<Store>>`, which is `None` in such a build.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::error::{DirectNotKept, NotCreated, NotKept, NotRead, OpenError, TellNews};
use super::records::{
    Account, AddressBan, AuditEntry, Hashed, Kept, KeptMessage, KeptOpenRoom, KeptRoom, Page, Settings, StoreOptions,
    Visit, WaitingDirect,
};
use crate::chat::identity::AccountId;
use crate::chat::message::MessageId;
use crate::chat::names::{RoomName, UserName};
use crate::config::Network;

/// Never there.
#[derive(Debug)]
pub enum Store {}

/// Never there.
#[derive(Debug)]
pub enum Accounts {}

#[allow(missing_docs, reason = "each is described where it does something")]
impl Store {
    pub fn open(_: StoreOptions, _: TellNews) -> Result<(Arc<Store>, Kept), OpenError> {
        Err(OpenError::NotBuilt)
    }

    pub fn open_accounts(_: &Path) -> Result<Accounts, OpenError> {
        Err(OpenError::NotBuilt)
    }

    pub fn keeps_history(&self) -> bool {
        match *self {}
    }

    pub fn moment(&self) -> Timestamp {
        match *self {}
    }

    pub fn shown_since(&self) -> Option<Timestamp> {
        match *self {}
    }

    pub fn retention(&self) -> Option<Duration> {
        match *self {}
    }

    pub fn said(&self, _: &RoomName, _: KeptMessage) {
        match *self {}
    }

    pub fn edited(&self, _: &RoomName, _: MessageId, _: &str) {
        match *self {}
    }

    pub fn erased(&self, _: &RoomName, _: MessageId) {
        match *self {}
    }

    pub fn visited(&self, _: AccountId, _: &RoomName, _: MessageId) {
        match *self {}
    }

    pub fn rooms_open(&self, _: AccountId, _: Box<[KeptOpenRoom]>) {
        match *self {}
    }

    pub fn joined(&self, _: AccountId, _: &RoomName, _: MessageId, _: bool) {
        match *self {}
    }

    pub fn audited(&self, _: AuditEntry) {
        match *self {}
    }

    pub fn id_used(&self, _: MessageId) {
        match *self {}
    }

    pub fn create_account(&self, _: &UserName, _: &Hashed) -> Result<AccountId, NotCreated> {
        match *self {}
    }

    pub fn replace_hash(&self, _: AccountId, _: &Hashed, _: &Hashed) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn remove_account(&self, _: AccountId) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn remove_own_account(&self, _: AccountId, _: &Hashed) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn save_settings(&self, _: AccountId, _: &Settings) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn make_room(&self, _: KeptRoom) -> Result<(), NotKept> {
        match *self {}
    }

    pub fn save_room(&self, _: KeptRoom) -> Result<(), NotKept> {
        match *self {}
    }

    pub fn forget_room(&self, _: &RoomName) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn save_address_ban(&self, _: AddressBan) -> Result<(), NotKept> {
        match *self {}
    }

    pub fn remove_address_ban(&self, _: Network) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn keep_direct(&self, _: AccountId, _: WaitingDirect) -> Result<(), DirectNotKept> {
        match *self {}
    }

    pub fn waiting_directs(&self, _: AccountId) -> Result<Vec<WaitingDirect>, NotRead> {
        match *self {}
    }

    pub fn directs_shown(&self, _: AccountId, _: &[WaitingDirect]) {
        match *self {}
    }

    pub fn edit_direct(&self, _: MessageId, _: &str) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn erase_direct(&self, _: MessageId) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn catch_up(&self) -> Result<(), NotKept> {
        match *self {}
    }

    pub fn catch_up_within(&self, _: Duration) -> Result<(), NotKept> {
        match *self {}
    }

    pub fn flush(&self) -> Result<(), NotKept> {
        match *self {}
    }

    pub fn close(&self, _: Instant) -> Result<(), NotKept> {
        match *self {}
    }

    pub fn account(&self, _: &UserName) -> Result<Option<Account>, NotRead> {
        match *self {}
    }

    pub fn account_name_exists(&self, _: &UserName) -> Result<bool, NotRead> {
        match *self {}
    }

    pub fn look_alike(&self, _: &UserName) -> Result<Option<UserName>, NotRead> {
        match *self {}
    }

    pub fn has_other_names(&self) -> Result<bool, NotRead> {
        match *self {}
    }

    pub fn account_is_there(&self, _: AccountId) -> Result<bool, NotRead> {
        match *self {}
    }

    pub fn accounts(&self) -> Result<Vec<Account>, NotRead> {
        match *self {}
    }

    pub fn room(&self, _: &RoomName) -> Result<Option<KeptRoom>, NotRead> {
        match *self {}
    }

    pub fn messages_before(&self, _: &RoomName, _: MessageId, _: usize, _: Duration) -> Result<Page, NotRead> {
        match *self {}
    }

    pub fn message(&self, _: MessageId) -> Result<Option<(RoomName, KeptMessage)>, NotRead> {
        match *self {}
    }

    pub fn last_by(&self, _: AccountId, _: &RoomName) -> Result<Option<KeptMessage>, NotRead> {
        match *self {}
    }

    pub fn unread(&self, _: AccountId) -> Result<Vec<(RoomName, u64)>, NotRead> {
        match *self {}
    }

    pub fn visits(&self, _: AccountId) -> Result<Vec<Visit>, NotRead> {
        match *self {}
    }

    pub fn open_rooms(&self, _: AccountId) -> Result<Vec<KeptOpenRoom>, NotRead> {
        match *self {}
    }

    pub fn audit(&self, _: usize) -> Result<Vec<AuditEntry>, NotRead> {
        match *self {}
    }
}

#[allow(missing_docs, reason = "each is described where it does something")]
impl Accounts {
    pub fn create(&mut self, _: &UserName, _: &Hashed) -> Result<AccountId, NotCreated> {
        match *self {}
    }

    pub fn create_all(&mut self, _: &[(UserName, Hashed)]) -> Result<Vec<UserName>, NotKept> {
        match *self {}
    }

    pub fn set_hash(&mut self, _: &UserName, _: &Hashed) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn remove(&mut self, _: &UserName) -> Result<bool, NotKept> {
        match *self {}
    }

    pub fn find(&self, _: &UserName) -> Result<Option<Account>, NotRead> {
        match *self {}
    }

    pub fn list(&self) -> Result<Vec<Account>, NotRead> {
        match *self {}
    }
}
