//! Chooses the view for this terminal.
//!
//! *Owns* that choice. *Knows nothing of* the content of a view.

use std::io::{self, IsTerminal as _};

use super::lines::LinesView;
use super::screen::{FullScreen, Look};
use super::view::ClientView;
use crate::cli::ConnectOptions;

/// The view for this terminal and these options: full-screen on a terminal, otherwise lines. Lines suit screen readers,
/// whose users set `TERM=dumb` or `CHATSOCK_PLAIN`.
pub(super) fn choose(options: &ConnectOptions) -> Box<dyn ClientView> {
    let variable = |name: &str| std::env::var(name).ok();
    let is_screen = io::stdin().is_terminal() && io::stdout().is_terminal();
    if is_screen && !wants_lines(variable) {
        Box::new(FullScreen::new(Look::of_environment(options.look, variable)))
    } else {
        Box::new(LinesView::new())
    }
}

fn wants_lines(variable: impl Fn(&str) -> Option<String>) -> bool {
    let plain = variable("CHATSOCK_PLAIN").is_some_and(|value| !value.is_empty() && value != "0");
    // Without TERM, nothing is known about the terminal.
    plain || variable("TERM").is_none_or(|terminal| terminal.is_empty() || terminal == "dumb")
}

#[cfg(test)]
mod tests {
    use super::wants_lines;

    #[test]
    fn screen_readers_get_lines() {
        let with = |set: &'static [(&str, &str)]| {
            wants_lines(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(!with(&[("TERM", "xterm-256color")]));
        assert!(!with(&[("TERM", "linux"), ("CHATSOCK_PLAIN", "0")]));
        assert!(with(&[("TERM", "xterm"), ("CHATSOCK_PLAIN", "1")]));
        assert!(with(&[("TERM", "dumb")]) && with(&[]));
    }
}
