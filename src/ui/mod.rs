//! One user's input and screen, as a pure state machine.

pub mod command;
pub mod palette;
pub mod screen;
