//! The figures as they are printed, and the targets they are compared with.
//!
//! *Owns* the tables and marks. *Knows nothing of* how a figure was measured.

/// Collects the results of the cases and prints them once more at the end.
#[derive(Default)]
pub struct Report {
    results: Vec<Outcome>,
}

struct Outcome {
    what: String,
    figures: String,
    value: f64,
    /// `None`: the figure has no target.
    limit: Option<Limit>,
    unit: &'static str,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Report {
    /// Prints a line of the running report.
    pub fn say(line: &str) {
        println!("{line}");
    }

    /// Adds a figure with a target: `value` may be at most `limit`. `figures` says what the value was computed from.
    pub fn target(&mut self, what: impl Into<String>, figures: String, value: f64, limit: f64, unit: &'static str) {
        self.results.push(Outcome { what: what.into(), figures, value, limit: Some(Limit::AtMost(limit)), unit });
    }

    /// Adds a ratio with a target: `value` has to be at least `limit`.
    pub fn at_least(&mut self, what: impl Into<String>, figures: String, value: f64, limit: f64) {
        self.results.push(Outcome { what: what.into(), figures, value, limit: Some(Limit::AtLeast(limit)), unit: "" });
    }

    /// Adds a ratio without a target.
    pub fn note(&mut self, what: impl Into<String>, figures: String, value: f64) {
        self.results.push(Outcome { what: what.into(), figures, value, limit: None, unit: "" });
    }

    /// Prints all results.
    pub fn print(&self) {
        if self.results.is_empty() {
            return;
        }
        println!("\n{:<58} {:>10} {:>13}  mark    computed from", "results", "value", "aim");
        for Outcome { what, figures, value, limit, unit } in &self.results {
            let (limit, mark) = match limit {
                Some(Limit::AtMost(most)) => (format!("<= {}", show(*most, unit)), mark(value <= most)),
                Some(Limit::AtLeast(least)) => (format!(">= {}", show(*least, unit)), mark(value >= least)),
                None => ("-".to_owned(), "-"),
            };
            println!("{what:<58} {:>10} {limit:>13}  {mark:<6}  {figures}", show(*value, unit));
        }
    }
}

fn mark(met: bool) -> &'static str {
    if met { "ok" } else { "MISSED" }
}

fn show(value: f64, unit: &str) -> String {
    if unit.is_empty() { format!("{value:.3}") } else { format!("{value:.1} {unit}") }
}
