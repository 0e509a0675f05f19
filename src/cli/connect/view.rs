//! What shows the model to a user, and takes what they do.
//!
//! *Owns* what the client's loop needs of a view. *Knows nothing of* the views there are.

use std::io;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use super::model::{ClientModel, Moment};
pub(crate) use super::signal::ViewInput;

use super::signal::ClientSignal;

/// A way to show the model and to take what the user does. All of it is called on one thread.
pub(crate) trait ClientView {
    /// Takes over the terminal and starts sending [`ClientSignal::Input`] from its own thread.
    fn start(&mut self, inbox: SyncSender<ClientSignal>) -> io::Result<()>;

    /// Passes the user's wishes from an input to the model one at a time: a line may lead to a question, and whether its
    /// answer is hidden must be known before the next key is read.
    fn take(&mut self, input: ViewInput, model: &mut ClientModel, now: Moment);

    /// Shows what has changed since the last time. Called after each round of signals, also after SIGWINCH, and at
    /// [`ClientView::wakes`]. It tells the model whether the end of the channel is on the screen.
    fn draw(&mut self, model: &mut ClientModel, now: Moment) -> io::Result<()>;

    /// When it wants to draw again although nothing has happened: a countdown, a clock.
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
