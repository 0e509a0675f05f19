//! What the screen shows, and what keys do.

mod keys;
mod looks;
mod speed;
mod stage;
