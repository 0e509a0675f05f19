//! The figures as they are printed, and the targets they are held against.
//!
//! *Owns* the tables and marks. *Knows nothing of* how a figure came about. *Called by* the cases; printed by `main`.

/// Collects what the cases find and prints it once more at the end.
#[derive(Default)]
pub struct Report {
    verdicts: Vec<Verdict>,
}

struct Verdict {
    what: String,
    figures: String,
    value: f64,
    /// `None`: the figure is to be known, not to be reached.
    limit: Option<f64>,
    unit: &'static str,
}

impl Report {
    /// A line of the running report.
    pub fn say(line: &str) {
        println!("{line}");
    }

    /// A figure with a target: `value` may be at most `limit`. `figures` is what the value was made of.
    pub fn hold(&mut self, what: impl Into<String>, figures: String, value: f64, limit: f64, unit: &'static str) {
        self.verdicts.push(Verdict { what: what.into(), figures, value, limit: Some(limit), unit });
    }

    /// A ratio that is only told.
    pub fn tell(&mut self, what: impl Into<String>, figures: String, value: f64) {
        self.verdicts.push(Verdict { what: what.into(), figures, value, limit: None, unit: "" });
    }

    /// All figures that count.
    pub fn print(&self) {
        if self.verdicts.is_empty() {
            return;
        }
        println!("\n{:<58} {:>10} {:>10}  mark    made of", "targets", "value", "at most");
        for Verdict { what, figures, value, limit, unit } in &self.verdicts {
            let (limit, mark) = match limit {
                Some(limit) => (show(*limit, unit), if value <= limit { "ok" } else { "MISSED" }),
                None => ("-".to_owned(), "told"),
            };
            println!("{what:<58} {:>10} {limit:>10}  {mark:<6}  {figures}", show(*value, unit));
        }
    }
}

fn show(value: f64, unit: &str) -> String {
    if unit.is_empty() { format!("{value:.3}") } else { format!("{value:.1} {unit}") }
}
