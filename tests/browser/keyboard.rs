//! The page without a mouse.

use crate::chromium::chromium;
use crate::page::Page;
use crate::site::Site;
use crate::visitor::Visitor;

/// Presses Tab until the element with this role and name has the focus; each one on the way must show that it has it.
pub fn tab_to(page: &Page, key: &str, role: &str, name: &str) {
    let mut passed = Vec::new();
    for _ in 0..60 {
        page.press(key);
        let focused = page.focused();
        if let Some(node) = &focused {
            let ring = page.evaluate(
                "(({ outlineStyle, outlineWidth }) => outlineStyle === 'none' ? 0 : parseFloat(outlineWidth))(getComputedStyle(document.activeElement))",
            );
            assert!(ring.as_f64().is_some_and(|width| width >= 2.0), "no ring around {node:?}");
            if node.role == role && Page::fits(&node.name, name) {
                return;
            }
            passed.push(format!("{} {:?}", node.role, node.name));
        }
    }
    panic!("no {role} {name:?} among {passed:#?}");
}

#[test]
fn a_user_joins_talks_and_leaves_with_the_keyboard_alone() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let page = browser.open(site.url());
    // The field for the name has the focus from the start.
    page.wait("document.activeElement.tagName === 'INPUT'");
    page.enter("alice");
    page.press("Enter");
    page.node("button", "Join a room");
    tab_to(&page, "Tab", "button", "general, *");
    page.press("Enter");
    let alice = Visitor::of(page, "alice");
    alice.node("textbox", "Message general");
    let mut bob = site.chat("bob", "general");
    // And the field for messages as soon as a room is open.
    alice.wait("document.activeElement.tagName === 'TEXTAREA'");
    alice.enter("typed");
    alice.press("Enter");
    bob.expect("alice: typed\r\n");
    bob.send("and answered");
    alice.expect("general", "and answered");
    // A room with a name of its own.
    tab_to(&alice, "Shift+Tab", "button", "Join a room");
    alice.press("Enter");
    alice.node("textbox", "Room");
    alice.wait("document.activeElement.tagName === 'INPUT'");
    alice.enter("games");
    alice.press("Enter");
    alice.node("textbox", "Message games");
    alice.wait("document.activeElement.tagName === 'TEXTAREA'");
    alice.enter("in games");
    alice.press("Enter");
    alice.expect("games", "in games");
    alice.press("Alt+ArrowUp");
    alice.node("textbox", "Message general");
    // Somebody's menu.
    tab_to(&alice, "Tab", "button", "bob, since *");
    alice.press("Enter");
    alice.node("button", "Send a direct message");
    alice.press("Escape");
    alice.gone("button", "Send a direct message");
    alice.press("Escape");
    tab_to(&alice, "Shift+Tab", "button", "Menu of general");
    alice.press("Enter");
    tab_to(&alice, "Tab", "button", "Leave the room");
    alice.press("Enter");
    bob.expect("alice left");
    alice.node("textbox", "Message games");
    tab_to(&alice, "Shift+Tab", "button", "alice, you");
    alice.press("Enter");
    tab_to(&alice, "Tab", "button", "Log out");
    alice.press("Enter");
    alice.node("textbox", "Name");
    bob.send(":listall");
    bob.settle();
}

#[test]
fn the_keys_do_what_the_list_of_keys_says() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let mut bob = site.chat("bob", "general");
    alice.enter_room("games");
    alice.node("textbox", "Message games");
    // Rooms.
    alice.press("Alt+ArrowUp");
    alice.node("textbox", "Message general");
    alice.press("Alt+ArrowDown");
    alice.node("textbox", "Message games");
    bob.send("unread");
    alice.node("button", "general, 2 people, 1 unread");
    alice.press("Alt+a");
    alice.node("textbox", "Message general");
    alice.press("Ctrl+k");
    alice.wait("document.activeElement.tagName === 'INPUT'");
    alice.enter("gam");
    alice.press("Enter");
    alice.node("textbox", "Message games");
    alice.press("Alt+ArrowUp");
    alice.node("textbox", "Message general");
    // Names.
    alice.wait("document.activeElement.tagName === 'TEXTAREA'");
    alice.enter("bo");
    alice.press("Tab");
    alice.wait("document.activeElement.value === 'bob: '");
    alice.enter("hi");
    alice.press("Enter");
    bob.expect("alice: bob: hi\r\n");
    // In an empty field it moves on.
    alice.press("Tab");
    alice.wait("document.activeElement.tagName !== 'TEXTAREA'");
    alice.press("Escape");
    alice.wait("document.activeElement.tagName === 'TEXTAREA'");
    // The last message.
    alice.expect("general", "bob: hi");
    alice.press("ArrowUp");
    alice.wait("document.activeElement.value === 'bob: hi'");
    alice.press("Escape");
    alice.wait("document.activeElement.value === ''");
    // The list of keys, and only outside of a field.
    alice.press("?");
    alice.wait("document.activeElement.value === '?'");
    alice.press("Backspace");
    alice.press("Tab");
    alice.press("?");
    alice.node("heading", "Keys");
    alice.press("Escape");
    alice.gone("heading", "Keys");
}

#[test]
fn the_message_that_an_answer_quotes_is_reached_with_the_keyboard() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let mut bob = site.chat("bob", "general");
    bob.send("what is it?");
    alice.point_at("general", "what is it?");
    alice.click("button", "Reply");
    alice.enter("a chat");
    alice.press("Enter");
    alice.expect("general", "to bob: what is it?a chat");
    tab_to(&alice, "Shift+Tab", "button", "to bob: what is it?");
    alice.press("Enter");
    alice.wait(
        "document.activeElement.matches('.message') && document.activeElement.textContent.includes('what is it?')",
    );
    alice.wait("!document.activeElement.textContent.includes('a chat')");
}
