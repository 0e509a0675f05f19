//! Headers whole, byte by byte, and cut at every position.

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A header by its parts.
fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, body].concat()
}

fn tcp4(rest: &[u8]) -> Vec<u8> {
    let addresses = [&[192, 0, 2, 7][..], &[198, 51, 100, 1], &4242u16.to_be_bytes(), &5555u16.to_be_bytes()];
    header(0x21, 0x11, &[&addresses.concat()[..], rest].concat())
}

/// Reads as a connection would: never more than is needed. Returns the verdict and the bytes it took.
fn fed(input: &[u8], step: usize) -> (HeaderVerdict, usize) {
    let mut taken = 0;
    loop {
        match parse(&input[..taken]) {
            HeaderVerdict::Undecided(_) if taken == input.len() => return (parse(input), taken),
            HeaderVerdict::Undecided(needed) => {
                assert!(needed > 0);
                taken = (taken + needed.min(step)).min(input.len());
            }
            verdict => return (verdict, taken),
        }
    }
}

/// Checks the verdict, however the input is split. What follows the header is never touched.
#[track_caller]
fn check(input: &[u8], expected: HeaderVerdict) {
    let followed = [input, b"alice\r\n"].concat();
    for step in [1, 2, 3, 7, 15, 16, 17, usize::MAX] {
        let (verdict, taken) = fed(&followed, step);
        assert_eq!(verdict, expected, "in steps of {step}");
        if let HeaderVerdict::Header(_, length) = verdict {
            assert_eq!((length, taken), (input.len(), input.len()), "in steps of {step}");
        }
    }
    assert_eq!(parse(&followed), expected);
    if let HeaderVerdict::Header(..) = expected {
        for cut in 0..input.len() {
            assert!(
                matches!(parse(&input[..cut]), HeaderVerdict::Undecided(needed) if needed <= input.len() - cut),
                "cut at {cut}"
            );
        }
    }
}

fn client(text: &str, length: usize) -> HeaderVerdict {
    HeaderVerdict::Header(Source::Client(address(text)), length)
}

#[test]
fn a_header_of_either_family_names_the_client() {
    check(&tcp4(&[]), client("192.0.2.7:4242", 28));
    let from: Ipv6Addr = "2001:db8::7".parse().unwrap();
    let body = [&from.octets()[..], &Ipv6Addr::LOCALHOST.octets(), &[1, 2, 3, 4]].concat();
    check(&header(0x21, 0x21, &body), client("[2001:db8::7]:258", 52));
}

#[test]
fn an_ipv4_address_in_an_ipv6_header_is_ipv4() {
    let from = Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped();
    let body = [&from.octets()[..], &Ipv6Addr::LOCALHOST.octets(), &[1, 2, 3, 4]].concat();
    check(&header(0x21, 0x21, &body), client("192.0.2.7:258", 52));
}

#[test]
fn optional_fields_are_skipped_up_to_the_limit() {
    let authority = [&[0x02, 0, 5][..], b"chat\xff"].concat();
    check(&tcp4(&authority), client("192.0.2.7:4242", 36));
    check(&tcp4(&[0xFF; MAX_LENGTH - 12]), client("192.0.2.7:4242", 16 + MAX_LENGTH));
    let long = tcp4(&[0xFF; MAX_LENGTH - 11]);
    check(&long, HeaderVerdict::Invalid(HeaderError::TooLong(513)));
}

#[test]
fn a_local_or_unknown_connection_is_the_proxys_own_whatever_addresses_it_has() {
    check(&header(0x20, 0x00, &[]), HeaderVerdict::Header(Source::Proxy, 16));
    check(&header(0x21, 0x00, &[]), HeaderVerdict::Header(Source::Proxy, 16));
    check(&header(0x21, 0x00, &[9; 20]), HeaderVerdict::Header(Source::Proxy, 36));
    let mut local = tcp4(&[]);
    local[12] = 0x20;
    check(&local, HeaderVerdict::Header(Source::Proxy, 28));
    // The family is ignored, and so is a length that would not do for it.
    check(&header(0x20, 0x31, &[]), HeaderVerdict::Header(Source::Proxy, 16));
}

#[test]
fn a_protocol_other_than_tcp_is_refused_at_its_byte() {
    for (family, error) in [
        (0x31, HeaderError::Unix),
        (0x32, HeaderError::Unix),
        (0x12, HeaderError::Family(0x12)),
        (0x22, HeaderError::Family(0x22)),
        (0x01, HeaderError::Family(0x01)),
        (0x41, HeaderError::Family(0x41)),
    ] {
        let input = header(0x21, family, &[0; 216]);
        check(&input, HeaderVerdict::Invalid(error));
        assert_eq!(parse(&input[..14]), HeaderVerdict::Invalid(error));
        assert!(matches!(parse(&input[..13]), HeaderVerdict::Undecided(3)));
    }
}

#[test]
fn another_version_or_command_is_refused_at_its_byte() {
    for byte in [0x00, 0x11, 0x22, 0x2F, 0x31, 0xFF] {
        let input = header(byte, 0x11, &[0; 12]);
        check(&input, HeaderVerdict::Invalid(HeaderError::Version(byte)));
        assert_eq!(parse(&input[..13]), HeaderVerdict::Invalid(HeaderError::Version(byte)));
    }
}

#[test]
fn a_length_that_cannot_be_right_is_refused_before_what_it_announces() {
    let mut long = tcp4(&[])[..14].to_vec();
    long.extend([0xFF, 0xFF]);
    assert_eq!(parse(&long), HeaderVerdict::Invalid(HeaderError::TooLong(65_535)));
    assert!(matches!(parse(&long[..15]), HeaderVerdict::Invalid(HeaderError::TooLong(_))), "its first byte is enough");
    check(&header(0x21, 0x11, &[0; 11]), HeaderVerdict::Invalid(HeaderError::TooShort(11)));
    check(&header(0x21, 0x21, &[0; 35]), HeaderVerdict::Invalid(HeaderError::TooShort(35)));
}

#[test]
fn version_1_is_refused_by_name() {
    let input = b"PROXY TCP4 192.0.2.7 198.51.100.1 4242 5555\r\n";
    check(input, HeaderVerdict::Invalid(HeaderError::Text));
    assert!(HeaderError::Text.to_string().contains("version 1"));
}

#[test]
fn any_other_protocol_is_refused_at_the_first_byte_that_differs() {
    for input in [&b"alice\r\n"[..], b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00", b"\xff\xfd\x01", b"\0"] {
        check(input, HeaderVerdict::Invalid(HeaderError::NoHeader));
        assert_eq!(parse(&input[..1]), HeaderVerdict::Invalid(HeaderError::NoHeader));
    }
    check(b"\r\nalice\r\n", HeaderVerdict::Invalid(HeaderError::NoHeader));
}

#[test]
fn a_header_is_read_back_as_it_was_written() {
    let to = address("198.51.100.1:5555");
    for from in ["192.0.2.7:4242", "[2001:db8::7]:1", "127.0.0.1:65535"] {
        let header = write(Source::Client(address(from)), to);
        check(&header, client(from, header.len()));
    }
    let mapped = SocketAddr::new(Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().into(), 7);
    let header = write(Source::Client(mapped), SocketAddr::new(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), 7));
    assert_eq!(header.len(), 28, "IPv4 on both sides, however the sockets name it");
    check(&header, client("192.0.2.7:7", 28));
    check(&write(Source::Proxy, to), HeaderVerdict::Header(Source::Proxy, 16));
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn any_bytes_get_the_same_verdict_however_they_come(
        valid in any::<bool>(), command in 0x1Fu8..0x23, family in any::<u8>(), claimed in 0u16..600,
        rest in proptest::collection::vec(any::<u8>(), 0..700), step in 1usize..40,
    ) {
        let mut input = if valid { [&SIGNATURE[..], &[command, family], &claimed.to_be_bytes()].concat() } else { Vec::new() };
        input.extend(&rest);
        let (verdict, taken) = fed(&input, step);
        match (parse(&input), verdict) {
            (HeaderVerdict::Invalid(whole), HeaderVerdict::Invalid(parts)) => {
                // In parts it may be known before the rest of its name or length has come.
                let early = |error| matches!(error, HeaderError::TooLong(_) | HeaderError::Text | HeaderError::NoHeader);
                prop_assert!(whole == parts || early(whole) && early(parts));
            }
            (whole, parts) => prop_assert_eq!(whole, parts),
        }
        if let HeaderVerdict::Header(_, length) = verdict {
            prop_assert_eq!(length, taken);
            prop_assert!(length <= 16 + MAX_LENGTH);
        }
    }
}
