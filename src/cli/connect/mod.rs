//! `chatsock connect`: a client for a terminal.
//!
//! ```text
//! user -> view -> Intent -> model -> request -> link -> server
//! user <- view <- items  <- model <- object  <- link <- server
//! ```
//!
//! *Owns* the client, from its command line to its end. *Knows nothing of* the server's inside.

#![allow(dead_code, unused_imports, reason = "a view uses them")]

pub(crate) mod model;
pub(crate) mod signal;
pub(crate) mod view;
