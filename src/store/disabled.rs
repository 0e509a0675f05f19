//! The store of a build without the feature `storage`: a type without values, whose methods never run.
//!
//! *Owns* that the rest of the program reads the same in both builds. *Knows nothing of* SQLite.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::error::{CreateAccountError, OfflineMessageError, OpenError, ReadError, SaveError};
use super::event::StoreEventHandler;
use super::records::{
    AccountRecord, AddressBanRecord, AuditEntry, HistoryPage, MessageRecord, OfflineMessageRecord, OpenRoomRecord,
    RoomRecord, Settings, StoreOptions, StoredState, Visit,
};
use crate::access::network::Network;
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Hashed;

/// Has no values.
#[derive(Debug)]
pub enum Store {}

/// Has no values.
#[derive(Debug)]
pub enum AccountAdmin {}

#[allow(missing_docs, reason = "each is described where it does something")]
impl Store {
    pub fn open(_: StoreOptions, _: StoreEventHandler) -> Result<(Arc<Store>, StoredState), OpenError> {
        Err(OpenError::NotBuilt)
    }

    pub fn open_accounts(_: &Path) -> Result<AccountAdmin, OpenError> {
        Err(OpenError::NotBuilt)
    }

    #[cfg(feature = "cluster")]
    pub(crate) fn end_archive(&self) -> Result<(), SaveError> {
        match *self {}
    }

    pub(crate) fn keeps_history(&self) -> bool {
        match *self {}
    }

    pub fn now(&self) -> Timestamp {
        match *self {}
    }

    pub(crate) fn retention_start(&self) -> Option<Timestamp> {
        match *self {}
    }

    pub(crate) fn retention(&self) -> Option<Duration> {
        match *self {}
    }

    pub fn record_message(&self, _: &RoomName, _: MessageRecord) {
        match *self {}
    }

    pub fn record_edit(&self, _: &RoomName, _: MessageId, _: &str) {
        match *self {}
    }

    pub fn record_deletion(&self, _: &RoomName, _: MessageId) {
        match *self {}
    }

    pub fn record_visit(&self, _: AccountId, _: &RoomName, _: MessageId) {
        match *self {}
    }

    pub fn record_open_rooms(&self, _: AccountId, _: Box<[OpenRoomRecord]>) {
        match *self {}
    }

    pub fn record_membership(&self, _: AccountId, _: &RoomName, _: MessageId, _: bool) {
        match *self {}
    }

    pub fn record_audit(&self, _: AuditEntry) {
        match *self {}
    }

    pub fn record_id_used(&self, _: MessageId) {
        match *self {}
    }

    pub fn create_account(&self, _: &UserName, _: &Hashed) -> Result<AccountId, CreateAccountError> {
        match *self {}
    }

    pub fn replace_hash(&self, _: AccountId, _: &Hashed, _: &Hashed) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn remove_account(&self, _: AccountId) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn remove_own_account(&self, _: AccountId, _: &Hashed) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn save_settings(&self, _: AccountId, _: &Settings) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn create_room(&self, _: RoomRecord) -> Result<(), SaveError> {
        match *self {}
    }

    pub fn save_room(&self, _: RoomRecord) -> Result<(), SaveError> {
        match *self {}
    }

    pub fn delete_room(&self, _: &RoomName) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn save_address_ban(&self, _: AddressBanRecord) -> Result<(), SaveError> {
        match *self {}
    }

    pub fn remove_address_ban(&self, _: Network) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn save_offline_message(&self, _: AccountId, _: OfflineMessageRecord) -> Result<(), OfflineMessageError> {
        match *self {}
    }

    pub fn offline_messages(&self, _: AccountId) -> Result<Vec<OfflineMessageRecord>, ReadError> {
        match *self {}
    }

    pub fn offline_messages_shown(&self, _: AccountId, _: &[OfflineMessageRecord]) {
        match *self {}
    }

    pub fn edit_offline_message(&self, _: MessageId, _: &str) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn delete_offline_message(&self, _: MessageId) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn sync(&self) -> Result<(), SaveError> {
        match *self {}
    }

    pub(crate) fn sync_within(&self, _: Duration) -> Result<(), SaveError> {
        match *self {}
    }

    pub fn flush(&self) -> Result<(), SaveError> {
        match *self {}
    }

    pub fn close(&self, _: Instant) -> Result<(), SaveError> {
        match *self {}
    }

    pub fn account(&self, _: &UserName) -> Result<Option<AccountRecord>, ReadError> {
        match *self {}
    }

    pub fn account_name_exists(&self, _: &UserName) -> Result<bool, ReadError> {
        match *self {}
    }

    pub(crate) fn look_alike(&self, _: &UserName) -> Result<Option<UserName>, ReadError> {
        match *self {}
    }

    pub(crate) fn has_non_ascii_names(&self) -> Result<bool, ReadError> {
        match *self {}
    }

    pub fn account_exists(&self, _: AccountId) -> Result<bool, ReadError> {
        match *self {}
    }

    pub fn accounts(&self) -> Result<Vec<AccountRecord>, ReadError> {
        match *self {}
    }

    pub fn room(&self, _: &RoomName) -> Result<Option<RoomRecord>, ReadError> {
        match *self {}
    }

    pub fn messages_before(&self, _: &RoomName, _: MessageId, _: usize, _: Duration) -> Result<HistoryPage, ReadError> {
        match *self {}
    }

    pub fn message(&self, _: MessageId) -> Result<Option<(RoomName, MessageRecord)>, ReadError> {
        match *self {}
    }

    pub fn last_message_by(&self, _: AccountId, _: &RoomName) -> Result<Option<MessageRecord>, ReadError> {
        match *self {}
    }

    pub fn unread(&self, _: AccountId) -> Result<Vec<(RoomName, u64)>, ReadError> {
        match *self {}
    }

    pub fn visits(&self, _: AccountId) -> Result<Vec<Visit>, ReadError> {
        match *self {}
    }

    pub fn open_rooms(&self, _: AccountId) -> Result<Vec<OpenRoomRecord>, ReadError> {
        match *self {}
    }

    pub fn audit(&self, _: usize) -> Result<Vec<AuditEntry>, ReadError> {
        match *self {}
    }
}

#[allow(missing_docs, reason = "each is described where it does something")]
impl AccountAdmin {
    pub fn create(&mut self, _: &UserName, _: &Hashed) -> Result<AccountId, CreateAccountError> {
        match *self {}
    }

    pub fn create_all(&mut self, _: &[(UserName, Hashed)]) -> Result<Vec<UserName>, SaveError> {
        match *self {}
    }

    pub fn set_hash(&mut self, _: &UserName, _: &Hashed) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn remove(&mut self, _: &UserName) -> Result<bool, SaveError> {
        match *self {}
    }

    pub fn find(&self, _: &UserName) -> Result<Option<AccountRecord>, ReadError> {
        match *self {}
    }

    pub fn list(&self) -> Result<Vec<AccountRecord>, ReadError> {
        match *self {}
    }
}
