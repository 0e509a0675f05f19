//! A view shows the model to the user, and takes their input.
//!
//! *Owns* the interface between the client's loop and a view. *Knows nothing of* the particular views.

use std::io;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use super::model::{ClientModel, Moment};
pub(crate) use super::signal::ViewInput;

use super::signal::ClientSignal;

/// Shows the model and takes the user's input. All functions are called on one thread.
pub(crate) trait ClientView {
    /// Takes over the terminal and starts sending [`ClientSignal::Input`] from its own thread.
    fn start(&mut self, inbox: SyncSender<ClientSignal>) -> io::Result<()>;

    /// Passes the user's intents in an input to the model one at a time: a line may lead to a question, and the view
    /// must know whether its answer is hidden before it handles the next key.
    fn take(&mut self, input: ViewInput, model: &mut ClientModel, now: Moment);

    /// Shows all changes since the last call. Called after each round of signals, also after SIGWINCH, and at
    /// [`ClientView::wakes`]. Tells the model whether the end of the channel is visible.
    fn draw(&mut self, model: &mut ClientModel, now: Moment) -> io::Result<()>;

    /// When to draw again although nothing has happened, such as for a countdown.
    fn wakes(&self, model: &ClientModel, now: Moment) -> Option<Instant>;

    /// Redraws the whole screen: `:redraw`, or after the program was stopped and continued.
    fn redraw(&mut self);

    /// Rings the bell.
    fn ring(&mut self);

    /// The program is about to stop (SIGTSTP): restores the terminal for other programs. [`ClientView::redraw`] follows
    /// when it continues. A view that reads keys sends the signal itself for Ctrl-Z.
    fn suspend(&mut self);

    /// Restores the terminal. Called once, at the end.
    fn finish(&mut self, model: &ClientModel);
}
