//! Warnings about a certificate that the server can use but clients may refuse.
//!
//! *Owns* reading a certificate's dates and names (RFC 5280, section 4.1), and the warnings about them.
//! *Knows nothing of* files, keys and clocks: the time is an argument. Clients check the signature.

use std::path::Path;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use yasna::models::{GeneralizedTime, UTCTime};
use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};
use yasna::{ASN1Result, BERReader, BERReaderSeq, Tag, parse_der};

/// How long before the expiry to warn. Two weeks are enough to get another certificate from anywhere, and automatic renewal
/// (ACME) happens a month before.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The facts in a certificate that the warnings need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CertificateFacts {
    not_before: Timestamp,
    not_after: Timestamp,
    /// Encoded names, compared byte for byte.
    issuer: Box<[u8]>,
    subject: Box<[u8]>,
}

impl CertificateFacts {
    /// Reads a certificate; `None` if it cannot be read, which gives no warnings.
    pub(super) fn read(certificate: &[u8]) -> Option<CertificateFacts> {
        parse_der(certificate, |reader| {
            reader.read_sequence(|reader| {
                let facts = reader.next().read_sequence(to_be_signed)?;
                // The signature algorithm and the signature.
                reader.next().read_der()?;
                reader.next().read_der()?;
                Ok(facts)
            })
        })
        .ok()
    }
}

fn to_be_signed(reader: &mut BERReaderSeq<'_, '_>) -> ASN1Result<CertificateFacts> {
    // Version 1 certificates omit the version.
    reader.read_optional(|reader| reader.read_tagged(Tag::context(0), |reader| reader.read_der().map(drop)))?;
    // Serial number, algorithm.
    reader.next().read_der()?;
    reader.next().read_der()?;
    let issuer = reader.next().read_der()?.into();
    let (not_before, not_after) =
        reader.next().read_sequence(|reader| Ok((moment(reader.next())?, moment(reader.next())?)))?;
    let subject = reader.next().read_der()?.into();
    // The key and the optional fields.
    while reader.read_optional(|reader| reader.read_der().map(drop))?.is_some() {}
    Ok(CertificateFacts { not_before, not_after, issuer, subject })
}

/// Years up to 2049 are written with two digits, later ones with four (RFC 5280, section 4.1.2.5).
fn moment(reader: BERReader<'_, '_>) -> ASN1Result<Timestamp> {
    let seconds = match reader.lookahead_tag()? {
        TAG_UTCTIME => moment_of(reader.read_utctime()?),
        TAG_GENERALIZEDTIME => moment_of_four_digits(reader.read_generalized_time()?),
        _ => return Err(yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid)),
    };
    // After the year 9999 there is nothing to warn about.
    Ok(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

fn moment_of(time: UTCTime) -> i64 {
    time.datetime().unix_timestamp()
}

fn moment_of_four_digits(time: GeneralizedTime) -> i64 {
    time.datetime().unix_timestamp()
}

/// Warnings about the certificates in a file, the server's own first: one sentence each, without a full stop.
pub(super) fn warnings(path: &Path, chain: &[CertificateFacts], now: Timestamp) -> Vec<String> {
    let mut warnings: Vec<_> =
        (1..).zip(chain).filter_map(|(number, facts)| about_dates(path, number, facts, now)).collect();
    if let Some((own, others)) = chain.split_first()
        && own.issuer != own.subject
        && !others.iter().any(|other| other.subject == own.issuer)
    {
        warnings.push(format!(
            "the issuer of the certificate in {} is not in that file; unless all clients know that issuer, append its \
             certificate",
            path.display()
        ));
    }
    warnings
}

fn about_dates(path: &Path, number: usize, facts: &CertificateFacts, now: Timestamp) -> Option<String> {
    let which = if number == 1 { "the certificate".to_owned() } else { format!("certificate {number}") };
    let which = format!("{which} in {}", path.display());
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let renew = "replace it and send SIGHUP";
    if facts.not_after <= now {
        return Some(format!("{which} expired on {}, and clients refuse it: {renew}", day(facts.not_after)));
    }
    if facts.not_before > now {
        return Some(format!("{which} is valid from {} on, and clients refuse it until then", day(facts.not_before)));
    }
    let left = facts.not_after.duration_since(now);
    (left <= SOON).then(|| {
        let when = match left.as_hours() / 24 {
            0 => "within a day".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        };
        format!("{which} expires on {}, {when}: {renew}", day(facts.not_after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    /// The parameters of a certificate that is valid from one year to another.
    fn params(name: &str, from: i32, to: i32) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(from, 3, 5);
        params.not_after = rcgen::date_time_ymd(to, 3, 5);
        params
    }

    fn self_signed(name: &str, from: i32, to: i32) -> CertificateFacts {
        let made = params(name, from, to).self_signed(&KeyPair::generate().unwrap()).unwrap();
        CertificateFacts::read(made.der()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn warnings_at(chain: &[CertificateFacts], now: &str) -> Vec<String> {
        warnings(Path::new("cert.pem"), chain, at(now))
    }

    #[test]
    fn a_certificate_gets_a_warning_in_its_last_fourteen_days_and_after_them() {
        // The last year is written with two digits, and with four.
        for (from, to) in [(2020, 2030), (2040, 2060)] {
            let chain = [self_signed("box", from, to)];
            let before = |hours: i64| {
                let now = at(&format!("{to}-03-05T00:00:00Z")) - SignedDuration::from_hours(hours);
                warnings(Path::new("cert.pem"), &chain, now)
            };
            let renew = "replace it and send SIGHUP";
            assert_eq!(before(14 * 24 + 1), [""; 0]);
            for (hours, when) in [
                (14 * 24, "in 14 days"),
                (14 * 24 - 1, "in 13 days"),
                (48, "in 2 days"),
                (47, "in 1 day"),
                (23, "within a day"),
                (1, "within a day"),
            ] {
                let said = format!("the certificate in cert.pem expires on {to}-03-05, {when}: {renew}");
                assert_eq!(before(hours), [said]);
            }
            for hours in [0, -1, -24 * 1000] {
                let said = format!("the certificate in cert.pem expired on {to}-03-05, and clients refuse it: {renew}");
                assert_eq!(before(hours), [said]);
            }
        }
    }

    #[test]
    fn a_certificate_that_is_not_valid_yet_gets_a_warning() {
        let chain = [self_signed("box", 2027, 2030)];
        let said = "the certificate in cert.pem is valid from 2027-03-05 on, and clients refuse it until then";
        assert_eq!(warnings_at(&chain, "2027-03-04T23:59:59Z"), [said]);
        assert_eq!(warnings_at(&chain, "2027-03-05T00:00:00Z"), [""; 0]);
    }

    #[test]
    fn a_leaf_whose_issuer_is_not_in_the_file_gets_a_warning_and_a_self_signed_one_does_not() {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = params("some authority", 2020, 2030);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertificateFacts::read(ca.self_signed(&ca_key).unwrap().der()).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let leaf = params("box", 2020, 2030).signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        let leaf = CertificateFacts::read(leaf.der()).unwrap();
        let now = "2025-01-01T00:00:00Z";
        let alone = "the issuer of the certificate in cert.pem is not in that file; unless all clients know that issuer, \
                     append its certificate";
        assert_eq!(warnings_at(std::slice::from_ref(&leaf), now), [alone]);
        assert_eq!(warnings_at(&[leaf.clone(), self_signed("another", 2020, 2030)], now), [alone]);
        assert_eq!(warnings_at(&[leaf.clone(), root.clone()], now), [""; 0]);
        assert_eq!(warnings_at(&[root], now), [""; 0]);
        // The dates of the certificates further down count too.
        let old =
            CertificateFacts { not_after: at("2024-01-01T00:00:00Z"), ..self_signed("some authority", 2020, 2030) };
        let told = warnings_at(&[leaf.clone(), CertificateFacts { subject: leaf.issuer.clone(), ..old }], now);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("certificate 2 in cert.pem expired on 2024-01-01, "), "{told:?}");
    }

    #[test]
    fn a_broken_certificate_has_no_facts_and_causes_no_panic() {
        let made = params("box", 2020, 2030).self_signed(&KeyPair::generate().unwrap()).unwrap();
        let der = made.der().as_ref();
        assert!(CertificateFacts::read(b"").is_none() && CertificateFacts::read(b"no certificate").is_none());
        for end in 0..der.len() {
            assert!(CertificateFacts::read(&der[..end]).is_none());
        }
        for place in 0..der.len().min(300) {
            let mut broken = der.to_vec();
            broken[place] ^= 0xFF;
            // Any result will do.
            let _ = CertificateFacts::read(&broken);
        }
    }
}
