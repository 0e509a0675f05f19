//! Offering files to other users, and answering such offers.
//!
//! *Owns* the refusals, and what each of the two learns at once.
//! *Knows nothing of* how files are passed on.

use std::fmt::Display;
use std::sync::Arc;

use super::Session;
use crate::chat::action::Denied;
use crate::chat::file_name::FileName;
use crate::chat::identity::Target;
use crate::chat::names::RoomName;
use crate::chat::transfer::{Accepted, Listed, OfferError, Offered, Party, PickError, Side, Stage, Token};
use crate::hub::roster::User;
use crate::hub::{FileEvent, FileNews, Hub};
use crate::ui::file_lines::{self, FilePlace};
use crate::ui::palette::{FileEffect, FileOffer};
use crate::ui::screen::LineKind;

/// Shown to a user who cannot reach an open port for files.
pub(super) const NO_FILES: &str = "This server carries no files.";

impl Session {
    #[inline(never)]
    pub(super) fn carry_out_file(&mut self, effect: FileEffect) {
        if self.hub.file_place(&self.outbox).is_none() && self.remote_files().is_empty() {
            return self.refuse(NO_FILES);
        }
        match effect {
            FileEffect::Send(offer) => {
                if let Some((_, asked)) = self.send_file(&offer, None) {
                    self.outbox.tell(LineKind::News, &asked);
                }
            }
            FileEffect::Accept(number) => {
                let Some((accepted, get, place)) = self.accept_file(number, None) else { return };
                for (kind, line) in Hub::file_rows(&accepted, Side::Receiver, get, &place) {
                    self.outbox.tell(kind, &line);
                }
            }
            FileEffect::Decline(number) => {
                if self.decline_file(number).is_some() {
                    self.outbox.tell(LineKind::News, "Declined.");
                }
            }
            FileEffect::List => self.list_files(),
        }
    }

    /// Offers a file, of this many bytes if that is known. Returns the number of the offer, and what its sender reads.
    pub(super) fn send_file(&mut self, offer: &FileOffer, size: Option<u64>) -> Option<(u64, String)> {
        let FileOffer { to, name, mark } = offer;
        let user = self.user.clone()?;
        if self.hub.file_place(&self.outbox).is_none() {
            self.refuse(NO_FILES);
            return None;
        }
        let refuse = |line: &dyn Display| {
            self.show_refusal(line);
            None
        };
        let most = self.hub.config().files.max_bytes as u64;
        if size.is_some_and(|size| size > most) {
            return refuse(&file_lines::too_big(most));
        }
        let Some(other) = self.hub.roster.find(to) else {
            if self.is_visible_room(to) {
                return refuse(&format_args!("Files go to one person: {mark}send bob report.pdf"));
            }
            self.deny(&Denied::NotOnline(to.clone()));
            return None;
        };
        if Arc::ptr_eq(&user, &other) {
            return refuse(&Denied::Yourself("send files to"));
        }
        let takes_none = |name| format!("{name} takes no files.");
        // Only the other server knows what its own users accept.
        if !other.is_elsewhere() && self.hub.file_place(&other.outbox).is_none() {
            return refuse(&takes_none(other.name()));
        }
        let (sender, receiver, name) = (party(&user), party(&other), FileName::new(name));
        let is_silent = other.outbox.ignores(sender.client, &sender.name);
        let (limits, now) = (self.hub.transfer_limits(), self.now());
        let made = {
            let (sender, receiver, name) = (sender.clone(), receiver.clone(), name.clone());
            self.hub.transfers.with_table(|table| {
                let made = table.offer(sender, receiver, name, is_silent, &limits, now)?;
                size.into_iter().for_each(|size| table.note_size(made.number, size));
                Ok(made)
            })
        };
        let Offered { number, ends, .. } = match made {
            Ok(offered) => offered,
            Err(OfferError::TooMany(most)) => {
                let line = format!(
                    "{most} of your offers are waiting, which is the limit: :files lists them, :decline takes one back."
                );
                return refuse(&line);
            }
            Err(OfferError::TakesNone) => return refuse(&takes_none(receiver.name)),
        };
        self.hub.end_transfer_later(number, ends);
        if !is_silent {
            let rows = &[(LineKind::News, file_lines::offered(sender.name.as_str(), &name, number))];
            let (event, sender, to) = (FileEvent::Offered(size), &sender.name, &receiver.name);
            self.hub
                .tell_of_file(receiver.client, &FileNews { number, sender, receiver: to, name: &name, event, rows });
        }
        if other.is_gone() {
            // They have left in the meantime, and nobody else will end the offer before its time.
            self.hub.end_offers_of(receiver.client);
        }
        Some((number, file_lines::asked(receiver.name.as_str(), &name, limits.offer)))
    }

    /// Whether this is the name of a room that this user may know of.
    fn is_visible_room(&self, target: &Target) -> bool {
        let Ok(name) = RoomName::parse_in(target.name.as_str(), self.hub.known_names()) else { return false };
        let (Some(room), Some(actor)) = (self.hub.rooms.find(&name), self.actor()) else { return false };
        room.facts(&actor, self.now()).is_some()
    }

    /// Accepts an offer. `from` is the first byte wanted, if that is not the first missing byte of a file that broke off.
    /// Returns the offer, with this end's token.
    pub(super) fn accept_file(
        &mut self,
        number: Option<u64>,
        from: Option<u64>,
    ) -> Option<(Accepted, Token, FilePlace)> {
        match self.accept_remote(number, from) {
            Ok(None) => {}
            Ok(accepted) => return accepted,
            Err(error) => {
                self.refuse_pick(error);
                return None;
            }
        }
        let place = self.hub.file_place(&self.outbox)?;
        let Ok(tokens) = Hub::fresh_tokens() else {
            self.refuse("The server has no random numbers at hand. Please try again.");
            return None;
        };
        let (client, limits, now) = (self.outbox.id(), self.hub.transfer_limits(), self.now());
        let accepted = self.hub.transfers.with_table(|table| {
            let accepted = table.accept(client, number, tokens, &limits, now)?;
            match from.filter(|from| *from < accepted.from) {
                Some(from) => table.begin_again(accepted.number, tokens, from, &limits, now).ok_or(PickError::None),
                None => Ok(accepted),
            }
        });
        match accepted {
            Ok(accepted) => {
                let [put, get] = tokens;
                self.hub.end_transfer_later(accepted.number, accepted.ends);
                self.hub.announce_file_rows(&accepted, Side::Sender, put);
                return Some((accepted, get, place));
            }
            Err(error) => self.refuse_pick(error),
        }
        None
    }

    fn refuse_pick(&self, error: PickError) {
        match error {
            PickError::None => self.refuse("Nothing to accept."),
            PickError::Several(first) => self.refuse(format_args!(
                "Several files are offered to you: :files lists them, :accept {first} takes the first."
            )),
        }
    }

    /// The offers from other servers.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_self, reason = "there is one server"))]
    pub(super) fn remote_files(&self) -> Vec<Listed> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.hub.nodes() {
            return nodes.list_files(self.outbox.id());
        }
        Vec::new()
    }

    /// Accepts an offer from another server. `None` if this server has to look for it.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "there is one server"))]
    fn accept_remote(
        &self,
        number: Option<u64>,
        from: Option<u64>,
    ) -> Result<Option<(Accepted, Token, FilePlace)>, PickError> {
        let Some(number) = self.pick_remote(number, |known| known.stage == Stage::Offered)? else { return Ok(None) };
        #[cfg(feature = "cluster")]
        if let (Some(nodes), Some(user)) = (self.hub.nodes(), &self.user) {
            let ends = self.now() + self.hub.transfer_limits().start;
            let accepted = nodes.accept_file(user, number, from, ends)?;
            return Ok(Some((accepted.accepted, accepted.token, accepted.place)));
        }
        Ok(None)
    }

    /// The offer from another server that the user means. `None` if they mean another one.
    fn pick_remote(&self, number: Option<u64>, fits: impl Fn(&Listed) -> bool) -> Result<Option<u64>, PickError> {
        let remote: Vec<_> = self.remote_files().into_iter().filter(&fits).map(|known| known.number).collect();
        if let Some(number) = number {
            return Ok(Some(number).filter(|number| remote.contains(number)));
        }
        let client = self.outbox.id();
        let own = self.hub.transfers.with_table(|table| table.list(client));
        let own = own.iter().filter(|known| known.side == Side::Receiver && fits(known)).map(|known| known.number);
        match (&remote[..], own.min()) {
            ([], _) => Ok(None),
            ([only], None) => Ok(Some(*only)),
            ([first, ..], own) => Err(PickError::Several(own.map_or(*first, |own| own.min(*first)))),
        }
    }

    /// Declines an offer, or ends a transfer. Returns its number.
    pub(super) fn decline_file(&mut self, number: Option<u64>) -> Option<u64> {
        let (client, own) = (self.outbox.id(), self.user.as_ref()?.name());
        let declined = match self.pick_remote(number, |_| true) {
            Ok(Some(number)) => {
                #[cfg(feature = "cluster")]
                if let Some(nodes) = self.hub.nodes() {
                    nodes.decline_file(client, number);
                }
                return Some(number);
            }
            Ok(None) => self.hub.transfers.with_table(|table| table.decline(client, number)),
            Err(error) => Err(error),
        };
        let declined = match declined {
            Ok(declined) => declined,
            Err(PickError::None) => {
                self.refuse("Nothing to decline.");
                return None;
            }
            Err(PickError::Several(first)) => {
                self.refuse(format_args!(
                    "There are several files: :files lists them, :decline {first} ends the first."
                ));
                return None;
            }
        };
        self.hub.tell_declined(client, &own, &declined);
        Some(declined.number)
    }

    #[inline(never)]
    fn list_files(&mut self) {
        let client = self.outbox.id();
        let mut listed = self.hub.transfers.with_table(|table| table.list(client));
        listed.extend(self.remote_files());
        if listed.is_empty() {
            return self.outbox.tell(LineKind::News, "No files are offered or on their way.");
        }
        for known in listed {
            let passed = self.hub.transfers.passed(known.number);
            self.outbox.tell(LineKind::News, &file_lines::listed(&known, passed));
        }
    }
}

fn party(user: &User) -> Party {
    Party { client: user.client(), account: user.account(), name: user.name() }
}
