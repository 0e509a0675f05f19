//! What the screen shows, and what keys do.

mod keys;
mod looks;
mod stage;
