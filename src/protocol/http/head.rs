//! Finds the end of a request's head, and gives up on one that is too long, before parsing any of it.
//!
//! *Knows nothing of* what the head says.

use super::refusal::HttpRefusal;

/// Most bytes of a head. A browser sends under one kilobyte here, since there are no cookies.
const MOST_BYTES: usize = 8 * 1024;

/// Most lines of a head, with the request line. A browser sends about fifteen.
const MOST_LINES: usize = 64;

/// The head of one request, as it arrives. Looks at every byte once.
#[derive(Debug, Default)]
pub struct HeadReader {
    head: Vec<u8>,
    /// Whole lines so far.
    lines: usize,
    /// Bytes of the current line, without CR.
    in_line: usize,
}

impl HeadReader {
    /// A reader before the first byte.
    pub fn new() -> HeadReader {
        HeadReader::default()
    }

    /// Whether nothing has arrived yet.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// Whether the first line is complete.
    pub(crate) fn has_line(&self) -> bool {
        self.lines > 0
    }

    /// What has arrived of the head.
    pub fn so_far(&self) -> &[u8] {
        &self.head
    }

    /// Takes the next chunk. Returns the whole head, with the empty line that ends it, and how much of the chunk belonged
    /// to it; `None` if more has to arrive.
    ///
    /// # Errors
    ///
    /// The head is too long. No more than the limit was stored.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Option<(Vec<u8>, usize)>, HttpRefusal> {
        for (at, &byte) in chunk.iter().enumerate() {
            if self.head.len() + at == MOST_BYTES {
                return Err(HttpRefusal::HeadTooLong);
            }
            match byte {
                b'\n' if self.in_line == 0 && self.lines > 0 => {
                    self.head.extend_from_slice(&chunk[..=at]);
                    return Ok(Some((std::mem::take(&mut self.head), at + 1)));
                }
                // Empty lines before the request line do not count (RFC 9112, section 2.2).
                b'\n' if self.in_line == 0 => {}
                b'\n' => {
                    self.lines += 1;
                    self.in_line = 0;
                }
                b'\r' => {}
                _ if self.lines == MOST_LINES => return Err(HttpRefusal::HeadTooLong),
                _ => self.in_line += 1,
            }
        }
        self.head.extend_from_slice(chunk);
        Ok(None)
    }
}
