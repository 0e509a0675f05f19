//! The DevTools protocol: requests and their answers, and the events of each page.
//!
//! Owns the pipe to the browser: JSON objects, each ended by a NUL (`--remote-debugging-pipe`).
//! Knows nothing of what the methods do.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use serde_json::{Value, json};

use crate::support::PATIENCE;

/// What the browser answered, or why it would not.
pub type Answer = Result<Value, String>;

/// The events of one page, oldest first.
pub type Events = Arc<Mutex<Vec<Value>>>;

/// A connection to a browser, used by any number of threads.
pub struct DevTools {
    requests: Mutex<Requests>,
    inbox: Arc<Inbox>,
}

struct Requests {
    pipe: Box<dyn Write + Send>,
    last: u64,
}

#[derive(Default)]
struct Inbox {
    answers: Mutex<HashMap<u64, mpsc::Sender<Answer>>>,
    /// By session.
    events: Mutex<HashMap<String, Events>>,
}

/// One failed test must not take the others with it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DevTools {
    /// Speaks through the ends of two pipes.
    pub fn over(to: impl Write + Send + 'static, from: impl Read + Send + 'static) -> DevTools {
        let inbox = Arc::new(Inbox::default());
        let reader = Arc::clone(&inbox);
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0).map_while(Result::ok) {
                reader.sort(serde_json::from_slice(&message).expect("JSON from the browser"));
            }
            // The browser has ended: this ends the wait of everyone who still hopes for an answer.
            lock(&reader.answers).clear();
        });
        DevTools { requests: Mutex::new(Requests { pipe: Box::new(to), last: 0 }), inbox }
    }

    /// Calls a method, of the browser or of a session, and waits for the answer.
    pub fn try_call(&self, session: Option<&str>, method: &str, parameters: Value) -> Answer {
        let mut request = json!({ "method": method, "params": parameters });
        if let Some(session) = session {
            request["sessionId"] = session.into();
        }
        let (sender, answer) = mpsc::channel();
        {
            let mut requests = lock(&self.requests);
            requests.last += 1;
            request["id"] = requests.last.into();
            lock(&self.inbox.answers).insert(requests.last, sender);
            let mut bytes = serde_json::to_vec(&request).expect("JSON");
            bytes.push(0);
            requests.pipe.write_all(&bytes).map_err(|error| format!("{method}: the browser is gone: {error}"))?;
        }
        match answer.recv_timeout(PATIENCE) {
            Ok(answer) => answer.map_err(|error| format!("{method}: {error}")),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("{method}: no answer in time")),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(format!("{method}: the browser has ended")),
        }
    }

    /// The same for what cannot be refused.
    pub fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        self.try_call(session, method, parameters).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The list that a session's events go to, from its first one on.
    pub fn events(&self, session: &str) -> Events {
        Arc::clone(lock(&self.inbox.events).entry(session.to_owned()).or_default())
    }

    /// Drops what is stored for a session.
    pub fn forget(&self, session: &str) {
        lock(&self.inbox.events).remove(session);
    }
}

impl Inbox {
    /// Hands an answer to its caller, and an event to its session.
    fn sort(&self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            let answer = match message.get("error") {
                Some(error) => Err(error["message"].as_str().unwrap_or("refused").to_owned()),
                None => Ok(message["result"].take()),
            };
            if let Some(caller) = lock(&self.answers).remove(&id) {
                // The caller may have given up.
                let _ = caller.send(answer);
            }
        } else if let Some(session) = message["sessionId"].as_str() {
            let events = Arc::clone(lock(&self.events).entry(session.to_owned()).or_default());
            lock(&events).push(message);
        }
    }
}
