//! CHARSET (RFC 2066): the server offers UTF-8, and accepts Latin-1 from a peer that asks for it.
//!
//! *Owns* both directions of the option, the server's one request, and the charset in force.
//! *Knows nothing of* how text is converted.

use super::options::{OURS, Switch, SwitchChange, THEIRS};
use super::{CHARSET, IAC, SB, SE};
use crate::text::Charset;

/// RFC 2066, section 1.
const REQUEST: u8 = 1;
const ACCEPTED: u8 = 2;
const REJECTED: u8 = 3;
const TTABLE_IS: u8 = 4;
const TTABLE_REJECTED: u8 = 5;

/// Begins a request that also offers a translation table; a byte with the table's version follows.
const WITH_TABLE: &[u8] = b"[TTABLE]";

/// The charset of one connection.
#[derive(Debug, Default)]
pub(super) struct CharsetOption {
    ours: Switch,
    theirs: Switch,
    /// UTF-8 was requested. Once per connection, so that a peer cannot make us talk by switching the option on and off.
    requested: bool,
    /// The request has no answer yet.
    unanswered: bool,
    agreed: Charset,
    /// The user's choice, which wins over the negotiated charset.
    chosen: Option<Charset>,
}

impl CharsetOption {
    /// The charset in force.
    pub(super) fn charset(&self) -> Charset {
        self.chosen.unwrap_or(self.agreed)
    }

    /// Sets the user's choice.
    pub(super) fn choose(&mut self, charset: Charset) {
        self.chosen = Some(charset);
    }

    /// Offers the option; the request follows when the peer agrees.
    pub(super) fn offer(&mut self, out: &mut Vec<u8>) {
        self.ours.want(true, CHARSET, OURS, out);
        // The peer may have agreed already.
        self.request(out);
    }

    /// Takes DO or DONT.
    pub(super) fn receive_ours(&mut self, on: bool, out: &mut Vec<u8>) {
        if self.ours.receive(on, true, CHARSET, OURS, out) == SwitchChange::SwitchedOn {
            self.request(out);
        }
    }

    /// Takes WILL or WONT.
    pub(super) fn receive_theirs(&mut self, on: bool, out: &mut Vec<u8>) {
        self.theirs.receive(on, true, CHARSET, THEIRS, out);
    }

    fn request(&mut self, out: &mut Vec<u8>) {
        if self.ours.is_on() && !std::mem::replace(&mut self.requested, true) {
            self.unanswered = true;
            // The first byte of the list separates its names.
            answer(REQUEST, b";UTF-8", out);
        }
    }

    /// Takes the content of a subnegotiation.
    pub(super) fn subnegotiate(&mut self, content: &[u8], out: &mut Vec<u8>) {
        match content {
            [REQUEST, list @ ..] => self.answer_request(list, out),
            [ACCEPTED, name @ ..] if std::mem::take(&mut self.unanswered) => {
                self.agreed = Charset::named(name).unwrap_or(self.agreed);
            }
            [REJECTED, ..] => self.unanswered = false,
            [TTABLE_IS, ..] => answer(TTABLE_REJECTED, b"", out),
            _ => {}
        }
    }

    fn answer_request(&mut self, list: &[u8], out: &mut Vec<u8>) {
        match best(list) {
            // The two requests have crossed: the server refuses the peer's, and the peer answers the server's (RFC 2066,
            // section 2). If both ask for UTF-8 there is nothing to refuse.
            Some((Charset::Latin1, _)) if self.unanswered => answer(REJECTED, b"", out),
            Some((charset, name)) => {
                self.agreed = charset;
                answer(ACCEPTED, name, out);
            }
            None => answer(REJECTED, b"", out),
        }
    }
}

/// The charset to accept from a request's list, UTF-8 first, and the peer's name for it, which the answer repeats.
fn best(list: &[u8]) -> Option<(Charset, &[u8])> {
    let list = list.strip_prefix(WITH_TABLE).map_or(list, |rest| rest.get(1..).unwrap_or(b""));
    let (separator, names) = list.split_first()?;
    let known = || names.split(|byte| byte == separator).filter_map(|name| Some((Charset::named(name)?, name)));
    known().find(|(charset, _)| *charset == Charset::Utf8).or_else(|| known().next())
}

/// Writes an answer. No charset name contains a byte that would have to be doubled.
fn answer(verb: u8, name: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[IAC, SB, CHARSET, verb]);
    out.extend_from_slice(name);
    out.extend_from_slice(&[IAC, SE]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_to(option: &mut CharsetOption, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        option.subnegotiate(content, &mut out);
        out
    }

    fn sent(verb: u8, name: &str) -> Vec<u8> {
        let mut out = Vec::new();
        answer(verb, name.as_bytes(), &mut out);
        out
    }

    #[test]
    fn utf_8_is_requested_once_when_the_peer_allows_it() {
        let mut option = CharsetOption::default();
        let mut out = Vec::new();
        option.offer(&mut out);
        assert_eq!(out, [255, 251, 42]);
        for _ in 0..10 {
            option.receive_ours(true, &mut out);
            option.receive_ours(false, &mut out);
        }
        assert_eq!(out.windows(7).filter(|window| window.ends_with(b"UTF-8")).count(), 1);
        assert_eq!(answer_to(&mut option, b"\x02UTF-8"), b"");
        assert_eq!(option.charset(), Charset::Utf8);
    }

    #[test]
    fn a_peer_that_allowed_it_before_it_was_offered_gets_the_request_at_once() {
        let mut option = CharsetOption::default();
        let mut out = Vec::new();
        option.receive_ours(true, &mut out);
        option.offer(&mut out);
        assert_eq!(out, [&[255, 251, 42][..], &sent(REQUEST, ";UTF-8")].concat());
    }

    #[test]
    fn utf_8_is_preferred_among_a_peers_charsets_and_latin_1_accepted_without_it() {
        for (list, name, charset) in [
            (";ISO-8859-1;UTF-8", "UTF-8", Charset::Utf8),
            (" utf-8 US-ASCII", "utf-8", Charset::Utf8),
            (",KOI8-R,iso_8859-1", "iso_8859-1", Charset::Latin1),
            ("[TTABLE]\x01;latin1;CP437", "latin1", Charset::Latin1),
            (";US-ASCII;l1", "l1", Charset::Latin1),
        ] {
            let mut option = CharsetOption::default();
            let request = [&[REQUEST], list.as_bytes()].concat();
            assert_eq!(answer_to(&mut option, &request), sent(ACCEPTED, name), "{list}");
            assert_eq!(option.charset(), charset, "{list}");
        }
    }

    #[test]
    fn unknown_charsets_are_rejected_and_nothing_changes() {
        for content in
            ["\x01;KOI8-R;CP437", "\x01;US-ASCII", "\x01", "\x01;", "\x01[TTABLE]", "\x01[TTABLE]\x01", "\x01;;"]
        {
            let mut option = CharsetOption::default();
            assert_eq!(answer_to(&mut option, content.as_bytes()), sent(REJECTED, ""), "{content:?}");
            assert_eq!(option.charset(), Charset::Utf8);
        }
        assert_eq!(answer_to(&mut CharsetOption::default(), b"\x04\x01;a;b"), sent(TTABLE_REJECTED, ""));
        for content in ["", "\x02UTF-8", "\x02latin1", "\x03", "\x05", "\x06", "\x07", "\x09", "\u{ff}"] {
            let mut option = CharsetOption::default();
            assert_eq!(answer_to(&mut option, content.as_bytes()), b"", "{content:?}");
            assert_eq!(option.charset(), Charset::Utf8, "{content:?}");
        }
    }

    #[test]
    fn when_two_requests_cross_the_peers_is_refused_unless_both_mean_utf_8() {
        let crossing = || {
            let mut option = CharsetOption::default();
            option.receive_ours(true, &mut Vec::new());
            option
        };
        assert_eq!(answer_to(&mut crossing(), b"\x01;UTF-8"), sent(ACCEPTED, "UTF-8"));
        let mut option = crossing();
        assert_eq!(answer_to(&mut option, b"\x01;ISO-8859-1"), sent(REJECTED, ""));
        assert_eq!(answer_to(&mut option, b"\x03"), b"");
        // A later request is accepted.
        assert_eq!(answer_to(&mut option, b"\x01;ISO-8859-1"), sent(ACCEPTED, "ISO-8859-1"));
        assert_eq!(option.charset(), Charset::Latin1);
    }

    #[test]
    fn the_users_choice_stays_whatever_the_client_agrees_to() {
        let mut option = CharsetOption::default();
        option.choose(Charset::Utf8);
        assert_eq!(answer_to(&mut option, b"\x01;ISO-8859-1"), sent(ACCEPTED, "ISO-8859-1"));
        assert_eq!(option.charset(), Charset::Utf8);
    }
}
