//! Which view there is for this terminal.
//!
//! *Owns* that choice. *Knows nothing of* what a view shows.

use super::lines::LinesView;
use super::view::ClientView;
use crate::cli::ConnectOptions;

/// The view for this terminal, and these options.
pub(super) fn choose(_: &ConnectOptions) -> Box<dyn ClientView> {
    Box::new(LinesView::new())
}
