//! The keys, as F1 and `:help keys` list them.
//!
//! *Owns* these texts.

/// Keys and what they do. An empty key begins a group.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("", "Talking"),
    ("Enter", "sends the line"),
    ("Alt-Enter", "breaks the line"),
    ("Tab", "completes commands, people and rooms"),
    ("Up, Down", "recall earlier lines"),
    ("Ctrl-R", "searches earlier lines"),
    ("", "Moving around"),
    ("PageUp, PageDown", "scroll; further up, older messages are loaded"),
    ("Esc", "back to the newest message"),
    ("Alt-Up, Alt-Down", "the room before, the next one"),
    ("Alt-1 ... Alt-9", "a room by its place in the list"),
    ("Alt-A", "the next room with unread messages"),
    ("F2, Alt-R", "list of rooms"),
    ("Ctrl-F", "searches messages"),
    ("", "Editing"),
    ("Ctrl-A, Ctrl-E", "start and end of the line"),
    ("Alt-B, Alt-F", "a word left, a word right"),
    ("Ctrl-W, Alt-D", "erase a word to the left, to the right"),
    ("Ctrl-U, Ctrl-K", "erase to the start, to the end"),
    ("Ctrl-Y", "inserts what was erased"),
    ("Ctrl-T", "exchanges two characters"),
    ("Ctrl-_", "undoes the last change"),
    ("", "The program"),
    ("Ctrl-C", "drops the line"),
    ("Ctrl-D", "on an empty line leaves, like :quit"),
    ("Ctrl-L", "redraws the screen"),
    ("Ctrl-Z", "stops the program; fg brings it back"),
    ("F1", "shows this list"),
];
