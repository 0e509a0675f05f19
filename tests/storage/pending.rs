//! What is read while erasures and edits wait for a failing disk.

use chatsock::chat::message::{MessageId, Quoted};
use chatsock::store::{MessageRecord, StoreEvent};

use crate::place::{Place, hash, open, room, said, texts, told, user};

#[test]
fn erasures_and_edits_are_visible_while_the_disk_fails() {
    let place = Place::new();
    let (store, _, news) = open(place.options()).expect("a store");
    let [alice, bob] =
        ["alice", "bob"].map(|name| store.create_account(&user(name), &hash("one")).expect("an account"));
    let general = room("general");
    let by = |id, text: &str| MessageRecord { account: Some(bob), ..said(id, "bob", text) };
    store.record_visit(alice, &general, MessageId(0));
    (1..=10).for_each(|id| store.record_message(&general, by(id, &format!("text {id}"))));
    let answer = |id, to| {
        let reply = Some(Quoted { id: MessageId(to), author: user("bob"), start: None });
        store.record_message(&general, MessageRecord { reply, ..by(id, &format!("answer to {to}")) });
    };
    answer(11, 9);
    answer(12, 8);
    store.flush().expect("written");
    store.limit_pages(1);
    // Something that needs space, or nothing would be refused.
    store.record_message(&general, by(13, &"x".repeat(10_000)));
    told(&news, |news| matches!(news, StoreEvent::DiskFailed(_)).then_some(()));

    for id in [9, 7, 6, 12] {
        store.record_deletion(&general, MessageId(id));
    }
    store.record_edit(&general, MessageId(8), "changed");
    let expected: Vec<_> =
        ["answer to 9", "text 10", "changed", "text 5", "text 4", "text 3", "text 2", "text 1"].into();
    let check = |store: &chatsock::store::Store| {
        assert_eq!(texts(store, "general"), expected);
        // A page has the requested length, even where messages are missing.
        let page = store.messages_before(&general, MessageId(11), 3, crate::place::PATIENCE).expect("a page");
        let ids: Vec<_> = page.messages.iter().map(|message| message.id.0).collect();
        assert_eq!(ids, [10, 8, 5]);
        assert_eq!(store.message(MessageId(9)), Ok(None));
        let (_, edited) = store.message(MessageId(8)).expect("read").expect("a message");
        assert_eq!((&*edited.text, edited.edited), ("changed", true));
        let (_, answer) = store.message(MessageId(11)).expect("read").expect("a message");
        assert_eq!(answer.reply.expect("a quote").start, None);
        let last = store.last_message_by(bob, &general).expect("read").expect("a message");
        assert_eq!(last.id, MessageId(11));
        assert_eq!(store.unread(alice), Ok(vec![(general.clone(), 8)]));
    };
    check(&store);
    store.record_deletion(&general, MessageId(13));
    store.limit_pages(0);
    told(&news, |news| matches!(news, StoreEvent::DiskRecovered { .. }).then_some(()));
    store.flush().expect("written");
    check(&store);
    for text in ["text 9", "text 8", "text 7"] {
        assert_eq!(place.files_with(text), [""; 0]);
    }
}
