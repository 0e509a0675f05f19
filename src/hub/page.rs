//! The address of the page in the browser, and the server's names.
//!
//! *Owns* both, so that requests are checked against the same names that answers use. *Knows nothing of* HTTP beyond
//! the notation of a host.

use std::net::SocketAddr;

use super::Hub;
use crate::protocol::http::Host;

/// The first listener for the page.
#[derive(Debug)]
pub(crate) struct WebPage {
    /// Its port.
    pub(crate) port: u16,
    /// Whether it speaks TLS.
    pub(crate) is_secure: bool,
    /// The machine's names, in lower case.
    machine: Vec<String>,
}

impl WebPage {
    pub(crate) fn new(port: u16, is_secure: bool) -> WebPage {
        WebPage { port, is_secure, machine: machine_names(&rustix::system::uname().nodename().to_string_lossy()) }
    }
}

impl Hub {
    /// The names by which requests may call the server, besides its addresses and `localhost`, in lower case.
    pub(crate) fn site_names(&self) -> Vec<String> {
        let machine = self.page.get().map(|page| page.machine.clone()).unwrap_or_default();
        machine.into_iter().chain(self.config().web.hosts.iter().cloned()).collect()
    }

    /// The address of the page for a client that asked for it on another port, with the name it used if known. `local`
    /// is the address it reached.
    pub(crate) fn page_address(&self, heard: &[u8], local: Option<SocketAddr>) -> Option<String> {
        let page = self.page.get()?;
        let scheme = if page.is_secure { "https" } else { "http" };
        let names = self.site_names();
        let called = host_line(heard).and_then(Host::parse);
        let called = called.filter(|host| host.is_known(names.iter().map(String::as_str)));
        let host = match called {
            Some(host) => host.with_port(page.port),
            None => Host::at(local?.ip(), page.port),
        };
        Some(format!("{scheme}://{host}/"))
    }
}

/// The machine's names in its own network: its host name, the first part of it, and that part in multicast DNS (RFC
/// 6762, section 3).
fn machine_names(name: &str) -> Vec<String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let first = name.split('.').next().unwrap_or("");
    if first.is_empty() {
        return Vec::new();
    }
    let mut names = vec![first.to_owned(), format!("{first}.local")];
    if !names.contains(&name) {
        names.push(name);
    }
    names
}

/// The value of the first `Host` line of a request, if it has come already.
fn host_line(request: &[u8]) -> Option<&str> {
    let lines = request.split(|byte| *byte == b'\n').skip(1);
    let mut lines = lines.filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'));
    lines.find(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_goes_by_its_name_and_by_the_first_part_of_it() {
        assert_eq!(machine_names("Box"), ["box", "box.local"]);
        assert_eq!(machine_names("box.example.org."), ["box", "box.local", "box.example.org"]);
        assert_eq!(machine_names("box.local"), ["box", "box.local"]);
        assert_eq!(machine_names(""), [""; 0]);
    }

    #[test]
    fn the_name_used_in_a_request_is_found_where_it_is_at_hand() {
        assert_eq!(host_line(b"GET / HTTP/1.1\r\nhost:  box:5555\r\n\r\n"), Some("box:5555"));
        assert_eq!(host_line(b"GET / HTTP/1.1\r\nX: \xff\r\nHost: box\r\n"), Some("box"));
        for other in [b"".as_slice(), b"Host: box", b"GET / HTTP/1.1\r\nX-Host: box\r\n"] {
            assert_eq!(host_line(other), None);
        }
    }
}
