//! Somebody with the page open, as the other tests speak of them.
//!
//! Owns what the page's elements are called: their roles and accessible names are the contract with screen readers.

use std::ops::Deref;

use crate::chromium::Chromium;
use crate::page::{Node, Page};

/// A user with a page.
pub struct Visitor {
    page: Page,
    name: String,
}

impl Deref for Visitor {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl Visitor {
    /// Opens the page and logs in with a name.
    pub fn login(browser: &'static Chromium, url: &str, name: &str) -> Visitor {
        Visitor::login_on(browser.open(url), name)
    }

    /// Logs in on a page that is open.
    pub fn login_on(page: Page, name: &str) -> Visitor {
        page.fill("Name", name);
        page.press("Enter");
        page.node("button", "Join a room");
        Visitor::of(page, name)
    }

    /// The user of a page on which somebody has logged in.
    pub fn of(page: Page, name: &str) -> Visitor {
        Visitor { page, name: name.to_owned() }
    }

    /// The same, and enters a room of the list.
    pub fn chat(browser: &'static Chromium, url: &str, name: &str, room: &str) -> Visitor {
        let visitor = Visitor::login(browser, url, name);
        visitor.enter_room(room);
        visitor
    }

    /// The name they logged in with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Enters a room of the list, or goes to one they are in.
    pub fn enter_room(&self, room: &str) {
        self.click("button", &format!("{room}, *"));
        self.node("textbox", &format!("Message {room}"));
    }

    /// Enters a room by its name and password.
    pub fn join(&self, room: &str, password: &str) {
        self.click("button", "Join a room");
        self.fill("Room", room);
        self.fill("Room password", password);
        self.press("Enter");
        self.node("textbox", &format!("Message {room}"));
    }

    /// Types into the field of the room that is shown, and sends it.
    pub fn say(&self, text: &str) {
        self.click("textbox", "Message *");
        self.enter(text);
        self.press("Enter");
    }

    /// Everything in the log of a room, whether it can be seen or not.
    pub fn log(&self, room: &str) -> String {
        let name = serde_json::json!(format!("Messages in {room}"));
        let log = format!("[...document.querySelectorAll('[role=log]')].find(log => log.ariaLabel === {name})");
        let text = self.evaluate(&format!("{log}?.textContent ?? ''"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a text is in the log of a room.
    pub fn expect(&self, room: &str, text: &str) {
        self.wait_for(&format!("{text:?} in {room}"), || {
            let log = self.log(room);
            log.contains(text).then_some(()).ok_or_else(|| format!("in the log of {} is {log:?}", self.name))
        });
    }

    /// Opens what can be done about a person in the room that is shown, whose button is named so, and chooses.
    pub fn choose_for(&self, person: &str, action: &str) {
        self.click("button", person);
        self.click("button", action);
    }

    /// Waits until the dialog that is open says why something will not do.
    pub fn expect_refusal(&self) {
        self.wait("document.querySelector('dialog [role=alert]').textContent.length > 5");
    }

    /// Opens the menu of the room that is shown, and chooses.
    pub fn choose_for_room(&self, room: &str, action: &str) {
        self.click("button", &format!("Menu of {room}"));
        self.click("button", action);
    }

    /// The message in a room whose text is this.
    fn message(&self, room: &str, text: &str) -> Node {
        self.expect(room, text);
        self.node_with_text(text, "[role=log] [data-id]")
    }

    /// Moves the mouse to a message, where its buttons appear.
    pub fn point_at(&self, room: &str, text: &str) {
        self.hover(&self.message(room, text));
    }

    /// Whether a message is on the screen as a whole.
    pub fn is_visible(&self, room: &str, text: &str) -> bool {
        let inside = "function () {
            const [own, log] = [this.getBoundingClientRect(), this.closest('[role=log]').getBoundingClientRect()];
            return own.top >= log.top - 1 && own.bottom <= log.bottom + 1; }";
        self.on(&self.message(room, text), inside) == true
    }

    /// Turns the mouse wheel over the log of a room.
    pub fn scroll(&self, room: &str, by: f64) {
        self.wheel(&self.node("log", &format!("Messages in {room}")), by);
    }
}
