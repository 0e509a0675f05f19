//! What the kernel knows about this process, from `/proc` (proc(5)); nothing on systems without it.
//!
//! *Owns* the fields that are read. *Knows nothing of* the server.

use std::fs;

/// Clock ticks per second in `/proc` (`USER_HZ`): the same on every Linux, since programs rely on it.
const TICKS_PER_SECOND: f64 = 100.0;

/// Fields of `/proc/self/stat`, counted from the third: the second, the name, may contain anything.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;
const THREADS: usize = 17;
const START_TIME: usize = 19;

/// The state of the process at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ProcessReading {
    pub(super) threads: Option<u64>,
    pub(super) cpu_seconds: Option<f64>,
    /// In seconds since 1970.
    pub(super) started: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) open_descriptors: Option<u64>,
    pub(super) most_descriptors: Option<u64>,
}

impl ProcessReading {
    pub(super) fn take() -> ProcessReading {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mut reading = parse(&file("/proc/self/stat"), &file("/proc/self/status"), &file("/proc/stat"));
        // The directory itself is open while it is read.
        reading.open_descriptors = fs::read_dir("/proc/self/fd").ok().map(|all| all.count().saturating_sub(1) as u64);
        reading.most_descriptors = rlimit::Resource::NOFILE.get().ok().map(|(soft, _)| soft);
        reading
    }
}

fn parse(own: &str, status: &str, machine: &str) -> ProcessReading {
    let fields: Vec<_> = own.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
    let number = |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok());
    let value = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let seconds = |ticks: u64| ticks as f64 / TICKS_PER_SECOND;
    ProcessReading {
        threads: number(THREADS),
        cpu_seconds: number(USER_TIME).zip(number(SYSTEM_TIME)).map(|(user, system)| seconds(user + system)),
        started: value(machine, "btime ").zip(number(START_TIME)).map(|(boot, ticks)| boot as f64 + seconds(ticks)),
        resident_bytes: value(status, "VmRSS:").map(|kilobytes| kilobytes * 1024),
        open_descriptors: None,
        most_descriptors: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_a_name_with_blanks_and_brackets() {
        let own = "7 (a ) b) S 1 7 7 0 -1 4194304 155 0 0 0 150 50 0 0 20 0 9 0 12345 8000 300 18446744073709551615";
        let status = "Name:\ta\nVmPeak:\t  900 kB\nVmRSS:\t     256 kB\n";
        let expected = ProcessReading {
            threads: Some(9),
            cpu_seconds: Some(2.0),
            started: Some(1_000_123.45),
            resident_bytes: Some(262_144),
            ..ProcessReading::default()
        };
        assert_eq!(parse(own, status, "cpu 1 2\nbtime 1000000\n"), expected);
        assert_eq!(parse("", "", ""), ProcessReading::default());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_threads_memory_and_descriptors() {
        let reading = ProcessReading::take();
        assert!(reading.threads.is_some_and(|threads| threads >= 1), "{reading:?}");
        assert!(reading.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{reading:?}");
        assert!(reading.open_descriptors.is_some_and(|open| open >= 3), "{reading:?}");
        assert!(reading.most_descriptors >= reading.open_descriptors, "{reading:?}");
        let now = jiff::Timestamp::now().as_second() as f64;
        assert!(reading.started.is_some_and(|at| at > now - 86_400.0 && at < now + 60.0), "{reading:?}");
        assert!(reading.cpu_seconds.is_some(), "{reading:?}");
    }
}
