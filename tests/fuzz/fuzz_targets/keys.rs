//! The line editor: any keys, on a terminal of any width, leave a line of text with the cursor in it.

#![no_main]

use chatsock::protocol::line::Editor;
use libfuzzer_sys::fuzz_target;

/// As in the default configuration, in bytes.
const LIMIT: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let [columns, longest, keys @ ..] = data else { return };
    let mut editor = Editor::new(u16::from(*columns));
    editor.set_prompt("general | ");
    let mut out = Vec::new();
    for packet in keys.chunks(usize::from(*longest) + 1) {
        let mut packet = packet;
        while editor.next(&mut packet, LIMIT, &mut out).is_some() {}
        assert!(packet.is_empty());
        assert!(editor.line().is_char_boundary(editor.cursor()));
        // A message arrives.
        editor.erase(&mut out);
        editor.draw(&mut out);
        out.clear();
    }
    editor.resize(u16::from(columns.rotate_left(4)), &mut out);
});
