//! Recovery after a failure: check what the new Redis has, claim again what users held, and load what was missed.
//!
//! *Owns* the order of these steps. First, names and lost rooms are claimed. Then the state is loaded. Then memberships
//! are decided on the rooms as they are now, each bound to that version, so that nobody returns to a room that has banned
//! them in the meantime. The node sends nothing else until all of this has been read back.
//! *Knows nothing of* normal operation.

use std::time::Instant;

use super::{Claimed, Core, Load, Out, Phase, Reading, Step};
use crate::cluster::command::Command;
use crate::cluster::engine::{BLOCK, Call, Reply};
use crate::cluster::entry::{LogState, RoomSnapshot};
use crate::cluster::replica::{Holdings, Returning};
use crate::cluster::values::{Log, NumberKind, Position};
use crate::metrics::ResyncCause;

/// Claims per pipeline. Each costs Redis about 3 us.
const CLAIMS: usize = 500;

/// Bytes of claims per pipeline. A restored room has a history of about 30 KB.
const CLAIM_BYTES: usize = 1 << 20;

/// Rooms per pipeline. A full history is about 30 KB.
const ROOMS: usize = 100;

/// How often a membership is claimed again if the room keeps changing.
const OUTDATED: usize = 20;

impl Core {
    pub(super) fn term_calls(&self) -> Vec<Call> {
        // All kinds are listed, so that even a node that has seen no numbers makes Redis skip some.
        let floor = |kind| self.floors.get(&kind).copied().unwrap_or(0);
        let floors = Vec::from(NumberKind::ALL.map(|kind| (kind, floor(kind))));
        let call = |(log, view): (&Log, &super::LogView)| {
            let is_directory = *log == Log::Directory;
            Call::NewTerm {
                log: *log,
                run: self.run.as_str().into(),
                known: view.position,
                eras: view.eras(),
                skip: self.skipped(),
                newest: if is_directory { 0 } else { floor(NumberKind::Message) },
                floors: if is_directory { floors.clone() } else { Vec::new() },
            }
        };
        self.logs.iter().map(call).collect()
    }

    /// How many numbers a new term skips. If replicas confirm each block, at most one block can be lost. Otherwise two
    /// Redis servers may have taken over one after the other without knowing of each other, so they must skip different
    /// amounts.
    fn skipped(&self) -> u64 {
        if self.rules.replicas > 0 {
            return BLOCK;
        }
        let apart = self.run.get(..4).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or(0);
        BLOCK * (1 + apart % 256)
    }

    pub(super) fn begin_claims(&mut self) {
        self.phase = Phase::Asking(Step::Holdings);
        if self.down_since.is_some() {
            let cause = if self.was_out { ResyncCause::Lease } else { ResyncCause::Redis };
            self.metrics.resyncs.of(cause).add(1);
        }
        (self.outdated, self.journey.put_out) = (0, 0);
        self.refused.clear();
        self.settle_to.clear();
        let lost = self.logs.iter().filter_map(|(log, view)| Some((*log, view.lost_after?))).collect();
        self.out.push_back(Out::Holdings(lost));
    }

    pub(super) fn take_holdings(&mut self, holdings: Holdings) {
        let Holdings { names, rooms } = holdings;
        self.claims.clear();
        for claim in names {
            let client = claim.client;
            self.claims.push_back((Log::Directory, Command::Claim(claim), Claimed::Name(client)));
        }
        for commit in rooms {
            let log = self.rules.partitions.of_place(&commit.place);
            self.claims.push_back((log, Command::Commit(commit), Claimed::Room));
        }
        #[cfg(test)]
        if self.skips.claims {
            self.claims.clear();
        }
        self.phase = Phase::Claiming(Step::Holdings);
        self.claims_sent(Instant::now());
    }

    pub(super) fn take_returning(&mut self, returning: Returning, now: Instant) {
        let Returning { memberships, put_out } = returning;
        self.journey.put_out += put_out;
        for (client, room, commit) in memberships {
            let log = self.rules.partitions.of_place(&commit.place);
            self.claims.push_back((log, Command::Commit(commit), Claimed::Membership(client, room)));
        }
        #[cfg(test)]
        if self.skips.claims {
            self.claims.clear();
        }
        self.phase = Phase::Claiming(Step::Memberships);
        self.claims_sent(now);
    }

    pub(super) fn claim_calls(&mut self) -> Vec<Call> {
        let caller = self.caller();
        let (mut calls, mut bytes) = (Vec::new(), 0);
        while calls.len() < CLAIMS && bytes < CLAIM_BYTES {
            let Some((log, command, claimed)) = self.claims.pop_front() else { break };
            let Some(view) = self.logs.get_mut(&log) else { continue };
            let n = view.next_n;
            view.next_n += 1;
            bytes += command.weight();
            self.claiming.insert((log, n), claimed);
            calls.push(Call::Submit { log, caller: caller.clone(), n, command });
        }
        calls
    }

    pub(super) fn claim_answered(&mut self, log: Log, claimed: Claimed, reply: &Reply) {
        if let Reply::Committed { number, .. } | Reply::Done { number } = reply {
            let settled = self.settle_to.entry(log).or_default();
            *settled = (*settled).max(*number);
        }
        let granted = matches!(reply, Reply::Committed { .. } | Reply::Done { .. });
        match claimed {
            Claimed::Name(client) if !granted => {
                self.journey.renamed += 1;
                self.metrics.renamed.add(1);
                self.out.push_back(Out::NameTaken(client));
            }
            Claimed::Membership(..) if matches!(reply, Reply::Stale { .. }) && self.outdated < OUTDATED => {
                // It is decided again on the room as it is now.
                if let Some(view) = self.logs.get_mut(&log) {
                    view.reading = Reading::Behind;
                }
            }
            Claimed::Membership(client, room) if !granted => {
                self.journey.put_out += 1;
                self.refused.push((client, room));
            }
            // The room exists already, so there is nothing to restore.
            Claimed::Name(_) | Claimed::Membership(..) | Claimed::Room => {}
        }
    }

    /// Continues once all claims are answered.
    pub(super) fn claims_sent(&mut self, now: Instant) {
        if !self.claims.is_empty() || !self.claiming.is_empty() {
            return;
        }
        if self.phase == Phase::Claiming(Step::Holdings) {
            self.phase = Phase::Loading;
            self.loads.clear();
            self.logs.values_mut().for_each(|view| view.reading = Reading::Behind);
        } else {
            self.settled_yet(now);
        }
    }

    /// Continues once all claims have been read back.
    pub(super) fn settled_yet(&mut self, now: Instant) {
        if self.logs.values().any(|view| view.reading == Reading::Behind) {
            self.outdated += 1;
            self.loads.clear();
            self.phase = Phase::Loading;
            return;
        }
        let reached =
            |(log, number): (&Log, &u64)| self.logs.get(log).is_none_or(|view| view.position.number >= *number);
        if !self.settle_to.iter().all(reached) {
            self.phase = Phase::Settling;
            return;
        }
        self.decide_again();
        self.run_on(now);
        for (client, room) in std::mem::take(&mut self.refused) {
            self.out.push_back(Out::MembershipRefused(client, room));
        }
    }

    /// Reads the state of the logs that cannot be followed, then their rooms.
    pub(super) fn load_calls(&mut self) -> Vec<Call> {
        let behind = self.logs.iter().filter(|(_, view)| view.reading == Reading::Behind).map(|(log, _)| *log);
        let mut calls = Vec::new();
        for log in behind {
            match self.loads.get(&log) {
                None => calls.push(Call::Look { log }),
                Some(load) if calls.len() < ROOMS => {
                    let keys = load.missing.iter().take(ROOMS).cloned();
                    calls.extend(keys.map(|key| Call::Room { log, key }));
                }
                Some(_) => {}
            }
        }
        calls
    }

    pub(super) fn looked(&mut self, log: Log, reply: &Reply) {
        let Reply::Look { end, nodes, rooms, names, kept, parted } = reply else { return };
        let load = Load {
            end: *end,
            living: nodes.iter().cloned().collect(),
            nodes: nodes.iter().chain(parted).cloned().collect(),
            missing: rooms.iter().cloned().collect(),
            rooms: Vec::new(),
            names: names.clone(),
            kept: kept.clone(),
        };
        self.loads.insert(log, load);
    }

    pub(super) fn room_loaded(&mut self, log: Log, room: Option<&RoomSnapshot>) {
        let Some(load) = self.loads.get_mut(&log) else { return };
        load.missing.pop_front();
        load.rooms.extend(room.cloned());
    }

    pub(super) fn loads_sent(&mut self) {
        self.finish_loads();
        if self.logs.values().all(|view| view.reading == Reading::Following) {
            self.phase = Phase::Asking(Step::Memberships);
            self.out.push_back(Out::Returning);
        }
    }

    fn decide_again(&mut self) {
        #[cfg(test)]
        if self.skips.decisions {
            return;
        }
        self.logs.values_mut().for_each(|view| view.decide_again(&mut self.out));
    }

    /// Passes each completely loaded state to the replica.
    pub(super) fn finish_loads(&mut self) {
        let complete = self.loads.iter().filter(|(_, load)| load.missing.is_empty()).map(|(log, _)| *log);
        let mut newest_message = 0;
        for log in complete.collect::<Vec<_>>() {
            let (Some(load), Some(view)) = (self.loads.remove(&log), self.logs.get_mut(&log)) else { continue };
            let Load { end, living, nodes, missing: _, rooms, mut names, kept } = load;
            view.reading = Reading::Following;
            (view.known_to, view.lost_after) = (end.number, None);
            if view.position == Position::START {
                view.position = end;
            }
            rooms.iter().for_each(|room| view.loaded(room));
            let state = match log {
                Log::Directory => {
                    view.names_to = end.number;
                    names.retain(|name| nodes.contains(&(name.node.clone(), name.epoch)));
                    self.living = living;
                    self.out.push_back(Out::Nodes(self.living.keys().cloned().collect()));
                    LogState::Directory { names, kept }
                }
                Log::Partition(_) => {
                    let newest = rooms.iter().filter_map(|room| room.messages.last()).map(|(id, _)| *id).max();
                    newest_message = newest_message.max(newest.unwrap_or(0));
                    LogState::Partition(rooms)
                }
            };
            self.out.push_back(Out::Reload(log, state));
        }
        self.raise_floor(NumberKind::Message, newest_message);
        self.settle_all();
    }
}
