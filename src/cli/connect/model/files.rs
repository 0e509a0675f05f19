//! Files that are offered, and those on their way.
//!
//! *Owns* the questions about offers, and how far each transfer has come.
//! *Knows nothing of* bytes and of the disk.

use std::path::{Path, PathBuf};

use super::ClientModel;
use super::file_transfer::{FileTransfer, OfferedFile, TransferStage};
use super::incoming::ServerObject;
use super::intent::{ClientEffect, Download, Moment, Upload};
use super::request::ClientRequest;
use super::sending::{LineWork, Purpose};

/// Most offers that wait for an answer, and most transfers that are remembered. The server allows fewer.
const MOST: usize = 64;

/// The request that offers a file. Others learn the last part of its path.
pub(super) fn offer_request(to: &str, path: &Path, size: Option<u64>) -> ClientRequest {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    ClientRequest::about("send", to).saying(name).with("size", size)
}

impl ClientModel {
    /// Whether any file did not arrive, even after another attempt.
    pub(super) fn any_file_failed(&self) -> bool {
        let has_failed = |(at, transfer): (usize, &FileTransfer)| {
            let mut later = self.transfers.iter().skip(at + 1);
            transfer.broke.is_some() && !later.any(|other| other.is_the_file_of(transfer))
        };
        self.transfers.iter().enumerate().any(has_failed)
    }

    /// Files on their way, oldest first, and some that have arrived.
    pub(crate) fn transfers(&self) -> &[FileTransfer] {
        &self.transfers
    }

    /// The transfer that the server calls by this number now.
    fn transfer(&mut self, number: u64) -> Option<&mut FileTransfer> {
        self.transfers.iter_mut().rev().find(|transfer| transfer.number == number && !transfer.is_orphan)
    }

    /// The transfer with this key.
    pub(super) fn transfer_by_key(&mut self, key: u64) -> Option<&mut FileTransfer> {
        self.transfers.iter_mut().find(|transfer| transfer.key == key)
    }

    fn remember(&mut self, mut transfer: FileTransfer) {
        let is_the_same = |known: &&mut FileTransfer| known.is_the_file_of(&transfer);
        let earlier = self.transfers.iter_mut().filter(is_the_same);
        earlier.for_each(|earlier| (earlier.resumed_by, earlier.retry) = (None, None));
        self.last_transfer += 1;
        transfer.key = self.last_transfer;
        if self.transfers.len() >= MOST {
            let over = self.transfers.iter().position(|transfer| !transfer.is_running()).unwrap_or(0);
            self.transfers.remove(over);
        }
        self.transfers.push(transfer);
        self.revision += 1;
    }

    /// Somebody offers a file.
    pub(super) fn offered(&mut self, object: ServerObject, now: Moment) {
        let Some(number) = object.optional.offer else { return };
        if !self.is_me(object.receiver.first().map_or("", String::as_str)) {
            return;
        }
        let offer =
            OfferedFile { number, sender: object.sender, name: object.optional.name, size: object.optional.size };
        if self.choices.unattended {
            self.tell_news(format!("{} offers {}. :accept {number} takes it.", offer.sender, offer.name), now);
        }
        self.consider(offer, now);
    }

    /// Asks about an offer, unless it is the rest of a file that the user accepted and that broke off.
    fn consider(&mut self, offer: OfferedFile, now: Moment) {
        match self.transfers.iter().rev().find(|known| known.may_be_of(&offer)) {
            // The sender was faster: the incomplete file is not closed here yet.
            Some(last) if last.is_carried && self.held_offers.len() < MOST => self.held_offers.push(offer),
            Some(last) if last.may_go_on(now) => self.accept(offer.number, offer),
            Some(_) | None if self.offers.len() < MOST => {
                self.effects.push(ClientEffect::Ring);
                self.offers.push_back(offer);
            }
            Some(_) | None => {}
        }
        self.revision += 1;
    }

    /// A thread has ended and closed its file.
    fn put_down(&mut self, key: u64, now: Moment) {
        if let Some(transfer) = self.transfer_by_key(key) {
            transfer.is_carried = false;
        }
        let held = std::mem::take(&mut self.held_offers);
        held.into_iter().for_each(|offer| self.consider(offer, now));
    }

    fn accept(&mut self, number: u64, offer: OfferedFile) {
        self.remember(FileTransfer::receiving(&offer));
        self.request(ClientRequest::new("accept").with("offer", Some(number)), Purpose::Accept(number));
    }

    pub(super) fn decline(&mut self, number: u64, now: Moment) {
        self.enqueue(":decline", ClientRequest::new("decline").with("offer", Some(number)), LineWork::Decline, now);
    }

    /// Takes a line as the answer to the first offer, if it is one. Any other line is handled as usual, and the
    /// question stays.
    pub(super) fn answer_offer(&mut self, line: &str, now: Moment) -> bool {
        let takes = match &*line.trim().to_lowercase() {
            "y" | "yes" => true,
            "n" | "no" => false,
            _ => return false,
        };
        let Some(offer) = self.offers.pop_front() else { return false };
        self.revision += 1;
        if takes {
            self.accept(offer.number, offer)
        } else {
            self.decline(offer.number, now)
        }
        true
    }

    /// The file of a `:send`, or the rest of it, has been offered.
    pub(super) fn offer_made(
        &mut self,
        number: u64,
        to: &str,
        (path, size): (PathBuf, Option<u64>),
        is_rest: bool,
        now: Moment,
    ) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = crate::text::sanitize(&name).into_owned();
        let mut transfer = FileTransfer::sending(number, to, name, path, size);
        transfer.is_rest = is_rest;
        self.remember(transfer);
        let early = std::mem::take(&mut self.early_news);
        early.into_iter().for_each(|object| self.transfer_told(object, now));
    }

    /// The server has confirmed that an offer is accepted: the file can be fetched.
    pub(super) fn accepted(&mut self, object: &ServerObject, now: Moment) {
        let Some(number) = object.optional.offer else { return };
        if let Some(at) = self.offers.iter().position(|offer| offer.number == number)
            && let Some(offer) = self.offers.remove(at)
        {
            self.remember(FileTransfer::receiving(&offer));
        }
        let Some(transfer) = self.transfer(number) else {
            return self.tell_error("The server accepted an offer that this client does not know.", now);
        };
        (transfer.stage, transfer.is_carried) = (TransferStage::Running, true);
        let (key, name) = (transfer.key, transfer.name.clone());
        let (sender, size) = (transfer.peer.clone(), transfer.size);
        let this = OfferedFile { number, sender, name: name.clone(), size };
        let earlier = self.transfers.iter().rev().filter(|known| known.key != key && known.may_be_of(&this));
        let part = earlier.filter(|known| known.broke.is_some()).find_map(|known| known.path.clone());
        let (token, url) = (object.optional.token.clone(), object.optional.url.clone());
        let url = Some(url).filter(|url| !url.is_empty());
        self.effects.push(ClientEffect::Download(Download { key, name, token, url, part }));
        self.revision += 1;
    }

    /// Handles the server's news of a transfer.
    pub(super) fn transfer_told(&mut self, object: ServerObject, now: Moment) {
        let Some(number) = object.optional.offer else { return };
        // The other user may be faster than the answer to the offer.
        if self.is_offering() && self.transfer(number).is_none() && self.early_news.len() < MOST {
            return self.early_news.push(object);
        }
        self.offers.retain(|offer| offer.number != number);
        self.held_offers.retain(|offer| offer.number != number);
        if let Some(transfer) = self.transfer(number) {
            transfer.is_told |= object.optional.state != "accepted";
            // They may have another name by now.
            let peer = if transfer.sends { object.receiver.first() } else { Some(&object.sender) };
            peer.filter(|peer| !peer.is_empty()).into_iter().for_each(|peer| transfer.peer.clone_from(peer));
        }
        let line = object.content.trim_start_matches("* ").trim_start_matches("! ").to_owned();
        match &*object.optional.state {
            "accepted" => {
                self.told_to_begin(number, &object, now);
            }
            "done" => {
                if let Some(transfer) = self.transfer(number) {
                    transfer.told_hash = Some(object.optional.sha256.clone());
                    transfer.size = object.optional.size.or(transfer.size);
                    if transfer.sends {
                        transfer.stage = TransferStage::Over;
                    }
                }
                self.tell_news(line, now);
                let key = self.transfer(number).map(|transfer| transfer.key);
                key.into_iter().for_each(|key| self.compare(key, now));
            }
            "declined" | "ended" | "broken" => {
                let broke = object.optional.state == "broken";
                if let Some(transfer) = self.transfer(number) {
                    transfer.is_declined |= object.optional.state == "declined";
                    match broke {
                        true => transfer.break_off(now),
                        false => transfer.stage = TransferStage::Over,
                    }
                }
                let again = self.transfer(number).filter(|ended| broke || ended.is_rest).map(|ended| ended.key);
                if broke {
                    self.tell_error(line, now);
                } else {
                    self.tell_news(line, now);
                }
                again.into_iter().for_each(|key| self.offer_again(key, now));
            }
            _ => self.tell_news(line, now),
        }
        self.revision += 1;
        self.end_if_done();
    }

    /// The receiver accepts the file, or has less of it than expected.
    fn told_to_begin(&mut self, number: u64, object: &ServerObject, now: Moment) {
        let Some(transfer) = self.transfer(number) else { return };
        transfer.stage = TransferStage::Running;
        let (token, from) = (object.optional.token.clone(), object.optional.from.unwrap_or(0));
        let url = Some(object.optional.url.clone()).filter(|url| !url.is_empty());
        let (peer, name, path) = (transfer.peer.clone(), transfer.name.clone(), transfer.path.clone());
        let key = transfer.key;
        if !transfer.sends {
            transfer.is_carried = true;
            // From the beginning: what is here is of another file.
            let part = path.filter(|_| from > 0);
            let download = Download { key, name, token, url, part };
            return self.effects.push(ClientEffect::Download(download));
        }
        let Some(path) = path else { return };
        self.tell_news(format!("{peer} takes {name}."), now);
        self.effects.push(ClientEffect::Upload(Upload { key, path, token, url, from }));
    }

    /// The user wants to end a transfer; without a number, the only one there is. The server is told first: a connection that just
    /// breaks would look like one to be resumed.
    pub(super) fn note_declined(&mut self, number: Option<u64>) {
        let mut running = self.transfers.iter().filter(|transfer| transfer.is_running());
        let only = match (running.next(), running.next()) {
            (Some(only), None) if self.offers.is_empty() => Some(only.number),
            _ => None,
        };
        if let Some(transfer) = number.or(only).and_then(|number| self.transfer(number)) {
            transfer.is_declined = true;
        }
    }

    /// The server has ended a transfer for this user, so its thread stops.
    pub(super) fn stop_transfer(&mut self, number: u64) {
        if let Some(transfer) = self.transfer(number).filter(|transfer| transfer.is_running()) {
            let key = transfer.key;
            self.effects.push(ClientEffect::StopTransfer(key));
        }
    }

    // ---- For the threads that carry files ----

    /// This many bytes have passed.
    pub(crate) fn transfer_moved(&mut self, key: u64, done: u64, size: Option<u64>) {
        if let Some(transfer) = self.transfer_by_key(key) {
            transfer.done = done;
            transfer.size = size.or(transfer.size);
            self.revision += 1;
        }
    }

    /// Notes where the incomplete file is saved.
    pub(crate) fn transfer_placed(&mut self, key: u64, path: PathBuf) {
        if let Some(transfer) = self.transfer_by_key(key) {
            transfer.path = Some(path);
        }
    }

    /// All bytes have been received or sent, and have this hash.
    pub(crate) fn transfer_done(&mut self, key: u64, path: PathBuf, hash: String, now: Moment) {
        let Some(transfer) = self.transfer_by_key(key) else { return };
        transfer.stage = TransferStage::Over;
        transfer.own_hash = Some(hash);
        let sends = transfer.sends;
        transfer.path = Some(path.clone());
        if !sends {
            let shown = crate::text::sanitize(&path.to_string_lossy()).into_owned();
            self.tell_news(format!("Saved as {shown}."), now);
        }
        self.compare(key, now);
        self.put_down(key, now);
        self.revision += 1;
        self.end_if_done();
    }

    /// The server has not let the user take an offered file.
    pub(super) fn acceptance_failed(&mut self, number: u64, why: &str, now: Moment) {
        let key = self.transfer(number).map(|transfer| transfer.key);
        key.into_iter().for_each(|key| self.transfer_failed(key, why, now));
    }

    /// A transfer failed. `why` is a sentence.
    pub(crate) fn transfer_failed(&mut self, key: u64, why: &str, now: Moment) {
        let Some(transfer) = self.transfer_by_key(key) else { return };
        transfer.break_off(now);
        let is_orphan = transfer.is_orphan;
        // A user who has ended it knows that.
        if !transfer.is_declined {
            self.tell_error(why, now);
        }
        self.put_down(key, now);
        // Otherwise the server will tell that it broke off.
        if is_orphan {
            self.offer_again(key, now);
        }
        self.end_if_done();
    }

    /// Compares the hashes of both sides once they are known.
    fn compare(&mut self, key: u64, now: Moment) {
        let Some(transfer) = self.transfer_by_key(key) else { return };
        let (Some(own), Some(told)) = (&transfer.own_hash, &transfer.told_hash) else { return };
        if !told.is_empty() && !own.eq_ignore_ascii_case(told) {
            let name = &transfer.name;
            let line = format!("{name} is not what was sent: its SHA-256 here is {own}, and was {told}.");
            self.refused_any = true;
            self.tell_error(line, now);
        }
    }
}
