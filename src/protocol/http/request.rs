//! The head of a request as a value, or why it is refused.
//!
//! Whatever could be read in two ways is refused, so that nothing in front of this server can see another request in the same
//! bytes (RFC 9112, section 11.2).
//!
//! *Owns* which heads are readable. *Knows nothing of* what is at a target.

use super::host::Host;
use super::refusal::HttpRefusal;

/// Most header lines; the reader of heads has counted them with the request line.
const MOST_HEADERS: usize = 64;

/// The path of files between users; their token follows.
const FILES: &str = "/f/";

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// For the whole answer.
    Get,
    /// For its head.
    Head,
    /// Anything else.
    Other,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The path, with what follows a `?`.
    pub target: String,
    /// The value of `Host`. Only HTTP/1.0 may leave it out.
    pub host: Option<Host>,
    /// All header lines: names in lower case, and values.
    headers: Vec<(String, String)>,
    is_http11: bool,
}

impl HttpRequest {
    /// Looks at the start of a head, from which it may be clear already that the rest is not worth waiting for.
    ///
    /// # Errors
    ///
    /// It is not HTTP/1.x.
    pub(crate) fn check_start(head: &[u8]) -> Result<(), HttpRefusal> {
        let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
        match httparse::Request::new(&mut lines).parse(head) {
            Ok(_) => Ok(()),
            Err(error) => Err(HttpRefusal::Bad(reason(error))),
        }
    }

    /// Reads a whole head, as [`super::HeadReader`] returns it.
    ///
    /// # Errors
    ///
    /// It is not HTTP/1.x, could be read in two ways, or comes with a body.
    pub fn parse(head: &[u8]) -> Result<HttpRequest, HttpRefusal> {
        // Not on the stack, where these two kilobytes would stay with every WebSocket.
        let mut lines = vec![httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut lines);
        match parsed.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(HttpRefusal::Bad("it is incomplete")),
            Err(error) => return Err(HttpRefusal::Bad(reason(error))),
        }
        let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(HttpRefusal::Bad("it is incomplete"));
        };
        let mut headers = Vec::with_capacity(MOST_HEADERS);
        for line in parsed.headers.iter() {
            // A value may have other bytes than ASCII (RFC 9110, section 5.5). No name or address that is compared here has any.
            headers.push((line.name.to_ascii_lowercase(), String::from_utf8_lossy(line.value).into_owned()));
        }
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => Method::Other,
        };
        let mut request = HttpRequest { method, target: target.to_owned(), host: None, headers, is_http11: minor == 1 };
        request.check_body()?;
        request.host = request.read_host()?;
        // OPTIONS and CONNECT may have other targets (RFC 9112, section 3.2).
        if !target.starts_with('/') && (method != Method::Other || target.contains("://")) {
            return Err(HttpRefusal::Bad("its target is not a path"));
        }
        Ok(request)
    }

    /// The values of all header lines with this name, which is in lower case.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The items of lists separated by commas in all header lines with this name.
    pub(super) fn items<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values(name).flat_map(|value| value.split(',')).map(str::trim).filter(|item| !item.is_empty())
    }

    /// The origin of the page that asks; `None` if the client is not a browser.
    ///
    /// # Errors
    ///
    /// There are two.
    pub fn origin(&self) -> Result<Option<&str>, HttpRefusal> {
        let mut origins = self.values("origin");
        match (origins.next(), origins.next()) {
            (_, Some(_)) => Err(HttpRefusal::Bad("it has two Origin lines")),
            (origin, None) => Ok(origin),
        }
    }

    /// The address that a proxy says it asks for: the last one in the list, which the proxy itself has added.
    pub(crate) fn forwarded_for(&self) -> Option<&str> {
        self.items("x-forwarded-for").last()
    }

    /// The path without what follows a `?`.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("")
    }

    /// Whether it speaks HTTP/1.1, and may ask for another protocol.
    pub(super) fn is_http11(&self) -> bool {
        self.is_http11
    }

    /// Whether it is about a file between users. These have their own rules for bodies, in the module `transfer`.
    pub(crate) fn is_for_file(&self) -> bool {
        self.path().starts_with(FILES)
    }

    fn check_body(&self) -> Result<(), HttpRefusal> {
        if self.is_for_file() {
            return Ok(());
        }
        if self.values("transfer-encoding").next().is_some() {
            return Err(HttpRefusal::Bad("it has a Transfer-Encoding"));
        }
        if self.method != Method::Other && self.values("content-length").any(|length| length != "0") {
            return Err(HttpRefusal::Bad("it has a body"));
        }
        Ok(())
    }

    fn read_host(&self) -> Result<Option<Host>, HttpRefusal> {
        let mut hosts = self.values("host");
        match (hosts.next(), hosts.next()) {
            (_, Some(_)) => Err(HttpRefusal::Bad("it has two Host lines")),
            (Some(host), None) => Host::parse(host).map(Some).ok_or(HttpRefusal::Bad("its Host is not a host")),
            (None, None) if self.is_http11 => Err(HttpRefusal::Bad("it has no Host line")),
            (None, None) => Ok(None),
        }
    }
}

fn reason(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "a header's name is invalid, or a header goes on in a second line",
        httparse::Error::HeaderValue => "a header's value is invalid",
        httparse::Error::NewLine => "a line does not end properly",
        httparse::Error::Status | httparse::Error::Token => "its first line is invalid",
        httparse::Error::TooManyHeaders => "it has too many headers",
        httparse::Error::Version => "it is not HTTP/1.0 or 1.1",
    }
}
