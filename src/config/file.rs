//! Loads the config file from disk.
//!
//! *Owns* the mistakes that concern the file as a whole. *Knows nothing of* TOML and of the keys.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::Config;
use super::mistake::{ConfigError, Mistake};
use super::read::parse;

/// Longest file read, in bytes.
///
/// A thousand rooms take about 100 KB. The bound keeps `--config /dev/zero` from using up the memory.
const MAX_FILE: u64 = 1024 * 1024;

/// Reads the file at `path`.
///
/// # Errors
///
/// Every mistake in it; only one if it cannot be read at all.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let name = path.to_string_lossy();
    let whole_file = |text: String| ConfigError::one(Mistake { file: name.clone().into_owned(), line: None, text });
    let bytes = read(path).map_err(|error| whole_file(in_words(&error)))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(whole_file("the file is over 1 MiB and cannot be a config file".to_owned()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => parse(&text, &name),
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            Err(ConfigError::one(Mistake {
                file: name.clone().into_owned(),
                line: Some(1 + good.iter().filter(|byte| **byte == b'\n').count()),
                text: "the file is not UTF-8 text; save it in that encoding".to_owned(),
            }))
        }
    }
}

/// Reads the file at `path` once more, while the server runs.
///
/// # Errors
///
/// As for [`load`]. A pipe, such as that of `--config <(...)`, is a mistake too: it has been read, so now it is empty
/// or never ends.
pub fn load_again(path: &Path) -> Result<Config, ConfigError> {
    match std::fs::metadata(path) {
        Ok(found) if found.file_type().is_fifo() => Err(ConfigError::one(Mistake {
            file: path.to_string_lossy().into_owned(),
            line: None,
            text: "this is a pipe, which cannot be read again; start the server with a file to reload it".to_owned(),
        })),
        _ => load(path),
    }
}

/// Reads a file that the configuration names, if it is a regular one and has at most `limit` bytes.
///
/// Never waits, as opening a FIFO would: a running server could not even stop.
pub(crate) fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::Error::other("this is a directory"));
    }
    if !kind.is_file() {
        return Err(io::Error::other("this is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("the file is over {} MiB", limit / (1024 * 1024))));
    }
    Ok(bytes)
}

/// Reads at most one byte more than [`MAX_FILE`]; that byte shows that the file is too long.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "no permission to read the file; make it readable for the user who runs chatsock".to_owned()
        }
        io::ErrorKind::IsADirectory => "this is a directory; name a file in it".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    }
}
