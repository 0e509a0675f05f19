//! Windows of traffic, and what they cost.
//!
//! *Owns* how many messages are in flight and when the next one is sent; reads the processor time around a window.
//! *Knows nothing of* line forms, and of which process serves.

use std::time::{Duration, Instant};

use crate::crowd::{Crowd, MAX_SENDERS, PATIENCE};
use crate::failure::Failure;
use crate::subject::Subject;

/// A process that does nothing for this long is idle. A store collects for a tenth of a second, then waits for the disk.
const STILL: Duration = Duration::from_millis(400);
/// Processor time within [`STILL`] that still counts as idle: a thread that ends, a timer.
const NEXT_TO_NOTHING: Duration = Duration::from_millis(1);

/// Bursts a second of a sender in `spread`.
const BURSTS: u32 = 250;

/// How many messages are in flight at a time.
#[derive(Clone, Copy)]
pub enum Flow {
    /// One; the next is sent when every member has it.
    One,
    /// Several senders with `in_flight` each; a message is in flight until the member who joined last has it.
    Senders {
        /// Members who send, 1 to [`MAX_SENDERS`].
        senders: usize,
        /// Messages in flight from each of them.
        in_flight: u32,
    },
    /// One sender in each of several rooms; a message is in flight until the member who joined its room last has it.
    Rooms {
        rooms: usize,
        /// Members of each room.
        members: usize,
        /// Messages in flight in each room.
        in_flight: u32,
    },
}

/// The result of one window. Every message of it had arrived everywhere when the clocks were read.
pub struct Tally {
    /// Messages times the members who received each.
    pub deliveries: u64,
    /// From the first send to the last arrival.
    pub wall: Duration,
    /// Processor time of the process under test.
    pub cpu: Duration,
}

impl Tally {
    /// Microseconds of the process's processor time per delivery.
    pub fn cpu_per_delivery(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.deliveries.max(1) as f64
    }

    /// Deliveries a second of real time.
    pub fn per_second(&self) -> f64 {
        self.deliveries as f64 / self.wall.as_secs_f64()
    }
}

/// Sends as much as `flow` allows for `length`. `cpu` is the processor time used so far.
pub fn closed_loop(
    crowd: &mut Crowd,
    cpu: &dyn Fn() -> Result<Duration, Failure>,
    flow: Flow,
    length: Duration,
) -> Result<Tally, Failure> {
    match flow {
        Flow::One => in_one_room(crowd, cpu, 1, 1, true, length),
        // At least one member only listens.
        Flow::Senders { senders, in_flight } => {
            let senders = senders.min(MAX_SENDERS).min(crowd.len() - 1);
            in_one_room(crowd, cpu, senders, in_flight, false, length)
        }
        Flow::Rooms { rooms, members, in_flight } => in_rooms(crowd, cpu, rooms, members, in_flight, length),
    }
}

/// `everyone`: a message is in flight until every member has it, and not only the one who joined last.
fn in_one_room(
    crowd: &mut Crowd,
    cpu: &dyn Fn() -> Result<Duration, Failure>,
    senders: usize,
    in_flight: u32,
    everyone: bool,
    length: Duration,
) -> Result<Tally, Failure> {
    let members = crowd.len();
    crowd.set_speakers(senders)?;
    let copies = members as u64 - 1;
    let mut arrived: [u32; MAX_SENDERS] = std::array::from_fn(|sender| crowd.sent(0, sender));
    let (mut deliveries, mut expected) = (0_u64, 0_u64);
    let before = cpu()?;
    let start = Instant::now();
    let mut sending = true;
    while sending || deliveries < expected {
        for (sender, &arrived) in arrived.iter().enumerate().take(senders) {
            let room = in_flight - (crowd.sent(0, sender) - arrived);
            if sending && room > 0 {
                crowd.say(0, sender, room)?;
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
            arrived[0] = crowd.sent(0, 0);
        }
        if ready == 0 {
            return Err(silent(crowd, members));
        }
        sending = start.elapsed() < length;
    }
    let tally = Tally { deliveries, wall: start.elapsed(), cpu: cpu()?.saturating_sub(before) };
    crowd.check_all_alike(members)?;
    Ok(tally)
}

fn in_rooms(
    crowd: &mut Crowd,
    cpu: &dyn Fn() -> Result<Duration, Failure>,
    rooms: usize,
    members: usize,
    in_flight: u32,
    length: Duration,
) -> Result<Tally, Failure> {
    let last_of = |room: usize| room * members + members - 1;
    let copies = members as u64 - 1;
    let mut arrived: Vec<u32> = (0..rooms).map(|room| crowd.sent(room, 0)).collect();
    let (mut deliveries, mut expected) = (0_u64, 0_u64);
    // Only the rooms in which something has arrived are looked at: a hundred rooms per event would make the client slow.
    let mut ready_rooms: Vec<usize> = (0..rooms).collect();
    let before = cpu()?;
    let start = Instant::now();
    let mut sending = true;
    while sending || deliveries < expected {
        for room in ready_rooms.drain(..).filter(|_| sending) {
            let free = in_flight - (crowd.sent(room, 0) - arrived[room]);
            crowd.say(room, 0, free)?;
            expected += copies * u64::from(free);
        }
        let ready = crowd.poll(PATIENCE, |delivery| {
            deliveries += 1;
            if delivery.member == last_of(delivery.room) {
                arrived[delivery.room] = delivery.number + 1;
                ready_rooms.push(delivery.room);
            }
        })?;
        if ready == 0 {
            return Err(silent(crowd, crowd.len()));
        }
        sending = start.elapsed() < length;
    }
    let tally = Tally { deliveries, wall: start.elapsed(), cpu: cpu()?.saturating_sub(before) };
    crowd.check_all_alike(crowd.len())?;
    Ok(tally)
}

/// Waits until the process is idle, because messages are written to disk after they are delivered.
pub fn wait_idle(crowd: &mut Crowd, subject: &Subject) -> Result<(), Failure> {
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        let before = subject.cpu()?;
        let came = crowd.poll(STILL, |_| {})?;
        if came == 0 && subject.cpu()?.saturating_sub(before) < NEXT_TO_NOTHING {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::new("the process under test does not become idle"));
        }
    }
}

/// Sends `rate` messages a second from the first member for `length`. Returns how long each of the first `audience` members
/// waited for each, from before the sender's `write` to the return of the member's `read`, in nanoseconds.
pub fn paced(crowd: &mut Crowd, audience: usize, rate: u32, length: Duration) -> Result<Vec<u64>, Failure> {
    crowd.set_speakers(1)?;
    let copies = audience - 1;
    let total = (f64::from(rate) * length.as_secs_f64()) as u32;
    let first = crowd.sent(0, 0);
    let mut sent_at: Vec<Instant> = Vec::with_capacity(total as usize);
    let mut waits: Vec<u64> = Vec::with_capacity(total as usize * copies);
    crowd.tick(rate)?;
    let start = Instant::now();
    while (sent_at.len() as u32) < total || waits.len() < sent_at.len() * copies {
        // By the clock, not by the tick: a tick missed under load is made up for.
        let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while (sent_at.len() as u32) < due.min(total) {
            sent_at.push(Instant::now());
            crowd.say(0, 0, 1)?;
        }
        crowd.poll(PATIENCE, |delivery| {
            if delivery.member < audience {
                let sent = sent_at[(delivery.number - first) as usize];
                let wait = delivery.at.saturating_duration_since(sent);
                waits.push(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
            }
        })?;
        // The ticks wake `poll`, so its own timeout never passes.
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
        Ok(()) => "but nothing is missing".to_owned(),
    };
    Failure::new(format!("nothing more arrives: {missing}"))
}

/// Sends `rate` messages a second from the first `senders` members for `length`, and measures when one message of each
/// burst reaches the members after them, as `paced` does. Calls `pause` now and then.
pub fn spread(
    crowd: &mut Crowd,
    senders: usize,
    rate: u32,
    length: Duration,
    mut pause: impl FnMut(Duration) -> Result<(), Failure>,
) -> Result<Vec<u64>, Failure> {
    crowd.set_speakers(senders)?;
    let total = (f64::from(rate) * length.as_secs_f64()) as u32 / u32::try_from(senders)?;
    let first: Vec<u32> = (0..senders).map(|sender| crowd.sent(0, sender)).collect();
    let members = crowd.len();
    let copies = (members as u64 - 1) * senders as u64;
    // When each burst of the first sender began, by the number of its last message.
    let mut bursts: Vec<(u32, Instant)> = Vec::new();
    let mut waits = Vec::new();
    let (mut sent, mut deliveries) = (0_u32, 0_u64);
    crowd.tick(BURSTS)?;
    let start = Instant::now();
    while sent < total || deliveries < u64::from(sent) * copies {
        let due = ((start.elapsed().as_secs_f64() * f64::from(rate)) as u32 / u32::try_from(senders)?).min(total);
        if due > sent {
            bursts.push((first[0] + due - 1, Instant::now()));
            for sender in 0..senders {
                crowd.say(0, sender, due - sent)?;
            }
            sent = due;
        }
        crowd.poll(PATIENCE, |delivery| {
            deliveries += 1;
            if delivery.member >= senders
                && delivery.sender == 0
                && let Ok(index) = bursts.binary_search_by_key(&delivery.number, |(number, _)| *number)
            {
                let wait = delivery.at.saturating_duration_since(bursts[index].1);
                waits.push(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
            }
        })?;
        pause(start.elapsed())?;
        if start.elapsed() > length + PATIENCE {
            return Err(silent(crowd, members));
        }
    }
    crowd.tick(0)?;
    crowd.check_all_alike(members)?;
    Ok(waits)
}

/// The value that `share` of the values are below.
pub fn percentile(values: &mut [u64], share: f64) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let index = ((values.len() - 1) as f64 * share).round() as usize;
    *values.select_nth_unstable(index).1
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
