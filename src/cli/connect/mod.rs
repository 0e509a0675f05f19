//! `chatsock connect`: a client for a terminal.
//!
//! ```text
//! user -> view -> Intent -> model -> request -> link -> server
//! user <- view <- items  <- model <- object  <- link <- server
//! ```
//!
//! *Owns* the client, from its command line to its end. *Knows nothing of* the inside of the server.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::match_wildcard_for_single_variants))]

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
use client::RunningClient;
use model::{ClientChoices, ClientModel};

pub use target::ConnectFailure;

/// Runs the client to its end. Returns its exit status, and lines to print after it.
///
/// # Errors
///
/// The server cannot be reached or is not trusted, or the terminal cannot be used.
pub fn run(options: &ConnectOptions, asks: &mut dyn Asks) -> Result<(u8, Option<String>), ConnectFailure> {
    let directory = download_directory(options)?;
    let found;
    let options = if options.host.is_some() {
        options
    } else {
        found = look_for_a_server(options, asks)?;
        &found
    };
    let host = options.host.as_deref().unwrap_or_default();
    let (target, connection) = target::settle(options, host, asks)?;
    let choices = ClientChoices {
        name: options.name.clone(),
        room: options.room.clone(),
        unattended: !io::stdin().is_terminal(),
    };
    let mut model = ClientModel::new(choices);
    let mut random = [0; 4];
    // Without random numbers, all clients reconnect in the same rhythm, which is acceptable.
    let _ = getrandom::fill(&mut random);
    model.scatter(u32::from_le_bytes(random));
    let mut view = views::choose(options);
    let mut client = RunningClient::new(model, &mut *view, target.clone(), Carriers::new(target, directory));
    let status = client.run(connection).map_err(|error| ConnectFailure::Other(format!("the terminal: {error}")))?;
    let last_words = client.last_words.take();
    Ok((status, last_words))
}

/// The only server in this network. Its answer is a hint, trusted no more than a typed address.
#[cfg(feature = "discovery")]
fn look_for_a_server(options: &ConnectOptions, asks: &mut dyn Asks) -> Result<ConnectOptions, ConnectFailure> {
    use super::find;
    let answers = find::find(&super::FindOptions::default());
    let answers = answers.map_err(|error| ConnectFailure::Other(error.to_string()))?;
    let [server] = &answers[..] else {
        return Err(if answers.is_empty() {
            ConnectFailure::Other(format!("{} Name a host, {EXAMPLE}", find::NONE_FOUND))
        } else {
            ConnectFailure::Users(format!("several servers answered; name one of them:\n{}", find::table(&answers)))
        });
    };
    let (hint, host) = (&server.hint, server.host());
    let port = if options.plain { hint.port } else { hint.tls.or(hint.port) };
    asks.tell(&format!("* Found {} at {host}.", hint.name));
    Ok(ConnectOptions { host: Some(host), port, ..options.clone() })
}

#[cfg(not(feature = "discovery"))]
fn look_for_a_server(_: &ConnectOptions, _: &mut dyn Asks) -> Result<ConnectOptions, ConnectFailure> {
    Err(ConnectFailure::Users(format!("chatsock connect needs a host, {EXAMPLE}")))
}

/// An example of a host.
const EXAMPLE: &str = "as in chatsock connect alice@chat.example.org";

fn download_directory(options: &ConnectOptions) -> Result<PathBuf, ConnectFailure> {
    let directory = options.download.clone().unwrap_or_else(|| PathBuf::from("."));
    if directory.is_dir() {
        return Ok(directory);
    }
    Err(ConnectFailure::Users(format!("--download {} is not a directory", directory.display())))
}
