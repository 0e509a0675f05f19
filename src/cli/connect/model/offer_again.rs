//! Files that broke off: their sender's client offers the rest again by itself, even if the server was away in between.
//!
//! A server that restarts, or a connection that breaks, ends what was agreed on without a word. What runs goes on as long as
//! its own connections do; once it breaks off too, nobody but the two clients can resume it.
//!
//! *Owns* when the rest is offered again, and when that is given up.
//! *Knows nothing of* bytes and of the disk.

use std::time::{Duration, Instant};

use super::ClientModel;
use super::channel::folded;
use super::file_transfer::{OfferRetry, TAKEN_AGAIN, TransferStage};
use super::files::offer_request;
use super::incoming::ServerObject;
use super::intent::Moment;
use super::sending::{LineWork, PendingRequest, Purpose};
use super::status::LinkStatus;

/// How often a file that keeps breaking off is offered again within ten minutes.
const MOST_TRIES: usize = 3;

/// How often to look whether the other user is back.
const LOOKS_EVERY: Duration = Duration::from_secs(5);

impl ClientModel {
    /// The connection is gone, and with it every offer without an answer. The server tells nothing more of the other transfers.
    pub(super) fn orphan_files(&mut self, now: Moment) {
        let asked: Vec<_> = self.offers.drain(..).chain(self.held_offers.drain(..)).collect();
        for offer in asked {
            self.tell_news(format!("{}'s offer of {} has ended.", offer.sender, offer.name), now);
        }
        self.early_news.clear();
        let mut again = Vec::new();
        let mut ended = Vec::new();
        for transfer in &mut self.transfers {
            if let Some(retry) = &mut transfer.retry {
                retry.at = now.instant;
            }
            if std::mem::replace(&mut transfer.is_orphan, true) {
                continue;
            }
            match transfer.stage {
                TransferStage::Offered => {
                    transfer.stage = TransferStage::Over;
                    if transfer.is_rest {
                        again.push(transfer.key);
                    } else if transfer.sends {
                        ended.push(format!("Your offer of {} to {} has ended.", transfer.name, transfer.peer));
                    } else {
                        ended.push(format!("{}'s offer of {} has ended.", transfer.peer, transfer.name));
                    }
                }
                // Its bytes have connections of their own.
                TransferStage::Running => {}
                TransferStage::Over if transfer.broke.is_some() && !transfer.is_told => again.push(transfer.key),
                TransferStage::Over => {}
            }
        }
        ended.into_iter().for_each(|line| self.tell_news(line, now));
        again.into_iter().for_each(|key| self.offer_again(key, now));
    }

    /// Offers the rest of a file that broke off, a few times.
    pub(super) fn offer_again(&mut self, key: u64, now: Moment) {
        let Some(transfer) = self.transfer_by_key(key) else { return };
        if !transfer.sends || transfer.is_declined || transfer.retry.is_some() || transfer.path.is_none() {
            return;
        }
        let this = transfer.clone();
        let is_try = |known: &&super::FileTransfer| known.is_the_file_of(&this) && known.is_fresh(now);
        if self.transfers.iter().filter(is_try).count() > MOST_TRIES {
            return;
        }
        if let Some(transfer) = self.transfer_by_key(key) {
            let since = *transfer.broke.get_or_insert(now.instant);
            transfer.retry = Some(OfferRetry { at: now.instant, until: since + TAKEN_AGAIN, has_told: false });
        }
        self.offer_files_again(now);
    }

    /// Makes the offers that are due.
    pub(super) fn offer_files_again(&mut self, now: Moment) {
        if !self.is_ready() {
            return;
        }
        let is_asked =
            |pending: &PendingRequest, key| matches!(pending.purpose, Purpose::OfferAgain(asked) if asked == key);
        let mut due = Vec::new();
        for transfer in &mut self.transfers {
            let (key, path) = (transfer.key, transfer.path.clone());
            let Some((retry, path)) = transfer.retry.as_mut().zip(path) else { continue };
            if retry.at <= now.instant {
                retry.at = now.instant + LOOKS_EVERY;
                if !self.pending.iter().any(|pending| is_asked(pending, key)) {
                    due.push((key, offer_request(&transfer.peer, &path, transfer.size)));
                }
            }
        }
        due.into_iter().for_each(|(key, request)| self.request(request, Purpose::OfferAgain(key)));
    }

    /// Whether the answer to an offer is on its way. The other user may be faster.
    pub(super) fn is_offering(&self) -> bool {
        let by_line = self.outgoing.front().is_some_and(|line| matches!(line.work, LineWork::Offer(_)));
        by_line || self.pending.iter().any(|pending| matches!(pending.purpose, Purpose::OfferAgain(_)))
    }

    /// The server has taken the offer.
    pub(super) fn offered_again(&mut self, key: u64, object: &ServerObject, now: Moment) {
        let Some(transfer) = self.transfer_by_key(key) else { return };
        let (peer, path, size) = (transfer.peer.clone(), transfer.path.clone(), transfer.size);
        if let (Some(number), Some(path)) = (object.optional.offer, path) {
            self.offer_made(number, &peer, (path, size), true, now);
        }
    }

    /// The server has not taken the offer.
    pub(super) fn not_offered_again(&mut self, key: u64, object: &ServerObject, now: Moment) {
        let Some(transfer) = self.transfer_by_key(key) else { return };
        let (name, peer) = (transfer.name.clone(), transfer.peer.clone());
        let Some(retry) = &mut transfer.retry else { return };
        match (&*object.optional.code, object.optional.wait) {
            ("too_fast", Some(wait)) => retry.at = now.instant + Duration::from_millis(wait),
            ("no_person", _) => {
                if !std::mem::replace(&mut retry.has_told, true) {
                    let line = format!("{peer} is away. When they are back, the rest of {name} is offered to them.");
                    self.tell_news(line, now);
                }
            }
            _ => {
                (transfer.retry, transfer.resumed_by) = (None, None);
                let why = &object.content;
                self.tell_error(format!("The rest of {name} was not offered to {peer} again: {why}"), now);
            }
        }
    }

    /// Nobody waits any more for the rest of files that broke off long ago.
    pub(super) fn give_up_files(&mut self, now: Moment) {
        let unattended = self.choices.unattended && self.input_ended;
        let is_away = self.status != LinkStatus::Connected;
        let mut given_up = Vec::new();
        for transfer in &mut self.transfers {
            let waits = transfer.resumed_by.is_some_and(|by| now.instant < by);
            // Without a connection, nobody can come back.
            let is_alone = transfer.is_orphan && is_away;
            if !waits && !is_alone {
                transfer.resumed_by = None;
            }
            let is_over =
                |retry: OfferRetry| retry.until <= now.instant || (unattended && transfer.resumed_by.is_none());
            if transfer.retry.is_some_and(is_over) {
                transfer.retry = None;
                given_up
                    .push(format!("{} has not come back: they have only a part of {}.", transfer.peer, transfer.name));
            }
        }
        given_up.into_iter().for_each(|line| self.tell_error(line, now));
    }

    /// The user does not want the rest of a file offered again. Without a number, the only one. False if there is none.
    pub(super) fn stop_offering(&mut self, number: Option<u64>, now: Moment) -> bool {
        if number.is_none() && (!self.offers.is_empty() || self.transfers.iter().any(super::FileTransfer::is_running)) {
            return false;
        }
        let is_meant =
            |known: &super::FileTransfer| known.retry.is_some() && number.is_none_or(|number| number == known.number);
        let mut meant = self.transfers.iter_mut().filter(|known| is_meant(known));
        let (Some(transfer), None) = (meant.next(), meant.next()) else { return false };
        (transfer.retry, transfer.resumed_by, transfer.is_declined) = (None, None, true);
        let line = format!("The rest of {} is not offered to {} again.", transfer.name, transfer.peer);
        self.tell_news(line, now);
        true
    }

    /// When there is something to do about files.
    pub(super) fn files_wake(&self) -> Option<Instant> {
        let is_ready = self.is_ready();
        let retries = self.transfers.iter().filter_map(|transfer| transfer.retry).filter(|_| is_ready);
        let waits = self.transfers.iter().filter_map(|transfer| transfer.resumed_by).filter(|_| is_ready);
        retries.map(|retry| retry.at).chain(waits).min()
    }

    /// A user has another name.
    pub(super) fn rename_in_files(&mut self, before: &str, after: &str) {
        let before = folded(before);
        let is_theirs = |name: &str| folded(name) == before;
        let transfers = self.transfers.iter_mut().map(|transfer| &mut transfer.peer);
        let offers = self.offers.iter_mut().chain(&mut self.held_offers).map(|offer| &mut offer.sender);
        transfers.chain(offers).filter(|name| is_theirs(name)).for_each(|name| after.clone_into(name));
    }
}
