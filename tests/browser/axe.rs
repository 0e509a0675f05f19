//! What axe-core finds in a page: rules of WCAG and good practice that a program can check.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::page::Page;
use crate::support::programs::{left_out, node_package};

/// The script, or nothing after saying what is left out.
pub fn axe() -> Option<String> {
    let file: Option<PathBuf> = node_package("axe-core").map(|package| package.join("axe.min.js"));
    match file {
        Some(file) => Some(fs::read_to_string(file).expect("axe-core has a script")),
        None => {
            left_out("the npm package axe-core is not in NODE_PATH");
            None
        }
    }
}

/// What axe objects to in the page as it is now, a line for each element.
pub fn violations(page: &Page, axe: &str) -> Vec<String> {
    // In a world of its own: the page's policy does not let its own world run other scripts, and must not have to.
    let run = "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(
        rule => rule.nodes.map(node => `${rule.id}: ${node.target}: ${node.failureSummary}`)))";
    let frame = page.call("Page.getFrameTree", json!({}))["frameTree"]["frame"]["id"].clone();
    let world = page.call("Page.createIsolatedWorld", json!({ "frameId": frame, "worldName": "axe" }));
    let there = |expression: &str| {
        let mut answer = page.call(
            "Runtime.evaluate",
            json!({
                "expression": expression, "contextId": world["executionContextId"],
                "returnByValue": true, "awaitPromise": true,
            }),
        );
        assert!(answer.get("exceptionDetails").is_none(), "axe fails: {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    };
    there(&format!("{axe}; 0"));
    let found = there(run);
    found.as_array().expect("a list").iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
}
