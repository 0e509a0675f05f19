//! What a monitoring system asks for, and how it is answered. Pure.
//!
//! A small reader of its own, since `protocol/http` is for browsers and is not in every build.
//!
//! *Owns* which requests are answered and with what status. *Knows nothing of* sockets and of what is counted.

/// Most bytes of a request's head. Prometheus sends about 300.
pub(super) const MOST_BYTES: usize = 8 * 1024;

/// The two text forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpositionForm {
    /// OpenMetrics 1.0, with its `# EOF`.
    OpenMetrics,
    /// The older text form of Prometheus.
    PrometheusText,
}

impl ExpositionForm {
    fn content_type(self) -> &'static str {
        match self {
            ExpositionForm::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            ExpositionForm::PrometheusText => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// A request for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scrape {
    pub(super) form: ExpositionForm,
    /// HEAD: only the head of the answer.
    pub(super) head_only: bool,
}

/// A refusal: its status and a sentence, and whether the request was HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ScrapeRefusal {
    status: &'static str,
    sentence: &'static str,
    head_only: bool,
}

impl ScrapeRefusal {
    pub(super) const BAD: ScrapeRefusal = ScrapeRefusal::new("400 Bad Request", "This is not an HTTP request.");
    pub(super) const TOO_LARGE: ScrapeRefusal =
        ScrapeRefusal::new("431 Request Header Fields Too Large", "The request is too long: a head may have 8 KiB.");
    pub(super) const TOO_SLOW: ScrapeRefusal =
        ScrapeRefusal::new("408 Request Timeout", "The request did not come within two seconds.");
    const NOT_FOUND: ScrapeRefusal = ScrapeRefusal::new("404 Not Found", "Only /metrics is here.");
    const WRONG_METHOD: ScrapeRefusal =
        ScrapeRefusal::new("405 Method Not Allowed", "Only GET and HEAD are answered here.");

    const fn new(status: &'static str, sentence: &'static str) -> ScrapeRefusal {
        ScrapeRefusal { status, sentence, head_only: false }
    }

    /// The whole answer.
    pub(super) fn answer(self) -> Vec<u8> {
        let body = format!("{}\n", self.sentence);
        let allow = if self.status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
        let head = head(self.status, "text/plain; charset=utf-8", body.len(), allow);
        let body = if self.head_only { "" } else { &body };
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

impl Scrape {
    /// The whole answer.
    pub(super) fn answer(self, metrics: &str) -> Vec<u8> {
        let head = head("200 OK", self.form.content_type(), metrics.len(), "");
        let body = if self.head_only { "" } else { metrics };
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

fn head(status: &str, content_type: &str, length: usize, more: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{more}Cache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
}

/// Whether the head is complete, or cannot become an HTTP request: waiting for more would hold up the next client.
pub(super) fn is_complete(request: &[u8]) -> bool {
    let ends = |end: &[u8]| request.windows(end.len()).any(|part| part == end);
    ends(b"\r\n\r\n") || ends(b"\n\n") || is_foreign(request)
}

/// Whether no HTTP request can begin like this. TLS, for example, begins with a byte that is not a letter (RFC 8446,
/// section 5.1).
fn is_foreign(start: &[u8]) -> bool {
    let line = start.iter().position(|byte| *byte == b'\n').map(|end| &start[..end]);
    let is_request =
        |line: &[u8]| line.split(|byte| *byte == b' ').nth(2).is_some_and(|word| word.starts_with(b"HTTP/"));
    start.first().is_some_and(|byte| !byte.is_ascii_alphabetic()) || line.is_some_and(|line| !is_request(line))
}

/// Reads a whole head.
///
/// # Errors
///
/// The request is for something else.
pub(super) fn read(head: &[u8]) -> Result<Scrape, ScrapeRefusal> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let words: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else { return Err(ScrapeRefusal::BAD) };
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token(method) || !is_token(target) || !version.starts_with("HTTP/1.") {
        return Err(ScrapeRefusal::BAD);
    }
    let head_only = method == "HEAD";
    let path = target.split(['?', '#']).next().unwrap_or_default();
    // A proxy may send the whole address (RFC 9112, section 3.2.2).
    let path = match path.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => path,
    };
    if path != "/metrics" {
        return Err(ScrapeRefusal { head_only, ..ScrapeRefusal::NOT_FOUND });
    }
    if !head_only && method != "GET" {
        return Err(ScrapeRefusal::WRONG_METHOD);
    }
    let accepts = |wanted: &str| {
        let mut fields = lines.clone().filter_map(|line| line.split_once(':'));
        fields.any(|(name, value)| name.eq_ignore_ascii_case("accept") && value.to_ascii_lowercase().contains(wanted))
    };
    let old = accepts("text/plain") && !accepts("application/openmetrics-text");
    let form = if old { ExpositionForm::PrometheusText } else { ExpositionForm::OpenMetrics };
    Ok(Scrape { form, head_only })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str) -> Result<Scrape, &'static str> {
        assert!(is_complete(request.as_bytes()), "{request:?}");
        read(request.as_bytes()).map_err(|refusal| refusal.status)
    }

    #[test]
    fn get_and_head_of_the_metrics_are_answered_and_nothing_else_is() {
        let scrape = |form, head_only| Ok(Scrape { form, head_only });
        let open = ExpositionForm::OpenMetrics;
        for (request, expected) in [
            ("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", scrape(open, false)),
            ("GET /metrics HTTP/1.0\n\n", scrape(open, false)),
            ("HEAD /metrics?x=1 HTTP/1.1\r\n\r\n", scrape(open, true)),
            ("GET http://a:9464/metrics HTTP/1.1\r\n\r\n", scrape(open, false)),
            ("GET /metrics HTTP/1.1\r\nAccept: */*\r\n\r\n", scrape(open, false)),
            (
                "GET /metrics HTTP/1.1\r\nACCEPT: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n",
                scrape(open, false),
            ),
            ("GET /metrics HTTP/1.1\r\naccept: text/plain\r\n\r\n", scrape(ExpositionForm::PrometheusText, false)),
            ("GET / HTTP/1.1\r\n\r\n", Err("404 Not Found")),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", Err("404 Not Found")),
            ("GET http://a HTTP/1.1\r\n\r\n", Err("404 Not Found")),
            ("POST /metrics HTTP/1.1\r\n\r\n", Err("405 Method Not Allowed")),
            ("POST /other HTTP/1.1\r\n\r\n", Err("404 Not Found")),
            ("GET /metrics\r\n\r\n", Err("400 Bad Request")),
            ("GET /metrics HTTP/2\r\n\r\n", Err("400 Bad Request")),
            ("hello\r\n\r\n", Err("400 Bad Request")),
            ("\r\n\r\n", Err("400 Bad Request")),
        ] {
            assert_eq!(status(request), expected, "{request:?}");
        }
    }

    #[test]
    fn an_answer_names_its_length_and_to_head_it_has_no_body() {
        let answer = |scrape: Scrape| String::from_utf8(scrape.answer("a 1\n# EOF\n")).expect("text");
        let get = answer(Scrape { form: ExpositionForm::OpenMetrics, head_only: false });
        assert!(get.contains("\r\nContent-Length: 10\r\n") && get.ends_with("\r\n\r\na 1\n# EOF\n"), "{get}");
        let head = answer(Scrape { form: ExpositionForm::OpenMetrics, head_only: true });
        assert!(head.contains("\r\nContent-Length: 10\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        let refused = String::from_utf8(ScrapeRefusal::WRONG_METHOD.answer()).expect("text");
        assert!(refused.contains("\r\nAllow: GET, HEAD\r\n"), "{refused}");
    }

    #[test]
    fn a_head_is_complete_at_its_empty_line_or_when_it_is_none() {
        for (text, complete) in [
            ("", false),
            ("GET / HTTP/1.1\r\n", false),
            ("GET / HTTP/1.1\r\n\r", false),
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\n\n", true),
            ("GE", false),
            ("bob\r\n", true),
            ("\x16\x03\x01", true),
            ("SSH-2.0-OpenSSH_9.2\r\n", true),
        ] {
            assert_eq!(is_complete(text.as_bytes()), complete, "{text:?}");
        }
    }
}
