//! Direct chats with real sockets behind them: the lines on either screen.

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use socket2::{Domain, Socket, Type};

use super::*;
use crate::chat::history::MOST_TEMPORARY_OF_ONE;
use crate::chat::identity::Target;
use crate::chat::message::Draft;
use crate::chat::names::UserName;
use crate::hub::roster::{PeerAddress, Roster};
use crate::outbox::{Notice, OutboxLimits, OwnCopy, SlowReaders};

/// The users of a test, and the numbers of their messages.
#[derive(Default)]
struct TwoUsers {
    roster: Roster,
    directs: DirectChats,
    last: AtomicU64,
}

/// A user, and the other end of their connection.
struct ConversationPeer {
    user: Arc<User>,
    socket: Socket,
}

impl TwoUsers {
    fn peer(&self, id: u64, name: &str) -> ConversationPeer {
        let (ours, socket) = Socket::pair(Domain::UNIX, Type::STREAM, None).expect("a pair");
        socket.set_nonblocking(true).expect("non-blocking");
        let limits = OutboxLimits { bytes: None, total: None, stall: None };
        let outbox = Outbox::new(ClientId(id), ours.into(), Arc::new(SlowReaders::new(limits)));
        let (name, address) = (UserName::parse(name, 1, 12).expect("a name"), Ipv4Addr::LOCALHOST.into());
        let claimed =
            self.roster.claim(&name, None, 12, &outbox, PeerAddress { address, shared: false }, Instant::now());
        ConversationPeer { user: claimed.unwrap_or_else(|_| panic!("{name:?} is free")), socket }
    }

    fn begin(&self, from: &ConversationPeer, to: &ConversationPeer) -> Arc<DirectChat> {
        self.directs.begin(&from.user, &to.user).expect("not too many").expect("they are there")
    }

    fn number(&self) -> MessageId {
        MessageId(self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn posts(&self, pair: &DirectChat, from: &ConversationPeer, draft: Draft) -> Result<MessageId, Denied> {
        let at = Timestamp::UNIX_EPOCH;
        let event = pair.post(draft, &from.user, at, || self.number(), None, &clock())?;
        Ok(event.message().expect("a message").id)
    }

    fn say(&self, pair: &DirectChat, from: &ConversationPeer, text: &str) -> MessageId {
        self.posts(pair, from, Draft::said(text)).expect("posted")
    }

    /// As a session does when its connection is over.
    fn leaves(&self, peer: &ConversationPeer) {
        self.roster.release(&peer.user);
        self.directs.forget(&peer.user);
    }
}

impl ConversationPeer {
    fn id(&self) -> ClientId {
        self.user.client()
    }

    /// The output since the last look.
    fn screen(&self) -> String {
        self.user.outbox.settle();
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = (&self.socket).read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..count]);
        }
        // Without the way back over the prompt: only the lines count here.
        let text = crate::ui::screen::without_blanks(&String::from_utf8(bytes).expect("text"));
        text.split("\r\n").map(|line| line.trim_start_matches('\r')).collect::<Vec<_>>().join("\r\n")
    }

    /// Opens the chat as a session does.
    fn opens(&self, pair: &DirectChat) -> bool {
        let conversation = Conversation::Direct(pair.partner(self.id()).addressee());
        let opened = pair.open_view(&self.user.outbox, 10, "only you two", &clock());
        assert!(self.user.outbox.set_prompt(Prompt::ChatView(conversation.clone()), &[conversation]));
        self.user.outbox.settle();
        opened
    }
}

fn clock() -> Clock {
    Clock::stopped(TimeZone::UTC, Timestamp::UNIX_EPOCH)
}

fn texts(pair: &DirectChat) -> Vec<String> {
    let text = |event: &Arc<Event>| event.message().map(|message| message.text.to_string());
    pair.history(usize::MAX).iter().filter_map(text).collect()
}

#[test]
fn a_conversation_is_begun_once_and_found_from_both_sides() {
    let world = TwoUsers::default();
    let (alice, bob) = (world.peer(1, "alice"), world.peer(2, "bob"));
    assert!(world.directs.find(alice.id(), bob.id()).is_none());
    let pair = world.begin(&alice, &bob);
    assert!(Arc::ptr_eq(&pair, &world.begin(&alice, &bob)) && Arc::ptr_eq(&pair, &world.begin(&bob, &alice)));
    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        let found = world.directs.find(one.id(), other.id()).expect("it is there");
        assert!(Arc::ptr_eq(&pair, &found));
        assert_eq!(found.partner(one.id()).client(), other.id());
        assert_eq!(world.directs.of(one.id()).len(), 1);
    }
    assert!(world.directs.of(ClientId(9)).is_empty());
}

#[test]
fn a_message_of_one_is_on_the_others_screen_and_in_the_history() {
    let world = TwoUsers::default();
    let (alice, bob) = (world.peer(1, "alice"), world.peer(2, "bob"));
    let pair = world.begin(&alice, &bob);
    let at = Timestamp::UNIX_EPOCH;
    pair.post(Draft::said("hello"), &alice.user, at, || world.number(), Some(OwnCopy::Answer), &clock())
        .expect("posted");
    assert_eq!(bob.screen(), "[00:00] #1 alice -> you: hello\r\n");
    assert_eq!(alice.screen(), "[00:00] #1 you -> bob: hello\r\n");
    world.say(&pair, &bob, "hi");
    assert_eq!(texts(&pair), ["hello", "hi"]);
    assert_eq!((pair.last_by(alice.id()), pair.last_by(bob.id())), (Some(MessageId(1)), Some(MessageId(2))));
    assert!(alice.opens(&pair));
    let screen = alice.screen();
    let lines = "* only you two\r\n[00:00] #1 you -> bob: hello\r\n[00:00] #2 bob -> you: hi\r\n@bob | ";
    assert!(screen.ends_with(lines), "{screen:?}");
}

#[test]
fn a_conversation_ends_for_both_when_either_leaves() {
    for who_leaves in [0, 1] {
        let world = TwoUsers::default();
        let peers = [world.peer(1, "alice"), world.peer(2, "bob")];
        let pair = world.begin(&peers[0], &peers[1]);
        world.say(&pair, &peers[0], "secret");
        let (left, stays) = (&peers[who_leaves], &peers[1 - who_leaves]);
        assert!(stays.opens(&pair));
        left.screen();
        stays.screen();
        let name = left.user.name();
        world.leaves(left);
        let screen = stays.screen();
        assert!(screen.ends_with(&format!("* {name} has left: your conversation is over.\r\n> ")), "{screen:?}");
        let lost = Conversation::Direct(left.user.addressee());
        assert_eq!(stays.user.outbox.take_notices(), [Notice::Lost { from: lost, membership: None }]);
        assert!(world.directs.find(stays.id(), left.id()).is_none() && world.directs.of(stays.id()).is_empty());
        // A thread that still holds it can neither read nor post.
        assert!(pair.history(10).is_empty() && pair.quote(MessageId(1)).is_none());
        let target = Target { name, client: None };
        assert_eq!(world.posts(&pair, stays, Draft::said("hello")), Err(Denied::NotOnline(target)));
        assert!(!pair.open_view(&stays.user.outbox, 10, "only you two", &clock()));
        assert!(pair.edit(MessageId(1), &peers[0].user, "text", true, &clock()).is_none());
        assert_eq!((left.screen(), stays.screen()), (String::new(), String::new()));
    }
}

#[test]
fn nobody_begins_a_chat_with_a_user_who_has_left_or_inherits_one_with_the_name() {
    let world = TwoUsers::default();
    let (alice, bob) = (world.peer(1, "alice"), world.peer(2, "bob"));
    let pair = world.begin(&alice, &bob);
    world.say(&pair, &bob, "secret");
    world.leaves(&bob);
    assert!(matches!(world.directs.begin(&alice.user, &bob.user), Ok(None)));
    assert!(world.directs.of(alice.id()).is_empty() && world.directs.of(bob.id()).is_empty());
    // The next one with the name is another user.
    let next = world.peer(3, "bob");
    let again = world.begin(&alice, &next);
    assert!(again.history(10).is_empty());
    assert!(world.directs.find(alice.id(), bob.id()).is_none());
}

#[test]
fn a_user_cannot_begin_more_chats_than_allowed() {
    let world = TwoUsers::default();
    let alice = world.peer(1, "alice");
    let others: Vec<_> = (0..=MOST as u64).map(|n| world.peer(10 + n, &format!("p{n}"))).collect();
    for other in &others[..MOST] {
        world.begin(&alice, other);
    }
    let one_more = &others[MOST];
    assert_eq!(world.directs.begin(&alice.user, &one_more.user).err(), Some(TooManyChatsError(MOST)));
    assert!(world.directs.of(one_more.id()).is_empty());
    // Existing chats continue.
    assert!(world.directs.begin(&alice.user, &others[0].user).is_ok());
    world.leaves(&others[0]);
    assert!(matches!(world.directs.begin(&alice.user, &one_more.user), Ok(Some(_))));
    assert_eq!(world.directs.of(alice.id()).len(), MOST);
}

#[test]
fn both_sides_post_at_once_and_see_the_order_of_the_history() {
    const POSTS: usize = 90;
    let world = TwoUsers::default();
    let peers = [world.peer(1, "alice"), world.peer(2, "bob")];
    let pair = world.begin(&peers[0], &peers[1]);
    thread::scope(|scope| {
        for peer in &peers {
            let (world, pair) = (&world, &pair);
            scope.spawn(move || {
                for n in 0..POSTS {
                    world.say(pair, peer, &format!("{n}"));
                    if n % 7 == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    let kept = pair.history(usize::MAX);
    assert_eq!(kept.len(), 2 * POSTS);
    for (peer, other) in [(&peers[0], &peers[1]), (&peers[1], &peers[0])] {
        let by = |event: &&Arc<Event>| event.message().is_some_and(|message| message.from == other.id());
        let mut expected = String::new();
        for message in kept.iter().filter(by).filter_map(|event| event.message()) {
            expected += &format!("[00:00] {} {} -> you: {}\r\n", message.id, message.author, message.text);
        }
        assert_eq!(peer.screen(), expected);
    }
}

#[test]
fn a_chats_history_is_bounded() {
    let world = TwoUsers::default();
    let (alice, bob) = (world.peer(1, "alice"), world.peer(2, "bob"));
    let pair = world.begin(&alice, &bob);
    for n in 0..KEPT + 5 {
        world.say(&pair, &alice, &n.to_string());
        bob.screen();
    }
    assert_eq!((texts(&pair).len(), texts(&pair)[0].as_str()), (KEPT, "5"));
}

#[test]
fn users_edit_and_delete_only_their_own_words() {
    let world = TwoUsers::default();
    let (alice, bob) = (world.peer(1, "alice"), world.peer(2, "bob"));
    let pair = world.begin(&alice, &bob);
    let id = world.say(&pair, &alice, "before");
    assert_eq!(pair.edit(id, &bob.user, "forged", true, &clock()), Some(Err(Denied::NotYours)));
    assert_eq!(pair.delete(id, &bob.user, true, &clock()), Some(Err(Denied::NotYours)));
    assert_eq!(pair.edit(MessageId(99), &alice.user, "text", true, &clock()), None);
    assert_eq!(pair.delete(MessageId(99), &alice.user, true, &clock()), None);
    assert_eq!(texts(&pair), ["before"]);
    bob.screen();
    assert_eq!(pair.edit(id, &alice.user, "after", true, &clock()), Some(Ok(())));
    assert_eq!(texts(&pair), ["after"]);
    assert_eq!(bob.screen(), "[00:00] #1 alice -> you: after (edited)\r\n");
    assert_eq!(alice.screen(), "[00:00] #1 you -> bob: after (edited)\r\n");
    assert_eq!(pair.delete(id, &alice.user, true, &clock()), Some(Ok(())));
    assert!(texts(&pair).is_empty());
    for peer in [&alice, &bob] {
        assert_eq!(peer.screen(), "* #1 was deleted by alice\r\n");
    }
}

#[test]
fn a_temporary_message_expires_once() {
    let world = TwoUsers::default();
    let (alice, bob) = (world.peer(1, "alice"), world.peer(2, "bob"));
    let pair = world.begin(&alice, &bob);
    let lasts = Some(Duration::from_secs(10));
    let id = world.posts(&pair, &alice, Draft { lasts, ..Draft::said("soon gone") }).expect("posted");
    let stays = world.say(&pair, &alice, "stays");
    let screen = bob.screen();
    assert!(screen.contains("alice -> you (temporary, 10 s): soon gone\r\n"), "{screen:?}");
    assert!(pair.expire(stays).is_none(), "it is not temporary");
    assert!(pair.expire(id).is_some());
    assert!(pair.expire(id).is_none(), "once");
    assert_eq!(texts(&pair), ["stays"]);
}

#[test]
fn temporary_messages_of_one_conversation_are_bounded() {
    let world = TwoUsers::default();
    let (alice, bob) = (world.peer(1, "alice"), world.peer(2, "bob"));
    let pair = world.begin(&alice, &bob);
    let lasts = Some(Duration::from_secs(10));
    let temporary = || world.posts(&pair, &alice, Draft { lasts, ..Draft::said("x") });
    for _ in 0..MOST_TEMPORARY_OF_ONE {
        temporary().expect("posted");
        bob.screen();
    }
    assert_eq!(temporary(), Err(Denied::TooManyTemporary));
    assert_eq!(bob.screen(), "", "what is refused is not shown");
    assert!(world.posts(&pair, &alice, Draft::said("stays")).is_ok());
    assert!(pair.expire(MessageId(1)).is_some());
    assert!(temporary().is_ok());
}

#[test]
fn an_answer_quotes_and_follows_what_it_quotes() {
    let world = TwoUsers::default();
    let (alice, bob) = (world.peer(1, "alice"), world.peer(2, "bob"));
    let pair = world.begin(&alice, &bob);
    let id = world.say(&pair, &alice, "before");
    let reply = pair.quote(id);
    assert_eq!(reply.as_ref().and_then(|quote| quote.start.as_deref()), Some("before"));
    world.posts(&pair, &bob, Draft { reply, ..Draft::said("yes") }).expect("posted");
    let screen = alice.screen();
    assert_eq!(screen, "[00:00] #2 bob -> you: (to #1 alice: \"before\") yes\r\n");
    let start = || {
        let history = pair.history(1);
        let extra = history[0].message().and_then(|message| message.extra.as_ref());
        extra.and_then(|extra| extra.reply.as_ref()).expect("an answer").start.clone()
    };
    pair.edit(id, &alice.user, "after", true, &clock()).expect("it is there").expect("edited");
    assert_eq!(start().as_deref(), Some("after"));
    pair.delete(id, &alice.user, true, &clock()).expect("it is there").expect("deleted");
    assert_eq!(start(), None);
    assert!(pair.quote(id).is_none());
    // A user who opens it now sees nothing of the text.
    alice.screen();
    assert!(alice.opens(&pair));
    let screen = alice.screen();
    assert!(!screen.contains("before") && !screen.contains("after"), "{screen:?}");
    assert!(screen.contains("(to #1 alice, gone) yes\r\n"), "{screen:?}");
}
