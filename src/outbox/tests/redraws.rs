//! Character-mode views, seen through a terminal: an erased or edited text disappears from the screen, and the half-typed line
//! stays in place.

use super::*;
use crate::chat::message::Quoted;
use crate::outbox::on_screen::REDRAW_EVERY;
use crate::protocol::line::tests::reflowing::Reflowing;
use crate::ui::screen::Style;

const ROWS: u16 = 12;

fn terminal() -> vt100::Parser {
    let size = |n| std::num::NonZero::new(n).expect("a size");
    vt100::Parser::new(size(ROWS), size(80), 0)
}

/// A user in the view of `general`, and their terminal.
struct Viewer {
    outbox: Arc<Outbox>,
    peer: Socket,
    terminal: vt100::Parser,
}

impl Viewer {
    fn new(look: Style) -> Viewer {
        let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
        outbox.with_display(|display, out| {
            display.set_look(look, Some(ROWS), out);
            display.set_character_mode(true, out);
        });
        let mut viewer = Viewer { outbox, peer, terminal: terminal() };
        super::look(&viewer.outbox, 0);
        viewer.looks();
        viewer
    }

    fn ansi() -> Viewer {
        Viewer::new(Style { ansi: true, columns: Some(80), ..Style::PLAIN })
    }

    /// Shows the terminal what was sent. Returns the packets.
    fn looks(&mut self) -> Vec<String> {
        let packets = all_packets(&self.peer);
        for packet in &packets {
            self.terminal.process(packet.as_bytes());
        }
        packets
    }

    fn gets(&mut self, events: &[Sequenced]) -> Vec<String> {
        self.outbox.push(&mut batch(events));
        self.looks()
    }

    fn types(&mut self, keys: &[u8]) {
        self.outbox.with_display(|display, out| {
            let editor = display.editor().expect("character mode");
            assert!(editor.next(&mut &keys[..], 0, out).is_none());
        });
        self.outbox.flush();
        self.looks();
    }

    fn rows(&self) -> Vec<String> {
        let contents = self.terminal.screen().contents();
        contents.trim_end_matches('\n').split('\n').map(str::to_owned).collect()
    }

    fn cursor(&self) -> (u16, u16) {
        self.terminal.screen().cursor_position()
    }
}

fn is_redrawn(packets: &[String]) -> bool {
    packets.iter().any(|packet| packet.contains("\x1b[2J"))
}

#[test]
fn an_erased_text_goes_from_the_screen_and_the_half_typed_line_stays() {
    let mut viewer = Viewer::ansi();
    viewer.gets(&[said(1, 99, "good morning"), said(2, 99, "secret"), said(3, 98, "hi")]);
    // Typed, then two steps back: the cursor is within the line.
    viewer.types(b"half typed\x1b[D\x1b[D");
    assert_eq!(viewer.rows().last().map(String::as_str), Some("general | half typed"));
    let packets = viewer.gets(&[erased(4, 2)]);
    assert!(is_redrawn(&packets));
    assert_eq!(packets.len(), 1, "in one write");
    let rows = [
        "* here",
        "[00:00] #1 bob: good morning",
        "[00:00] #3 bob: hi",
        "* #2 was deleted by bob",
        "general | half typed",
    ];
    assert_eq!(viewer.rows(), rows);
    assert_eq!(viewer.cursor(), (4, "general | half typ".len() as u16));
    // Typing continues there.
    viewer.types(b"X");
    assert_eq!(viewer.rows()[4], "general | half typXed");
    viewer.gets(&[said(5, 99, "more")]);
    assert_eq!(viewer.rows()[4..], ["[00:00] #5 bob: more", "general | half typXed"]);
}

#[test]
fn an_edited_text_stands_where_the_old_one_stood() {
    let mut viewer = Viewer::ansi();
    let first = said(1, 99, "before");
    viewer.gets(&[first.clone(), said(2, 98, "hi")]);
    viewer.types(b"abc");
    assert!(is_redrawn(&viewer.gets(&[edited(3, &first, "after")])));
    assert_eq!(viewer.rows(), ["* here", "[00:00] #1 bob: after (edited)", "[00:00] #2 bob: hi", "general | abc"]);
    assert_eq!(viewer.cursor(), (3, "general | abc".len() as u16));
}

#[test]
fn a_quote_of_an_erased_text_goes_with_it() {
    let mut viewer = Viewer::ansi();
    let first = said(1, 99, "secret");
    let quote = Quoted::of(first.event.message().expect("a message"));
    let answer = said_by(2, 98, "carol", Draft { reply: Some(quote), ..Draft::said("yes") });
    viewer.gets(&[first, answer.clone()]);
    assert!(viewer.rows().join("|").contains("(to #1 bob: \"secret\") yes"));
    let requoted = answer.event.message().and_then(|message| message.requoted(MessageId(1), None)).expect("a quote");
    let news = "#1 expired".into();
    let requoted = [Arc::new(Event::Said(requoted))].into();
    let event = Arc::new(Event::Erased {
        id: MessageId(1),
        cause: ErasureCause::Deleted,
        news,
        people: Box::default(),
        requoted,
        redraw: true,
    });
    viewer.gets(&[Sequenced { sequence: 3, event }]);
    assert_eq!(viewer.rows(), ["* here", "[00:00] #2 carol: (to #1 bob, gone) yes", "* #1 expired", "general | "]);
}

#[test]
fn a_view_is_redrawn_once_a_second_and_the_rest_when_the_timer_says_so() {
    let mut viewer = Viewer::ansi();
    viewer.gets(&[said(1, 99, "one"), said(2, 99, "two"), said(3, 99, "three")]);
    let drawn = Instant::now();
    assert!(is_redrawn(&viewer.gets(&[erased(4, 1)])));
    // The next two follow at once: they come as lines, and the texts are still there.
    let packets = [viewer.gets(&[erased(5, 2)]), viewer.gets(&[erased(6, 3)])].concat();
    if drawn.elapsed() >= REDRAW_EVERY {
        return; // The machine stood still meanwhile: nothing can be said.
    }
    assert!(!is_redrawn(&packets), "{packets:?}");
    assert!(viewer.rows().join("|").contains("two") && viewer.rows().join("|").contains("* #3 was deleted by bob"));
    viewer.types(b"abc");
    viewer.outbox.redraw_if_due(clock());
    if drawn.elapsed() < REDRAW_EVERY {
        assert!(!is_redrawn(&viewer.looks()), "not before a second is over");
    }
    let deadline = Instant::now() + PATIENCE;
    while !is_redrawn(&viewer.looks()) {
        assert!(Instant::now() < deadline, "never redrawn: {:?}", viewer.rows());
        std::thread::park_timeout(Duration::from_millis(5));
        viewer.outbox.redraw_if_due(clock());
    }
    let news = |id| format!("* #{id} was deleted by bob");
    assert_eq!(viewer.rows(), ["* here".to_owned(), news(1), news(2), news(3), "general | abc".to_owned()]);
    // Once: nothing has changed since.
    viewer.outbox.redraw_if_due(clock());
    assert_eq!(viewer.looks(), Vec::<String>::new());
}

#[test]
fn erasing_a_text_that_is_off_screen_causes_no_redraw() {
    let mut viewer = Viewer::ansi();
    let first = said(1, 99, "long ago");
    viewer.gets(std::slice::from_ref(&first));
    // Pushed off by as many lines as the screen has rows.
    let more: Vec<_> = (2..=u64::from(ROWS) + 1).map(|n| said(n, 99, "more")).collect();
    viewer.gets(&more);
    let next = u64::from(ROWS) + 2;
    for event in [erased(next, 1), edited(next + 1, &first, "new"), erased(next + 2, 777)] {
        let packets = viewer.gets(&[event]);
        assert_eq!(packets.len(), 1, "the line comes all the same");
        assert!(!is_redrawn(&packets), "{packets:?}");
    }
    viewer.outbox.redraw_if_due(clock());
    assert_eq!(viewer.looks(), Vec::<String>::new());
    assert!(viewer.rows().contains(&"[00:00] #1 bob: new (edited)".to_owned()));
}

#[test]
fn messages_older_than_the_view_can_be_erased_from_it() {
    let mut viewer = Viewer::ansi();
    let history = [said(1, 99, "secret").event, said(2, 99, "hello").event];
    viewer.outbox.open_view(1, 2, &Prompt::ChatView(room("general")), &["again"], &history, &mut clock());
    viewer.outbox.settle();
    viewer.looks();
    assert!(is_redrawn(&viewer.gets(&[erased(3, 1)])));
    let rows = ["* again", "[00:00] #2 bob: hello", "* #1 was deleted by bob", "general | "];
    assert_eq!(viewer.rows(), rows);
}

#[test]
fn an_event_that_asks_for_no_drawing_is_a_line() {
    let mut viewer = Viewer::ansi();
    viewer.gets(&[said(1, 99, "text")]);
    let news = "#1 was deleted by bob".into();
    let event = Arc::new(Event::Erased {
        id: MessageId(1),
        cause: ErasureCause::Deleted,
        news,
        people: Box::default(),
        requoted: Box::default(),
        redraw: false,
    });
    assert!(!is_redrawn(&viewer.gets(&[Sequenced { sequence: 2, event }])));
    assert!(viewer.rows().contains(&"* #1 was deleted by bob".to_owned()));
}

#[test]
fn messages_in_one_batch_with_an_erasure_are_shown_once() {
    let mut viewer = Viewer::ansi();
    viewer.gets(&[said(1, 99, "secret")]);
    viewer.gets(&[said(2, 99, "before"), erased(3, 1), said(4, 99, "after")]);
    let rows = ["* here", "[00:00] #2 bob: before", "* #1 was deleted by bob", "[00:00] #4 bob: after", "general | "];
    assert_eq!(viewer.rows(), rows);
}

#[test]
fn a_text_said_and_erased_in_one_batch_never_comes_to_the_screen() {
    let mut viewer = Viewer::ansi();
    let packets = viewer.gets(&[said(1, 99, "secret"), erased(2, 1)]);
    assert!(!packets.concat().contains("secret"), "{packets:?}");
}

#[test]
fn in_line_mode_and_without_ansi_there_is_the_line_and_nothing_else() {
    let plain = Style { columns: Some(80), ..Style::PLAIN };
    let ansi = Style { ansi: true, ..plain };
    for (look, character_mode) in [(plain, false), (ansi, false), (plain, true)] {
        let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
        outbox.with_display(|display, out| {
            display.set_look(look, Some(ROWS), out);
            display.set_character_mode(character_mode, out);
        });
        super::look(&outbox, 0);
        let first = said(1, 99, "before");
        outbox.push(&mut batch(&[first.clone(), said(2, 99, "secret")]));
        all_packets(&peer);
        outbox.push(&mut batch(&[erased(3, 2)]));
        let seen = all_packets(&peer).concat();
        assert_eq!(seen.matches("* #2 was deleted by bob\r\n").count(), 1, "{seen:?}");
        assert!(!seen.contains("\x1b[2J") && !seen.contains("before"), "{seen:?}");
        outbox.push(&mut batch(&[edited(4, &first, "after")]));
        let seen = all_packets(&peer).concat();
        assert!(seen.contains("[00:00] #1 bob: after (edited)\r\n") && !seen.contains("\x1b[2J"), "{seen:?}");
        outbox.redraw_if_due(clock());
        assert_eq!(all_packets(&peer), Vec::<String>::new());
    }
}

#[test]
fn after_the_view_was_left_nothing_is_redrawn() {
    let mut viewer = Viewer::ansi();
    viewer.gets(&[said(1, 99, "one"), said(2, 99, "two")]);
    viewer.gets(&[erased(3, 1)]);
    viewer.gets(&[erased(4, 2)]);
    viewer.outbox.close_view();
    assert!(viewer.outbox.set_prompt(Prompt::Palette(Some(room("general"))), &[room("general")]));
    viewer.outbox.settle();
    viewer.looks();
    viewer.outbox.redraw_if_due(clock());
    assert_eq!(viewer.gets(&[erased(5, 2)]), Vec::<String>::new());
}

#[test]
fn on_a_terminal_that_reflows_a_view_of_another_width_is_whole() {
    for waits in [true, false] {
        let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
        let mut terminal = Reflowing::new(usize::from(ROWS), 50, waits);
        let look = |columns| Style { ansi: true, columns: Some(columns), ..Style::PLAIN };
        outbox.with_display(|display, out| {
            display.set_look(look(50), Some(ROWS), out);
            display.set_character_mode(true, out);
        });
        super::look(&outbox, 0);
        outbox.push(&mut batch(&[said(1, 99, "one"), said(2, 99, "two"), said(3, 99, "three")]));
        // Three rows of fifty columns.
        let typed = "x".repeat(130);
        outbox.with_display(|display, out| {
            let editor = display.editor().expect("character mode");
            assert!(editor.next(&mut typed.as_bytes(), 0, out).is_none());
        });
        outbox.flush();
        all_packets(&peer).iter().for_each(|packet| terminal.process(packet.as_bytes()));
        for columns in [140_u16, 50, 30, 81] {
            terminal.resize(usize::from(columns));
            outbox.with_display(|display, out| display.set_look(look(columns), Some(ROWS), out));
            assert!(outbox.redraw_view(clock()));
            outbox.settle();
            all_packets(&peer).iter().for_each(|packet| terminal.process(packet.as_bytes()));
            let rows = terminal.shown();
            let said = rows.iter().rposition(|row| row == "* here").expect("the header");
            let screen = rows[said..].concat();
            let expected = ["[00:00] #1 bob: one", "[00:00] #2 bob: two", "[00:00] #3 bob: three", "general | "];
            assert_eq!(screen, format!("* here{}{typed}", expected.concat()), "{columns}: {rows:#?}");
        }
    }
}

#[test]
fn nothing_is_redrawn_in_the_palette() {
    let viewer = Viewer::ansi();
    viewer.outbox.close_view();
    assert!(!viewer.outbox.redraw_view(clock()));
}
