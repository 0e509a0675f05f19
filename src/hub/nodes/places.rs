//! Users of a server that is about to stop. Their names and places are kept until they reconnect to another server.
//!
//! Their names and memberships stay with the stopped server until they take them over, or until time runs out. A place
//! records who may take it over, and what was open.
//!
//! *Owns* the codes, and what the servers remember about each user.
//! *Knows nothing of* how users prove that a place is theirs.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::note::{Note, OpenText, PlaceText, text};
use super::users::{Details, claim};
use super::{Nodes, direct};
use crate::chat::conversation::Conversation;
use crate::chat::identity::Target;
use crate::chat::message::{AccountId, Addressee, ClientId, Message};
use crate::chat::names::{RoomName, UserName, fold};
use crate::chat::secret::{Hashed, Secret};
use crate::cluster::{Claim, Command};
use crate::hub::Hub;
use crate::hub::roster::{Login, NameInUseError, PeerAddress, User};
use crate::outbox::Outbox;

/// How long places last after the server has stopped.
const PLACES_STAY: Duration = Duration::from_secs(60);

/// The letters of a code, without those that are easily confused. A guesser gets a few tries at 190 million codes.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const CODE: usize = 6;

/// Most notes waiting for Redis at a time.
const AT_ONCE: usize = 500;

/// Most direct messages held for a user who is between servers.
const MOST_WAITING: usize = 100;

/// A place kept for a user.
#[derive(Clone, Debug)]
pub(crate) struct ReservedPlace {
    /// The user's name.
    pub(crate) name: UserName,
    /// Their old connection.
    pub(crate) client: ClientId,
    /// The address they were connected from, in the form that counts towards limits.
    pub(crate) address: IpAddr,
    /// The account they were logged in to.
    pub(crate) login: Option<Login>,
    /// The code they were shown.
    pub(crate) code: Secret,
    /// The rooms and conversations that were open, the current one last.
    pub(crate) open: Vec<WasOpen>,
    /// Whether they were in the chat view.
    pub(crate) in_view: bool,
}

/// A room or a conversation that was open.
#[derive(Clone, Debug)]
pub(crate) enum WasOpen {
    Room(RoomName),
    Direct(Addressee),
}

/// All places, by folded name, and the messages held for their users.
#[derive(Debug, Default)]
pub(super) struct ReservedPlaces {
    pub(super) kept: BTreeMap<String, PlaceText>,
    waiting: HashMap<ClientId, Vec<Message>>,
    /// The codes of users on this server.
    codes: HashMap<ClientId, String>,
}

/// A new code; `None` if the system's random generator fails.
fn new_code() -> Option<String> {
    let mut random = [0; CODE * 2];
    getrandom::fill(&mut random).ok()?;
    // 65,536 values do not divide evenly, so the first letters are slightly more likely. That does not help a guesser.
    let letter = |pair: &[u8]| {
        let number = pair.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        LETTERS.get(number % LETTERS.len()).copied().map_or('A', char::from)
    };
    Some(random.chunks(2).map(letter).collect())
}

impl PlaceText {
    fn new(user: &User, code: String) -> PlaceText {
        let (open, in_view) = user.outbox.open_and_in_view();
        let open = open.into_iter().map(|conversation| match conversation {
            Conversation::Room(room) => OpenText::Room(room.name.to_string()),
            Conversation::Direct(partner) => OpenText::Direct(partner.client.0, partner.name.to_string()),
        });
        PlaceText {
            name: user.name().to_string(),
            client: user.client().0,
            address: user.origin().address,
            account: user.login().map(|(_, login)| (login.account.0, login.hash.as_str().to_owned())),
            code,
            open: open.collect(),
            in_view,
        }
    }

    fn read(&self) -> Option<ReservedPlace> {
        let open = self.open.iter().filter_map(|open| match open {
            OpenText::Room(name) => RoomName::written(name).ok().map(WasOpen::Room),
            OpenText::Direct(client, name) => {
                let name = UserName::written(name).ok()?;
                Some(WasOpen::Direct(Addressee { client: ClientId(*client), name }))
            }
        });
        let login = self.account.as_ref();
        Some(ReservedPlace {
            name: UserName::written(&self.name).ok()?,
            client: ClientId(self.client),
            address: self.address,
            login: login
                .map(|(account, hash)| Login { account: AccountId(*account), hash: Hashed::new(hash.as_str()) }),
            code: Secret::new(&self.code)?,
            open: open.collect(),
            in_view: self.in_view,
        })
    }

    fn key(&self) -> Box<str> {
        key(&self.name)
    }
}

fn key(name: &str) -> Box<str> {
    format!("place {}", fold(name)).into()
}

impl ReservedPlaces {
    pub(super) fn keep(&mut self, place: PlaceText) {
        self.kept.insert(fold(&place.name), place);
    }

    pub(super) fn forget(&mut self, name: &str) {
        if let Some(place) = self.kept.remove(&fold(name)) {
            self.waiting.remove(&ClientId(place.client));
        }
    }

    /// Replaces all places with these.
    pub(super) fn replace(&mut self, kept: impl Iterator<Item = PlaceText>) {
        self.kept = kept.map(|place| (fold(&place.name), place)).collect();
    }
}

impl Nodes {
    /// Stores a place for each user on this server, and keeps their names and memberships for a while after it has
    /// stopped.
    pub(crate) fn keep_places(&self, hub: &Hub) {
        self.stay_after_end(PLACES_STAY);
        let users = hub.roster.own_users();
        for some in users.chunks(AT_ONCE) {
            let mut tickets = Vec::new();
            for user in some {
                let Some(code) = new_code() else {
                    log::error!(
                        "no codes can be made for users who come in again: the system's random generator fails"
                    );
                    return;
                };
                self.places().codes.insert(user.client(), code.clone());
                let place = PlaceText::new(user, code);
                let kept = (place.key(), text(&place));
                tickets.push(self.submit(Command::Note { text: text(&Note::Place(place)), kept: Some(kept) }));
            }
            for ticket in tickets {
                // If Redis does not answer, a place may be missing, and its user logs in like a newcomer.
                let _ = ticket.wait(Instant::now() + self.patience);
            }
        }
    }

    /// The code of a user on this server.
    pub(crate) fn code_of(&self, client: ClientId) -> Option<String> {
        self.places().codes.get(&client).cloned()
    }

    /// Updates the place of a user who is about to leave: their current name and rooms count.
    pub(crate) fn renew_place(&self, user: &User) {
        let Some(code) = self.code_of(user.client()) else { return };
        let place = PlaceText::new(user, code);
        let kept = (place.key(), text(&place));
        self.mention(&Note::Place(place), Some(kept));
    }

    /// Waits until the other servers have all of it.
    pub(crate) fn settle_places(&self) {
        let last = self.submit(Command::Note { text: text(&Note::Idle(Vec::new())), kept: None });
        let _ = last.wait(Instant::now() + self.patience);
    }

    /// The place kept under a name, while that name is still held for its user.
    pub(crate) fn place_of(&self, hub: &Hub, name: &UserName) -> Option<ReservedPlace> {
        let place = self.places().kept.get(&fold(name.as_str()))?.read()?;
        let target = Target { name: place.name.clone(), client: Some(place.client) };
        hub.roster.find(&target).filter(|user| user.is_elsewhere()).map(|_| place)
    }

    /// Gives a connection the name that its user had on another server.
    pub(crate) fn take_name(
        &self,
        hub: &Hub,
        place: &ReservedPlace,
        login: Option<Login>,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Result<Arc<User>, NameInUseError> {
        let wanted = claim(&place.name, outbox.id(), None, &Details::new(origin, login.as_ref(), self.now()));
        let wanted = Claim { instead_of: Some(place.client), ..wanted };
        self.ask(wanted, &hub.roster, &place.name, hub.config().username_limit)?;
        Ok(hub.roster.place(&place.name, login, outbox, origin, now))
    }

    /// Removes a place that was taken over or given up.
    pub(crate) fn forget_place(&self, name: &UserName) {
        self.mention(&Note::PlaceTaken { name: name.to_string() }, Some((key(name.as_str()), Box::default())));
    }

    /// Holds a direct message for a user who is between servers, as all servers do. False if there is no such user.
    pub(super) fn wait_with(&self, to: ClientId, message: &Message) -> bool {
        let mut places = self.places();
        let awaited = places.kept.values().any(|place| place.client == to.0);
        if awaited {
            let waiting = places.waiting.entry(to).or_default();
            if waiting.len() < MOST_WAITING {
                waiting.push(message.clone());
            }
        }
        awaited
    }

    /// Shows a returning user the messages held for them.
    pub(crate) fn deliver_waiting(&self, hub: &Hub, before: ClientId, user: &Arc<User>, now: Instant) {
        let waiting = self.places().waiting.remove(&before).unwrap_or_default();
        for mut message in waiting {
            let readers = message.extra.iter_mut().flat_map(|extra| extra.to.iter_mut());
            readers.filter(|reader| reader.client == before).for_each(|reader| reader.client = user.client());
            direct::show_direct(hub, user.client(), message, None, false, now);
        }
    }

    /// Removes expired places. Only the first server does so.
    pub(super) fn tidy_places(&self, hub: &Hub) {
        if self.place() > 0 || hub.shutdown.is_draining() {
            return;
        }
        let places: Vec<_> = self.places().kept.values().filter_map(PlaceText::read).collect();
        for place in places {
            let target = Target { name: place.name.clone(), client: Some(place.client) };
            if hub.roster.find(&target).is_none() {
                self.forget_place(&place.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_six_letters_and_rarely_repeat() {
        let codes: std::collections::BTreeSet<_> = (0..100).map(|_| new_code().expect("random")).collect();
        assert!(codes.len() > 95, "{codes:?}");
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| LETTERS.contains(&byte))));
    }

    #[test]
    fn places_survive_the_format_and_unreadable_ones_are_none() {
        let place = PlaceText {
            name: "bob".to_owned(),
            client: 1001,
            address: [192, 0, 2, 1].into(),
            account: None,
            code: "ABCDEF".to_owned(),
            open: vec![OpenText::Direct(1002, "alice".to_owned()), OpenText::Room("general".to_owned())],
            in_view: true,
        };
        assert_eq!(serde_json::from_str::<PlaceText>(&text(&place)).expect("a place"), place);
        let read = place.read().expect("a place");
        assert!(read.in_view && read.open.len() == 2 && read.code.matches("ABCDEF"));
        assert!(PlaceText { code: String::new(), ..place.clone() }.read().is_none());
        assert!(PlaceText { name: "a\u{1b}[2J".to_owned(), ..place }.read().is_none());
    }
}
