//! What clients were told is saved, and what they have asked for since without an answer.

use std::collections::BTreeMap;

/// What is known of one thing.
#[derive(Debug, Default)]
struct Promise {
    /// What was confirmed last; `None`: that there is nothing.
    confirmed: Option<String>,
    /// What was asked for later: each of them may be there or not.
    asked: Vec<Option<String>>,
}

/// Everything that clients know, thing by thing. Of each thing only one client asks, and one after the other.
#[derive(Debug, Default)]
pub struct Promises(BTreeMap<String, Promise>);

/// A thing and what is to become of it.
pub type Wish = (String, Option<String>);

impl Promises {
    /// Before a client asks.
    pub fn asked(&mut self, wishes: &[Wish]) {
        for (thing, value) in wishes {
            self.0.entry(thing.clone()).or_default().asked.push(value.clone());
        }
    }

    /// It was confirmed.
    pub fn confirmed(&mut self, wishes: &[Wish]) {
        for (thing, value) in wishes {
            self.0.insert(thing.clone(), Promise { confirmed: value.clone(), asked: Vec::new() });
        }
    }

    /// Compares with what is found on disk, sentence by sentence. From here on what is found counts as confirmed: the next
    /// server begins with it.
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

    /// What is certain of a thing.
    pub fn get(&self, thing: &str) -> Option<&str> {
        self.0.get(thing)?.confirmed.as_deref()
    }

    /// The certain things whose names begin so, without that beginning.
    pub fn beginning(&self, with: &str) -> Vec<String> {
        let certain = self.0.iter().filter(|(_, promise)| promise.confirmed.is_some());
        certain.filter_map(|(thing, _)| thing.strip_prefix(with).map(str::to_owned)).collect()
    }
}

#[test]
fn a_promise_is_kept_by_what_was_confirmed_or_asked_for_later_and_by_nothing_else() {
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
