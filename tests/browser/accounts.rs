//! Accounts on the page.

#![cfg(feature = "storage")]

use crate::chromium::chromium;
use crate::site::{Site, WEB};
use crate::support::home::{History, Home, PASSWORD, come_in};
use crate::visitor::Visitor;

#[test]
fn an_account_needs_its_password_and_brings_its_history() {
    let Some(browser) = chromium() else { return };
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let site = Site::of(home.start(History::Kept, &format!("[limits]\nmessages_per_second = 0\n{WEB}")));
    let page = browser.open(site.url());
    page.fill("Name", "alice");
    page.press("Enter");
    page.wait("document.querySelector('[role=alert]').textContent.length > 5");
    page.fill("Password", "wrong horse");
    page.press("Enter");
    page.see("password");
    page.fill("Password", PASSWORD);
    page.wait_for("the login", || {
        // After a wrong password there is a short wait.
        if page.all("textbox", "Password").len() == 1 {
            page.press("Enter");
        }
        page.all("button", "Join a room").pop().ok_or_else(|| page.visible_text())
    });
    let alice = Visitor::of(page, "alice");
    alice.enter_room("general");
    alice.say("for tomorrow");
    alice.expect("general", "for tomorrow");
    let mut bob = come_in(&site, "bob");
    bob.send(":whois alice");
    bob.expect("alice");
    drop(alice);
    let again = browser.open(site.url());
    again.fill("Name", "alice");
    again.fill("Password", PASSWORD);
    again.press("Enter");
    again.node("button", "Join a room");
    let again = Visitor::of(again, "alice");
    again.enter_room("general");
    again.expect("general", "for tomorrow");
    // The password is kept nowhere in the browser.
    let kept = again.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])");
    assert!(!kept.as_str().expect("text").contains(PASSWORD), "{kept}");
    let cookies = again.call("Network.getCookies", serde_json::json!({}));
    assert_eq!(cookies["cookies"], serde_json::json!([]));
    // Under another name it is a guest's page, which has no password to come back with.
    again.say("/nick alicia");
    again.expect("general", "You are no longer logged in to alice");
    again.click("button", "alicia, you");
    again.node("button", "Register this name");
}

#[test]
fn a_name_is_registered_on_the_page_and_its_password_changed() {
    let Some(browser) = chromium() else { return };
    let home = Home::new();
    let site = Site::of(home.start(History::Forgotten, &format!("[limits]\nmessages_per_second = 0\n{WEB}")));
    let carol = site.visitor_in(browser, "carol", "general");
    carol.click("button", "carol, you");
    carol.click("button", "Register this name");
    carol.fill("New password", "first password");
    carol.press("Enter");
    carol.gone("textbox", "New password");
    carol.click("button", "carol, you");
    carol.click("button", "Change the password");
    carol.fill("Password", "first password");
    carol.fill("New password", "second password");
    carol.press("Enter");
    carol.gone("textbox", "New password");
    carol.click("button", "carol, you");
    carol.click("button", "Log out");
    carol.fill("Name", "carol");
    carol.fill("Password", "second password");
    carol.press("Enter");
    carol.node("button", "Join a room");
}
