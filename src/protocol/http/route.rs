//! What a request gets: the page, the icon, a WebSocket, a file, or a refusal.
//!
//! *Owns* the targets, and the order in which a request is checked.
//! *Knows nothing of* sockets.

use super::host::{Host, Origin};
use super::refusal::HttpRefusal;
use super::request::{HttpRequest, Method};
use super::upgrade::Upgrade;

/// The server's names, and which other pages may connect.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The server's names, in lower case, without a dot at the end.
    pub names: &'a [String],
    /// Other pages that may connect.
    pub origins: &'a [Origin],
    /// Whether the page comes through TLS, so that its address begins with `https`.
    pub is_secure: bool,
}

/// What a request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The page.
    Page,
    /// No icon: the page draws its own.
    NoIcon,
    /// A WebSocket.
    Upgrade(Upgrade),
    /// One end of a transfer of a file, if its token is right.
    File,
}

impl Site<'_> {
    /// Decides what a request gets.
    ///
    /// # Errors
    ///
    /// The request is refused.
    pub fn answer(&self, request: &HttpRequest) -> Result<Route, HttpRefusal> {
        if let Some(host) = &request.host
            && !self.is_called(host)
        {
            return Err(HttpRefusal::UnknownHost(host.name()));
        }
        if request.is_for_file() {
            self.check_origin(request)?;
            return Ok(Route::File);
        }
        if request.method == Method::Other {
            return Err(HttpRefusal::Method);
        }
        match request.path() {
            "/" => Ok(Route::Page),
            "/favicon.ico" => Ok(Route::NoIcon),
            "/ws" => {
                self.check_origin(request)?;
                Upgrade::parse(request).map(Route::Upgrade)
            }
            _ => Err(HttpRefusal::NotFound),
        }
    }

    /// Whether the server is known by this name.
    pub(crate) fn is_called(&self, host: &Host) -> bool {
        host.is_known(self.names.iter().map(String::as_str))
    }

    /// A page may connect if it is this server's own, or listed. Programs send no origin, and always may.
    fn check_origin(&self, request: &HttpRequest) -> Result<(), HttpRefusal> {
        let Some(origin) = request.origin()? else { return Ok(()) };
        let origin = Origin::parse(origin).map_err(|_| HttpRefusal::ForeignOrigin)?;
        let own = request.host.clone().map(|host| Origin::of(host, self.is_secure));
        if own.as_ref() == Some(&origin) || self.origins.contains(&origin) {
            Ok(())
        } else {
            Err(HttpRefusal::ForeignOrigin)
        }
    }
}
