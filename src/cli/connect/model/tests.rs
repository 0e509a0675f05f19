//! The client's model without a server: lines go in, requests come out.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::*;

const START: &str = "2026-11-29T14:00:00Z";

struct Played {
    model: ClientModel,
    now: Moment,
}

impl Played {
    fn new(choices: ClientChoices) -> Played {
        let now = Moment { instant: Instant::now(), time: START.parse::<Timestamp>().unwrap() };
        Played { model: ClientModel::new(choices), now }
    }

    /// Connected and logged in as alice.
    fn online() -> Played {
        let mut played = Played::new(ClientChoices { name: Some("alice".to_owned()), ..ClientChoices::default() });
        played.log_in("t1");
        played
    }

    fn log_in(&mut self, started: &str) {
        self.model.connected(Some("TLS 1.3".to_owned()), self.now);
        let hello = self.only("hello");
        self.answer(&hello, "welcome", &format!(r#"{{"started":"{started}"}}"#));
        let login = self.only("login");
        self.answer(&login, "ok", r#"{"user":"alice#7"}"#);
    }

    fn sent(&mut self) -> Vec<ClientRequest> {
        let effects = self.model.take_effects().into_iter();
        effects
            .filter_map(|effect| if let ClientEffect::Send(request) = effect { Some(request) } else { None })
            .collect()
    }

    fn only(&mut self, action: &str) -> ClientRequest {
        let sent = self.sent();
        let found = sent.iter().find(|request| request.action == action).cloned();
        found.unwrap_or_else(|| panic!("no {action} in {sent:?}"))
    }

    fn take(&mut self, line: &str) {
        assert!(self.model.apply(line.as_bytes(), self.now), "{line}");
    }

    fn answer(&mut self, request: &ClientRequest, action: &str, optional: &str) {
        self.take(&format!(r#"{{"id":"{}","action":"{action}","content":"so","optional":{optional}}}"#, request.id));
    }

    /// Answers all pending requests with `ok`.
    fn answer_all(&mut self) {
        for request in self.sent() {
            self.answer(&request, "ok", "{}");
        }
    }

    fn submit(&mut self, line: &str) {
        self.model.act(Intent::Submit(line.to_owned()), self.now);
    }

    /// In the room general.
    fn in_general() -> Played {
        let mut played = Played::online();
        played.answer_all();
        played.submit(":join general");
        let join = played.only("join");
        played.answer(&join, "ok", r#"{"people":2}"#);
        played.answer_all();
        assert_eq!(played.model.current().shown(), "#general");
        played
    }

    fn said(&mut self, number: u64, sender: &str, text: &str, optional: &str) {
        self.take(&format!(
            r#"{{"id":{number},"action":"message","sender":"{sender}","receiver":"general","content":"{text}","time":"{START}","optional":{optional}}}"#
        ));
    }

    fn texts(&self) -> Vec<String> {
        let items = self.model.current().items().iter();
        items.filter_map(|item| item.message().map(|message| message.text.clone())).collect()
    }

    fn lost(&mut self) {
        self.model.lost("The cable was cut.", self.now);
    }
}

#[test]
fn a_line_is_sent_once_the_one_before_is_answered_and_shown_until_its_message_is_there() {
    let mut played = Played::in_general();
    played.submit("one");
    played.submit("two");
    let one = played.only("say");
    assert_eq!((one.content.as_str(), &one.receiver[..]), ("one", &["general".to_owned()][..]));
    let room = played.model.current().key();
    let waiting = |played: &Played| played.model.outgoing(room).map(|line| line.text().to_owned()).collect::<Vec<_>>();
    assert_eq!(waiting(&played), ["one", "two"]);
    played.said(1, "alice", "one", "{}");
    assert_eq!((waiting(&played), played.texts()), (vec!["two".to_owned()], vec!["one".to_owned()]));
    assert!(played.sent().is_empty(), "the answer to the first has not come");
    played.answer(&one, "ok", r#"{"message":1}"#);
    assert_eq!(played.only("say").content, "two");
}

#[test]
fn the_code_of_a_restarting_server_is_kept_until_a_login_succeeds() {
    let mut played = Played::in_general();
    played.answer_all();
    played.take(r#"{"action":"bye","content":"Restarting.","optional":{"again":true,"code":"KQTZPW"}}"#);
    played.lost();
    assert!(played.model.is_sent_elsewhere());
    // The same server, which has forgotten the user.
    played.model.connected(None, played.now);
    assert!(played.sent().iter().any(|request| request.action == "hello"));
    played.take(r#"{"action":"bye","content":"This server restarts.","optional":{"again":true}}"#);
    played.lost();
    assert!(played.model.is_sent_elsewhere());
    played.model.connected(None, played.now);
    let hello = played.only("hello");
    played.answer(&hello, "welcome", "{}");
    let login = played.only("login");
    let codes: Vec<_> = login.secrets.iter().map(|(key, secret)| (*key, secret.expose())).collect();
    assert_eq!(codes, [("code", "KQTZPW")]);
    played.answer(&login, "ok", r#"{"user":"alice#9"}"#);
    played.answer_all();
    played.lost();
    assert!(!played.model.is_sent_elsewhere(), "the cable was cut");
}

#[test]
fn a_line_whose_answer_was_lost_is_sent_again_only_if_the_room_does_not_have_it() {
    for arrived in [true, false] {
        let mut played = Played::in_general();
        played.said(4, "bob", "before", "{}");
        played.answer_all();
        played.submit("hello");
        played.submit("and more");
        assert_eq!(played.only("say").content, "hello");
        played.lost();
        assert_eq!(played.model.outgoing(played.model.current().key()).count(), 2);
        played.log_in("t1");
        let sent = played.sent();
        let join = sent.iter().find(|request| request.action == "join").expect("a join").clone();
        assert_eq!(join.numbers, [("after", 4)]);
        assert!(!sent.iter().any(|request| request.action == "say"), "not before the room is known: {sent:?}");
        if arrived {
            played.said(5, "alice", "hello", &format!(r#"{{"history":true,"request":"{}"}}"#, join.id));
        }
        for request in sent {
            played.answer(&request, "ok", r#"{"people":2,"gap":false}"#);
        }
        let expected = if arrived { "and more" } else { "hello" };
        assert_eq!(played.only("say").content, expected);
    }
}

/// What the current channel shows of refused lines: each with why.
fn refusals(played: &Played) -> Vec<(String, String)> {
    let refusal = |item: &Item| match &item.content {
        ItemContent::Refused { text, why } => Some((text.clone(), why.clone())),
        _ => None,
    };
    played.model.current().items().iter().filter_map(refusal).collect()
}

#[test]
fn a_line_of_which_the_server_is_not_sure_is_not_sent_again_and_ends_in_what_became_of_it() {
    for is_said in [true, false] {
        let mut played = Played::in_general();
        played.submit("hello");
        let first = played.only("say");
        played.answer(&first, "error", r#"{"code":"refused","unknown":true}"#);
        assert_eq!(refusals(&played), [("hello".to_owned(), "so".to_owned())]);
        // The same text again is another line.
        played.submit("hello");
        let second = played.only("say");
        assert_ne!(second.id, first.id);
        let known = |action: &str, content: &str, optional: &str| {
            format!(
                r#"{{"action":"{action}","content":"{content}","optional":{{"request":"{}"{optional}}}}}"#,
                first.id
            )
        };
        if is_said {
            played.said(5, "alice", "hello", "{}");
            played.take(&known("news", "It was said.", r#","message":5"#));
        } else {
            played.take(&known("error", "It was not said.", r#","code":"refused""#));
        }
        let outgoing = played.model.outgoing(played.model.current().key()).count();
        assert_eq!(outgoing, 1, "the message was the first line's");
        played.answer(&second, "error", r#"{"code":"refused"}"#);
        let mut expected = vec![("hello".to_owned(), "so".to_owned())];
        if !is_said {
            expected.push(("hello".to_owned(), "It was not said.".to_owned()));
        }
        expected.push(("hello".to_owned(), "so".to_owned()));
        assert_eq!(refusals(&played), expected);
        assert!(played.sent().iter().all(|request| request.action != "say"));
    }
}

#[test]
fn a_command_whose_answer_was_lost_is_not_run_again() {
    let mut played = Played::in_general();
    played.submit(":topic new");
    assert_eq!(played.only("command").content, ":topic new");
    played.lost();
    played.log_in("t1");
    for request in played.sent() {
        assert_ne!(request.action, "command");
        played.answer(&request, "ok", r#"{"people":2,"gap":false}"#);
    }
    assert!(played.sent().iter().all(|request| request.action != "command"));
    let refused = played
        .model
        .current()
        .items()
        .iter()
        .any(|item| matches!(&item.content, ItemContent::Refused { text, .. } if text == ":topic new"));
    assert!(refused);
}

#[test]
fn after_a_restart_of_the_server_numbers_mean_other_messages() {
    let mut played = Played::in_general();
    played.said(4, "bob", "before", "{}");
    played.answer_all();
    played.lost();
    played.log_in("t2");
    let join = played.sent().into_iter().find(|request| request.action == "join").expect("a join");
    assert!(join.numbers.is_empty());
    played.said(4, "bob", "after", "{}");
    assert_eq!(played.texts(), ["before", "after"]);
}

/// Logs in and answers the requests that follow, `join` and `history` as given, until there are no more. Returns the
/// lines that were sent.
fn come_back(
    played: &mut Played,
    join: &str,
    history: impl Fn(&mut Played, &ClientRequest) -> String,
) -> Vec<ClientRequest> {
    let mut others = Vec::new();
    played.log_in("t1");
    loop {
        let sent = played.sent();
        if sent.is_empty() {
            return others;
        }
        for request in sent {
            match request.action {
                "join" => played.answer(&request, "ok", join),
                "history" => {
                    let optional = history(played, &request);
                    played.answer(&request, "ok", &optional);
                }
                "say" | "reply" | "temp" => others.push(request),
                _ => played.answer(&request, "ok", "{}"),
            }
        }
    }
}

#[test]
fn messages_that_a_killed_server_lost_are_sent_again_first_and_in_order() {
    let mut played = Played::in_general();
    let say = |played: &mut Played, text: &str, number: u64| {
        played.submit(text);
        let request =
            played.sent().into_iter().find(|request| request.content == text || text.ends_with(&request.content));
        let request = request.expect("a line");
        played.answer(&request, "ok", &format!(r#"{{"message":{number}}}"#));
    };
    say(&mut played, "saved", 4);
    played.said(4, "alice", "saved", "{}");
    say(&mut played, "one", 5);
    played.said(5, "alice", "one", "{}");
    played.said(6, "bob", "from bob", "{}");
    say(&mut played, ":temp 30 soon gone", 7);
    played.said(7, "alice", "soon gone", r#"{"temporary":30}"#);
    // The server confirmed this one, and was killed before it sent the message itself.
    say(&mut played, "two", 8);
    played.submit("three");
    played.lost();
    let sent = come_back(&mut played, r#"{"people":2,"gap":false,"lost_from":5,"lost_to":1000}"#, |played, request| {
        let id = request.id;
        played.said(4, "alice", "saved", &format!(r#"{{"history":true,"request":"{id}"}}"#));
        r#"{"from":1}"#.to_owned()
    });
    assert_eq!(sent.iter().map(|request| &*request.content).collect::<Vec<_>>(), ["one"]);
    played.answer(&sent[0], "ok", r#"{"message":1001}"#);
    for (text, number) in [("two", 1002), ("three", 1003)] {
        let next = played.only("say");
        assert_eq!(next.content, text);
        played.answer(&next, "ok", &format!(r#"{{"message":{number}}}"#));
    }
    let items = played.model.current().items().iter();
    let told: Vec<_> = items
        .filter_map(|item| match &item.content {
            ItemContent::Message(message) => {
                Some((message.number, message.gone.map_or(message.text.as_str(), |gone| gone.sentence())))
            }
            ItemContent::News(text) => Some((None, text.as_str())),
            _ => None,
        })
        .collect();
    let news = "The server was stopped before it had saved the last 4 messages here. Yours are sent again. Temporary ones are not \
                sent again.";
    assert!(told.contains(&(Some(4), "saved")) && told.contains(&(None, "from bob")), "{told:?}");
    assert!(told.contains(&(None, "lost by the server, sent again")) && told.contains(&(None, news)), "{told:?}");
}

#[test]
fn messages_edited_or_deleted_during_an_outage_are_updated() {
    let mut played = Played::in_general();
    for (number, text) in
        [(2, "too old"), (3, "kept"), (4, "wrong"), (5, "secret"), (6, "of an ignored user"), (7, "last")]
    {
        played.said(number, "bob", text, "{}");
    }
    played.said(8, "bob", "so it is", r#"{"reply_to":5,"quote":"secret","quote_sender":"bob"}"#);
    played.lost();
    come_back(&mut played, r#"{"people":2,"gap":false}"#, |played, request| {
        let id = request.id;
        let optional = format!(r#"{{"history":true,"request":"{id}"}}"#);
        let before = request.numbers.iter().find(|(key, _)| *key == "before").expect("a bound").1;
        match before {
            9 => {
                let quoting = format!(r#"{{"history":true,"request":"{id}","reply_to":5,"quote_sender":"bob"}}"#);
                played.said(7, "bob", "last", &optional);
                played.said(8, "bob", "so it is", &quoting);
                r#"{"from":7}"#.to_owned()
            }
            7 => {
                let edited = format!(r#"{{"history":true,"request":"{id}","edited":true}}"#);
                played.said(3, "bob", "kept", &optional);
                played.said(4, "bob", "right", &edited);
                played.take(&format!(r#"{{"id":6,"action":"hidden","receiver":"general","optional":{optional}}}"#));
                r#"{"from":3}"#.to_owned()
            }
            // The server knows nothing of earlier messages.
            _ => r#"{"from":3}"#.to_owned(),
        }
    });
    assert_eq!(played.texts(), ["too old", "kept", "right", "", "of an ignored user", "last", "so it is"]);
    let shown = format!("{:?}", played.model.current().items());
    assert!(!shown.contains("secret") && !shown.contains("wrong"), "{shown}");
}

#[test]
fn waits_double_up_to_half_a_minute_and_end_with_a_login() {
    let mut played = Played::online();
    let mut waits = Vec::new();
    for _ in 0..8 {
        played.lost();
        let until = played.model.wakes(played.now).expect("an attempt");
        waits.push(until.duration_since(played.now.instant));
        played.now.instant = until;
        played.model.tick(played.now);
        assert!(played.model.take_effects().iter().any(|effect| matches!(effect, ClientEffect::Reconnect)));
    }
    for (wait, middle) in waits.iter().zip([1, 2, 4, 8, 16, 30, 30, 30]) {
        let middle = Duration::from_secs(middle);
        assert!(*wait >= middle.mul_f64(0.74) && *wait <= middle.mul_f64(1.26), "{waits:?}");
    }
    played.log_in("t1");
    assert_eq!(*played.model.status(), LinkStatus::Connected);
}

#[test]
fn too_fast_waits_and_keeps_the_order() {
    let mut played = Played::in_general();
    played.submit("one");
    played.submit("two");
    let one = played.only("say");
    played.answer(&one, "error", r#"{"code":"too_fast","wait":1500}"#);
    assert!(played.sent().is_empty());
    played.now.instant += Duration::from_millis(1500);
    played.model.tick(played.now);
    assert_eq!(played.only("say").content, "one");
}

#[test]
fn ten_thousand_items_are_kept_and_no_more() {
    let mut played = Played::in_general();
    for number in 1..=MOST_ITEMS as u64 + 50 {
        played.said(number, "bob", "x", "{}");
    }
    assert_eq!(played.model.current().items().len(), MOST_ITEMS);
    assert_eq!(played.model.current().find(50), None);
    let key = played.model.current().find(51).expect("the oldest");
    assert_eq!(played.model.current().position(key), Some(0));
    assert_eq!(played.model.current().older(), Older::Possible);
}

#[test]
fn unread_messages_in_other_channels_are_counted_and_marked() {
    let mut played = Played::in_general();
    played.submit(":q");
    assert!(played.model.current().is_palette());
    played.said(1, "bob", "hello", "{}");
    played.said(2, "bob", "alice: hello", r#"{"mention":true}"#);
    played.said(3, "alice", "own", "{}");
    let room = &played.model.channels()[1];
    assert_eq!((room.unread(), room.mentions()), (2, 1));
    assert_eq!(room.marker(), room.find(1));
    assert_eq!(played.model.unread_elsewhere(), 2);
    played.model.act(Intent::NextUnread, played.now);
    assert_eq!((played.model.current().unread(), played.model.unread_elsewhere()), (0, 0));
    played.model.tick(played.now);
    assert_eq!(played.only("seen").numbers, [("message", 3)]);
}

#[test]
fn the_server_learns_at_intervals_how_far_the_user_has_read() {
    let mut played = Played::in_general();
    for number in 1..=500 {
        played.said(number, "bob", "x", "{}");
        played.model.tick(played.now);
    }
    assert_eq!(played.only("seen").numbers, [("message", 1)]);
    played.now.instant = played.model.wakes(played.now).expect("a moment");
    played.model.tick(played.now);
    assert_eq!(played.only("seen").numbers, [("message", 500)]);
    played.said(501, "bob", "x", "{}");
    played.model.act(Intent::Quit, played.now);
    assert_eq!(played.only("seen").numbers, [("message", 501)]);
}

#[test]
fn text_from_the_server_is_sanitised_again() {
    let mut played = Played::in_general();
    played.said(1, "bob", r"a\u001b[2Jb\u202ec", "{}");
    played.take(r#"{"action":"news","content":"x\u009b31m\ty"}"#);
    assert_eq!(played.texts(), ["a[2Jbc"]);
    let news = played.model.current().items().back().expect("news");
    assert!(matches!(&news.content, ItemContent::News(text) if text == "x31m    y"), "{news:?}");
}

#[test]
fn anything_a_server_may_send_is_survived() {
    let mut played = Played::in_general();
    for line in [
        "",
        "{",
        "[]",
        "null",
        "1",
        "{}",
        r#"{"id":{}}"#,
        r#"{"action":"message"}"#,
        r#"{"action":"joined","receiver":[]}"#,
        r#"{"id":18446744073709551615,"action":"deleted"}"#,
        r#"{"action":"transfer","optional":{"offer":9,"state":"accepted"}}"#,
        r#"{"action":"kicked","receiver":"general","optional":{"user":"alice"}}"#,
        r#"{"action":"room","receiver":"x","optional":{"change":"gone"}}"#,
        r#"{"action":"renamed","sender":"","private":true}"#,
        r#"{"action":"offer","optional":{}}"#,
    ] {
        played.model.apply(line.as_bytes(), played.now);
    }
    assert!(played.model.current().is_palette(), "kicked out");
    let deep = format!("{}{}", r#"{"optional":{"x":"#, "[".repeat(100_000));
    played.model.apply(deep.as_bytes(), played.now);
}

#[test]
fn an_answer_to_an_offer_is_not_sent_as_a_line() {
    let mut played = Played::in_general();
    played.take(r#"{"action":"offer","sender":"bob","receiver":"alice","private":true,"optional":{"offer":7,"name":"report.pdf","size":1234567}}"#);
    let question = played.model.question().expect("a question");
    assert_eq!(question.prompt, "bob offers report.pdf, 1.2 MB. Take it? (y/n) ");
    played.submit("what is it?");
    assert_eq!(played.only("say").content, "what is it?");
    played.submit("y");
    let accept = played.only("accept");
    assert_eq!(accept.numbers, [("offer", 7)]);
    assert!(played.model.question().is_none());
    played.answer(&accept, "ok", r#"{"offer":7,"token":"AAAA","url":"http://192.0.2.1:5558/f/AAAA"}"#);
    let effects = played.model.take_effects();
    let fetches =
        |effect: &ClientEffect| matches!(effect, ClientEffect::Download(download) if download.token == "AAAA");
    assert!(effects.iter().any(fetches), "{effects:?}");
}

#[test]
fn a_line_that_is_too_long_for_the_server_stops_no_other_line() {
    // The server may announce its limit at the login, or only refuse the line.
    for line_bytes in [r#","line_bytes":100"#, ""] {
        let mut played = Played::new(ClientChoices { name: Some("alice".to_owned()), ..ClientChoices::default() });
        played.model.connected(None, played.now);
        let hello = played.only("hello");
        played.answer(&hello, "welcome", &format!(r#"{{"started":"t1"{line_bytes}}}"#));
        let login = played.only("login");
        played.answer(&login, "ok", r#"{"user":"alice#7"}"#);
        played.answer_all();
        played.submit(":join general");
        let join = played.only("join");
        played.answer(&join, "ok", r#"{"people":2}"#);
        played.answer_all();
        let long = "x".repeat(500);
        played.submit(&long);
        played.submit("short");
        if line_bytes.is_empty() {
            assert_eq!(played.only("say").content, long);
            let code = r#"{"code":"too_long"}"#;
            played.take(&format!(r#"{{"id":null,"action":"error","content":"Too long.","optional":{code}}}"#));
        }
        assert_eq!(played.only("say").content, "short", "{line_bytes}");
        let refused = |item: &Item| matches!(&item.content, ItemContent::Refused { text, .. } if *text == long);
        assert!(played.model.current().items().iter().any(refused), "{line_bytes}");
    }
}

#[test]
fn rooms_of_the_list_are_known_by_name() {
    let mut played = Played::online();
    let rooms = played.only("rooms");
    for (room, joined) in [("games", false), ("general", true)] {
        let id = rooms.id;
        played.take(&format!(
            r#"{{"action":"room","receiver":"{room}","optional":{{"request":"{id}","name":"{room}","joined":{joined}}}}}"#
        ));
    }
    assert_eq!(played.model.room_names().collect::<Vec<_>>(), ["games", "general"]);
}

const OFFER: &str =
    r#"{"action":"offer","sender":"bob","receiver":"alice","private":true,"optional":{"offer":7,"name":"a.txt"}}"#;

fn told(number: u64, state: &str) -> String {
    format!(
        r#"{{"action":"transfer","content":"so","optional":{{"offer":{number},"name":"a.txt","state":"{state}"}}}}"#
    )
}

/// A file from bob was accepted, and its first bytes have arrived.
fn receiving() -> Played {
    let mut played = Played::in_general();
    played.take(OFFER);
    played.submit("y");
    let accept = played.only("accept");
    played.answer(&accept, "ok", r#"{"offer":7,"token":"AAAA","url":"http://192.0.2.1:5558/f/AAAA"}"#);
    played.model.transfer_placed(1, "a.txt.part".into());
    played
}

#[test]
fn a_file_that_broke_off_is_accepted_again_without_a_question_for_ten_minutes() {
    for (minutes, is_asked) in [(1, false), (11, true)] {
        let mut played = receiving();
        played.model.transfer_failed(1, "It broke off.", played.now);
        played.take(&told(7, "broken"));
        played.now.instant += Duration::from_secs(minutes * 60);
        played.take(&OFFER.replace("\"offer\":7", "\"offer\":8"));
        assert_eq!(played.model.question().is_some(), is_asked, "after {minutes} minutes");
    }
}

#[test]
fn a_file_that_the_user_declined_midway_is_asked_about_when_it_is_offered_again() {
    for line in [":decline 7", ":decline"] {
        let mut played = receiving();
        played.submit(line);
        let decline = played.only("decline");
        // The server's notice may come before its answer.
        played.take(&told(7, "broken"));
        played.answer(&decline, "ok", r#"{"offer":7}"#);
        played.model.transfer_failed(1, "It broke off.", played.now);
        played.take(&OFFER.replace("\"offer\":7", "\"offer\":8"));
        assert!(played.model.question().is_some(), "{line}");
    }
}

#[test]
fn a_file_that_the_receiver_declined_midway_is_not_offered_again() {
    for (states, is_again) in [(&["broken"][..], true), (&["declined", "broken"], false)] {
        let mut played = Played::in_general();
        let path = std::env::current_exe().unwrap();
        played.submit(&format!(":send bob {}", path.display()));
        let send = played.only("send");
        played.answer(&send, "ok", r#"{"offer":7}"#);
        played.take(&told(7, "accepted"));
        states.iter().for_each(|state| played.take(&told(7, state)));
        let sent = played.sent();
        assert_eq!(sent.iter().any(|request| request.action == "send"), is_again, "{states:?}: {sent:?}");
    }
}

/// A file that bob has accepted, and whose transfer is running.
fn sending() -> (Played, std::path::PathBuf) {
    let mut played = Played::in_general();
    let path = std::env::current_exe().unwrap();
    played.submit(&format!(":send bob {}", path.display()));
    let send = played.only("send");
    played.answer(&send, "ok", r#"{"offer":7}"#);
    played.take(&told(7, "accepted"));
    played.answer_all();
    (played, path)
}

impl Played {
    /// On the server again, or on the next one.
    fn back(&mut self, started: &str) {
        self.now.instant += Duration::from_secs(2);
        self.model.tick(self.now);
        self.log_in(started);
        self.answer_all();
    }

    fn refuse(&mut self, request: &ClientRequest, code: &str) {
        self.answer(request, "error", &format!(r#"{{"code":"{code}"}}"#));
    }

    fn offers_again(&mut self) -> Vec<ClientRequest> {
        self.model.tick(self.now);
        self.sent().into_iter().filter(|request| request.action == "send").collect()
    }

    fn news(&self) -> Vec<String> {
        let items = self.model.current().items().iter();
        items
            .filter_map(|item| match &item.content {
                ItemContent::News(text) | ItemContent::Error(text) => Some(text.clone()),
                _ => None,
            })
            .collect()
    }
}

#[test]
fn a_file_that_a_restart_broke_off_is_offered_again_once_the_other_user_is_back() {
    // Which of the two is noticed first.
    for file_breaks_first in [true, false] {
        for started in ["t1", "t2"] {
            let (mut played, _) = sending();
            if file_breaks_first {
                played.model.transfer_failed(1, "It broke off.", played.now);
                played.lost();
            } else {
                played.lost();
                played.model.transfer_failed(1, "It broke off.", played.now);
            }
            assert!(played.offers_again().is_empty(), "there is no server");
            played.now.instant += Duration::from_secs(2);
            played.model.tick(played.now);
            played.log_in(started);
            for request in played.sent() {
                assert_ne!(request.action, "send", "not before the rooms are entered again");
                played.answer(&request, "ok", "{}");
            }
            let [first] = &played.offers_again()[..] else { panic!("one offer") };
            assert_eq!(first.receiver, ["bob"]);
            played.refuse(first, "no_person");
            assert!(played.news().iter().any(|line| line.starts_with("bob is away.")), "{:?}", played.news());
            assert!(played.offers_again().is_empty(), "not at once");
            played.now.instant += Duration::from_secs(6);
            let [second] = &played.offers_again()[..] else { panic!("one offer") };
            played.answer(second, "ok", r#"{"offer":7}"#);
            played.now.instant += Duration::from_secs(6);
            assert!(played.offers_again().is_empty(), "it is offered");
            played.take(&told(7, "accepted"));
            let effects = played.model.take_effects();
            let sends = |effect: &ClientEffect| matches!(effect, ClientEffect::Upload(upload) if upload.key == 2);
            assert!(effects.iter().any(sends), "{effects:?}");
            // The thread of the first attempt says nothing of the second.
            played.model.transfer_failed(1, "It broke off.", played.now);
            assert!(played.model.transfers().last().is_some_and(FileTransfer::is_running));
        }
    }
}

#[test]
fn a_file_is_not_offered_again_for_ever_nor_to_a_user_who_takes_none_nor_if_its_sender_stops_it() {
    let broken = || {
        let (mut played, _) = sending();
        played.model.transfer_failed(1, "It broke off.", played.now);
        played.lost();
        played.back("t2");
        played
    };
    let mut played = broken();
    for _ in 0..130 {
        for request in played.offers_again() {
            played.refuse(&request, "no_person");
        }
        played.now.instant += Duration::from_secs(5);
        // The server lives.
        played.take(r#"{"action":"news","content":"so"}"#);
    }
    assert!(played.offers_again().is_empty());
    assert!(played.news().iter().any(|line| line.starts_with("bob has not come back")), "{:?}", played.news());
    let mut played = broken();
    let [request] = &played.offers_again()[..] else { panic!("one offer") };
    played.refuse(request, "refused");
    played.now.instant += Duration::from_secs(6);
    assert!(played.offers_again().is_empty());
    let mut played = broken();
    let [request] = &played.offers_again()[..] else { panic!("one offer") };
    played.refuse(request, "no_person");
    played.submit(":decline");
    played.now.instant += Duration::from_secs(6);
    assert!(played.sent().is_empty());
    assert!(played.offers_again().is_empty());
}

#[test]
fn offers_without_an_answer_end_with_the_connection() {
    let mut played = Played::in_general();
    played.take(OFFER);
    let path = std::env::current_exe().unwrap();
    played.submit(&format!(":send carol {}", path.display()));
    let send = played.only("send");
    played.answer(&send, "ok", r#"{"offer":9}"#);
    assert!(played.model.question().is_some());
    played.lost();
    assert!(played.model.question().is_none(), "nobody would take the answer");
    assert!(!played.model.transfers().iter().any(FileTransfer::is_running));
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    for line in ["bob's offer of a.txt has ended.".to_owned(), format!("Your offer of {name} to carol has ended.")] {
        assert!(played.news().contains(&line), "{line} in {:?}", played.news());
    }
}

#[test]
fn a_file_of_another_size_is_another_file() {
    let sized = |number: u64, size: u64| OFFER.replace("\"offer\":7", &format!("\"offer\":{number},\"size\":{size}"));
    for (size, is_asked) in [(1000, false), (1001, true)] {
        let mut played = Played::in_general();
        played.take(&sized(7, 1000));
        played.submit("y");
        let accept = played.only("accept");
        played.answer(&accept, "ok", r#"{"offer":7,"token":"AAAA","url":"http://192.0.2.1:5558/f/AAAA"}"#);
        played.model.transfer_placed(1, "a.txt.part".into());
        played.model.transfer_failed(1, "It broke off.", played.now);
        played.take(&sized(8, size));
        assert_eq!(played.model.question().is_some(), is_asked, "{size}");
        if is_asked {
            played.submit("y");
        }
        let accept = played.only("accept");
        played.answer(&accept, "ok", r#"{"offer":8,"token":"BBBB","url":"http://192.0.2.1:5558/f/BBBB"}"#);
        let part = played.model.take_effects().into_iter().find_map(|effect| match effect {
            ClientEffect::Download(download) => Some(download.part),
            _ => None,
        });
        assert_eq!(part.expect("a download").is_some(), !is_asked, "{size}");
    }
}

#[test]
fn a_user_with_another_name_is_offered_the_rest_under_it() {
    let (mut played, _) = sending();
    played.take(
        r#"{"action":"renamed","sender":"bobby","receiver":"general","content":"bob is now known as bobby","optional":{"before":"bob"}}"#,
    );
    played.take(&told(7, "broken"));
    let [request] = &played.offers_again()[..] else { panic!("one offer") };
    assert_eq!(request.receiver, ["bobby"]);
}

#[test]
fn sizes_are_readable() {
    for (bytes, said) in [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (999_999, "1.0 MB"),
        (5_000_000_000, "5.0 GB"),
    ] {
        assert_eq!(readable(bytes), said, "{bytes}");
    }
}

#[test]
fn commands_and_smileys_are_told_apart() {
    let mut played = Played::in_general();
    for (line, action, content) in [
        (":) nice", "say", ":) nice"),
        (" :join x", "say", ":join x"),
        (":me waves", "me", "waves"),
        ("/me waves", "me", "waves"),
        (":topic hi", "command", ":topic hi"),
        (":temp 30 secret", "temp", "secret"),
        (":reply 12 so do I", "reply", "so do I"),
        (":to games who", "say", "who"),
        ("@bob,carol hi", "say", "hi"),
    ] {
        played.submit(line);
        let request = played.only(action);
        assert_eq!(request.content, content, "{line}");
        played.answer(&request, "ok", "{}");
        played.answer_all();
    }
}

#[test]
fn a_password_is_never_shown() {
    let mut played = Played::in_general();
    played.submit(":join staff open sesame");
    assert!(played.model.outgoing(played.model.current().key()).all(|line| !line.text().contains("sesame")));
    let join = played.only("join");
    assert!(!format!("{join:?}").contains("sesame"));
    played.lost();
    played.model.act(Intent::Quit, played.now);
    let shown = format!("{:?}", played.model.channels());
    assert!(!shown.contains("sesame"), "{shown}");
}

#[test]
fn a_quote_of_a_deleted_message_says_so() {
    let mut quoted = item::QuotedMessage { number: 1, author: "alice".to_owned(), start: "hello".to_owned() };
    assert_eq!(quoted.described(), "#1 alice: \"hello\"");
    quoted.start.clear();
    assert_eq!(quoted.described(), "#1 alice, gone");
}
