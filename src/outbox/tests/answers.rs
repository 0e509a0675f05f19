//! Others' text in the middle of a user's own reply: who caused which half of the backlog.

use super::*;

fn bob() -> Addressee {
    Addressee { client: ClientId(99), name: name("bob") }
}

/// Something that others send to a client in the view of `general` with a conversation with bob open.
type Others = fn(&Outbox);

const OTHERS: [(&str, Others); 5] = [
    ("a message in the room", |outbox| outbox.push(&mut batch(&[said(1, 99, "hello")]))),
    ("an announcement", |outbox| outbox.announce(LineKind::News, "hello")),
    ("a direct message", |outbox| {
        let alice = Addressee { client: ClientId(1), name: name("alice") };
        let at = Timestamp::UNIX_EPOCH;
        let message = Message::new(MessageId(1), at, name("bob"), ClientId(99), Draft::said("hello"), [alice].into());
        outbox.show_direct(&Arc::new(Event::Said(message)), &mut clock());
    }),
    ("the end of the room", |outbox| {
        outbox.expel(&room("general"), Some(MembershipId(1)), &Expulsion::Closed, "hello")
    }),
    ("another name", |outbox| outbox.partner_renamed(&bob(), "hello")),
];

/// A user in the view of `general` with kilobytes of unsent replies.
fn asker(outbox: &Outbox, kilobytes: usize) {
    let open = [Conversation::Direct(bob()), room("general")];
    assert!(outbox.set_prompt(Prompt::ChatView(room("general")), &open));
    outbox.open_view(1, 0, &Prompt::ChatView(room("general")), &["here"], &[], &mut clock());
    outbox.settle();
    for _ in 0..kilobytes {
        outbox.tell(LineKind::News, &"x".repeat(1000));
    }
}

#[test]
fn a_line_of_others_in_the_middle_of_a_long_answer_does_not_drop_the_user_who_asked() {
    for (what, others) in OTHERS {
        let slow_readers = slow_readers(OutboxLimits { bytes: Some(4096), ..NO_LIMITS });
        let (outbox, _peer) = narrow(1, &slow_readers);
        asker(&outbox, 400);
        others(&outbox);
        assert_eq!(outbox.disconnect_reason(), None, "{what}");
        // The rest of the reply, and the next line from others.
        outbox.tell(LineKind::News, &"y".repeat(100_000));
        outbox.announce(LineKind::News, "hello");
        outbox.settle();
        assert_eq!(outbox.disconnect_reason(), None, "{what}");
        assert!(outbox.backlog_bytes() > 300_000, "{what}");
    }
}

#[test]
fn a_line_of_others_comes_between_the_halves_of_an_answer() {
    for (what, others) in OTHERS {
        let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
        asker(&outbox, 0);
        all_packets(&peer);
        outbox.line_ended(true, false);
        outbox.tell(LineKind::News, "first");
        others(&outbox);
        outbox.tell(LineKind::News, "last");
        outbox.settle();
        let all = all_packets(&peer).concat();
        let at = |text: &str| all.find(text).unwrap_or_else(|| panic!("{what}: no {text} in {all:?}"));
        assert!(at("* first") < at("hello") && at("hello") < at("* last"), "{what}: {all:?}");
    }
}
