//! What viewers read of messages that this server has missed, or Redis has lost, when the room is read again.

use std::collections::BTreeMap;

use super::*;
use crate::chat::room::{Change, ChangeKind, Now, RoomState, Wish};
use crate::hub::room::LogPlace;

/// A room that is in the log, as one of its viewers sees it.
struct Reread {
    room: Arc<Room>,
    alice: Person,
    bob: Person,
    /// The number of the last message.
    last: u64,
}

impl Reread {
    /// So many messages were said.
    fn new(count: usize) -> Reread {
        let room = room(1 << 20);
        let (alice, bob) = (Person::viewer(1, &room), Person::viewer(2, &room));
        room.begin_at(BTreeMap::new(), LogPlace { sequence: 5, version: 1 });
        let last = (0..count).fold(0, |_, _| bob.say(&room, "before"));
        Reread { room, alice, bob, last }
    }

    fn state(&self) -> RoomState {
        self.room.lock().room.clone()
    }

    /// The room is read again: so many more were said since it was like this, and the history has the last two.
    fn with(self, mut state: RoomState, more: u64) -> String {
        let moment = Now { at: Timestamp::UNIX_EPOCH, last: MessageId(self.last) };
        state.apply(Change { at: moment.at, kind: ChangeKind::HistoryResized(2) });
        for number in 1..=more {
            let wish = Wish::Post { draft: Draft::said(format!("line {number}.")), said_at: moment.at };
            let mut said = state.decide(&self.bob.actor(), wish, moment).expect("a member");
            said.number(MessageId(self.last + 1000 + number));
            state.apply(said);
        }
        self.room.catch_up_with(state, BTreeMap::new(), LogPlace { sequence: 9, version: 1 });
        self.room.deliver_from_log();
        drop(self.bob);
        self.alice.screen()
    }
}

#[test]
fn as_many_are_missing_as_were_said_and_are_not_in_the_history() {
    let reread = Reread::new(1);
    let state = reread.state();
    let screen = reread.with(state, 4);
    assert!(screen.contains("* 2 earlier messages are missing here.\r\n"), "{screen:?}");
    assert!(!screen.contains("line 2.") && screen.contains("line 3.") && screen.contains("line 4."), "{screen:?}");
    let reread = Reread::new(1);
    let state = reread.state();
    let screen = reread.with(state, 2);
    assert!(!screen.contains("missing") && screen.contains("line 1."), "{screen:?}");
}

#[test]
fn after_a_loss_a_count_is_the_least_there_may_be() {
    let mut reread = Reread::new(0);
    let before = reread.state();
    for text in ["one", "two"] {
        reread.last = reread.bob.say(&reread.room, text);
    }
    reread.room.lose_messages(2, "The last 2 messages may not have reached everybody.");
    let screen = reread.with(before, 5);
    assert!(screen.contains("* At least 3 earlier messages are missing here.\r\n"), "{screen:?}");
}

#[test]
fn where_others_have_counted_another_way_earlier_messages_may_be_missing() {
    let empty = Reread::new(0).state();
    let reread = Reread::new(3);
    // Nothing is known any more of what this server has counted, and others have said as many.
    reread.room.lose_messages(0, "This room has lost its history.");
    let screen = reread.with(empty, 3);
    assert!(screen.contains("* Earlier messages may be missing here.\r\n"), "{screen:?}");
    assert!(!screen.contains("line 1.") && screen.contains("line 3."), "{screen:?}");
}
