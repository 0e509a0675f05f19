//! Where an arriving file is saved: under an unused name, as `NAME.part` until it is complete, and never over another
//! file.
//!
//! *Owns* the names on the disk. *Knows nothing of* connections.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use crate::chat::file_name::FileName;

/// Most names tried: `report (2).pdf` and so on.
const MOST_NAMES: u32 = 1000;

/// A file that is being written.
pub(super) struct DownloadFile {
    directory: PathBuf,
    name: String,
    part: PathBuf,
    file: File,
    hash: Context,
    pub(super) length: u64,
}

/// SHA-256 in hexadecimal digits, in small letters.
pub(super) fn hexadecimal(hash: Context) -> String {
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name under which a file is saved: the last part of the sender's name for it, without anything that a shell or
/// the user's programs could misread.
fn safe_name(given: &str) -> String {
    let name = FileName::new(given);
    let shown = name.shown().trim_start_matches(['.', '-', '~', ' ']);
    let usable: String = shown.chars().map(|c| if c == '/' || c == '\\' || c.is_control() { '_' } else { c }).collect();
    if usable.is_empty() { "file".to_owned() } else { usable }
}

/// `report.pdf`, `report (2).pdf`, ...
fn numbered(name: &str, number: u32) -> String {
    match (number, name.rsplit_once('.')) {
        (1, _) => name.to_owned(),
        (_, Some((stem, ending))) if !stem.is_empty() => format!("{stem} ({number}).{ending}"),
        _ => format!("{name} ({number})"),
    }
}

impl DownloadFile {
    /// Begins a file.
    pub(super) fn create(directory: &Path, given: &str) -> io::Result<DownloadFile> {
        let name = safe_name(given);
        for number in 1..=MOST_NAMES {
            let wanted = numbered(&name, number);
            if fs::symlink_metadata(directory.join(&wanted)).is_ok() {
                continue;
            }
            let part = directory.join(format!("{wanted}.part"));
            match OpenOptions::new().write(true).create_new(true).open(&part) {
                Ok(file) => {
                    let (directory, hash) = (directory.to_owned(), Context::new(&SHA256));
                    return Ok(DownloadFile { directory, name, part, file, hash, length: 0 });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("there are too many files of that name"))
    }

    /// Continues a file that broke off, if the existing part has this hash; otherwise `None`.
    pub(super) fn resume(directory: &Path, given: &str, part: &Path, hash: &str) -> Option<DownloadFile> {
        let is_file = fs::symlink_metadata(part).is_ok_and(|metadata| metadata.is_file());
        let mut file = OpenOptions::new().read(true).append(true).open(part).ok().filter(|_| is_file)?;
        let mut context = Context::new(&SHA256);
        let mut length = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    context.update(&buffer[..count]);
                    length += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        let is_same = hexadecimal(context.clone()) == hash;
        let (directory, name, part) = (directory.to_owned(), safe_name(given), part.to_owned());
        is_same.then_some(DownloadFile { directory, name, part, file, hash: context, length })
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The path of the incomplete file.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// The hash of the part saved so far.
    pub(super) fn hash(&self) -> String {
        hexadecimal(self.hash.clone())
    }

    /// Deletes the incomplete file.
    pub(super) fn discard(self) {
        // An error means that it is gone already.
        let _ = fs::remove_file(&self.part);
    }

    /// Gives the complete file its name. Returns its path.
    pub(super) fn finish(self) -> io::Result<PathBuf> {
        self.file.sync_all()?;
        for number in 1..=MOST_NAMES {
            let place = self.directory.join(numbered(&self.name, number));
            match fs::hard_link(&self.part, &place) {
                Ok(()) => {
                    fs::remove_file(&self.part)?;
                    return Ok(place);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // A file system without hard links: the name is taken first, and then given to the file.
                Err(_) => match OpenOptions::new().write(true).create_new(true).open(&place) {
                    Ok(_) => {
                        fs::rename(&self.part, &place)?;
                        return Ok(place);
                    }
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                },
            }
        }
        Err(io::Error::other("there are too many files of that name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("chatsock-download-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("made");
        directory
    }

    #[test]
    fn no_name_leads_elsewhere_or_hides() {
        for (given, saved) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..\\evil.exe", "evil.exe"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("..", "file"),
            ("", "file"),
            ("~", "file"),
        ] {
            assert_eq!(safe_name(given), saved, "{given}");
        }
        for given in ["a\u{202e}fdp.exe", "a\u{1b}[2Jb", "x\ny", "CON", "$(id)", "'; rm -r x", &"n".repeat(300)] {
            let name = safe_name(given);
            assert!(!name.contains(['/', '\\', '\u{1b}', '\u{202e}', '\n']) && name.len() <= 84, "{given:?}: {name:?}");
        }
    }

    #[test]
    fn a_file_of_the_same_name_is_never_overwritten() {
        let directory = scratch("same");
        fs::write(directory.join("a.txt"), "mine").expect("written");
        let mut file = DownloadFile::create(&directory, "a.txt").expect("made");
        file.write(b"theirs").expect("written");
        assert!(file.part().ends_with("a (2).txt.part"));
        fs::write(directory.join("a (2).txt"), "mine, too").expect("written");
        let place = file.finish().expect("finished");
        assert!(place.ends_with("a (3).txt"), "{place:?}");
        let read = |name: &str| fs::read_to_string(directory.join(name)).expect(name);
        assert_eq!(
            (read("a.txt"), read("a (2).txt"), read("a (3).txt")),
            ("mine".into(), "mine, too".into(), "theirs".into())
        );
        assert_eq!(fs::read_dir(&directory).expect("read").count(), 3, "no part stays");
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn a_part_is_resumed_only_if_it_has_not_changed() {
        let directory = scratch("resume");
        let mut file = DownloadFile::create(&directory, "a").expect("made");
        file.write(b"one ").expect("written");
        let (part, hash) = (file.part().to_owned(), file.hash());
        drop(file);
        let mut file = DownloadFile::resume(&directory, "a", &part, &hash).expect("the same");
        assert_eq!(file.length, 4);
        file.write(b"two").expect("written");
        assert_eq!(fs::read_to_string(&part).expect("read"), "one two");
        assert!(DownloadFile::resume(&directory, "a", &part, &hash).is_none(), "it has changed");
        fs::remove_dir_all(directory).expect("removed");
    }
}
