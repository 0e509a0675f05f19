//! Files for users of other servers. The sender's server owns the offer, makes all decisions and transfers the file. The
//! receiver's server shows what it is told and forwards the receiver's answers.
//!
//! *Owns* the offers from other servers to local users.
//! *Knows nothing of* how a file is transferred.

use std::collections::HashMap;
use std::sync::Condvar;
use std::time::Instant;

use super::Nodes;
use super::note::{AnswerText, EventText, FileInQuestion, FileNote, Note, RowKind};
use super::safe::one_line;
use crate::chat::file_name::FileName;
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::chat::transfer::{Accepted, EndCause, Listed, Party, PickError, Side, Stage, Token};
use crate::hub::room::Home;
use crate::hub::roster::User;
use crate::hub::{FileEvent, FileNews, Hub};
use crate::ui::file_lines::{self, FilePlace};
use crate::ui::screen::LineKind;

/// Most offers from other servers.
const MOST_OFFERS: usize = 1000;

/// An offer to a local user.
#[derive(Clone, Debug)]
struct RemoteOffer {
    /// Its number on this server.
    number: u64,
    /// The server that owns it, and its number there.
    home: Home,
    there: u64,
    to: ClientId,
    sender: Party,
    name: FileName,
    is_accepted: bool,
}

/// Offers from other servers, and requests that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct RemoteFiles {
    offers: Vec<RemoteOffer>,
    last_request: u64,
    answers: HashMap<u64, Option<AnswerText>>,
}

/// What a receiver here has accepted.
pub(crate) struct RemoteAccepted {
    pub(crate) accepted: Accepted,
    pub(crate) token: Token,
    pub(crate) place: FilePlace,
}

impl EventText {
    fn new(event: FileEvent<'_>) -> Option<EventText> {
        Some(match event {
            FileEvent::Offered(_) => return None,
            FileEvent::Accepted { url, token, from } => {
                EventText::Accepted { url: url.map(str::to_owned), token: token.to_owned(), from }
            }
            FileEvent::Declined => EventText::Declined,
            FileEvent::Ended => EventText::Ended,
            FileEvent::Done { size, hash } => EventText::Done { size, hash: hash.map(str::to_owned) },
            FileEvent::Broken { at, size } => EventText::Broken { at, size },
        })
    }

    fn event(&self) -> FileEvent<'_> {
        match self {
            EventText::Accepted { url, token, from } => FileEvent::Accepted { url: url.as_deref(), token, from: *from },
            EventText::Declined => FileEvent::Declined,
            EventText::Ended => FileEvent::Ended,
            EventText::Done { size, hash } => FileEvent::Done { size: *size, hash: hash.as_deref() },
            EventText::Broken { at, size } => FileEvent::Broken { at: *at, size: *size },
        }
    }
}

impl RowKind {
    fn new(kind: LineKind) -> RowKind {
        if kind == LineKind::Command {
            RowKind::Command
        } else if kind == LineKind::Refusal {
            RowKind::Refusal
        } else {
            RowKind::News
        }
    }

    fn kind(self) -> LineKind {
        match self {
            RowKind::News => LineKind::News,
            RowKind::Refusal => LineKind::Refusal,
            RowKind::Command => LineKind::Command,
        }
    }
}

impl AnswerText {
    fn read(self) -> Option<(Token, u64, FilePlace)> {
        let AnswerText { token, from, host, plain, tls } = self;
        let host = one_line(&host);
        let tls = tls.map(|(port, pin)| (port, one_line(&pin)));
        Some((Token::parse(&token)?, from, FilePlace { host, plain, tls }))
    }
}

/// Requests to other servers that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct FileAnswers {
    pub(super) arrived: Condvar,
}

impl Nodes {
    /// Tells a user of another server what happened to a file of theirs.
    pub(crate) fn pass_file_news(&self, hub: &Hub, client: ClientId, news: &FileNews<'_>) {
        if hub.roster.user(client).is_none_or(|user| !user.is_elsewhere()) {
            return;
        }
        let from_client = hub.transfers.with_table(|table| table.sender_of(news.number)).unwrap_or(ClientId::NONE);
        let about = FileInQuestion {
            number: news.number,
            from_client: from_client.0,
            sender: news.sender.to_string(),
            receiver: news.receiver.to_string(),
            name: news.name.shown().to_owned(),
        };
        let note = match (EventText::new(news.event), news.event) {
            (None, FileEvent::Offered(size)) => FileNote::Offered { to: client.0, about, size },
            (None, _) => return,
            (Some(event), _) => {
                let rows = news.rows.iter().map(|(kind, row)| (RowKind::new(*kind), row.clone())).collect();
                FileNote::News { to: client.0, about, event, rows }
            }
        };
        self.mention(&Note::File(note), None);
    }

    /// The offers from other servers to a local user.
    pub(crate) fn list_files(&self, client: ClientId) -> Vec<Listed> {
        let listed = |offer: &RemoteOffer| Listed {
            number: offer.number,
            side: Side::Receiver,
            other: offer.sender.name.clone(),
            name: offer.name.clone(),
            stage: if offer.is_accepted { Stage::Accepted } else { Stage::Offered },
        };
        self.files().offers.iter().filter(|offer| offer.to == client).map(listed).collect()
    }

    /// Accepts an offer from another server, and waits for the details that the receiver needs.
    pub(crate) fn accept_file(
        &self,
        receiver: &User,
        number: u64,
        from: Option<u64>,
        ends: Instant,
    ) -> Result<RemoteAccepted, PickError> {
        let client = receiver.client();
        let mut files = self.files();
        let is_it = |offer: &&RemoteOffer| offer.to == client && offer.number == number && !offer.is_accepted;
        let offer = files.offers.iter().find(is_it).cloned().ok_or(PickError::None)?;
        files.last_request += 1;
        let request = files.last_request;
        drop(files);
        let node = offer.home.0.to_string();
        let note = FileNote::Accept { node, number: offer.there, client: client.0, from, request };
        self.mention(&Note::File(note), None);
        let deadline = Instant::now() + self.patience * 2;
        let mut files = self.files();
        let answer = loop {
            if let Some(answer) = files.answers.remove(&request) {
                break answer;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break None;
            }
            files = self
                .file_answers
                .arrived
                .wait_timeout(files, left)
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .0;
        };
        let (token, from, place) = answer.and_then(AnswerText::read).ok_or(PickError::None)?;
        files.offers.iter_mut().filter(|known| known.number == number).for_each(|known| known.is_accepted = true);
        drop(files);
        let receiver = Party { client, account: receiver.account(), name: receiver.name() };
        let (sender, name) = (offer.sender, offer.name);
        Ok(RemoteAccepted { accepted: Accepted { number, sender, receiver, name, from, ends }, token, place })
    }

    /// Declines an offer from another server, or cancels its transfer. False if there is none.
    pub(crate) fn decline_file(&self, client: ClientId, number: u64) -> bool {
        let mut files = self.files();
        let is_it = |offer: &RemoteOffer| offer.to == client && offer.number == number;
        let Some(index) = files.offers.iter().position(is_it) else { return false };
        let offer = files.offers.remove(index);
        drop(files);
        let note = FileNote::Decline { node: offer.home.0.to_string(), number: offer.there, client: client.0 };
        self.mention(&Note::File(note), None);
        true
    }

    /// Handles another server's note about a file.
    pub(super) fn apply_file(&self, hub: &Hub, note: FileNote, home: &Home, now: Instant) {
        match note {
            FileNote::Offered { to, about, size } => self.show_offer(hub, ClientId(to), about, size, home),
            FileNote::News { to, about, event, rows } => {
                self.show_file_news(hub, ClientId(to), &about, &event, &rows, home)
            }
            FileNote::Accept { node, number, client, from, request } if self.is_named(&node) => {
                let answer = accept(hub, number, ClientId(client), from, now);
                self.mention(&Note::File(FileNote::Answer { client, request, answer }), None);
            }
            FileNote::Decline { node, number, client } if self.is_named(&node) => {
                hub.decline_file_of(ClientId(client), number);
            }
            FileNote::Answer { client, request, answer } => {
                if hub.own_user(ClientId(client)).is_some() {
                    self.files().answers.insert(request, answer);
                    self.file_answers.arrived.notify_all();
                }
            }
            FileNote::Accept { .. } | FileNote::Decline { .. } => {}
        }
    }

    fn show_offer(&self, hub: &Hub, to: ClientId, about: FileInQuestion, size: Option<u64>, home: &Home) {
        let (Some(user), Ok(sender)) = (hub.own_user(to), UserName::written(&about.sender)) else { return };
        let from = ClientId(about.from_client);
        if user.outbox.ignores(from, &sender) {
            return;
        }
        let name = FileName::new(&about.name);
        let number = hub.transfers.with_table(|table| table.next_number());
        let mut files = self.files();
        if files.offers.len() >= MOST_OFFERS {
            return;
        }
        files.offers.push(RemoteOffer {
            number,
            home: home.clone(),
            there: about.number,
            to,
            sender: Party { client: from, account: None, name: sender.clone() },
            name: name.clone(),
            is_accepted: false,
        });
        drop(files);
        let rows = &[(LineKind::News, file_lines::offered(sender.as_str(), &name, number))];
        let (event, receiver) = (FileEvent::Offered(size), &user.name());
        hub.tell_of_file(to, &FileNews { number, sender: &sender, receiver, name: &name, event, rows });
    }

    fn show_file_news(
        &self,
        hub: &Hub,
        to: ClientId,
        about: &FileInQuestion,
        event: &EventText,
        rows: &[(RowKind, String)],
        home: &Home,
    ) {
        let mut files = self.files();
        let is_it = |offer: &RemoteOffer| offer.to == to && offer.there == about.number && offer.home == *home;
        let Some(index) = files.offers.iter().position(is_it) else { return };
        let offer = if matches!(event, EventText::Accepted { .. }) {
            files.offers.get(index).cloned()
        } else {
            Some(files.offers.remove(index))
        };
        drop(files);
        let Some(offer) = offer else { return };
        let rows: Vec<_> = rows.iter().map(|(kind, row)| (kind.kind(), one_line(row))).collect();
        let Some(receiver) = hub.own_user(to).map(|user| user.name()) else { return };
        let (number, sender, name) = (offer.number, &offer.sender.name, &offer.name);
        hub.tell_of_file(
            to,
            &FileNews { number, sender, receiver: &receiver, name, event: event.event(), rows: &rows },
        );
    }

    /// A local user has left. The sender's server finds out by itself.
    pub(crate) fn forget_files_of(&self, client: ClientId) {
        self.files().offers.retain(|offer| offer.to != client);
    }

    /// A server is gone, and its users' files with it.
    pub(super) fn lose_files_of(&self, hub: &Hub, home: &Home) {
        self.lose_files(hub, |offer| (offer.home == *home).then_some(EndCause::ServerGone));
    }

    /// The names of all servers were read again, so it is not known who has left meanwhile, and how.
    pub(super) fn lose_absent_files(&self, hub: &Hub) {
        self.lose_files(hub, |RemoteOffer { home, sender, is_accepted, .. }| {
            if !self.lives(&home.0) {
                return Some(EndCause::ServerGone);
            }
            match hub.roster.user(sender.client) {
                Some(user) if user.is_of(home) => None,
                // Their server has come back as another one.
                Some(_) => Some(EndCause::ServersApart),
                // What was accepted goes on without them.
                None if *is_accepted => None,
                None => Some(EndCause::Left),
            }
        });
    }

    /// This server and the others had lost contact: those have taken the users here for gone, and ended what was offered to
    /// them.
    pub(super) fn lose_offered_files(&self, hub: &Hub) {
        self.lose_files(hub, |offer| (!offer.is_accepted).then_some(EndCause::ServersApart));
    }

    fn lose_files(&self, hub: &Hub, cause: impl Fn(&RemoteOffer) -> Option<EndCause>) {
        let offers = self.files().offers.clone();
        for offer in offers {
            let Some(cause) = cause(&offer) else { continue };
            self.files().offers.retain(|known| known.number != offer.number);
            let RemoteOffer { number, to, sender, name, is_accepted, .. } = offer;
            let Some(receiver) = hub.own_user(to).map(|user| user.name()) else { continue };
            let line = file_lines::ended(Side::Receiver, &name, sender.name.as_str(), is_accepted, cause);
            let (event, rows) = (FileEvent::Ended, &[(LineKind::News, line)]);
            hub.tell_of_file(
                to,
                &FileNews { number, sender: &sender.name, receiver: &receiver, name: &name, event, rows },
            );
        }
    }

    fn is_named(&self, node: &str) -> bool {
        self.cluster.get().is_some_and(|cluster| cluster.node().to_string() == node)
    }
}

/// A user of another server accepts a file offered here.
fn accept(hub: &Hub, number: u64, client: ClientId, from: Option<u64>, now: Instant) -> Option<AnswerText> {
    let receiver = hub.roster.user(client)?;
    let [put, get] = Hub::fresh_tokens().ok()?;
    let limits = hub.transfer_limits();
    let accepted = hub.transfers.with_table(|table| {
        let accepted = table.accept(client, Some(number), [put, get], &limits, now).ok()?;
        match from.filter(|from| *from < accepted.from) {
            Some(from) => table.begin_again(number, [put, get], from, &limits, now),
            None => Some(accepted),
        }
    })?;
    hub.end_transfer_later(number, accepted.ends);
    hub.announce_file_rows(&accepted, Side::Sender, put);
    let FilePlace { host, plain, tls } = hub.file_place_for(&accepted, &receiver)?;
    Some(AnswerText { token: get.to_string(), from: accepted.from, host, plain, tls })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::nodes::note::text;

    #[test]
    fn file_notes_survive_the_format_unchanged() {
        let about = FileInQuestion {
            number: 7,
            from_client: 1001,
            sender: "alice".to_owned(),
            receiver: "bob".to_owned(),
            name: "report.pdf".to_owned(),
        };
        let answer = AnswerText {
            token: "ABCD-EFGH-2345-WXYZ".to_owned(),
            from: 3,
            host: "files.example".to_owned(),
            plain: Some(5557),
            tls: None,
        };
        assert!(answer.clone().read().is_some_and(|(_, from, place)| from == 3 && place.plain == Some(5557)));
        assert!(AnswerText { token: "x".to_owned(), ..answer.clone() }.read().is_none());
        let news = EventText::Broken { at: 1, size: 2 };
        assert_eq!(EventText::new(news.event()), Some(news.clone()));
        for note in [
            FileNote::Offered { to: 2001, about: about.clone(), size: None },
            FileNote::Accept { node: "a".to_owned(), number: 7, client: 2001, from: None, request: 1 },
            FileNote::Answer { client: 2001, request: 1, answer: Some(answer) },
            FileNote::Decline { node: "a".to_owned(), number: 7, client: 2001 },
            FileNote::News { to: 2001, about, event: news, rows: vec![(RowKind::Command, "x".to_owned())] },
        ] {
            assert_eq!(serde_json::from_str::<FileNote>(&text(&note)).expect("a note"), note);
        }
    }
}
