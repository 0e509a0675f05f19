//! Windows of traffic, and what they cost.
//!
//! *Owns* how many messages are under way and when the next is sent; reads the processor time around a window.
//! *Knows nothing of* line forms and of who serves. *Called by* the cases and `stall`.

use std::time::{Duration, Instant};

use crate::crowd::{Crowd, MAX_SENDERS, PATIENCE};
use crate::failure::Failure;
use crate::subject::Subject;

/// Nothing done for so long is rest. A store gathers for a tenth of a second, then waits for the disk.
const STILL: Duration = Duration::from_millis(400);
/// Processor time in [`STILL`] that is as good as none: a thread that ends, a timer.
const NEXT_TO_NOTHING: Duration = Duration::from_millis(1);

/// How many messages are under way at a time.
#[derive(Clone, Copy)]
pub enum Flow {
    /// One; the next is sent when every member has it.
    One,
    /// So many senders with `in_flight` each; one is under way until the member who joined last has it.
    Senders {
        /// Members who send, 1 to [`MAX_SENDERS`].
        senders: usize,
        /// Messages of each of them under way.
        in_flight: u32,
    },
}

/// What one window came to. Every message of it had arrived everywhere when the clocks were read.
pub struct Tally {
    /// Messages times the members who got each.
    pub deliveries: u64,
    /// From the first send to the last arrival.
    pub wall: Duration,
    /// Processor time of the process under test.
    pub cpu: Duration,
}

impl Tally {
    /// Microseconds of the process's time per delivery.
    pub fn cpu_per_delivery(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.deliveries.max(1) as f64
    }

    /// Deliveries a second of real time.
    pub fn per_second(&self) -> f64 {
        self.deliveries as f64 / self.wall.as_secs_f64()
    }
}

/// As much as `flow` lets through for `length`, in a room of all of `crowd`.
pub fn closed_loop(crowd: &mut Crowd, subject: &Subject, flow: Flow, length: Duration) -> Result<Tally, Failure> {
    let members = crowd.len();
    let (senders, in_flight) = match flow {
        Flow::One => (1, 1),
        // One member at least only listens.
        Flow::Senders { senders, in_flight } => (senders.min(MAX_SENDERS).min(members - 1), in_flight),
    };
    crowd.set_speakers(senders)?;
    let everyone = matches!(flow, Flow::One);
    let copies = members as u64 - 1;
    let mut arrived: [u32; MAX_SENDERS] = std::array::from_fn(|sender| crowd.sent(sender));
    let (mut deliveries, mut expected) = (0_u64, 0_u64);
    let cpu = subject.cpu()?;
    let start = Instant::now();
    let mut sending = true;
    while sending || deliveries < expected {
        for (sender, &arrived) in arrived.iter().enumerate().take(senders) {
            let room = in_flight - (crowd.sent(sender) - arrived);
            if sending && room > 0 {
                crowd.say(sender, room)?;
                expected += copies * u64::from(room);
            }
        }
        let ready = crowd.poll(PATIENCE, |delivery| {
            deliveries += 1;
            if !everyone && delivery.member == members - 1 {
                arrived[delivery.sender] = delivery.number + 1;
            }
        })?;
        if everyone && deliveries == expected {
            arrived[0] = crowd.sent(0);
        }
        if ready == 0 {
            return Err(silent(crowd, members));
        }
        sending = start.elapsed() < length;
    }
    let tally = Tally { deliveries, wall: start.elapsed(), cpu: subject.cpu()?.saturating_sub(cpu) };
    crowd.check_all_alike(members)?;
    Ok(tally)
}

/// Waits until the process does nothing any more: what is kept on disk is written after it is delivered.
pub fn rest(crowd: &mut Crowd, subject: &Subject) -> Result<(), Failure> {
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        let before = subject.cpu()?;
        let came = crowd.poll(STILL, |_| {})?;
        if came == 0 && subject.cpu()?.saturating_sub(before) < NEXT_TO_NOTHING {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::new("the process under test does not come to rest"));
        }
    }
}

/// `rate` messages a second from the first member for `length`. Returns how long each of the first `audience` members waited
/// for each, from before the sender's `write` to the return of the member's `read`, in nanoseconds.
pub fn paced(crowd: &mut Crowd, audience: usize, rate: u32, length: Duration) -> Result<Vec<u64>, Failure> {
    crowd.set_speakers(1)?;
    let copies = audience - 1;
    let total = (f64::from(rate) * length.as_secs_f64()) as u32;
    let first = crowd.sent(0);
    let mut sent_at: Vec<Instant> = Vec::with_capacity(total as usize);
    let mut waits: Vec<u64> = Vec::with_capacity(total as usize * copies);
    crowd.tick(rate)?;
    let start = Instant::now();
    while (sent_at.len() as u32) < total || waits.len() < sent_at.len() * copies {
        // By the clock, not by the tick: a tick missed in a full moment is made up for.
        let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while (sent_at.len() as u32) < due.min(total) {
            sent_at.push(Instant::now());
            crowd.say(0, 1)?;
        }
        crowd.poll(PATIENCE, |delivery| {
            if delivery.member < audience {
                let sent = sent_at[(delivery.number - first) as usize];
                let wait = delivery.at.saturating_duration_since(sent);
                waits.push(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
            }
        })?;
        // The ticks keep `poll` awake, so its own deadline cannot tell.
        if start.elapsed() > length + PATIENCE {
            return Err(silent(crowd, audience));
        }
    }
    crowd.tick(0)?;
    crowd.check_all_alike(audience)?;
    Ok(waits)
}

fn silent(crowd: &Crowd, audience: usize) -> Failure {
    let missing = match crowd.check_all_alike(audience) {
        Err(failure) => failure.to_string(),
        Ok(()) => "though nothing is missing".to_owned(),
    };
    Failure::new(format!("nothing comes any more: {missing}"))
}

/// The value below which `share` of them lie.
pub fn percentile(values: &mut [u64], share: f64) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let index = ((values.len() - 1) as f64 * share).round() as usize;
    *values.select_nth_unstable(index).1
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
