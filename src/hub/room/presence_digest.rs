//! Arrivals and departures in a crowded room, batched into one line a second.
//!
//! *Owns* the counts and the few names that are shown.
//! *Knows nothing of* the room.

use crate::chat::message::{Addressee, Crowd, Event, EventKind, People};

/// Names shown; the rest is a number. This also bounds the cost of a crowd of arrivals.
const NAMES_SHOWN: usize = 2;

/// Most users beyond those named that programs are told about one by one. A hundred objects a second are as much as can
/// be sent to a thousand programs in one room. They are told how many more there were, and can ask for the list.
const MOST_TOLD: usize = 100;

#[derive(Debug, Default)]
struct Tally {
    named: Vec<Addressee>,
    others: Vec<Addressee>,
    count: usize,
}

impl Tally {
    fn add(&mut self, who: Addressee) {
        self.count += 1;
        if self.named.len() < NAMES_SHOWN {
            self.named.push(who);
        } else if self.others.len() < MOST_TOLD {
            self.others.push(who);
        }
    }

    /// `bob, carol and 12 others joined`.
    fn event(self, kind: EventKind, verb: &str) -> Option<Event> {
        let sentence = match (self.named.as_slice(), self.count) {
            ([], _) => return None,
            ([first], _) => format!("{} {verb}", first.name),
            ([first, second, ..], 2) => format!("{} and {} {verb}", first.name, second.name),
            ([first, second, ..], 3) => format!("{}, {} and 1 other {verb}", first.name, second.name),
            ([first, second, ..], count) => {
                format!("{}, {} and {} others {verb}", first.name, second.name, count - 2)
            }
        };
        let more = self.count - self.named.len() - self.others.len();
        let crowd = (!self.others.is_empty()).then(|| Box::new(Crowd { people: self.others, more }));
        let people: People = self.named.into();
        Some(Event::Happened { news: sentence.into(), by: None, kind, people, crowd })
    }
}

/// What has happened since the last line.
#[derive(Debug, Default)]
pub(super) struct PresenceDigest {
    joined: Tally,
    left: Tally,
    /// Users whose server is gone.
    lost: Tally,
    /// The first user noted left. Then departures are shown first, so that a return reads correctly.
    left_first: bool,
    /// A flush is scheduled.
    asked: bool,
}

impl PresenceDigest {
    /// Notes an arrival. True if a flush has to be scheduled.
    pub(super) fn joined(&mut self, who: Addressee) -> bool {
        self.joined.add(who);
        !std::mem::replace(&mut self.asked, true)
    }

    /// Notes a departure. True if a flush has to be scheduled.
    pub(super) fn left(&mut self, who: Addressee) -> bool {
        self.left_first |= self.joined.count == 0;
        self.left.add(who);
        !std::mem::replace(&mut self.asked, true)
    }

    /// Notes a departure together with the user's server. These are announced at once.
    pub(super) fn lost(&mut self, who: Addressee) {
        self.lost.add(who);
    }

    /// Whether anything is batched. Later events have to wait with it, or they would overtake it.
    pub(super) fn is_due(&self) -> bool {
        self.joined.count + self.left.count + self.lost.count > 0
    }

    /// Takes the batch. A scheduled flush still comes.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Event> + use<> {
        let joined = std::mem::take(&mut self.joined).event(EventKind::Joined, "joined");
        let left = std::mem::take(&mut self.left).event(EventKind::Left, "left");
        let lost = std::mem::take(&mut self.lost).event(EventKind::Left, "left (their server is gone)");
        let lines = if std::mem::take(&mut self.left_first) { [left, joined, lost] } else { [joined, left, lost] };
        lines.into_iter().flatten()
    }

    /// The scheduled flush has come: the next arrival or departure schedules another one.
    pub(super) fn flushed(&mut self) {
        self.asked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::message::ClientId;
    use crate::chat::names::UserName;

    fn who(name: &str) -> Addressee {
        Addressee { client: ClientId(7), name: UserName::parse(name, 1, 12).expect("a name") }
    }

    fn lines(digest: &mut PresenceDigest) -> Vec<String> {
        let line = |event| match event {
            Event::Happened { news, .. } => news.into(),
            other => panic!("{other:?}"),
        };
        digest.take().map(line).collect()
    }

    #[test]
    fn a_crowd_is_two_names_and_a_number() {
        let mut digest = PresenceDigest::default();
        assert!(digest.joined(who("bob")));
        assert!(!digest.joined(who("carol")));
        for _ in 0..12 {
            assert!(!digest.joined(who("dave")));
        }
        assert!(!digest.left(who("erin")));
        assert_eq!(lines(&mut digest), ["bob, carol and 12 others joined", "erin left"]);
        assert!(!digest.is_due() && digest.take().next().is_none());
        assert!(!digest.left(who("bob")), "the flush that was arranged is still to come");
        digest.flushed();
        assert!(digest.joined(who("bob")), "after it the next one has to be arranged");
    }

    #[test]
    fn those_who_are_only_counted_are_known_up_to_a_bound() {
        let mut digest = PresenceDigest::default();
        for number in 0..MOST_TOLD + 7 {
            digest.joined(who(&format!("user{number}")));
        }
        let Some(Event::Happened { people, crowd: Some(crowd), .. }) = digest.take().next() else { panic!() };
        let names: Vec<_> = people.iter().chain(&crowd.people).map(|person| person.name.to_string()).collect();
        assert_eq!(names, (0..MOST_TOLD + 2).map(|number| format!("user{number}")).collect::<Vec<_>>());
        assert_eq!(crowd.more, 5);
    }

    #[test]
    fn who_leaves_and_comes_back_is_told_in_that_order() {
        let mut digest = PresenceDigest::default();
        digest.left(who("bob"));
        digest.joined(who("bob"));
        assert_eq!(lines(&mut digest), ["bob left", "bob joined"]);
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        let mut digest = PresenceDigest::default();
        for name in ["ann", "bob", "carol"] {
            digest.left(who(name));
        }
        assert_eq!(lines(&mut digest), ["ann, bob and 1 other left"]);
        digest.joined(who("ann"));
        digest.joined(who("bob"));
        assert_eq!(lines(&mut digest), ["ann and bob joined"]);
    }
}
