//! A strict parser of OpenMetrics 1.0 text: input that breaks a rule fails the test.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

/// A page: its samples by name and labels, and the types of its families.
pub struct Page {
    pub samples: BTreeMap<String, f64>,
    pub types: BTreeMap<String, String>,
}

/// The suffixes that a family's sample names may have.
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_sum", "_count"],
        other => panic!("an unknown type: {other}"),
    }
}

impl Page {
    pub fn parse(text: &str) -> Page {
        let lines = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("the end is missing: {text:?}"));
        assert!(lines.ends_with('\n') && !lines.contains("# EOF") && !lines.contains('\r'), "{text}");
        let sample = Regex::new(r#"^([a-z_:][a-z0-9_:]*)(\{([a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*)\})? (\S+)$"#)
            .expect("a pattern");
        let mut page = Page { samples: BTreeMap::new(), types: BTreeMap::new() };
        let mut helped = BTreeSet::new();
        let mut family: Option<(String, String)> = None;
        for line in lines.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
                assert!(help.ends_with('.') && helped.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
                assert!(helped.contains(name), "no help before {line}");
                assert!(kind != "counter" || !name.ends_with("_total"), "{line}");
                assert!(page.types.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                family = Some((name.to_owned(), kind.to_owned()));
            } else {
                let parts = sample.captures(line).unwrap_or_else(|| panic!("not a sample: {line:?}"));
                let (name, kind) = family.as_ref().unwrap_or_else(|| panic!("no family before {line}"));
                let own = suffixes(kind).iter().any(|suffix| parts[1] == format!("{name}{suffix}"));
                assert!(own, "{line} is not of the {kind} {name}");
                let value: f64 = parts[4].parse().unwrap_or_else(|_| panic!("not a number: {line}"));
                assert!(value.is_finite() && value >= 0.0, "{line}");
                let key = line.rsplit_once(' ').map_or(line, |(key, _)| key).to_owned();
                assert!(page.samples.insert(key, value).is_none(), "twice: {line}");
            }
        }
        page.check_histograms();
        page
    }

    /// Buckets increase, and the last one equals the count.
    fn check_histograms(&self) {
        for name in self.types.iter().filter(|(_, kind)| *kind == "histogram").map(|(name, _)| name) {
            let prefix = format!("{name}_bucket{{le=\"");
            let mut buckets: Vec<(f64, f64)> = self
                .samples
                .iter()
                .filter_map(|(key, value)| {
                    let bound = key.strip_prefix(&prefix)?.strip_suffix("\"}")?;
                    let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a bound") };
                    Some((bound, *value))
                })
                .collect();
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.is_sorted_by_key(|(_, count)| *count), "{name}: {buckets:?}");
            assert_eq!(buckets.first().map(|(bound, _)| *bound), Some(0.0001), "{name}");
            let ends: Vec<_> = buckets.iter().rev().take(2).map(|(bound, _)| *bound).collect();
            assert_eq!(ends, [f64::INFINITY, 10.0], "{name}");
            assert_eq!(buckets.last().map(|(_, count)| *count), self.samples.get(&format!("{name}_count")).copied());
        }
    }

    pub fn get(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("there is no {sample} in {:?}", self.samples.keys()))
    }
}
