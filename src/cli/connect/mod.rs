//! `chatsock connect`: a client for a terminal.
//!
//! ```text
//! user -> view -> Intent -> model -> request -> link -> server
//! user <- view <- items  <- model <- object  <- link <- server
//! ```
//!
//! *Owns* the client, from its command line to its end. *Knows nothing of* the server's inside.

#![allow(dead_code, unused_imports, reason = "a view uses them")]

mod carrier;
mod client;
mod download_file;
mod lines;
mod link;
pub(crate) mod model;
pub(crate) mod screen;
pub(crate) mod signal;
mod target;
pub(crate) mod view;
mod views;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use super::ConnectOptions;
use super::proxy::Asks;
use carrier::Carriers;
use client::Client;
use model::{ClientChoices, ClientModel};

pub use target::ConnectFailure;

/// Runs the client to its end. Its exit status, and lines that belong behind it.
///
/// # Errors
///
/// There is no way to the server, it is not to be trusted, or the terminal cannot be used.
pub fn run(options: &ConnectOptions, asks: &mut dyn Asks) -> Result<(u8, Option<String>), ConnectFailure> {
    let directory = download_directory(options)?;
    let host = options.host.clone().ok_or_else(|| {
        ConnectFailure::Users("chatsock connect needs a host, as in chatsock connect alice@chat.example.org".to_owned())
    })?;
    let (target, connection) = target::settle(options, &host, asks)?;
    let choices = ClientChoices {
        name: options.name.clone(),
        room: options.room.clone(),
        unattended: !io::stdin().is_terminal(),
    };
    let mut model = ClientModel::new(choices);
    let mut random = [0; 4];
    // Without random numbers all clients come back in the same rhythm, which is no worse than that.
    let _ = getrandom::fill(&mut random);
    model.scatter(u32::from_le_bytes(random));
    let mut view = views::choose(options);
    let mut client = Client::new(model, &mut *view, target.clone(), Carriers::new(target, directory));
    let status = client.run(connection).map_err(|error| ConnectFailure::Other(format!("the terminal: {error}")))?;
    let last_words = client.last_words.take();
    Ok((status, last_words))
}

fn download_directory(options: &ConnectOptions) -> Result<PathBuf, ConnectFailure> {
    let directory = options.download.clone().unwrap_or_else(|| PathBuf::from("."));
    if directory.is_dir() {
        return Ok(directory);
    }
    Err(ConnectFailure::Users(format!("--download {} is no directory", directory.display())))
}
