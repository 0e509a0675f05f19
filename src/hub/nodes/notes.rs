//! What a server shares besides names and rooms: notes in the directory's log, and values stored with them.
//!
//! *Owns* what each note does on a server. *Knows nothing of* who may send one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Nodes;
use super::accounts::{EndNote, apply_end};
use super::note::{AuditText, BanText, Note, SharedConfig, text};
use super::safe::one_line;
use super::shared_config;
use super::submitting::not_shared;
use crate::access::network::Network;
use crate::chat::action::NotShared;
use crate::chat::identity::Target;
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::cluster::{Command, Log, NodeName};
use crate::hub::room::Home;
use crate::hub::{Hub, ServerRequest};
use crate::outbox::Outbox;
use crate::store::{AddressBanRecord, AuditEntry};
use crate::ui::screen::LineKind;

/// Most entries of the shared audit log.
const MOST_AUDITED: usize = 1000;

/// How long a lifted ban is remembered. A server that was away for longer might bring the ban back.
const LIFTED_LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What the servers remember about a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SharedBan {
    /// The network is banned.
    Banned(BanText),
    /// The ban was lifted at that time. Without this, a server could not tell a lifted ban from one that Redis has lost.
    Lifted(i64),
}

/// The shared values besides names and rooms, as this server knows them.
#[derive(Debug, Default)]
pub(super) struct SharedValues {
    /// By network, in its written form.
    bans: BTreeMap<String, SharedBan>,
    /// Oldest first.
    audit: VecDeque<AuditEntry>,
    /// The shared part of the configuration.
    pub(super) config: Option<SharedConfig>,
}

/// Before a network in the key of its ban.
const BAN: &str = "ban ";

/// The key of each entry of the audit log.
pub(super) const AUDIT: &str = "audit";

/// A ban as it is kept in the directory while it is in force: its key and its value.
pub(crate) fn kept_ban(ban: &AddressBanRecord) -> (Box<str>, Box<str>) {
    let ban = BanText::new(ban);
    (SharedBan::key(&ban.network), text(&SharedBan::Banned(ban)))
}

impl SharedBan {
    fn key(network: &str) -> Box<str> {
        format!("{BAN}{network}").into()
    }

    /// What is kept under a key, with the network, if that is a ban.
    pub(super) fn read<'a>(key: &'a str, value: &str) -> Option<(&'a str, SharedBan)> {
        let network = key.strip_prefix(BAN)?;
        serde_json::from_str(value).ok().map(|ban| (network, ban))
    }

    /// Whether it no longer has any effect.
    fn is_over(&self, now: Timestamp) -> bool {
        match self {
            SharedBan::Banned(ban) => ban.until.is_some_and(|until| until <= now.as_millisecond()),
            SharedBan::Lifted(at) => now.as_millisecond().saturating_sub(*at) > LIFTED_LASTS.as_secs() * 1000,
        }
    }

    pub(super) fn in_force(&self) -> Option<AddressBanRecord> {
        match self {
            SharedBan::Banned(ban) => ban.read(),
            SharedBan::Lifted(_) => None,
        }
    }
}

impl SharedValues {
    /// Replaces all values. Returns the ones that this server knows but Redis has lost.
    fn replace(&mut self, kept: &[(Box<str>, Box<str>)]) -> Vec<(String, SharedBan)> {
        let (mut bans, mut audit) = (BTreeMap::new(), VecDeque::new());
        for (key, value) in kept {
            if let Some((network, ban)) = SharedBan::read(key, value) {
                bans.insert(network.to_owned(), ban);
            } else if &**key == AUDIT {
                audit.extend(serde_json::from_str::<AuditText>(value).ok().and_then(|entry| entry.read()));
            }
        }
        let now = Timestamp::now();
        let lost: Vec<_> = std::mem::take(&mut self.bans)
            .into_iter()
            .filter(|(network, ban)| !bans.contains_key(network) && !ban.is_over(now))
            .collect();
        bans.extend(lost.iter().cloned());
        self.bans = bans;
        if !audit.is_empty() {
            self.audit = audit;
        }
        lost
    }

    fn bans(&self) -> Vec<AddressBanRecord> {
        let mut bans: Vec<_> = self.bans.values().filter_map(SharedBan::in_force).collect();
        bans.sort_by_key(|ban| ban.at);
        bans
    }

    fn add_audit(&mut self, entry: AuditEntry) {
        if self.audit.len() >= MOST_AUDITED {
            self.audit.pop_front();
        }
        self.audit.push_back(entry);
    }
}

impl Nodes {
    /// Sends a note to all servers, and waits until this server has applied it.
    pub(super) fn tell_all(
        &self,
        note: &Note,
        kept: Option<(Box<str>, Box<str>)>,
        author: Option<&Arc<Outbox>>,
    ) -> Result<(), NotShared> {
        let lasts = kept.is_some();
        let ticket = self.submit(Command::Note { text: text(note), kept });
        self.wait(&ticket, 0, author, || ()).map_err(|error| not_shared(&error))?;
        if lasts {
            self.confirm(Log::Directory, author);
        }
        Ok(())
    }

    /// Sends a note without waiting. A lost one is repeated later or does not matter.
    pub(super) fn mention(&self, note: &Note, kept: Option<(Box<str>, Box<str>)>) {
        drop(self.submit(Command::Note { text: text(note), kept }));
    }

    /// Shows a line to everyone except its author.
    pub(crate) fn broadcast(&self, line: &str, author: &Arc<Outbox>) -> Result<(), NotShared> {
        self.tell_all(&Note::Broadcast { line: line.to_owned(), by: author.id().0 }, None, Some(author))
    }

    /// Bans a network on all servers, replacing any earlier ban of it.
    pub(crate) fn ban_address(&self, ban: &AddressBanRecord, author: &Arc<Outbox>) -> Result<(), NotShared> {
        let note = Note::Banned { ban: BanText::new(ban), by: author.id().0 };
        self.tell_all(&note, Some(kept_ban(ban)), Some(author))
    }

    /// Lifts a ban on all servers.
    pub(crate) fn unban_address(&self, network: Network, author: &Arc<Outbox>) -> Result<(), NotShared> {
        let network = network.to_string();
        let kept = (SharedBan::key(&network), text(&SharedBan::Lifted(Timestamp::now().as_millisecond())));
        self.tell_all(&Note::Lifted { network }, Some(kept), Some(author))
    }

    /// Adds an operator's action to the shared audit log.
    pub(crate) fn audit(&self, entry: &AuditEntry) {
        let entry = AuditText::new(entry);
        let kept = (AUDIT.into(), text(&entry));
        self.mention(&Note::Audit(entry), Some(kept));
    }

    /// The latest entries of the audit log, newest first.
    pub(crate) fn audited(&self, count: usize) -> Vec<AuditEntry> {
        self.kept().audit.iter().rev().take(count).cloned().collect()
    }

    /// Stops all servers.
    pub(crate) fn stop_all(&self, author: &Arc<Outbox>) -> Result<(), NotShared> {
        self.tell_all(&Note::Stop, None, Some(author))
    }

    /// Takes over the stored values, and shares those again that Redis has lost.
    pub(super) fn bring_kept_up_to(&self, hub: &Hub, kept: &[(Box<str>, Box<str>)]) {
        let mut known = self.kept();
        let lost = known.replace(kept);
        let bans = known.bans();
        let config = kept.iter().find(|(key, _)| &**key == shared_config::KEY);
        let config = config.and_then(|(_, value)| serde_json::from_str::<SharedConfig>(value).ok());
        let lost_config = if config.is_none() { known.config.clone() } else { None };
        drop(known);
        if let Some(config) = config {
            self.take_config(hub, config, Instant::now());
        } else if let Some(config) = lost_config {
            let kept = (shared_config::KEY.into(), text(&config));
            self.mention(&Note::Config(config), Some(kept));
        }
        let places = kept.iter().filter(|(key, _)| key.starts_with("place "));
        self.places().replace(places.filter_map(|(_, value)| serde_json::from_str(value).ok()));
        for (network, ban) in lost {
            let note = match &ban {
                SharedBan::Banned(ban) => Note::Banned { ban: ban.clone(), by: 0 },
                SharedBan::Lifted(_) => Note::Lifted { network: network.clone() },
            };
            self.mention(&note, Some((SharedBan::key(&network), text(&ban))));
        }
        let now = hub.moment();
        let before = hub.address_bans.all(now);
        hub.address_bans.replace(bans.clone());
        for ban in bans.iter().filter(|ban| !before.contains(ban)) {
            hub.end_connections(ban.network, &ban.notice(now).to_string(), ClientId::NONE);
        }
    }

    /// Removes expired bans. Only the first server does so.
    pub(super) fn tidy_kept(&self) {
        if self.place() > 0 {
            return;
        }
        let now = Timestamp::now();
        let over: Vec<_> =
            self.kept().bans.iter().filter(|(_, ban)| ban.is_over(now)).map(|(network, _)| network.clone()).collect();
        for network in over {
            let kept = (SharedBan::key(&network), Box::default());
            self.mention(&Note::Lifted { network }, Some(kept));
        }
    }

    /// Applies a note.
    pub(super) fn apply_note(&self, hub: &Hub, text: &str, home: &Home, own: bool, now: Instant) {
        let node = &home.0;
        if !own && let Ok(end) = serde_json::from_str::<EndNote>(text) {
            return apply_end(hub, &end);
        }
        let Ok(note) = serde_json::from_str(text) else {
            // Other parts of this server read notes of their own.
            if own {
                return;
            }
            return log::warn!("cluster: a note of {node} cannot be read and is left out");
        };
        match note {
            Note::Idle(idle) if !own => note_idle(hub, idle, node, now),
            Note::Idle(_) => {}
            Note::Broadcast { line, by } => {
                let line = one_line(&line);
                for user in hub.roster.own_users().iter().filter(|user| user.client().0 != by) {
                    user.outbox.announce(LineKind::News, &line);
                }
            }
            Note::Banned { ban, by } => {
                let Some(record) = ban.read() else {
                    return log::warn!("cluster: a ban of {node} cannot be read and is left out");
                };
                self.kept().bans.insert(ban.network.clone(), SharedBan::Banned(ban));
                let notice = record.notice(hub.moment()).to_string();
                let network = record.network;
                hub.address_bans.apply(record);
                hub.end_connections(network, &notice, ClientId(by));
            }
            Note::Lifted { network } => {
                if let Ok(parsed) = Network::parse(&network) {
                    hub.address_bans.lift(parsed);
                    self.note_lifted(network);
                }
            }
            Note::Audit(entry) => {
                if let Some(entry) = entry.read() {
                    self.kept().add_audit(entry);
                }
            }
            Note::Place(place) => self.places().keep(place),
            Note::PlaceTaken { name } => self.places().forget(&name),
            Note::Config(config) => self.take_config(hub, config, now),
            Note::File(note) => self.apply_file(hub, note, home, now),
            Note::Stop => {
                log::warn!("cluster: all servers stop, as a user of {node} has asked");
                hub.request(ServerRequest::StopWithAll);
            }
        }
    }

    fn note_lifted(&self, network: String) {
        let now = Timestamp::now();
        let mut kept = self.kept();
        match kept.bans.get(&network) {
            // There is no need to remember it any longer.
            Some(known) if known.is_over(now) => drop(kept.bans.remove(&network)),
            Some(SharedBan::Banned(_)) | None => {
                drop(kept.bans.insert(network, SharedBan::Lifted(now.as_millisecond())));
            }
            Some(SharedBan::Lifted(_)) => {}
        }
    }
}

fn note_idle(hub: &Hub, idle: Vec<(u64, String, u64)>, node: &NodeName, now: Instant) {
    for (client, name, seconds) in idle {
        let Ok(name) = UserName::written(&name) else { continue };
        if let Some(user) = hub.roster.find(&Target { name, client: Some(ClientId(client)) })
            && user.node() == Some(node)
        {
            user.set_idle(Duration::from_secs(seconds), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(network: &str, until: Option<Timestamp>) -> AddressBanRecord {
        AddressBanRecord {
            network: Network::parse(network).expect("a network"),
            by: UserName::parse("alice", 1, 12).expect("a name"),
            reason: "spam".into(),
            at: Timestamp::from_millisecond(1_700_000_000_000).expect("a moment"),
            until,
        }
    }

    fn kept(network: &str, ban: &SharedBan) -> (Box<str>, Box<str>) {
        (SharedBan::key(network), text(ban))
    }

    #[test]
    fn notes_survive_the_format_unchanged() {
        let record = ban("192.0.2.0/24", Some(Timestamp::from_millisecond(1_800_000_000_000).expect("a moment")));
        assert_eq!(BanText::new(&record).read(), Some(record.clone()));
        for note in [
            Note::Idle(vec![(1001, "bob".to_owned(), 7)]),
            Note::Broadcast { line: "Broadcast from alice: hello".to_owned(), by: 1001 },
            Note::Banned { ban: BanText::new(&record), by: 1001 },
            Note::Lifted { network: "192.0.2.0/24".to_owned() },
            Note::Stop,
        ] {
            assert_eq!(serde_json::from_str::<Note>(&text(&note)).expect("a note"), note);
        }
        assert_eq!(&*text(&Note::Idle(Vec::new())), r#"{"idle":[]}"#);
    }

    #[test]
    fn a_faulty_server_can_neither_ban_nor_forge_a_line() {
        let mut faulty = BanText::new(&ban("192.0.2.0/24", None));
        faulty.reason = "a\u{1b}[2Jb\nc".to_owned();
        let reason = faulty.read().expect("a ban").reason;
        assert!(!reason.contains(['\u{1b}', '\n']), "{reason:?}");
        faulty.network = "everything".to_owned();
        assert_eq!(faulty.read(), None);
    }

    #[test]
    fn a_ban_is_read_as_it_is_kept_and_one_that_was_lifted_is_not_in_force() {
        let record = ban("192.0.2.0/24", None);
        let (key, value) = kept_ban(&record);
        assert_eq!(
            (&*key, &*value),
            (
                "ban 192.0.2.0/24",
                r#"{"banned":{"network":"192.0.2.0/24","by":"alice","reason":"spam","at":1700000000000,"until":null}}"#
            )
        );
        let read = |key, value| SharedBan::read(key, value).map(|(network, ban)| (network, ban.in_force()));
        assert_eq!(read(&key, &value), Some(("192.0.2.0/24", Some(record))));
        assert_eq!(read(&key, r#"{"lifted":1700000000000}"#), Some(("192.0.2.0/24", None)));
        assert_eq!(read("audit", &value), None);
        assert_eq!(read(&key, "no"), None);
    }

    #[test]
    fn a_lost_ban_is_shared_again_and_a_lifted_one_is_not() {
        let mut known = SharedValues::default();
        let (one, two) = (SharedBan::Banned(BanText::new(&ban("192.0.2.1", None))), SharedBan::Lifted(i64::MAX));
        assert!(known.replace(&[kept("192.0.2.1", &one), kept("192.0.2.2", &one)]).is_empty());
        assert_eq!(known.replace(&[kept("192.0.2.2", &two)]), [("192.0.2.1".to_owned(), one)]);
        assert_eq!(known.bans(), [ban("192.0.2.1", None)]);
    }

    #[test]
    fn an_expired_ban_is_not_shared_again() {
        let mut known = SharedValues::default();
        let over = SharedBan::Banned(BanText::new(&ban("192.0.2.1", Some(Timestamp::UNIX_EPOCH))));
        known.replace(&[kept("192.0.2.1", &over)]);
        assert!(known.replace(&[]).is_empty() && known.bans().is_empty());
    }

    #[test]
    fn the_audit_log_keeps_the_last_entries() {
        let mut known = SharedValues::default();
        let who = UserName::parse("alice", 1, 12).expect("a name");
        for number in 0..=MOST_AUDITED {
            let what = format!("did {number}").into();
            known.add_audit(AuditEntry { at: Timestamp::UNIX_EPOCH, who: who.clone(), what });
        }
        assert_eq!((known.audit.len(), &*known.audit[0].what), (MOST_AUDITED, "did 1"));
    }
}
