//! How many connections this process can hold: descriptors, and the memory areas that threads take.
//!
//! *Owns* raising the open-file limit and reckoning with the kernel's limit on memory areas.
//! *Knows nothing of* the configured limits.
//! *Called by* `main`, before anything else.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Descriptors kept for everything that is no connection: listeners, log, signals, configuration, a spare one.
const RESERVED_DESCRIPTORS: u64 = 48;

/// Memory areas of a process without clients: binary, libraries, heap, and what the allocator takes under load.
const RESERVED_AREAS: u64 = 4096;

/// What the machine allows.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Most connections at once.
    pub connections: usize,
}

impl Capacity {
    /// Raises the open-file limit to the hard limit and says in the log what that allows. `wanted` is the configured
    /// limit.
    pub fn find(wanted: Option<usize>) -> Capacity {
        let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
            log::warn!("cannot raise the open-file limit: {error}");
            // What POSIX guarantees every process is 20; every system in use starts at 256 or more.
            256
        });
        let to_count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let by_descriptors = to_count(descriptors.saturating_sub(RESERVED_DESCRIPTORS)).max(1);
        let by_areas = to_count(memory_areas().saturating_sub(RESERVED_AREAS) / areas_per_thread()).max(1);
        let connections = by_descriptors.min(by_areas);
        let allowed = wanted.map_or(connections, |wanted| wanted.min(connections));
        log::info!("open-file limit {descriptors}: up to {allowed} connections");
        if wanted.is_none_or(|wanted| wanted > by_areas) && by_areas < by_descriptors {
            log::warn!("vm.max_map_count allows threads for {by_areas} connections: raise it with sysctl for more");
        } else if wanted.is_some_and(|wanted| wanted > by_descriptors) {
            log::warn!("max_connections is more than the open-file limit allows");
        }
        Capacity { connections }
    }
}

/// The kernel's limit on memory areas per process (`vm.max_map_count`); unlimited where there is none.
fn memory_areas() -> u64 {
    std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(u64::MAX)
}

/// Memory areas one thread takes: its stack and the guard page below it, and as long as the standard library watches for
/// stack overflows, a signal stack and its guard page.
fn areas_per_thread() -> u64 {
    if watches_stacks() { 4 } else { 2 }
}

/// The signals by which a stack overflow shows (Linux numbers): the standard library gives every thread a signal stack
/// unless the process was started with both of them ignored.
const SIGBUS: u32 = 7;
const SIGSEGV: u32 = 11;

fn watches_stacks() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let both = 1 << (SIGBUS - 1) | 1 << (SIGSEGV - 1);
    ignored & both != both
}

/// Starts this program anew with room for twice as many threads, if the machine's other limits leave that to be gained.
/// Returns only if nothing was to be gained or it did not work; then the capacity is what it is.
///
/// The kernel allows a process 65,530 memory areas by default. At four per thread that is 16,000 connections, and the
/// next thread does not fail to start, it panics in the standard library. Signal stacks are half of it, and only a
/// process started with SIGSEGV and SIGBUS ignored goes without. The kernel kills a process that faults all the same
/// (a fault cannot be ignored); what is lost is the sentence that names the overflowed thread. The shell is the one
/// program everywhere that can start another with signals ignored.
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
    log::debug!("cannot start anew for more threads: {error}");
    None
}
