//! The pages of `:help` that are prose.
//!
//! *Knows nothing of* commands, or of who asks for help.

/// The page about programs.
#[cfg(feature = "json")]
pub(super) const JSON_LINES: [&str; 19] = [
    "Programs send JSON instead of lines: one object per line, on any port, if",
    "the first line begins with {. Both sides use the fields id, action, sender,",
    "receiver, content, time, private and optional; what is missing is empty.",
    "  {\"id\":\"1\",\"action\":\"login\",\"content\":\"robo\"}",
    "  {\"id\":\"2\",\"action\":\"join\",\"receiver\":\"general\"}",
    "  {\"id\":\"3\",\"action\":\"say\",\"receiver\":\"general\",\"content\":\"hi\"}",
    "Each request is answered once, in order, with its id: ok, or error with",
    "optional.code. A list comes before it, an object per item. Actions:",
    "  hello login register unregister passwd ping quit",
    "  rooms join close members create whois search history seen",
    "  say me temp reply edit delete, send accept decline (files), and command,",
    "  which runs any other line:",
    "  {\"action\":\"command\",\"receiver\":\"general\",\"content\":\":topic hi\"}",
    "In optional: password, new_password, takeover, code, version, bot, public;",
    "after, before, message (their numbers); limit, seconds, size, offer, from.",
    "private:true sends to people, receiver may be a list. join with after sends",
    "what came later; gap:true: some is gone; lost_from, lost_to: say these again.",
    "Events: message edited deleted expired hidden joined left renamed kicked room",
    "offer transfer news error bye. Message numbers are integers, your ids strings.",
];

/// How to send and get a file if the lines that `:accept` prints do not work.
pub(super) const ABOUT_FILES: [&str; 9] = [
    "Once a file is accepted, each of the two gets a line to copy into a shell in",
    "another terminal, for nc and for curl. Nothing is stored: both have to run it.",
    "Without them, bash does it. HOST, PORT and TOKEN are in those lines. To send:",
    "  f=FILE; exec 3<>/dev/tcp/HOST/PORT",
    "  { echo \"put TOKEN $(wc -c <\"$f\")\"; cat \"$f\"; } >&3; cat <&3",
    "To get:",
    "  f=FILE; exec 3<>/dev/tcp/HOST/PORT",
    "  echo get TOKEN >&3; cat <&3 >\"$f\"",
    "After a break, offer the file again: only the rest is sent.",
];

pub(super) const NO_FILES: &str = "This server carries no files.";
pub(super) const NO_EXIT_CODE: &str = "This server has no exit code.";
