//! All transfers of a server.
//!
//! *Owns* the numbers that users know them by, the tokens in use, and what is remembered of broken ones. *Knows nothing
//! of* the bytes that have passed, except how many.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::records::{
    Accepted, Broken, Claim, Declined, EndedTransfer, Listed, OfferError, Offered, PickError, Side, Stage,
    TransferLimits,
};
use super::{Party, Token};
use crate::chat::file_name::FileName;
use crate::chat::message::ClientId;
use crate::chat::names::UserName;

/// Most offers by one user that wait for an answer.
const MOST_OFFERS: usize = 3;

/// Most offers that wait for one user's answer. Further offers are refused, because a crowd could fill their screen.
const MOST_ASKED: usize = 16;

/// Most transfers of one sender that were accepted and have not begun. With that many, they cannot make another offer.
const MOST_ACCEPTED: usize = 8;

/// Most transfers in total. One takes about half a kilobyte.
const MOST: usize = 4096;

/// How long a broken transfer can be resumed.
const RESUMABLE: Duration = Duration::from_secs(600);

/// Most broken transfers that are remembered. Beyond that, the oldest can no longer be resumed.
const MOST_BROKEN: usize = 256;

struct Transfer {
    sender: Party,
    receiver: Party,
    name: FileName,
    stage: Stage,
    /// The receiver was not told about the offer, because they ignore the sender.
    is_silent: bool,
    /// When it ends unless something happens.
    ends: Instant,
    /// The first byte that is sent.
    from: u64,
    /// It was given new tokens before.
    has_begun_again: bool,
    /// The size of the whole file when its first part was sent, if the rest is to follow.
    size_before: Option<u64>,
    tokens: Vec<Token>,
}

/// The transfers. `M` is the state that the relaying thread needs to resume a broken one.
pub struct TransferTable<M> {
    transfers: BTreeMap<u64, Transfer>,
    tokens: HashMap<Token, (u64, Side)>,
    broken: VecDeque<Broken<M>>,
    last: u64,
    running: usize,
}

impl<M> Default for TransferTable<M> {
    fn default() -> TransferTable<M> {
        TransferTable {
            transfers: BTreeMap::new(),
            tokens: HashMap::new(),
            broken: VecDeque::new(),
            last: 0,
            running: 0,
        }
    }
}

impl<M> TransferTable<M> {
    /// Offers a file. With `is_silent`, the receiver is not told.
    ///
    /// # Errors
    ///
    /// There are too many already.
    pub fn offer(
        &mut self,
        sender: Party,
        receiver: Party,
        name: FileName,
        is_silent: bool,
        limits: &TransferLimits,
        now: Instant,
    ) -> Result<Offered, OfferError> {
        let waiting = |of: &dyn Fn(&Transfer) -> bool| {
            self.transfers.values().filter(|known| known.stage == Stage::Offered && of(known)).count()
        };
        if waiting(&|known| known.sender.client == sender.client) >= MOST_OFFERS {
            return Err(OfferError::TooMany(MOST_OFFERS));
        }
        let is_accepted = |known: &&Transfer| known.stage == Stage::Accepted && known.sender.client == sender.client;
        if self.transfers.values().filter(is_accepted).count() >= MOST_ACCEPTED {
            return Err(OfferError::TooMany(MOST_ACCEPTED));
        }
        if self.transfers.len() >= MOST || waiting(&|known| known.receiver.client == receiver.client) >= MOST_ASKED {
            return Err(OfferError::TakesNone);
        }
        self.forget_old(now);
        let is_this =
            |known: &Broken<M>| known.sender.is(&sender) && known.receiver.is(&receiver) && known.name == name;
        let broken = self.broken.iter().rev().find(|known| is_this(known));
        let (from, size_before) = broken.map_or((0, None), |known| (known.at, Some(known.size)));
        self.last += 1;
        let (number, ends) = (self.last, now + limits.offer);
        let transfer = Transfer {
            sender,
            receiver,
            name,
            stage: Stage::Offered,
            is_silent,
            ends,
            from,
            has_begun_again: false,
            size_before,
            tokens: Vec::new(),
        };
        self.transfers.insert(number, transfer);
        Ok(Offered { number, ends, from })
    }

    /// Accepts an offer. The first of the tokens is the sender's.
    ///
    /// # Errors
    ///
    /// There is nothing to accept.
    pub fn accept(
        &mut self,
        client: ClientId,
        number: Option<u64>,
        tokens: [Token; 2],
        limits: &TransferLimits,
        now: Instant,
    ) -> Result<Accepted, PickError> {
        let is_asked = |known: &Transfer| {
            known.receiver.client == client && known.stage == Stage::Offered && !known.is_silent && now < known.ends
        };
        let number = self.pick(number, is_asked)?;
        self.open(number, tokens, None, now + limits.start).ok_or(PickError::None)
    }

    /// Gives an accepted transfer new tokens, because it has to begin at another byte. Only once, or the receiver could
    /// fill the sender's screen. `None` if it is over, is running, or was given new tokens before.
    pub(crate) fn begin_again(
        &mut self,
        number: u64,
        tokens: [Token; 2],
        from: u64,
        limits: &TransferLimits,
        now: Instant,
    ) -> Option<Accepted> {
        let known = self.transfers.get_mut(&number).filter(|known| known.stage == Stage::Accepted)?;
        if std::mem::replace(&mut known.has_begun_again, true) {
            return None;
        }
        self.open(number, tokens, Some(from), now + limits.start)
    }

    fn open(&mut self, number: u64, tokens: [Token; 2], from: Option<u64>, ends: Instant) -> Option<Accepted> {
        let known = self.transfers.get_mut(&number)?;
        for token in std::mem::replace(&mut known.tokens, tokens.to_vec()) {
            self.tokens.remove(&token);
        }
        let [put, get] = tokens;
        self.tokens.insert(put, (number, Side::Sender));
        self.tokens.insert(get, (number, Side::Receiver));
        known.stage = Stage::Accepted;
        known.from = from.unwrap_or(known.from);
        known.size_before = known.size_before.filter(|_| known.from > 0);
        known.ends = ends;
        Some(Accepted {
            number,
            sender: known.sender.clone(),
            receiver: known.receiver.clone(),
            name: known.name.clone(),
            from: known.from,
            ends,
        })
    }

    /// The sender of an offer says how many bytes the file has. If a part of it was sent, and the file had another size then, it is
    /// another file: all of it is sent.
    pub fn note_size(&mut self, number: u64, size: u64) {
        let Some(known) = self.transfers.get_mut(&number).filter(|known| known.stage == Stage::Offered) else { return };
        if known.size_before.is_some_and(|before| before != size) {
            (known.from, known.size_before) = (0, None);
        }
    }

    /// Ends a transfer that one of the two does not want. A running one stays until [`TransferTable::finish`].
    ///
    /// # Errors
    ///
    /// There is nothing to decline.
    pub fn decline(&mut self, client: ClientId, number: Option<u64>) -> Result<Declined, PickError> {
        let concerns =
            |known: &Transfer| known.sender.client == client || (known.receiver.client == client && !known.is_silent);
        // Without a number this is an answer, so an offer to this user comes first.
        let asked =
            |known: &Transfer| known.receiver.client == client && known.stage == Stage::Offered && !known.is_silent;
        let number = match number {
            None => self.pick(None, asked).or_else(|error| match error {
                PickError::None => self.pick(None, concerns),
                PickError::Several(_) => Err(error),
            }),
            number => self.pick(number, concerns),
        }?;
        let Some(known) = self.transfers.get(&number) else { return Err(PickError::None) };
        let is_sender = known.sender.client == client;
        let other = if is_sender { &known.receiver } else { &known.sender };
        let declined = Declined {
            number,
            by: if is_sender { Side::Sender } else { Side::Receiver },
            other: Some(other.clone()).filter(|_| !known.is_silent),
            name: known.name.clone(),
            was_running: matches!(known.stage, Stage::Running(_)),
        };
        if !declined.was_running {
            self.remove(number);
        }
        Ok(declined)
    }

    fn pick(&self, number: Option<u64>, fits: impl Fn(&Transfer) -> bool) -> Result<u64, PickError> {
        let mut fitting = self.transfers.iter().filter(|(_, known)| fits(known)).map(|(number, _)| *number);
        match number {
            Some(number) => fitting.find(|known| *known == number).ok_or(PickError::None),
            None => match (fitting.next(), fitting.next()) {
                (None, _) => Err(PickError::None),
                (Some(only), None) => Ok(only),
                (Some(first), Some(_)) => Err(PickError::Several(first)),
            },
        }
    }

    /// What a token opens, without using it up.
    pub(crate) fn look_at(&self, token: &Token, now: Instant) -> Option<Claim> {
        let (number, side) = *self.tokens.get(token)?;
        let known = self.transfers.get(&number).filter(|known| now < known.ends)?;
        Some(Claim {
            number,
            side,
            name: known.name.clone(),
            from: known.from,
            size_before: known.size_before,
            ends: known.ends,
        })
    }

    /// Uses a token up, if it opens this end of a transfer.
    pub fn claim(&mut self, token: &Token, side: Side, now: Instant) -> Option<Claim> {
        let claim = self.look_at(token, now).filter(|claim| claim.side == side)?;
        self.tokens.remove(token);
        Some(claim)
    }

    /// The first byte to send in a transfer that waits for its ends.
    pub(crate) fn begins_at(&self, number: u64) -> Option<u64> {
        self.transfers.get(&number).filter(|known| known.stage == Stage::Accepted).map(|known| known.from)
    }

    /// A number that no transfer here has or gets.
    #[cfg(feature = "cluster")]
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The connection of a transfer's sender.
    #[cfg(feature = "cluster")]
    pub(crate) fn sender_of(&self, number: u64) -> Option<ClientId> {
        self.transfers.get(&number).map(|known| known.sender.client)
    }

    /// Whether a transfer is not over.
    pub fn has(&self, number: u64) -> bool {
        self.transfers.contains_key(&number)
    }

    /// Whether a transfer may run now: not too many are running, and none of the same sender.
    pub(crate) fn may_start(&self, number: u64, limits: &TransferLimits) -> bool {
        let Some(known) = self.transfers.get(&number) else { return false };
        let is_theirs = |other: &Transfer| matches!(other.stage, Stage::Running(_)) && other.sender.is(&known.sender);
        known.stage == Stage::Accepted && self.running < limits.at_once && !self.transfers.values().any(is_theirs)
    }

    /// Both ends have connected, and the whole file has this many bytes. Returns the state to resume with, if the part
    /// before has passed.
    pub fn start(&mut self, number: u64, size: u64) -> Option<M> {
        let known = self.transfers.get_mut(&number)?;
        known.stage = Stage::Running(size);
        self.running += 1;
        let (sender, receiver, name, from) = (&known.sender, &known.receiver, &known.name, known.from);
        let is_this =
            |broken: &Broken<M>| broken.sender.is(sender) && broken.receiver.is(receiver) && broken.name == *name;
        let at = self.broken.iter().rposition(is_this)?;
        let broken = self.broken.remove(at)?;
        (broken.at == from).then_some(broken.memory)
    }

    /// A running transfer is over. `broken`, if it can be resumed, is how many bytes have passed, and the state to
    /// resume with.
    pub fn finish(&mut self, number: u64, broken: Option<(u64, M)>, now: Instant) -> Option<EndedTransfer> {
        let size = self.transfers.get(&number).and_then(|known| match known.stage {
            Stage::Running(size) => Some(size),
            Stage::Offered | Stage::Accepted => None,
        });
        let ended = self.remove(number)?;
        self.running = self.running.saturating_sub(1);
        if let (Some((at, memory)), Some(receiver), Some(size)) = (broken, ended.receiver.clone(), size) {
            self.forget_old(now);
            if self.broken.len() >= MOST_BROKEN {
                self.broken.pop_front();
            }
            let (sender, name) = (ended.sender.clone(), ended.name.clone());
            self.broken.push_back(Broken { sender, receiver, name, at, size, memory, since: now });
        }
        Some(ended)
    }

    /// Ends an accepted transfer that cannot begin.
    pub fn cancel(&mut self, number: u64) -> Option<EndedTransfer> {
        self.transfers.get(&number).filter(|known| known.stage == Stage::Accepted)?;
        self.remove(number)
    }

    /// Ends a transfer whose time is over.
    pub(crate) fn expire(&mut self, number: u64, now: Instant) -> Option<EndedTransfer> {
        let is_over = |known: &&Transfer| !matches!(known.stage, Stage::Running(_)) && known.ends <= now;
        self.transfers.get(&number).filter(is_over)?;
        self.remove(number)
    }

    /// A user has left. Offers by them and to them end. Accepted transfers continue, since they may have left to use
    /// their terminal for the file.
    pub fn leave(&mut self, client: ClientId) -> Vec<EndedTransfer> {
        let concerns = |known: &Transfer| known.sender.client == client || known.receiver.client == client;
        let gone =
            |(number, known): (&u64, &Transfer)| (known.stage == Stage::Offered && concerns(known)).then_some(*number);
        let gone: Vec<_> = self.transfers.iter().filter_map(gone).collect();
        gone.into_iter().filter_map(|number| self.remove(number)).collect()
    }

    /// Ends the transfers that have not begun and whose receivers are out of reach.
    #[cfg(feature = "cluster")]
    pub(crate) fn lose_receivers(&mut self, is_lost: impl Fn(ClientId) -> bool) -> Vec<EndedTransfer> {
        let gone = |(number, known): (&u64, &Transfer)| {
            let has_begun = matches!(known.stage, Stage::Running(_));
            (!has_begun && is_lost(known.receiver.client)).then_some(*number)
        };
        let gone: Vec<_> = self.transfers.iter().filter_map(gone).collect();
        gone.into_iter().filter_map(|number| self.remove(number)).collect()
    }

    /// A user has changed their name.
    pub fn rename(&mut self, client: ClientId, name: &UserName) {
        let parties = self.transfers.values_mut().flat_map(|known| [&mut known.sender, &mut known.receiver]);
        parties.filter(|party| party.client == client).for_each(|party| party.name = name.clone());
    }

    /// A user's transfers, oldest first.
    pub fn list(&self, client: ClientId) -> Vec<Listed> {
        let listed = |(number, known): (&u64, &Transfer)| {
            let (side, other) = match client {
                client if client == known.sender.client => (Side::Sender, &known.receiver),
                client if client == known.receiver.client && !known.is_silent => (Side::Receiver, &known.sender),
                _ => return None,
            };
            let (other, name) = (other.name.clone(), known.name.clone());
            Some(Listed { number: *number, side, other, name, stage: known.stage })
        };
        self.transfers.iter().filter_map(listed).collect()
    }

    fn remove(&mut self, number: u64) -> Option<EndedTransfer> {
        let known = self.transfers.remove(&number)?;
        known.tokens.iter().for_each(|token| _ = self.tokens.remove(token));
        Some(EndedTransfer {
            number,
            sender: known.sender,
            asked: known.receiver.name.clone(),
            receiver: Some(known.receiver).filter(|_| !known.is_silent),
            name: known.name,
            was_accepted: known.stage != Stage::Offered,
        })
    }

    fn forget_old(&mut self, now: Instant) {
        self.broken.retain(|known| now.saturating_duration_since(known.since) < RESUMABLE);
    }
}
