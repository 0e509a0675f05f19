//! Conversations on a client's screen, and what others do to them.

use super::*;

fn bob(text: &str) -> Addressee {
    Addressee { client: ClientId(99), name: name(text) }
}

fn with_bob() -> Conversation {
    Conversation::Direct(bob("bob"))
}

/// From this client to bob, or from bob to this client.
fn direct(id: u64, from_bob: bool, draft: Draft) -> Arc<Event> {
    let alice = Addressee { client: ClientId(1), name: name("alice") };
    let (from, to) = if from_bob { (bob("bob"), alice) } else { (alice, bob("bob")) };
    let (id, at) = (MessageId(id), Timestamp::UNIX_EPOCH);
    Arc::new(Event::Said(Message::new(id, at, from.name, from.client, draft, [to].into())))
}

/// A user in the palette, with nothing open.
fn person() -> (Arc<Outbox>, Socket) {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    assert!(outbox.set_prompt(Prompt::Palette(None), &[]));
    outbox.settle();
    all_packets(&peer);
    (outbox, peer)
}

#[test]
fn a_partner_who_keeps_changing_names_leaves_one_notice_with_a_user_who_types_nothing() {
    let (outbox, _peer) = person();
    let carol = Addressee { client: ClientId(98), name: name("carol") };
    assert!(outbox.set_prompt(Prompt::Palette(None), &[with_bob(), Conversation::Direct(carol.clone())]));
    outbox.partner_renamed(&carol, "carol is carol");
    for number in 0..1000 {
        outbox.partner_renamed(&bob(&format!("bob{number}")), "hello");
    }
    assert_eq!(outbox.take_notices(), [Notice::PartnerRenamed(carol), Notice::PartnerRenamed(bob("bob999"))]);
}

#[test]
fn a_direct_message_is_shown_at_once_and_told_from_ones_own_side() {
    let (outbox, peer) = person();
    outbox.show_direct(&direct(1, true, Draft::said("hello")), &mut clock());
    assert_eq!(all_packets(&peer), ["\r[00:00] #1 bob -> you: hello\r\n> "]);
    outbox.line_ended(false, false);
    outbox.tell_direct(&direct(2, false, Draft::said("hi")), OwnCopy::Answer, &mut clock());
    assert_eq!(all_packets(&peer), Vec::<String>::new(), "it waits for the end of the turn");
    outbox.settle();
    assert_eq!(all_packets(&peer), ["\r[00:00] #2 you -> bob: hi\r\n> "]);
    let waves = Draft { action: true, ..Draft::said("waves") };
    outbox.show_direct(&direct(3, true, waves), &mut clock());
    assert_eq!(all_packets(&peer), ["\r[00:00] #3 bob -> you: * bob waves\r\n> "]);
}

#[test]
fn a_direct_message_comes_over_the_view_of_a_room() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 0);
    all_packets(&peer);
    outbox.show_direct(&direct(1, true, Draft::said("hello")), &mut clock());
    assert_eq!(all_packets(&peer), ["\r[00:00] #1 bob -> you: hello\r\ngeneral | "]);
}

#[test]
fn an_ended_conversation_takes_its_view_and_its_prompt_along() {
    let (outbox, peer) = person();
    assert!(outbox.set_prompt(Prompt::ChatView(with_bob()), &[room("games"), with_bob()]));
    outbox.open_direct_view(&Prompt::ChatView(with_bob()), &["only you two"], &[], &mut clock());
    outbox.settle();
    assert!(all_packets(&peer).concat().ends_with("@bob | "));
    // Whatever name they leave with.
    outbox.expel(
        &Conversation::Direct(bob("robert")),
        None,
        &Expulsion::PartnerLeft,
        "robert has left: your conversation is over.",
    );
    let seen = all_packets(&peer).concat();
    assert!(seen.ends_with("* robert has left: your conversation is over.\r\n[games]> "), "{seen:?}");
    assert_eq!(outbox.open(), [room("games")]);
    assert!(!outbox.set_prompt(Prompt::ChatView(with_bob()), &[with_bob()]), "not before it has taken the notice");
    assert_eq!(outbox.take_notices(), [Notice::Lost { from: Conversation::Direct(bob("robert")), membership: None }]);
    assert!(outbox.take_notices().is_empty());
}

#[test]
fn the_end_of_a_conversation_in_the_background_leaves_the_view() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    assert!(outbox.set_prompt(Prompt::ChatView(room("general")), &[with_bob(), room("general")]));
    outbox.open_view(1, 0, &Prompt::ChatView(room("general")), &["here"], &[], &mut clock());
    outbox.settle();
    all_packets(&peer);
    outbox.expel(&with_bob(), None, &Expulsion::PartnerLeft, "bob has left: your conversation is over.");
    assert_eq!(all_packets(&peer), ["\r* bob has left: your conversation is over.\r\ngeneral | "]);
    outbox.push(&mut batch(&[said(1, 99, "hello")]));
    assert_eq!(all_packets(&peer).len(), 1, "the view is still open");
}

#[test]
fn the_end_of_a_conversation_that_was_never_opened_is_not_shown() {
    let (outbox, peer) = person();
    outbox.show_direct(&direct(1, true, Draft::said("hello")), &mut clock());
    all_packets(&peer);
    outbox.expel(&with_bob(), None, &Expulsion::PartnerLeft, "bob has left: your conversation is over.");
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    assert!(outbox.take_notices().is_empty());
}

#[test]
fn a_partners_new_name_changes_the_prompt_at_once() {
    let (outbox, peer) = person();
    assert!(outbox.set_prompt(Prompt::ChatView(with_bob()), &[with_bob()]));
    outbox.open_direct_view(&Prompt::ChatView(with_bob()), &["only you two"], &[], &mut clock());
    outbox.settle();
    all_packets(&peer);
    outbox.partner_renamed(&bob("robert"), "bob is now known as robert.");
    let seen = all_packets(&peer).concat();
    assert!(seen.ends_with("* bob is now known as robert.\r\n@robert | "), "{seen:?}");
    let robert = Conversation::Direct(bob("robert"));
    let Conversation::Direct(known) = &outbox.open()[0] else { panic!("a conversation") };
    assert_eq!(known.name.as_str(), "robert");
    assert_eq!(outbox.take_notices(), [Notice::PartnerRenamed(bob("robert"))]);
    assert!(outbox.set_prompt(Prompt::Palette(Some(robert.clone())), &[robert]));
    outbox.settle();
    outbox.partner_renamed(&bob("rob"), "robert is now known as rob.");
    let seen = all_packets(&peer).concat();
    assert!(seen.ends_with("* robert is now known as rob.\r\n[@rob]> "), "{seen:?}");
}

#[test]
fn the_new_name_of_a_user_without_a_conversation_is_not_shown() {
    let (outbox, peer) = person();
    outbox.partner_renamed(&bob("robert"), "bob is now known as robert.");
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    assert!(outbox.take_notices().is_empty());
    // In the background the line is shown, and the prompt stays.
    assert!(outbox.set_prompt(Prompt::ChatView(room("general")), &[with_bob(), room("general")]));
    outbox.settle();
    all_packets(&peer);
    outbox.partner_renamed(&bob("robert"), "bob is now known as robert.");
    assert_eq!(all_packets(&peer), ["\r* bob is now known as robert.\r\ngeneral | "]);
}

#[test]
fn an_ended_outbox_ignores_conversations() {
    let (outbox, peer) = person();
    assert!(outbox.set_prompt(Prompt::ChatView(with_bob()), &[with_bob()]));
    outbox.settle();
    all_packets(&peer);
    outbox.disconnect(DisconnectReason::Idle);
    outbox.show_direct(&direct(1, true, Draft::said("hello")), &mut clock());
    outbox.partner_renamed(&bob("robert"), "bob is now known as robert.");
    outbox.expel(&with_bob(), None, &Expulsion::PartnerLeft, "bob has left.");
    outbox.redraw_if_due(clock());
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    assert!(outbox.take_notices().is_empty());
}
