//! Messages that a server confirmed and never stored.
//!
//! A server confirms a message at once and has it on disk up to a quarter of a second later. One that is killed or loses
//! power forgets the messages in between, and says so when it is back ([`ClientModel::lose`]). The user's own ones among
//! them return to the front of the waiting lines, in order; this client cannot resend anything else.
//!
//! *Owns* which lines were sent last, and what is sent again. *Knows nothing of* how a server stores anything.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::ClientModel;
use super::channel::ChannelKey;
use super::intent::Moment;
use super::item::{Gone, ItemContent};
use super::sending::{Outgoing, OutgoingState};

/// How long a line is kept after it was said. A server whose disk takes longer than that has told its operators.
const KEPT: Duration = Duration::from_secs(60);

/// Most lines kept: a script may send thousands of lines a second.
const MOST_SAID: usize = 10_000;

/// A line of the user that has become a message in a room.
#[derive(Debug)]
struct SaidLine {
    number: u64,
    channel: ChannelKey,
    at: Instant,
    line: Outgoing,
}

/// The lines sent last, and those to be sent again.
#[derive(Debug, Default)]
pub(super) struct SaidLines {
    said: VecDeque<SaidLine>,
    /// By their first numbers.
    again: Vec<(u64, Outgoing)>,
}

impl SaidLines {
    pub(super) fn any_again(&self) -> bool {
        !self.again.is_empty()
    }

    /// Takes the lines to be sent again, in order.
    pub(super) fn take_again(&mut self) -> Vec<Outgoing> {
        self.again.sort_by_key(|(number, _)| *number);
        self.again.drain(..).map(|(_, line)| line).collect()
    }
}

impl ClientModel {
    /// A line of the user's has become a message of a room.
    pub(super) fn note_said(&mut self, line: Outgoing, channel: ChannelKey, number: Option<u64>) {
        let (Some(number), false) = (number, line.request.private) else { return };
        let now = self.heard.unwrap_or_else(Instant::now);
        let said = &mut self.said.said;
        while said.front().is_some_and(|first| said.len() >= MOST_SAID || first.at + KEPT < now) {
            said.pop_front();
        }
        said.push_back(SaidLine { number, channel, at: now, line });
    }

    /// The server has stored no message of a room with one of these numbers.
    pub(super) fn lose(&mut self, channel: ChannelKey, range: RangeInclusive<u64>, now: Moment) {
        let (lost, kept) = std::mem::take(&mut self.said.said)
            .into_iter()
            .partition(|said| said.channel == channel && range.contains(&said.number));
        self.said.said = kept;
        let lost: VecDeque<SaidLine> = lost;
        let (mut again, mut over) = (0, 0);
        for SaidLine { number, line, .. } in lost {
            if line.request.action == "temp" {
                // It would last longer than its author wanted.
                over += 1;
                continue;
            }
            let place = self.channel(channel).and_then(|room| room.find(number));
            let is_here = self.channel_mut(channel).change(number, |message| {
                message.gone = Some(Gone::Lost);
                message.text.clear();
            });
            if let Some(item) = place.filter(|_| is_here) {
                self.note_change(channel, item);
            }
            self.said.again.push((number, line));
            again += 1;
        }
        let others = self.channel_mut(channel).forget_range(range);
        let count = others + again;
        if count == 0 {
            return;
        }
        let messages = if count == 1 { "message here".to_owned() } else { format!("{count} messages here") };
        let mut line = format!("The server was stopped before it had saved the last {messages}.");
        line.push_str(match again {
            0 => "",
            1 => " Yours is sent again.",
            _ => " Yours are sent again.",
        });
        if over > 0 {
            line.push_str(" Temporary ones are not sent again.");
        }
        self.tell(channel, ItemContent::News(line), now);
    }

    /// Puts the user's lost messages in front of the waiting lines.
    pub(super) fn say_again(&mut self) {
        for mut line in self.said.take_again().into_iter().rev() {
            (line.state, line.not_before) = (OutgoingState::Waiting, None);
            self.outgoing.push_front(line);
            self.revision += 1;
        }
    }
}
