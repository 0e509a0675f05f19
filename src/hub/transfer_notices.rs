//! What the two users of a transfer are told, and what is logged.
//!
//! *Owns* who is told what when a transfer is accepted, ends or breaks off. *Knows nothing of* what was typed, or of
//! how bytes are passed on.

#[cfg(feature = "cluster")]
use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Instant;

use super::Hub;
use super::file_news::{FileEvent, FileNews};
use super::timer::Task;
use super::transfers::Hasher;
use crate::chat::file_name::FileName;
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::chat::transfer::{Accepted, Declined, EndCause, EndedTransfer, Party, Side, Token, TransferLimits};
#[cfg(feature = "cluster")]
use crate::hub::roster::User;
use crate::outbox::Outbox;
use crate::ui::file_lines::{self, FilePlace};
use crate::ui::screen::LineKind;

/// How a transfer has ended.
pub(crate) enum TransferOutcome {
    /// All of it has arrived.
    Done(u64, Option<String>),
    /// The bytes that have passed, the total, and the hash so far if it is known.
    Broken(u64, u64, Option<Hasher>),
    /// More came than was announced.
    CutOff(u64),
    /// The receiver already has more than the whole file.
    TooLong,
}

impl Hub {
    /// What the configuration allows.
    pub(crate) fn transfer_limits(&self) -> TransferLimits {
        let files = &self.config().files;
        TransferLimits { at_once: files.max_at_once, offer: files.offer, start: files.start }
    }

    /// Two new tokens.
    pub(crate) fn fresh_tokens() -> Result<[Token; 2], getrandom::Error> {
        let mut random = [[0; 10]; 2];
        for bits in &mut random {
            getrandom::fill(bits)?;
        }
        Ok(random.map(Token::new))
    }

    /// Where a user's shell would connect to; `None` if no port for files is open to them.
    pub(crate) fn file_place(&self, outbox: &Outbox) -> Option<FilePlace> {
        let ports = self.transfers.ports()?;
        let config = self.config();
        let may_be_plain = outbox.peer_address().is_some_and(|peer| config.takes_plain(peer));
        let plain = ports.plain.filter(|_| may_be_plain);
        let host = match config.files.host.as_str() {
            "" => outbox.stream().local_addr().ok()?.ip().to_canonical().to_string(),
            host => host.to_owned(),
        };
        // A page sends and gets files where it comes from.
        let is_open = plain.is_some() || ports.tls.is_some() || outbox.is_page();
        is_open.then_some(FilePlace { host, plain, tls: ports.tls })
    }

    /// The rows for one end of a transfer.
    pub(crate) fn file_rows(
        accepted: &Accepted,
        side: Side,
        token: Token,
        place: &FilePlace,
    ) -> Vec<(LineKind, String)> {
        let Accepted { name, from, receiver, .. } = accepted;
        let commands = file_lines::commands(side, name, token, *from, place);
        let above = file_lines::above_commands(side, name, receiver.name.as_str(), commands.len());
        let commands = commands.into_iter().map(|line| (LineKind::Command, line));
        [(LineKind::News, above)].into_iter().chain(commands).collect()
    }

    /// Where one of the two connects to.
    fn place_of_party(&self, accepted: &Accepted, party: &Party) -> Option<FilePlace> {
        if let Some(outbox) = self.roster.connection(party.client) {
            return self.file_place(&outbox);
        }
        #[cfg(feature = "cluster")]
        if let Some(user) = self.roster.user(party.client) {
            return self.file_place_for(accepted, &user);
        }
        let _ = accepted;
        None
    }

    /// Where a receiver on another server connects to: both ends meet on the sender's server.
    #[cfg(feature = "cluster")]
    pub(crate) fn file_place_for(&self, accepted: &Accepted, receiver: &User) -> Option<FilePlace> {
        let sender = self.roster.connection(accepted.sender.client)?;
        let place = self.file_place(&sender)?;
        let ports = self.transfers.ports()?;
        let may_be_plain = receiver.peer_address().is_some_and(|peer| self.config().takes_plain(peer));
        Some(FilePlace { plain: ports.plain.filter(|_| may_be_plain), ..place })
    }

    /// A user of another server declines a file offered here, or ends its transfer.
    #[cfg(feature = "cluster")]
    pub(crate) fn decline_file_of(&self, client: ClientId, number: u64) {
        let Some(name) = self.roster.user(client).map(|user| user.name()) else { return };
        if let Ok(declined) = self.transfers.with_table(|table| table.decline(client, Some(number))) {
            self.tell_declined(client, &name, &declined);
        }
    }

    /// Tells the other one that a file was declined, or a transfer ended.
    pub(crate) fn tell_declined(&self, client: ClientId, own: &UserName, declined: &Declined) {
        let Declined { number, by, other, name, was_running } = declined;
        log::info!("transfer {number}: client {client} declined");
        if let Some(other) = other {
            let rows = &[(LineKind::News, file_lines::declined(own.as_str(), name))];
            let (sender, receiver) = match by {
                Side::Sender => (own, &other.name),
                Side::Receiver => (&other.name, own),
            };
            let news = FileNews { number: *number, sender, receiver, name, event: FileEvent::Declined, rows };
            self.tell_of_file(other.client, &news);
        }
        if *was_running {
            self.transfers.stop_one(*number);
        }
    }

    /// Tells one of the two how a transfer ended.
    fn tell_of_end(&self, ended: &EndedTransfer, client: ClientId, event: FileEvent<'_>, kind: LineKind, line: String) {
        let EndedTransfer { number, sender, asked, name, .. } = ended;
        let (number, sender, rows) = (*number, &sender.name, &[(kind, line)]);
        self.tell_of_file(client, &FileNews { number, sender, receiver: asked, name, event, rows });
    }

    /// Shows a user their end of a transfer, unasked.
    pub(crate) fn announce_file_rows(&self, accepted: &Accepted, side: Side, token: Token) {
        let Accepted { number, sender, receiver, name, from, .. } = accepted;
        let party = if side == Side::Sender { sender } else { receiver };
        let Some(place) = self.place_of_party(accepted, party) else { return };
        let url = file_lines::url(token, &place);
        let token_shown = token.to_string();
        let event = FileEvent::Accepted { url: url.as_deref(), token: &token_shown, from: *from };
        let rows = &Hub::file_rows(accepted, side, token, &place);
        let (sender, receiver) = (&sender.name, &receiver.name);
        self.tell_of_file(party.client, &FileNews { number: *number, sender, receiver, name, event, rows });
    }

    /// Schedules the end of an offer or an accepted transfer.
    pub(crate) fn end_transfer_later(&self, number: u64, ends: Instant) {
        self.timer.schedule(ends, Task::EndTransfer(number));
    }

    /// Ends it, unless it has been given more time.
    pub(super) fn end_transfer(&self, number: u64, now: Instant) {
        if let Some(ended) = self.transfers.with_table(|table| table.expire(number, now)) {
            self.tell_ended(&ended, EndCause::Time, None);
        }
    }

    /// An accepted transfer cannot begin.
    pub(crate) fn cancel_transfer(&self, number: u64) {
        if let Some(ended) = self.transfers.with_table(|table| table.cancel(number)) {
            self.tell_ended(&ended, EndCause::Cancelled, None);
        }
    }

    /// A user has left.
    pub(crate) fn end_offers_of(&self, client: ClientId) {
        self.end_offers_for(client, EndCause::Left);
    }

    /// A user is not there any more.
    pub(crate) fn end_offers_for(&self, client: ClientId, cause: EndCause) {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            nodes.forget_files_of(client);
        }
        if self.transfers.ports().is_none() {
            return;
        }
        for ended in self.transfers.with_table(|table| table.leave(client)) {
            self.tell_ended(&ended, cause, Some(client));
        }
    }

    /// This server and the others had lost contact: those have ended what users here had offered to theirs.
    #[cfg(feature = "cluster")]
    pub(crate) fn end_offers_elsewhere(&self) {
        let users = self.roster.users();
        let elsewhere: HashSet<_> = users.iter().filter(|user| user.is_elsewhere()).map(|user| user.client()).collect();
        for ended in self.transfers.with_table(|table| table.lose_receivers(|client| elsewhere.contains(&client))) {
            self.tell_ended(&ended, EndCause::ServersApart, ended.receiver.as_ref().map(|party| party.client));
        }
    }

    fn tell_ended(&self, ended: &EndedTransfer, cause: EndCause, gone: Option<ClientId>) {
        let EndedTransfer { sender, receiver, asked, name, was_accepted, .. } = ended;
        let logged = match cause {
            EndCause::Time => "not begun in time",
            EndCause::Cancelled => "cancelled",
            EndCause::Left => "a user has left",
            EndCause::ServerGone => "a server is gone",
            EndCause::ServersApart => "the servers had lost contact",
        };
        log_end(ended, None, logged);
        let tell = |party: &Party, side, other: &UserName| {
            if Some(party.client) != gone {
                let line = file_lines::ended(side, name, other.as_str(), *was_accepted, cause);
                self.tell_of_end(ended, party.client, FileEvent::Ended, LineKind::News, line);
            }
        };
        tell(sender, Side::Sender, asked);
        if let Some(receiver) = receiver {
            tell(receiver, Side::Receiver, &sender.name);
        }
    }

    /// Ends the transfers of banned addresses. Running ones break off, and both users are told how many bytes have
    /// passed.
    pub(crate) fn end_transfers_of(&self, is_banned: impl Fn(IpAddr) -> bool) {
        for number in self.transfers.with_end_at(is_banned) {
            self.cancel_transfer(number);
            self.transfers.stop_one(number);
        }
    }

    /// A sender's file is too large: ends the transfer before it begins.
    pub(crate) fn refuse_size(&self, number: u64) -> String {
        let most = self.config().files.max_bytes as u64;
        let sentence = file_lines::too_big(most);
        if let Some(ended) = self.transfers.with_table(|table| table.cancel(number)) {
            log_end(&ended, None, "too big");
            let tell = |client, line| self.tell_of_end(&ended, client, FileEvent::Ended, LineKind::Refusal, line);
            tell(ended.sender.client, sentence.clone());
            if let Some(receiver) = &ended.receiver {
                tell(receiver.client, file_lines::not_sent(&ended.name, most));
            }
        }
        sentence
    }

    /// The receiver has less of the file than the sender's line skips: both get new lines.
    pub(crate) fn begin_transfer_again(&self, number: u64, why: impl Fn(&FileName) -> String, from: u64, now: Instant) {
        let Ok(tokens) = Hub::fresh_tokens() else { return };
        let limits = self.transfer_limits();
        let again = self.transfers.with_table(|table| table.begin_again(number, tokens, from, &limits, now));
        let Some(accepted) = again else { return self.cancel_transfer(number) };
        self.end_transfer_later(number, accepted.ends);
        let line = why(&accepted.name);
        for (side, token, party) in
            [(Side::Sender, tokens[0], &accepted.sender), (Side::Receiver, tokens[1], &accepted.receiver)]
        {
            if let Some(outbox) = self.roster.connection(party.client) {
                outbox.announce(LineKind::News, &line);
            }
            self.announce_file_rows(&accepted, side, token);
        }
    }

    /// A running transfer is over: tells both how. Returns the sentence.
    pub(crate) fn finish_transfer(
        &self,
        number: u64,
        name: &FileName,
        outcome: TransferOutcome,
        now: Instant,
    ) -> String {
        let hash = if let TransferOutcome::Done(_, hash) = &outcome { hash.clone() } else { None };
        let (line, event, bytes, result, broken) = match outcome {
            TransferOutcome::Done(size, _) => {
                let event = FileEvent::Done { size, hash: hash.as_deref() };
                (file_lines::done(name, size, hash.as_deref()), event, size, "complete", None)
            }
            TransferOutcome::Broken(at, size, hasher) => {
                let resumable = Some((at, hasher)).filter(|_| at > 0 && at < size);
                (file_lines::broken(name, at, size), FileEvent::Broken { at, size }, at, "broken off", resumable)
            }
            TransferOutcome::CutOff(size) => {
                (file_lines::cut_off(name, size), FileEvent::Broken { at: size, size }, size, "cut off", None)
            }
            TransferOutcome::TooLong => {
                (file_lines::too_long(name), FileEvent::Ended, 0, "the receiver had more than there is", None)
            }
        };
        let kind = if result == "complete" { LineKind::News } else { LineKind::Refusal };
        if let Some(ended) = self.transfers.with_table(|table| table.finish(number, broken, now)) {
            log_end(&ended, Some(bytes), result);
            let parties = [Some(&ended.sender), ended.receiver.as_ref()].into_iter().flatten();
            parties.for_each(|party| self.tell_of_end(&ended, party.client, event, kind, line.clone()));
        }
        line
    }
}

/// Logs sender, receiver, bytes and result, but never the file's name, which is private.
fn log_end(ended: &EndedTransfer, bytes: Option<u64>, result: &str) {
    let EndedTransfer { number, sender, asked, receiver, .. } = ended;
    let to = receiver.as_ref().map_or_else(|| asked.to_string(), |to| format!("{}#{}", to.name, to.client));
    let bytes = bytes.map_or_else(String::new, |bytes| format!("{bytes} bytes, "));
    log::info!("transfer {number} from {}#{} to {to}: {bytes}{result}", sender.name, sender.client);
}
