//! A terminal in line mode that knows CR and LF: enough to see whether texts replace prompts.

#[derive(Default)]
pub struct Screen {
    /// Complete rows not yet taken.
    pub lines: Vec<String>,
    row: Vec<u8>,
    column: usize,
}

impl Screen {
    /// The user types a line; the terminal goes to the next row.
    pub fn end_line(&mut self) {
        self.row.clear();
        self.column = 0;
    }

    /// Shows the server's output.
    pub fn show(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\r' => self.column = 0,
                b'\n' => {
                    self.lines.push(self.row());
                    self.row.clear();
                }
                _ => {
                    if self.column < self.row.len() {
                        self.row[self.column] = *byte;
                    } else {
                        self.row.push(*byte);
                    }
                    self.column += 1;
                }
            }
        }
    }

    /// The cursor's row, without blanks at its end.
    pub fn row(&self) -> String {
        String::from_utf8_lossy(&self.row).trim_end().to_owned()
    }
}

#[test]
fn text_written_over_a_prompt_replaces_it() {
    let mut screen = Screen::default();
    screen.show(b"[general]> \r           \r* hi\r\n> ");
    assert_eq!(screen.lines, ["* hi"]);
    assert_eq!(screen.row(), ">");
    screen.show(b"\r* x\r\n> ");
    assert_eq!(screen.lines, ["* hi", "* x"]);
}
