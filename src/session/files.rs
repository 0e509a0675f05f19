//! Offering files to other users, and answering such offers.
//!
//! *Owns* the refusals, and what each of the two learns at once.
//! *Knows nothing of* how files are passed on.

use std::sync::Arc;

use super::Session;
use crate::chat::action::Denied;
use crate::chat::file_name::FileName;
use crate::chat::identity::Target;
use crate::chat::names::RoomName;
use crate::chat::transfer::{OfferError, Party, PickError, Side};
use crate::hub::Hub;
use crate::hub::roster::User;
use crate::ui::file_lines;
use crate::ui::palette::{FileEffect, FileOffer};
use crate::ui::screen::LineKind;

/// Where no port for files is open to this user.
const NO_FILES: &str = "This server carries no files.";

impl Session {
    #[inline(never)]
    pub(super) fn carry_out_file(&mut self, effect: FileEffect) {
        if self.hub.file_place(&self.outbox).is_none() {
            return self.refuse(NO_FILES);
        }
        match effect {
            FileEffect::Send(offer) => self.send_file(&offer),
            FileEffect::Accept(number) => self.accept_file(number),
            FileEffect::Decline(number) => self.decline_file(number),
            FileEffect::List => self.list_files(),
        }
    }

    #[inline(never)]
    fn send_file(&mut self, FileOffer { to, name, mark }: &FileOffer) {
        let Some(user) = self.user.clone() else { return };
        let Some(other) = self.hub.roster.find(to) else {
            if self.is_visible_room(to) {
                return self.refuse(format_args!("Files go to one person: {mark}send bob report.pdf"));
            }
            return self.refuse(Denied::NotOnline(to.clone()));
        };
        if Arc::ptr_eq(&user, &other) {
            return self.refuse(Denied::Yourself("send files to"));
        }
        let takes_none = |name| format!("{name} takes no files.");
        if self.hub.file_place(&other.outbox).is_none() {
            return self.refuse(takes_none(other.name()));
        }
        let (sender, receiver, name) = (party(&user), party(&other), FileName::new(name));
        let is_silent = other.outbox.ignores(sender.client, &sender.name);
        let (limits, now) = (self.hub.transfer_limits(), self.now());
        let offer = {
            let (sender, receiver, name) = (sender.clone(), receiver.clone(), name.clone());
            self.hub.transfers.with_table(|table| table.offer(sender, receiver, name, is_silent, &limits, now))
        };
        let offered = match offer {
            Ok(offered) => offered,
            Err(OfferError::TooMany(most)) => {
                let line = format!(
                    "{most} of your offers are waiting, which is the limit: :files lists them, :decline takes one back."
                );
                return self.refuse(line);
            }
            Err(OfferError::TakesNone) => return self.refuse(takes_none(receiver.name)),
        };
        self.hub.end_transfer_later(offered.number, offered.ends);
        self.outbox.tell(LineKind::News, &file_lines::asked(receiver.name.as_str(), &name, limits.offer));
        if !is_silent {
            other.outbox.announce(LineKind::News, &file_lines::offered(sender.name.as_str(), &name, offered.number));
        }
        if other.is_gone() {
            // They have left meanwhile, and nobody else will end the offer before its time.
            self.hub.end_offers_of(receiver.client);
        }
    }

    /// Whether the name is that of a room which this user may know of.
    fn is_visible_room(&self, target: &Target) -> bool {
        let Ok(name) = RoomName::parse_in(target.name.as_str(), self.hub.known_names()) else { return false };
        let (Some(room), Some(actor)) = (self.hub.rooms.find(&name), self.actor()) else { return false };
        room.facts(&actor, self.now()).is_some()
    }

    #[inline(never)]
    fn accept_file(&mut self, number: Option<u64>) {
        let Ok(tokens) = Hub::fresh_tokens() else {
            return self.refuse("The server has no random numbers at hand. Please try again.");
        };
        let (client, limits, now) = (self.outbox.id(), self.hub.transfer_limits(), self.now());
        let accepted = self.hub.transfers.with_table(|table| table.accept(client, number, tokens, &limits, now));
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(PickError::None) => return self.refuse("Nothing to accept."),
            Err(PickError::Several(first)) => {
                return self.refuse(format_args!(
                    "Several files are offered to you: :files lists them, :accept {first} takes the first."
                ));
            }
        };
        self.hub.end_transfer_later(accepted.number, accepted.ends);
        let [put, get] = tokens;
        for (kind, line) in self.hub.file_rows(&accepted, Side::Receiver, get, &self.outbox) {
            self.outbox.tell(kind, &line);
        }
        self.hub.announce_file_rows(&accepted, Side::Sender, put);
    }

    #[inline(never)]
    fn decline_file(&mut self, number: Option<u64>) {
        let (client, own) = (self.outbox.id(), self.user.as_ref().map(|user| user.name()));
        let declined = match self.hub.transfers.with_table(|table| table.decline(client, number)) {
            Ok(declined) => declined,
            Err(PickError::None) => return self.refuse("Nothing to decline."),
            Err(PickError::Several(first)) => {
                return self.refuse(format_args!(
                    "There are several files: :files lists them, :decline {first} ends the first."
                ));
            }
        };
        self.outbox.tell(LineKind::News, "Declined.");
        log::info!("transfer {}: client {client} declined", declined.number);
        if let (Some(other), Some(own)) = (&declined.other, own)
            && let Some(outbox) = self.hub.roster.connection(other.client)
        {
            outbox.announce(LineKind::News, &file_lines::declined(own.as_str(), &declined.name));
        }
        if declined.was_running {
            self.hub.transfers.stop_one(declined.number);
        }
    }

    #[inline(never)]
    fn list_files(&mut self) {
        let client = self.outbox.id();
        let listed = self.hub.transfers.with_table(|table| table.list(client));
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
