//! The sentences about files between users, and the commands that users copy into a shell.
//!
//! The only thing in a command that the sender typed is the reduced name, which has no characters with a meaning in a
//! shell.
//!
//! *Owns* these texts. *Knows nothing of* who reads them.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use crate::chat::file_name::FileName;
use crate::chat::transfer::{EndCause, Listed, Side, Stage, Token};

/// Where an end of a transfer connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePlace {
    /// A name or an address.
    pub(crate) host: String,
    /// The port for files without encryption, if it is open to that user.
    pub(crate) plain: Option<u16>,
    /// The port for TLS, and the SHA-256 of the server's public key in base 64 (RFC 7469, section 2.4).
    pub(crate) tls: Option<(u16, String)>,
}

/// The commands for one end. `from` is the first byte that is sent.
pub(crate) fn commands(side: Side, name: &FileName, token: Token, from: u64, place: &FilePlace) -> Vec<String> {
    let name = name.reduced();
    let mut lines = Vec::new();
    if let Some(port) = place.plain {
        let to = format!("nc {} {port}", place.host);
        lines.push(match (side, from) {
            (Side::Sender, 0) => format!("f={name}; {{ echo \"put {token} $(wc -c <\"$f\")\"; cat \"$f\"; }} | {to}"),
            (Side::Sender, from) => format!(
                "f={name}; {{ echo \"put {token} $(($(wc -c <\"$f\")-{from}))\"; tail -c +{} \"$f\"; }} | {to}",
                from.saturating_add(1)
            ),
            (Side::Receiver, 0) => format!("f={name}; echo get {token} | {to} >\"$f\""),
            (Side::Receiver, _) => format!("f={name}; echo \"get {token} $(wc -c <\"$f\")\" | {to} >>\"$f\""),
        });
    }
    if let Some(url) = url(token, place) {
        let options = place.tls.as_ref().map(|(_, pin)| format!("-k --pinnedpubkey sha256//{pin} "));
        let options = options.unwrap_or_default();
        let mut line = format!("f={name}; curl {options}");
        // Writing to a String cannot fail.
        let _ = match (side, from) {
            (Side::Sender, 0) => write!(line, "-T \"$f\""),
            (Side::Sender, from) => write!(line, "-C {from} -T \"$f\""),
            (Side::Receiver, 0) => write!(line, "-f -o \"$f\""),
            (Side::Receiver, _) => write!(line, "-f -C - -o \"$f\""),
        };
        let _ = write!(line, " {url}");
        lines.push(line);
    }
    lines
}

/// The address of one end over HTTP, with TLS if the server has it. `None` if no port is open to the user.
pub(crate) fn url(token: Token, place: &FilePlace) -> Option<String> {
    let (scheme, port) = match (&place.tls, place.plain) {
        (Some((port, _)), _) => ("https", *port),
        (None, Some(port)) => ("http", port),
        (None, None) => return None,
    };
    let is_v6 = place.host.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6());
    let host = if is_v6 { format!("[{}]", place.host) } else { place.host.clone() };
    Some(format!("{scheme}://{host}:{port}/f/{token}"))
}

/// The row above the commands.
pub(crate) fn above_commands(side: Side, name: &FileName, other: &str, lines: usize) -> String {
    let one = if lines == 1 { "this" } else { "one of these" };
    match side {
        Side::Sender => format!(
            "{other} takes {name}. Run {one} in another terminal, where the file is; if its name differs, put the real name after f= first:"
        ),
        Side::Receiver => format!(
            "To get {name}, run {one} in another terminal; to save it under another name, put that after f= first:"
        ),
    }
}

/// To the sender, when they have offered a file.
pub(crate) fn asked(other: &str, name: &FileName, ends: Duration) -> String {
    format!("Asked {other} about {name}. :files lists it; the offer ends in {}.", period(ends))
}

/// To the receiver, when a file is offered.
pub(crate) fn offered(other: &str, name: &FileName, number: u64) -> String {
    format!("{other} offers you {name}. :accept {number} takes it, :decline {number} does not.")
}

/// To the other user, when a transfer is declined.
pub(crate) fn declined(by: &str, name: &FileName) -> String {
    format!("{by} declined {name}.")
}

/// A file has arrived.
pub(crate) fn done(name: &FileName, size: u64, hash: Option<&str>) -> String {
    let hash = hash.map_or_else(String::new, |hash| format!(", SHA-256 {hash}"));
    format!("{name}: {}{hash}", bytes(size))
}

/// A transfer has broken off.
pub(crate) fn broken(name: &FileName, at: u64, size: u64) -> String {
    format!("{name} broke off at {} of {}.", grouped(at), bytes(size))
}

/// The sender sent more data than announced.
pub(crate) fn cut_off(name: &FileName, size: u64) -> String {
    format!("{name} is longer than announced: it was cut off at {}.", bytes(size))
}

/// The receiver has more bytes already than the file has.
pub(crate) fn too_long(name: &FileName) -> String {
    format!("{name} was not sent: the receiver's file is already longer.")
}

/// A file is larger than allowed.
pub(crate) fn too_big(most: u64) -> String {
    format!("That file is too big: at most {}.", rounded(most))
}

/// The file is larger than allowed, to the receiver.
pub(crate) fn not_sent(name: &FileName, most: u64) -> String {
    format!("{name} cannot be sent: it is over {}.", rounded(most))
}

/// An offer or an accepted transfer that has ended before it began.
pub(crate) fn ended(side: Side, name: &FileName, other: &str, was_accepted: bool, cause: EndCause) -> String {
    let why = match (cause, was_accepted) {
        (EndCause::Time, true) => ": it did not begin in time".to_owned(),
        (EndCause::Time, false) | (EndCause::Cancelled | EndCause::Left, _) => String::new(),
        (EndCause::ServerGone, true) => format!(": {other}'s server is gone"),
        (EndCause::ServerGone, false) => ": their server is gone".to_owned(),
        (EndCause::ServersApart, _) => ": your servers had lost contact".to_owned(),
    };
    match (was_accepted, side) {
        (true, _) => format!("The transfer of {name} has ended{why}."),
        (false, Side::Sender) => format!("Your offer of {name} to {other} has ended{why}."),
        (false, Side::Receiver) => format!("{other}'s offer of {name} has ended{why}."),
    }
}

/// A transfer that has to begin at another byte than the commands say.
pub(crate) fn begins_again(name: &FileName, from: u64) -> String {
    format!("The receiver has {} of {name}: the lines below take the place of those above.", bytes(from))
}

/// A file that is not the one whose first part was sent.
pub(crate) fn is_another_file(name: &FileName) -> String {
    format!("{name} has another size than before: the lines below take the place of those above.")
}

/// A row of `:files`.
pub(crate) fn listed(known: &Listed, passed: u64) -> String {
    let Listed { number, side, other, name, stage } = known;
    let (direction, answer) = match side {
        Side::Sender => ("to", format!("waits for an answer, :decline {number} takes it back")),
        Side::Receiver => ("from", format!(":accept {number} takes it, :decline {number} does not")),
    };
    let state = match stage {
        Stage::Offered => answer,
        Stage::Accepted => format!("accepted, waits for both ends, :decline {number} ends it"),
        Stage::Running(size) => {
            format!("{} of {}, :decline {number} ends it", grouped(passed), bytes(*size))
        }
    };
    format!("{number}  {name} {direction} {other}: {state}")
}

/// `2 minutes`, `90 seconds`.
fn period(duration: Duration) -> String {
    match duration.as_secs() {
        60 => "1 minute".to_owned(),
        3600 => "1 hour".to_owned(),
        whole if whole > 0 && whole.is_multiple_of(60) => format!("{} minutes", whole / 60),
        _ => crate::text::seconds(duration),
    }
}

/// `1 byte`, `5,000,000 bytes`.
fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{} bytes", grouped(count)) }
}

/// `5,000,000`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size in the largest unit in which it is a whole number: `100 MB`.
fn rounded(count: u64) -> String {
    for (unit, name) in [(1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")] {
        if count >= unit && count.is_multiple_of(unit) {
            return format!("{} {name}", grouped(count / unit));
        }
    }
    bytes(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::names::UserName;

    fn token() -> Token {
        Token::new([0; 10])
    }

    fn place() -> FilePlace {
        FilePlace { host: "192.0.2.1".to_owned(), plain: Some(5558), tls: None }
    }

    fn lines(side: Side, from: u64, place: &FilePlace) -> Vec<String> {
        commands(side, &FileName::new("../re port.pdf"), token(), from, place)
    }

    #[test]
    fn each_end_gets_a_line_for_nc_and_one_for_curl() {
        assert_eq!(
            lines(Side::Sender, 0, &place()),
            [
                "f=re_port.pdf; { echo \"put AAAA-AAAA-AAAA-AAAA $(wc -c <\"$f\")\"; cat \"$f\"; } | nc 192.0.2.1 5558",
                "f=re_port.pdf; curl -T \"$f\" http://192.0.2.1:5558/f/AAAA-AAAA-AAAA-AAAA",
            ]
        );
        assert_eq!(
            lines(Side::Receiver, 0, &place()),
            [
                "f=re_port.pdf; echo get AAAA-AAAA-AAAA-AAAA | nc 192.0.2.1 5558 >\"$f\"",
                "f=re_port.pdf; curl -f -o \"$f\" http://192.0.2.1:5558/f/AAAA-AAAA-AAAA-AAAA",
            ]
        );
    }

    #[test]
    fn after_a_break_the_rest_is_sent_and_appended() {
        let [send, send_by_curl] = lines(Side::Sender, 1_000_000, &place()).try_into().expect("two lines");
        assert!(send.contains("$(($(wc -c <\"$f\")-1000000))") && send.contains("tail -c +1000001 \"$f\""), "{send}");
        assert!(send_by_curl.contains("curl -C 1000000 -T \"$f\" "), "{send_by_curl}");
        let [get, get_by_curl] = lines(Side::Receiver, 1_000_000, &place()).try_into().expect("two lines");
        assert!(get.contains("get AAAA-AAAA-AAAA-AAAA $(wc -c <\"$f\")") && get.ends_with(">>\"$f\""), "{get}");
        assert!(get_by_curl.contains("curl -f -C - -o \"$f\" "), "{get_by_curl}");
    }

    #[test]
    fn curl_uses_tls_where_there_is_any_and_checks_the_key() {
        let tls = Some((5559, "PIN=".to_owned()));
        let both = lines(Side::Sender, 0, &FilePlace { tls: tls.clone(), ..place() });
        assert!(both[0].ends_with("| nc 192.0.2.1 5558"));
        assert!(
            both[1].contains("curl -k --pinnedpubkey sha256//PIN= -T \"$f\" https://192.0.2.1:5559/f/"),
            "{both:?}"
        );
        let only = lines(Side::Sender, 0, &FilePlace { tls, plain: None, host: "2001:db8::1".to_owned() });
        assert_eq!(only.len(), 1);
        assert!(only[0].contains(" https://[2001:db8::1]:5559/f/"), "{only:?}");
        let v6 = lines(Side::Sender, 0, &FilePlace { host: "2001:db8::1".to_owned(), ..place() });
        assert!(v6[0].ends_with("nc 2001:db8::1 5558") && v6[1].contains("//[2001:db8::1]:5558/"), "{v6:?}");
    }

    #[test]
    fn sentences_are_as_the_users_read_them() {
        let name = FileName::new("report.pdf");
        assert_eq!(
            asked("bob", &name, Duration::from_secs(120)),
            "Asked bob about report.pdf. :files lists it; the offer ends in 2 minutes."
        );
        assert_eq!(offered("alice", &name, 7), "alice offers you report.pdf. :accept 7 takes it, :decline 7 does not.");
        assert_eq!(declined("bob", &name), "bob declined report.pdf.");
        for (side, was_accepted, cause, expected) in [
            (Side::Sender, true, EndCause::Time, "The transfer of report.pdf has ended: it did not begin in time."),
            (Side::Sender, true, EndCause::Cancelled, "The transfer of report.pdf has ended."),
            (Side::Receiver, false, EndCause::Left, "bob's offer of report.pdf has ended."),
            (Side::Sender, false, EndCause::Time, "Your offer of report.pdf to bob has ended."),
            (Side::Receiver, true, EndCause::ServerGone, "The transfer of report.pdf has ended: bob's server is gone."),
            (
                Side::Sender,
                false,
                EndCause::ServerGone,
                "Your offer of report.pdf to bob has ended: their server is gone.",
            ),
            (
                Side::Receiver,
                false,
                EndCause::ServersApart,
                "bob's offer of report.pdf has ended: your servers had lost contact.",
            ),
        ] {
            assert_eq!(ended(side, &name, "bob", was_accepted, cause), expected);
        }
        assert_eq!(done(&name, 5_000_000, Some("ab12")), "report.pdf: 5,000,000 bytes, SHA-256 ab12");
        assert_eq!(done(&name, 1, None), "report.pdf: 1 byte");
        assert_eq!(broken(&name, 1_000_000, 5_000_000), "report.pdf broke off at 1,000,000 of 5,000,000 bytes.");
        assert_eq!(too_big(104_857_600), "That file is too big: at most 100 MB.");
        assert_eq!(too_big(1_000), "That file is too big: at most 1,000 bytes.");
        assert_eq!(too_big(1 << 30), "That file is too big: at most 1 GB.");
    }

    #[test]
    fn numbers_have_commas_and_times_their_largest_unit() {
        for (number, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), shown);
        }
        for (seconds, shown) in
            [(1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (90, "90 seconds"), (3600, "1 hour")]
        {
            assert_eq!(period(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn a_list_says_what_can_be_done() {
        let mut known = Listed {
            number: 7,
            side: Side::Receiver,
            other: UserName::parse("alice", 1, 32).expect("a name"),
            name: FileName::new("report.pdf"),
            stage: Stage::Offered,
        };
        assert_eq!(listed(&known, 0), "7  report.pdf from alice: :accept 7 takes it, :decline 7 does not");
        known.stage = Stage::Running(5_000);
        assert_eq!(listed(&known, 1_000), "7  report.pdf from alice: 1,000 of 5,000 bytes, :decline 7 ends it");
        (known.side, known.stage) = (Side::Sender, Stage::Accepted);
        assert_eq!(listed(&known, 0), "7  report.pdf to alice: accepted, waits for both ends, :decline 7 ends it");
    }
}
