//! After a failure: the terms of another Redis, what users hold is claimed again, and what was missed is loaded.
//!
//! *Owns* the order of these steps. Claims come first, so that nothing is said meanwhile by a user that Redis does not know;
//! each is bound to the version that the node knows, so that nobody comes back into a room which has banned them since.
//! *Knows nothing of* the usual traffic.

use std::time::Instant;

use super::{Claimed, Core, Load, Out, Phase, Reading};
use crate::cluster::command::Command;
use crate::cluster::engine::{Call, Reply};
use crate::cluster::entry::{LogState, RoomSnapshot};
use crate::cluster::replica::Holdings;
use crate::cluster::values::{Log, NumberKind, Position};

/// Claims in one pipeline: about 3 us of Redis each.
const CLAIMS: usize = 500;

/// Rooms in one pipeline: a full history is about 30 KB.
const ROOMS: usize = 100;

impl Core {
    pub(super) fn term_calls(&self) -> Vec<Call> {
        let floors: Vec<(NumberKind, u64)> = self.floors.iter().map(|(kind, floor)| (*kind, *floor)).collect();
        let call = |log: &Log| {
            let known = self.logs.get(log).map_or(Position::START, |view| view.position);
            let floors = if *log == Log::Directory { floors.clone() } else { Vec::new() };
            Call::NewTerm { log: *log, run: self.run.as_str().into(), known, floors }
        };
        self.logs.keys().map(call).collect()
    }

    pub(super) fn begin_claims(&mut self) {
        self.phase = Phase::Asking;
        self.out.push_back(Out::Holdings);
    }

    pub(super) fn take_holdings(&mut self, holdings: Holdings) {
        let Holdings { names, rooms, memberships } = holdings;
        self.claims.clear();
        #[cfg(test)]
        if self.skips.claims {
            return self.begin_loads();
        }
        for claim in names {
            let client = claim.client;
            self.claims.push_back((Log::Directory, Command::Claim(claim), Claimed::Name(client)));
        }
        for commit in rooms {
            let log = self.rules.partitions.of_place(&commit.place);
            self.claims.push_back((log, Command::Commit(commit), Claimed::Room));
        }
        for (client, room, commit) in memberships {
            let log = self.rules.partitions.of_place(&commit.place);
            self.claims.push_back((log, Command::Commit(commit), Claimed::Membership(client, room)));
        }
        self.phase = Phase::Claiming;
        self.claims_sent();
    }

    pub(super) fn claim_calls(&mut self) -> Vec<Call> {
        let caller = self.caller();
        let mut calls = Vec::new();
        for _ in 0..CLAIMS.min(self.claims.len()) {
            let Some((log, command, claimed)) = self.claims.pop_front() else { break };
            let Some(view) = self.logs.get_mut(&log) else { continue };
            let n = view.next_n;
            view.next_n += 1;
            self.claiming.insert((log, n), claimed);
            calls.push(Call::Submit { log, caller: caller.clone(), n, command });
        }
        calls
    }

    pub(super) fn claim_answered(&mut self, claimed: Claimed, reply: &Reply) {
        let granted = matches!(reply, Reply::Committed { .. } | Reply::Done { .. });
        match claimed {
            Claimed::Name(client) if !granted => self.out.push_back(Out::NameTaken(client)),
            Claimed::Membership(client, room) if !granted => self.refused.push((client, room)),
            // A room that is there needs no making.
            Claimed::Name(_) | Claimed::Membership(..) | Claimed::Room => {}
        }
    }

    pub(super) fn claims_sent(&mut self) {
        if self.claims.is_empty() && self.claiming.is_empty() {
            self.begin_loads();
        }
    }

    fn begin_loads(&mut self) {
        self.phase = Phase::Loading;
        self.loads.clear();
        self.logs.values_mut().for_each(|view| view.reading = Reading::Behind);
    }

    /// Looks at the logs that cannot be followed, then at their rooms.
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
        let Some(mut room) = room.cloned() else { return };
        // Those of dead nodes are still being removed.
        room.members.retain(|member| load.nodes.contains(&(member.node.clone(), member.epoch)));
        load.rooms.push(room);
    }

    pub(super) fn loads_sent(&mut self, now: Instant) {
        self.finish_loads();
        if self.logs.values().all(|view| view.reading == Reading::Following) {
            self.decide_again();
            self.run_on(now);
            for (client, room) in std::mem::take(&mut self.refused) {
                self.out.push_back(Out::MembershipRefused(client, room));
            }
        }
    }

    fn decide_again(&mut self) {
        #[cfg(test)]
        if self.skips.decisions {
            return;
        }
        self.logs.values_mut().for_each(|view| view.decide_again(&mut self.out));
    }

    /// Gives the replica every state that is complete.
    pub(super) fn finish_loads(&mut self) {
        let complete = self.loads.iter().filter(|(_, load)| load.missing.is_empty()).map(|(log, _)| *log);
        for log in complete.collect::<Vec<_>>() {
            let (Some(load), Some(view)) = (self.loads.remove(&log), self.logs.get_mut(&log)) else { continue };
            let Load { end, living, nodes, missing: _, rooms, mut names, kept } = load;
            view.reading = Reading::Following;
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
                    let floor = self.floors.entry(NumberKind::Message).or_default();
                    *floor = (*floor).max(newest.unwrap_or(0));
                    LogState::Partition(rooms)
                }
            };
            self.out.push_back(Out::Reload(log, state));
        }
        self.settle_all();
    }
}
