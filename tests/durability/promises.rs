//! What must be stored: everything confirmed to clients. Later unanswered requests may be.

use std::collections::BTreeMap;

/// What is known about one thing.
#[derive(Debug, Default)]
struct Promise {
    /// What was confirmed last; `None`: its absence.
    confirmed: Option<String>,
    /// Later requests, each of which may or may not have been done.
    asked: Vec<Option<String>>,
}

/// Everything that clients know, by thing. Only one client makes requests about each thing, one at a time.
#[derive(Debug, Default)]
pub struct Promises(BTreeMap<String, Promise>);

/// A thing and its new state.
pub type Wish = (String, Option<String>);

impl Promises {
    /// Call this before sending a request.
    pub fn asked(&mut self, wishes: &[Wish]) {
        for (thing, value) in wishes {
            self.0.entry(thing.clone()).or_default().asked.push(value.clone());
        }
    }

    /// The request was confirmed.
    pub fn confirmed(&mut self, wishes: &[Wish]) {
        for (thing, value) in wishes {
            self.0.insert(thing.clone(), Promise { confirmed: value.clone(), asked: Vec::new() });
        }
    }

    /// Compares with what is on disk, and returns one message per difference. From here on what was found counts as
    /// confirmed, because the next server starts from it.
    pub fn compare(&mut self, found: &BTreeMap<String, String>) -> Vec<String> {
        let mut broken = Vec::new();
        for thing in found.keys().filter(|thing| !self.0.contains_key(*thing)) {
            broken.push(format!("{thing}: nobody has asked for that"));
        }
        for (thing, promise) in &mut self.0 {
            let value = found.get(thing).cloned();
            if value != promise.confirmed && !promise.asked.contains(&value) {
                broken.push(format!("{thing}: {value:?} is found; {promise:?}"));
            }
            *promise = Promise { confirmed: value, asked: Vec::new() };
        }
        broken
    }

    /// What is certain about one thing.
    pub fn get(&self, thing: &str) -> Option<&str> {
        self.0.get(thing)?.confirmed.as_deref()
    }

    /// The certain things whose names have this prefix, without the prefix.
    pub fn beginning(&self, with: &str) -> Vec<String> {
        let certain = self.0.iter().filter(|(_, promise)| promise.confirmed.is_some());
        certain.filter_map(|(thing, _)| thing.strip_prefix(with).map(str::to_owned)).collect()
    }
}

#[test]
fn only_the_confirmed_state_or_a_later_request_keeps_a_promise() {
    let wish = |value: Option<&str>| [("bell".to_owned(), value.map(str::to_owned))];
    let found = |value: Option<&str>| value.map(|value| ("bell".to_owned(), value.to_owned())).into_iter().collect();
    let promised = || {
        let mut promises = Promises::default();
        promises.asked(&wish(Some("old")));
        promises.confirmed(&wish(Some("on")));
        promises.asked(&wish(None));
        promises
    };
    for (value, broken) in [(Some("on"), 0), (None, 0), (Some("old"), 1), (Some("other"), 1)] {
        assert_eq!(promised().compare(&found(value)).len(), broken, "{value:?}");
    }
    assert_eq!(Promises::default().compare(&found(Some("on"))).len(), 1);
}
