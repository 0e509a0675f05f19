//! A page as its user has it: what is on it, by role and accessible name, and what a mouse and a keyboard do to it.
//!
//! Nothing is done to the page that a user could not do: values are typed, buttons are clicked where they are. Whatever
//! the page complains about (an exception, a refused script, an error on the console) fails the test when the page is
//! dropped. Knows nothing of chat.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::devtools::{Answer, DevTools, Events, lock};
use crate::keys;
use crate::support::{PATIENCE, scratch};

/// A page in a browser context of its own.
pub struct Page {
    devtools: &'static DevTools,
    context: String,
    target: String,
    session: String,
    events: Events,
    /// Parts of complaints that the test causes on purpose.
    allowed: RefCell<Vec<String>>,
    patience: Cell<Duration>,
}

/// What a screen reader gets of one element.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub role: String,
    pub name: String,
    /// States such as `focused`, `disabled`, `expanded`.
    pub properties: Vec<(String, Value)>,
    /// The element's number for DevTools.
    element: u64,
}

impl Node {
    /// The value of a state; null where the element has no such state.
    pub fn property(&self, name: &str) -> Value {
        let found = self.properties.iter().find(|(property, _)| property == name);
        found.map_or(Value::Null, |(_, value)| value.clone())
    }
}

/// A light or a dark page.
#[derive(Clone, Copy, Debug)]
pub enum Scheme {
    Light,
    Dark,
}

impl Page {
    pub(crate) fn new(devtools: &'static DevTools, context: &str) -> Page {
        let target = json!({ "url": "about:blank", "browserContextId": context });
        let target = text(&devtools.call(None, "Target.createTarget", target)["targetId"]);
        let attach = json!({ "targetId": target, "flatten": true });
        let session = text(&devtools.call(None, "Target.attachToTarget", attach)["sessionId"]);
        let events = devtools.events(&session);
        let allowed = RefCell::new(Vec::new());
        let patience = Cell::new(PATIENCE);
        let page = Page { devtools, context: context.to_owned(), target, session, events, allowed, patience };
        for domain in ["Page", "Runtime", "Log", "Audits", "DOM", "Accessibility"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        // Otherwise only one page of the browser has the focus.
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        page.resize(1280, 800);
        page
    }

    /// Calls a method of DevTools for this page.
    pub fn call(&self, method: &str, parameters: Value) -> Value {
        self.try_call(method, parameters).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_call(&self, method: &str, parameters: Value) -> Answer {
        self.devtools.try_call(Some(&self.session), method, parameters)
    }

    /// Goes to an address, and waits until the page has been read and its scripts have run.
    pub fn go(&self, url: &str) {
        let went = self.call("Page.navigate", json!({ "url": url }));
        assert!(went.get("errorText").is_none(), "{url}: {}", went["errorText"]);
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// Loads the page once more.
    pub fn reload(&self) {
        self.evaluate("window.leftBehind = true");
        self.call("Page.reload", json!({}));
        self.wait("!window.leftBehind && document.readyState === 'complete'");
    }

    /// Runs before any script of the pages to come.
    pub fn before_load(&self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
    }

    /// The value of an expression in the page; a promise is waited for.
    pub fn try_evaluate(&self, expression: &str) -> Answer {
        let evaluate = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.try_call("Runtime.evaluate", evaluate)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(exception(details)),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// The same for an expression that cannot fail.
    pub fn evaluate(&self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until an expression is true.
    pub fn wait(&self, expression: &str) {
        self.wait_for(expression, || {
            let value = self.try_evaluate(&format!("!!({expression})"))?;
            value.as_bool().filter(|is| *is).ok_or_else(|| "false".to_owned())
        });
    }

    /// Lets everything from now on take that long.
    pub fn be_patient(&self, patience: Duration) {
        self.patience.set(patience);
    }

    /// Waits until something can be had; fails with the last reason why not, and with what the page shows.
    pub fn wait_for<T>(&self, what: &str, mut get: impl FnMut() -> Result<T, String>) -> T {
        let deadline = Instant::now() + self.patience.get();
        loop {
            match get() {
                Ok(value) => return value,
                Err(reason) => assert!(
                    Instant::now() < deadline,
                    "not in time: {what}: {reason}; the page shows:\n{}",
                    self.visible_text()
                ),
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// The text on the page, as it is laid out.
    pub fn visible_text(&self) -> String {
        let visible = self.try_evaluate("document.body ? document.body.innerText : ''");
        visible.map_or_else(|error| format!("({error})"), |value| text(&value))
    }

    /// Waits until a text is on the page.
    pub fn see(&self, wanted: &str) {
        self.wait_for(&format!("{wanted:?} on the page"), || {
            self.visible_text().contains(wanted).then_some(()).ok_or_else(|| "it is not there".to_owned())
        });
    }

    /// What a screen reader gets.
    pub fn accessible(&self) -> Vec<Node> {
        self.try_accessible().unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_accessible(&self) -> Result<Vec<Node>, String> {
        Page::nodes(&self.try_call("Accessibility.getFullAXTree", json!({}))?)
    }

    /// The elements of a role. The browser picks them out: the whole tree is a hundred times as long, and most of a test's
    /// time would be spent on it.
    fn try_role(&self, role: &str) -> Result<Vec<Node>, String> {
        let document = json!({ "expression": "document", "returnByValue": false });
        let document = self.try_call("Runtime.evaluate", document)?["result"]["objectId"].take();
        Page::nodes(&self.try_call("Accessibility.queryAXTree", json!({ "objectId": document, "role": role }))?)
    }

    fn nodes(tree: &Value) -> Result<Vec<Node>, String> {
        let nodes = tree["nodes"].as_array().ok_or("no tree")?.iter();
        let known = nodes.filter(|node| node["ignored"] != true && node["backendDOMNodeId"].is_u64());
        let properties = |node: &Value| {
            let list = node["properties"].as_array().into_iter().flatten();
            list.map(|property| (text(&property["name"]), property["value"]["value"].clone())).collect()
        };
        let read = |node: &Value| Node {
            role: text(&node["role"]["value"]),
            name: text(&node["name"]["value"]),
            properties: properties(node),
            element: node["backendDOMNodeId"].as_u64().unwrap_or_default(),
        };
        Ok(known.map(read).collect())
    }

    /// The elements of a role whose accessible name is this one; `*` at its beginning or end stands for anything.
    pub fn all(&self, role: &str, name: &str) -> Vec<Node> {
        let nodes = self.try_role(role).unwrap_or_else(|error| panic!("{error}"));
        nodes.into_iter().filter(|node| Page::fits(&node.name, name)).collect()
    }

    /// Waits for the one element of a role with a name.
    pub fn node(&self, role: &str, name: &str) -> Node {
        self.node_where(role, name, |_| true)
    }

    /// The same with a state.
    pub fn node_where(&self, role: &str, name: &str, holds: impl Fn(&Node) -> bool) -> Node {
        self.wait_for(&format!("{role} {name:?}"), || {
            let nodes = self.try_role(role)?;
            let mut found = nodes.iter().filter(|node| Page::fits(&node.name, name));
            match (found.next(), found.next()) {
                (Some(node), None) if holds(node) => Ok(node.clone()),
                (Some(node), None) => Err(format!("it is there as {node:?}")),
                (Some(one), Some(other)) => Err(format!("there are several: {one:?}, {other:?}")),
                (None, _) => {
                    let same: Vec<_> = nodes.iter().map(|node| &*node.name).collect();
                    Err(format!("of that role there are {same:?}"))
                }
            }
        })
    }

    /// Waits for the last element of a kind, given by a selector, that contains a text.
    pub fn node_with_text(&self, text: &str, selector: &str) -> Node {
        let (text, selector) = (json!(text), json!(selector));
        let last =
            format!("[...document.querySelectorAll({selector})].findLast(it => it.textContent.includes({text}))");
        self.wait_for(&format!("{selector} with {text}"), || {
            let evaluate = json!({ "expression": last, "returnByValue": false });
            let found = self.try_call("Runtime.evaluate", evaluate)?;
            let object = found["result"]["objectId"].as_str().ok_or("there is none")?;
            let node = self.try_call("DOM.describeNode", json!({ "objectId": object }))?;
            let element = node["node"]["backendNodeId"].as_u64().ok_or("it is gone")?;
            Ok(Node { element, ..Node::default() })
        })
    }

    /// Waits until there is none any more.
    pub fn gone(&self, role: &str, name: &str) {
        self.wait_for(&format!("no {role} {name:?}"), || {
            match self.try_role(role)?.iter().find(|node| Page::fits(&node.name, name)) {
                Some(node) => Err(format!("it is there as {node:?}")),
                None => Ok(()),
            }
        });
    }

    /// The value that a user sees in an input.
    pub fn value(&self, node: &Node) -> String {
        text(&self.on(node, "function () { return this.value; }"))
    }

    /// The text of an element.
    pub fn text_of(&self, node: &Node) -> String {
        text(&self.on(node, "function () { return this.innerText; }"))
    }

    /// What a function makes of an element.
    pub fn on(&self, node: &Node, function: &str) -> Value {
        let object = self.call("DOM.resolveNode", json!({ "backendNodeId": node.element }));
        let call = json!({
            "objectId": object["object"]["objectId"], "functionDeclaration": function, "returnByValue": true,
        });
        let mut answer = self.call("Runtime.callFunctionOn", call);
        assert!(answer.get("exceptionDetails").is_none(), "{function}: {}", exception(&answer["exceptionDetails"]));
        answer["result"]["value"].take()
    }

    /// Whether a name is the wanted one; `*` at its beginning or end stands for anything.
    pub fn fits(name: &str, wanted: &str) -> bool {
        match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
            (Some(end), _) => name.ends_with(end),
            (None, Some(beginning)) => name.starts_with(beginning),
            (None, None) => name == wanted,
        }
    }

    /// Clicks in the middle of the one element of a role with a name, once it has come to rest.
    pub fn click(&self, role: &str, name: &str) {
        let enabled = || self.node_where(role, name, |node| node.property("disabled") != true);
        let at = self.at_rest(&format!("{role} {name:?}"), enabled);
        self.mouse("mouseMoved", at, json!({}));
        self.mouse("mousePressed", at, json!({ "button": "left", "buttons": 1, "clickCount": 1 }));
        self.mouse("mouseReleased", at, json!({ "button": "left", "clickCount": 1 }));
    }

    /// Moves the mouse to an element.
    pub fn hover(&self, node: &Node) {
        let at = self.at_rest("an element", || node.clone());
        self.mouse("mouseMoved", at, json!({}));
    }

    /// Turns the mouse wheel over an element; down, if the number is positive.
    pub fn wheel(&self, node: &Node, by: f64) {
        let at = self.at_rest("an element", || node.clone());
        self.mouse("mouseWheel", at, json!({ "deltaX": 0, "deltaY": by }));
    }

    fn mouse(&self, kind: &str, (x, y): (f64, f64), mut more: Value) {
        more["type"] = kind.into();
        more["x"] = x.into();
        more["y"] = y.into();
        self.call("Input.dispatchMouseEvent", more);
    }

    /// Where an element is, once it stays there and nothing covers it.
    fn at_rest(&self, what: &str, find: impl Fn() -> Node) -> (f64, f64) {
        let mut last = None;
        self.wait_for(&format!("{what} to point at"), || {
            let there = self.middle(&find())?;
            if last == Some(there) { Ok(there) } else { Err(format!("it was at {:?}", last.replace(there))) }
        })
    }

    /// Where a mouse hits the element, if nothing covers it.
    fn middle(&self, node: &Node) -> Result<(f64, f64), String> {
        let element = json!({ "backendNodeId": node.element });
        self.try_call("DOM.scrollIntoViewIfNeeded", element.clone())?;
        let quads = self.try_call("DOM.getContentQuads", element)?;
        let corners = quads["quads"][0].as_array().ok_or("it is not on the page")?;
        let at = |index: usize| corners.get(index).and_then(Value::as_f64).unwrap_or_default();
        let (x, y) = ((at(0) + at(2) + at(4) + at(6)) / 4.0, (at(1) + at(3) + at(5) + at(7)) / 4.0);
        let hit = format!(
            "function () {{ const hit = document.elementFromPoint({x}, {y}); return !!hit && (this.contains(hit) || hit.contains(this)); }}"
        );
        if self.on(node, &hit) == true { Ok((x, y)) } else { Err(format!("something covers it at {x}, {y}")) }
    }

    /// Enters text where the focus is, as a keyboard or an input method does.
    pub fn enter(&self, what: &str) {
        self.call("Input.insertText", json!({ "text": what }));
    }

    /// Presses and lets go a key, such as `Enter` or `Alt+ArrowUp`.
    pub fn press(&self, key: &str) {
        for event in keys::events(key) {
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Clicks a field, and enters text instead of what is in it.
    pub fn fill(&self, name: &str, what: &str) {
        self.click("textbox", name);
        self.press("Ctrl+a");
        self.enter(what);
    }

    /// The element that has the focus.
    pub fn focused(&self) -> Option<Node> {
        // The document has it too.
        let nodes = self.accessible().into_iter();
        nodes.filter(|node| node.role != "RootWebArea").find(|node| node.property("focused") == true)
    }

    /// The size of the window, in CSS pixels, on a screen with one pixel for each.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// A phone that is held upright.
    pub fn phone(&self) {
        let size = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the user's system asks for.
    pub fn prefer(&self, scheme: Scheme) {
        let scheme = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        // Animations off, so that nothing is looked at half way.
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Puts another tab in front of it. Until then a page is visible and has the focus, whatever the others do.
    pub fn send_to_background(&self) -> Page {
        let other = Page::new(self.devtools, &self.context);
        self.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": false }));
        other.call("Page.bringToFront", json!({}));
        other
    }

    /// The opposite.
    pub fn bring_to_front(&self) {
        self.call("Page.bringToFront", json!({}));
        self.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
    }

    /// From now on complaints that contain this are expected.
    pub fn allow(&self, complaint: &str) {
        self.allowed.borrow_mut().push(complaint.to_owned());
    }

    /// The events of one kind so far.
    pub fn events(&self, method: &str) -> Vec<Value> {
        lock(&self.events).iter().filter(|event| event["method"] == method).cloned().collect()
    }

    /// Everything the page has complained about, except what is allowed.
    pub fn complaints(&self) -> Vec<String> {
        // Events come in order, so all that happened before this answer have arrived.
        let _ = self.try_evaluate("0");
        let found: Vec<_> = lock(&self.events).iter().filter_map(complaint).collect();
        let allowed = self.allowed.borrow();
        found.into_iter().filter(|complaint| !allowed.iter().any(|part| complaint.contains(part))).collect()
    }

    /// Fails if there is one.
    pub fn expect_no_complaint(&self) {
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "the page complains:\n{}", complaints.join("\n"));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let complaints = self.complaints();
        let failed = std::thread::panicking();
        if failed {
            eprintln!("the page showed:\n{}\nand complained: {complaints:#?}", self.visible_text());
            let path = scratch().join("page.png");
            if let Ok(picture) = self.try_call("Page.captureScreenshot", json!({}))
                && std::fs::write(&path, from_base64(&text(&picture["data"]))).is_ok()
            {
                eprintln!("a picture of it is in {}", path.display());
            }
        }
        // Nothing can be done if the browser is gone.
        let _ = self.devtools.try_call(None, "Target.closeTarget", json!({ "targetId": self.target }));
        self.devtools.forget(&self.session);
        assert!(failed || complaints.is_empty(), "the page complained:\n{}", complaints.join("\n"));
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn exception(details: &Value) -> String {
    let described = details["exception"]["description"].as_str().or_else(|| details["exception"]["value"].as_str());
    described.or_else(|| details["text"].as_str()).unwrap_or("an exception").to_owned()
}

/// What an event says that should not have happened, if anything.
fn complaint(event: &Value) -> Option<String> {
    let parameters = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(exception(&parameters["exceptionDetails"])),
        "Runtime.consoleAPICalled" if parameters["type"] == "error" || parameters["type"] == "assert" => {
            Some(format!("on the console: {}", parameters["args"]))
        }
        "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
            let entry = &parameters["entry"];
            Some(format!("{}: {} {}", text(&entry["source"]), text(&entry["text"]), text(&entry["url"])))
        }
        "Audits.issueAdded" => {
            Some(format!("{}: {}", text(&parameters["issue"]["code"]), parameters["issue"]["details"]))
        }
        _ => None,
    }
}

/// The bytes that a text in base64 (RFC 4648, section 4) stands for.
pub fn from_base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let values = text.bytes().filter_map(|byte| LETTERS.iter().position(|letter| *letter == byte));
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_usize, 0);
    for value in values {
        (bits, count) = (bits << 6 | value, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}
