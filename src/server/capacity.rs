//! How many connections this process can hold, given the limits on descriptors and on memory areas for threads.
//!
//! *Owns* raising the open-file limit, and the calculation with the kernel's limit on memory areas.
//! *Knows nothing of* the configured limits.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Descriptors reserved for everything but connections: listeners, log, signals, configuration, a spare one.
const RESERVED_DESCRIPTORS: u64 = 48;

/// Memory areas of a process without clients: binary, libraries, heap, and the allocator under load.
const RESERVED_AREAS: u64 = 4096;

/// What this machine allows.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Most connections at once.
    pub connections: usize,
}

impl Capacity {
    /// Raises the open-file limit to the hard limit, and logs what that allows. `wanted` is the configured limit.
    pub fn find(wanted: Option<usize>) -> Capacity {
        let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
            log::warn!("cannot raise the open-file limit: {error}");
            // POSIX guarantees only 20, but every system in use starts at 256 or more.
            256
        });
        let to_count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let by_descriptors = to_count(descriptors.saturating_sub(RESERVED_DESCRIPTORS)).max(1);
        let by_areas = to_count(memory_areas().saturating_sub(RESERVED_AREAS) / areas_per_thread()).max(1);
        let connections = by_descriptors.min(by_areas);
        let allowed = wanted.map_or(connections, |wanted| wanted.min(connections));
        log::info!("open-file limit {descriptors}: up to {allowed} connections");
        if wanted.is_none_or(|wanted| wanted > by_areas) && by_areas < by_descriptors {
            log::warn!("vm.max_map_count allows threads for only {by_areas} connections; raise it with sysctl");
        } else if wanted.is_some_and(|wanted| wanted > by_descriptors) {
            log::warn!("max_connections is higher than the open-file limit allows");
        }
        Capacity { connections }
    }
}

/// The kernel's limit on memory areas per process (`vm.max_map_count`); `u64::MAX` if there is none.
fn memory_areas() -> u64 {
    std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(u64::MAX)
}

/// Memory areas that one thread takes: its stack and a guard page, and, if the standard library watches for stack
/// overflows, a signal stack and another guard page.
fn areas_per_thread() -> u64 {
    if watches_stacks() { 4 } else { 2 }
}

/// The signals of a stack overflow (Linux numbers). The standard library gives every thread a signal stack, unless the
/// process was started with both of them ignored.
const SIGBUS: u32 = 7;
const SIGSEGV: u32 = 11;

fn watches_stacks() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let both = 1 << (SIGBUS - 1) | 1 << (SIGSEGV - 1);
    ignored & both != both
}

/// Restarts this program with room for twice as many threads, if the other limits allow more connections than now.
/// Returns only if there is nothing to gain or the restart failed.
///
/// The kernel allows a process 65,530 memory areas by default. At four per thread that is 16,000 connections, and the
/// next thread does not fail to start but panics in the standard library. Signal stacks take half of the areas, and only
/// a process started with SIGSEGV and SIGBUS ignored has none. A fault still kills such a process, since it cannot be
/// ignored; only the message that names the overflowed thread is lost. The shell is the one program available everywhere
/// that can start another one with signals ignored.
pub fn make_room_for_threads(wanted: Option<usize>, arguments: &[OsString]) -> Option<Infallible> {
    let (_, hard) = rlimit::Resource::NOFILE.get().ok()?;
    let wanted = wanted.map_or(u64::MAX, |count| count as u64).min(hard);
    let room = memory_areas().saturating_sub(RESERVED_AREAS) / areas_per_thread();
    if wanted <= room || !watches_stacks() {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let script = "trap '' SEGV BUS; exec \"$0\" \"$@\"";
    let error = Command::new("/bin/sh").arg("-c").arg(script).arg(program).args(arguments).exec();
    log::debug!("cannot restart with room for more threads: {error}");
    None
}
