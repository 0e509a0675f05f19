//! A screen on a buffer, with a model that is fed lines of a server.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use crate::cli::ConnectLook;
use crate::cli::connect::model::{ClientChoices, ClientModel, Intent, Moment};
use crate::cli::connect::screen::look::Look;
use crate::cli::connect::screen::state::{Screen, ScreenRequest};

pub(super) struct TestScreen {
    pub(super) model: ClientModel,
    pub(super) screen: Screen,
    pub(super) now: Moment,
    pub(super) columns: u16,
    pub(super) rows: u16,
    pub(super) buffer: Buffer,
    pub(super) requests: Vec<ScreenRequest>,
    number: u64,
}

pub(super) const LOOK: Look = Look { shape: ConnectLook::Fitting, utf8: true, few_glyphs: false, color: true };

impl TestScreen {
    /// alice is logged in and in the palette.
    pub(super) fn new(columns: u16, rows: u16) -> TestScreen {
        TestScreen::with_look(columns, rows, LOOK)
    }

    pub(super) fn with_look(columns: u16, rows: u16, look: Look) -> TestScreen {
        let time: Timestamp = "2026-11-24T14:00:00Z".parse().expect("a time");
        let now = Moment { instant: std::time::Instant::now(), time };
        let mut model =
            ClientModel::new(ClientChoices { name: Some("alice".to_owned()), room: None, unattended: false });
        model.connected(Some("TLS 1.3".to_owned()), now);
        let screen = Screen::new(look, TimeZone::UTC, &model);
        let buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let mut stage = TestScreen { model, screen, now, columns, rows, buffer, requests: Vec::new(), number: 10 };
        stage.answer("1", "welcome", json!({ "version": 1 }));
        stage.answer("2", "ok", json!({ "user": "alice#1234" }));
        stage.answer_all();
        stage.draw();
        stage
    }

    /// alice is in the room general, which has one message.
    pub(super) fn in_room(columns: u16, rows: u16) -> TestScreen {
        let mut stage = TestScreen::new(columns, rows);
        stage.say("bob", "Good morning!");
        stage.enter_room("general");
        stage
    }

    pub(super) fn enter_room(&mut self, room: &str) {
        let key = self.model.channels().iter().find(|channel| channel.name() == room).expect("the room").key();
        self.model.act(Intent::Switch(key), self.now);
        self.answer_all();
        self.draw();
    }

    fn answer(&mut self, id: &str, action: &str, optional: Value) {
        self.feed(json!({ "id": id, "action": action, "optional": optional }));
    }

    /// Answers all requests so far with `ok`.
    pub(super) fn answer_all(&mut self) {
        for id in 1..100 {
            self.answer(&id.to_string(), "ok", json!({}));
        }
        self.model.take_effects();
    }

    pub(super) fn feed(&mut self, mut object: Value) {
        if object.get("time").is_none() {
            object["time"] = json!(self.now.time.to_string());
        }
        assert!(self.model.apply(object.to_string().as_bytes(), self.now), "{object}");
    }

    /// Adds a message to general and returns its number.
    pub(super) fn say(&mut self, who: &str, text: &str) -> u64 {
        self.say_with(who, text, json!({}))
    }

    pub(super) fn say_with(&mut self, who: &str, text: &str, optional: Value) -> u64 {
        self.number += 1;
        let number = self.number;
        self.feed(json!({
            "id": number, "action": "message", "sender": who, "receiver": "general", "content": text, "optional": optional,
        }));
        number
    }

    pub(super) fn pass(&mut self, time: SignedDuration) {
        self.now.time += time;
        self.now.instant += std::time::Duration::try_from(time).expect("forward");
    }

    pub(super) fn press(&mut self, keys: &str) {
        let requests = self.screen.press(keys.as_bytes(), &mut self.model, self.now);
        self.requests.extend(requests);
        while self.screen.search_on(&self.model, self.now) {}
        self.draw();
    }

    pub(super) fn draw(&mut self) {
        self.screen.follow(&mut self.model, self.now);
        self.buffer = Buffer::empty(Rect::new(0, 0, self.columns, self.rows));
        let drawn = self.screen.draw(&self.model, self.now, self.buffer.area, &mut self.buffer);
        if let Some(cursor) = drawn.cursor {
            assert!(cursor.x < self.columns && cursor.y < self.rows, "{cursor:?} in {} x {}", self.columns, self.rows);
        }
    }

    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        (self.columns, self.rows) = (columns, rows);
        self.draw();
    }

    /// The rows as a user sees them, without trailing blanks.
    pub(super) fn text(&self) -> Vec<String> {
        let row = |y: u16| {
            let (mut row, mut x) = (String::new(), 0);
            while x < self.columns {
                let symbol = self.buffer[(x, y)].symbol();
                row.push_str(symbol);
                x += u16::try_from(crate::text::width(symbol)).expect("a width").max(1);
            }
            row.trim_end().to_owned()
        };
        (0..self.rows).map(row).collect()
    }

    pub(super) fn shows(&self, text: &str) -> bool {
        self.text().iter().any(|row| row.contains(text))
    }

    pub(super) fn assert_shows(&self, text: &str) {
        assert!(self.shows(text), "{text:?} is not in\n{}", self.text().join("\n"));
    }

    pub(super) fn assert_hides(&self, text: &str) {
        assert!(!self.shows(text), "{text:?} is in\n{}", self.text().join("\n"));
    }
}
