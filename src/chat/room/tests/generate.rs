//! Generates changes of every kind.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::strategy::Union;

use crate::chat::action::{ReadBack, Setting};
use crate::chat::conversation::MembershipId;
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, Addressee, ClientId, Extra, Message, MessageId, Quoted};
use crate::chat::moderation::Ban;
use crate::chat::names::UserName;
use crate::chat::room::{Change, ChangeKind, Going};
use crate::chat::room_settings::{RoomAccess, RoomSettings};
use crate::chat::secret::{Hashed, Secret};

/// Any text, with every kind of character in it.
pub(super) fn text() -> BoxedStrategy<String> {
    let c = prop_oneof![4 => "[a-z \"\\\\]", 1 => "[\n\t\r\u{1b}\u{85}\u{2028}-]", 1 => any::<char>().prop_map(String::from)];
    vec(c, 0..12).prop_map(|parts| parts.concat()).boxed()
}

fn boxed_text() -> BoxedStrategy<Box<str>> {
    text().prop_map(Into::into).boxed()
}

fn name() -> BoxedStrategy<UserName> {
    "[a-zA-Z][a-zA-Z0-9_-]{0,31}".prop_filter_map("not a name", |text| UserName::parse(&text, 1, 32).ok()).boxed()
}

fn moment() -> BoxedStrategy<Timestamp> {
    (-10_000_000_000_i64..10_000_000_000, 0..1_000_000_000_i32)
        .prop_filter_map("not a moment", |(second, nanosecond)| Timestamp::new(second, nanosecond).ok())
        .boxed()
}

fn duration() -> BoxedStrategy<Duration> {
    prop_oneof![any::<Duration>(), (0..100_u64).prop_map(Duration::from_secs)].boxed()
}

fn client() -> BoxedStrategy<ClientId> {
    any::<u64>().prop_map(ClientId).boxed()
}

fn id() -> BoxedStrategy<MessageId> {
    any::<u64>().prop_map(MessageId).boxed()
}

fn membership() -> BoxedStrategy<MembershipId> {
    any::<u64>().prop_map(MembershipId).boxed()
}

fn who() -> BoxedStrategy<Identity> {
    (client(), name(), any::<IpAddr>(), any::<bool>(), of(any::<u64>().prop_map(AccountId)))
        .prop_map(|(client, name, address, shared, account)| Identity { client, name, address, shared, account })
        .boxed()
}

fn addressee() -> BoxedStrategy<Addressee> {
    (client(), name()).prop_map(|(client, name)| Addressee { client, name }).boxed()
}

fn extra() -> BoxedStrategy<Box<Extra>> {
    let quoted = (id(), name(), of(boxed_text())).prop_map(|(id, author, start)| Quoted { id, author, start });
    (any::<bool>(), any::<bool>(), of(duration()), of(quoted), client(), vec(addressee(), 0..3))
        .prop_map(|(action, edited, lasts, reply, answers, to)| {
            Box::new(Extra { action, edited, lasts, reply, answers, to: to.into() })
        })
        .boxed()
}

fn message() -> BoxedStrategy<Message> {
    (id(), moment(), name(), client(), of(any::<u64>().prop_map(AccountId)), boxed_text(), of(extra()))
        .prop_map(|(id, at, author, from, account, text, extra)| Message { id, at, author, from, account, text, extra })
        .boxed()
}

fn ban() -> BoxedStrategy<Box<Ban>> {
    (name(), of(who()), of(any::<IpAddr>()), name(), boxed_text(), of(moment()))
        .prop_map(|(name, who, address, by, reason, until)| Box::new(Ban { name, who, address, by, reason, until }))
        .boxed()
}

fn secret() -> BoxedStrategy<Secret> {
    text().prop_filter_map("empty", |text| Secret::new(&text)).boxed()
}

fn read_back() -> BoxedStrategy<ReadBack> {
    proptest::sample::select(&ReadBack::EVERY[..]).boxed()
}

fn setting() -> BoxedStrategy<Setting> {
    prop_oneof![
        text().prop_map(Setting::Description),
        of(any::<usize>()).prop_map(Setting::Limit),
        of(secret()).prop_map(Setting::Password),
        text().prop_map(|text| Setting::PasswordHash(Hashed::new(text))),
        any::<bool>().prop_map(Setting::Public),
        any::<bool>().prop_map(Setting::Invite),
        duration().prop_map(Setting::Slow),
        read_back().prop_map(Setting::History),
        any::<bool>().prop_map(Setting::Keep),
    ]
    .boxed()
}

fn settings() -> BoxedStrategy<RoomSettings> {
    let entry = prop_oneof![
        Just(RoomAccess::Open),
        Just(RoomAccess::Closed),
        secret().prop_map(RoomAccess::Password),
        text().prop_map(|hash| RoomAccess::Hashed(Hashed::new(hash))),
    ];
    (any::<bool>(), text(), of(any::<usize>()), entry)
        .prop_map(|(public, description, limit, entry)| RoomSettings { public, description, limit, entry })
        .boxed()
}

/// Every kind of change, each with any fields.
pub(super) fn kinds() -> Vec<BoxedStrategy<ChangeKind>> {
    use ChangeKind as Kind;
    let flag = any::<bool>;
    let going = || prop_oneof![Just(Going::Asked), Just(Going::Idle), Just(Going::Lost), Just(Going::ServerGone)];
    vec![
        message().prop_map(Kind::Said).boxed(),
        (id(), client(), boxed_text()).prop_map(|(id, by, text)| Kind::Edited { id, by, text }).boxed(),
        (message(), client()).prop_map(|(message, by)| Kind::ArchivedEdited { message: Box::new(message), by }).boxed(),
        (id(), addressee()).prop_map(|(id, by)| Kind::Deleted { id, by }).boxed(),
        (id(), addressee(), addressee()).prop_map(|(id, author, by)| Kind::ArchivedDeleted { id, author, by }).boxed(),
        id().prop_map(Kind::Expired).boxed(),
        moment().prop_map(Kind::Forgotten).boxed(),
        (who(), flag(), flag(), membership(), id(), flag())
            .prop_map(|(who, operator, as_operator, membership, last, heir)| Kind::Entered {
                who,
                operator,
                as_operator,
                membership,
                last,
                heir,
            })
            .boxed(),
        (client(), membership()).prop_map(|(client, membership)| Kind::Reentered { client, membership }).boxed(),
        (client(), going()).prop_map(|(client, going)| Kind::Left { client, going }).boxed(),
        (client(), who(), flag(), membership())
            .prop_map(|(from, who, operator, membership)| Kind::TakenOver { from, who, operator, membership })
            .boxed(),
        (who(), flag(), of(name()), id())
            .prop_map(|(who, operator, before, last)| Kind::Identified { who, operator, before, last })
            .boxed(),
        Just(Kind::GraceEnded).boxed(),
        who().prop_map(Kind::Inherited).boxed(),
        any::<u64>().prop_map(|account| Kind::AccountForgotten(AccountId(account))).boxed(),
        (who(), addressee(), flag(), id())
            .prop_map(|(guest, by, forgiven, last)| Kind::Invited { guest, by, forgiven, last })
            .boxed(),
        (who(), addressee(), boxed_text()).prop_map(|(who, by, reason)| Kind::Kicked { who, by, reason }).boxed(),
        (ban(), addressee()).prop_map(|(ban, by)| Kind::Banned { ban, by }).boxed(),
        (name(), of(who()), addressee()).prop_map(|(name, who, by)| Kind::Unbanned { name, who, by }).boxed(),
        (who(), of(moment()), addressee()).prop_map(|(who, until, by)| Kind::Muted { who, until, by }).boxed(),
        (name(), of(who()), addressee()).prop_map(|(name, who, by)| Kind::Unmuted { name, who, by }).boxed(),
        (who(), addressee()).prop_map(|(who, by)| Kind::Promoted { who, by }).boxed(),
        (who(), addressee()).prop_map(|(who, by)| Kind::Demoted { who, by }).boxed(),
        (setting(), addressee()).prop_map(|(setting, by)| Kind::Set { setting, by }).boxed(),
        settings().prop_map(Kind::Configured).boxed(),
        any::<usize>().prop_map(Kind::HistoryResized).boxed(),
        text().prop_map(|hash| Kind::PasswordHashed(Hashed::new(hash))).boxed(),
        Just(Kind::StorageEnded).boxed(),
        Just(Kind::Closed).boxed(),
        Just(Kind::Cleared).boxed(),
    ]
}

/// Any change.
pub(super) fn change() -> BoxedStrategy<Change> {
    (moment(), Union::new(kinds())).prop_map(|(at, kind)| Change { at, kind }).boxed()
}

/// A number for each kind. A new one does not compile here: give it a number, and a line in `kinds`.
pub(super) fn number(kind: &ChangeKind) -> usize {
    match kind {
        ChangeKind::Said(_) => 0,
        ChangeKind::Edited { .. } => 1,
        ChangeKind::ArchivedEdited { .. } => 2,
        ChangeKind::Deleted { .. } => 3,
        ChangeKind::ArchivedDeleted { .. } => 4,
        ChangeKind::Expired(_) => 5,
        ChangeKind::Forgotten(_) => 6,
        ChangeKind::Entered { .. } => 7,
        ChangeKind::Reentered { .. } => 8,
        ChangeKind::Left { .. } => 9,
        ChangeKind::TakenOver { .. } => 10,
        ChangeKind::Identified { .. } => 11,
        ChangeKind::GraceEnded => 12,
        ChangeKind::Inherited(_) => 13,
        ChangeKind::AccountForgotten(_) => 14,
        ChangeKind::Invited { .. } => 15,
        ChangeKind::Kicked { .. } => 16,
        ChangeKind::Banned { .. } => 17,
        ChangeKind::Unbanned { .. } => 18,
        ChangeKind::Muted { .. } => 19,
        ChangeKind::Unmuted { .. } => 20,
        ChangeKind::Promoted { .. } => 21,
        ChangeKind::Demoted { .. } => 22,
        ChangeKind::Set { .. } => 23,
        ChangeKind::Configured(_) => 24,
        ChangeKind::HistoryResized(_) => 25,
        ChangeKind::PasswordHashed(_) => 26,
        ChangeKind::StorageEnded => 27,
        ChangeKind::Closed => 28,
        ChangeKind::Cleared => 29,
    }
}
