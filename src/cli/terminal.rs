//! The person at the terminal: what is shown to them, and what they are asked. Prompts go to standard error or the
//! terminal itself, never to standard output; without a terminal nothing is asked.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use super::fault::Fault;
use crate::{base::secret::Secret, client::json::is_direction_mark};

/// Bytes read from standard input for one value.
const INPUT_BYTES_MAX: u64 = 32 << 20;

/// Which of the three streams is a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    pub input: bool,
    pub output: bool,
    pub errors: bool,
}

impl Terminal {
    pub fn of_process() -> Self {
        Self {
            input: io::stdin().is_terminal(),
            output: io::stdout().is_terminal(),
            errors: io::stderr().is_terminal(),
        }
    }

    /// Asks for a secret without echo.
    pub fn secret(self, prompt: &str, instead: &str) -> Result<Secret<String>, Fault> {
        let refused = |_| Fault::usage(format!("no terminal to ask for {prompt}")).fix(instead);
        if !self.input {
            return Err(refused(io::Error::other("")));
        }
        rpassword::prompt_password(format!("{prompt} (is not shown): ")).map(Secret::new).map_err(refused)
    }

    /// Asks for a line, with echo. `None` where there is nobody to ask.
    pub fn line(self, prompt: &str) -> io::Result<Option<String>> {
        if !self.input {
            return Ok(None);
        }
        let mut errors = io::stderr();
        write!(errors, "{prompt}")?;
        errors.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(Some(answer.trim().to_owned()))
    }
}

/// Reads all of standard input as text.
pub fn read_input() -> Result<Secret<String>, Fault> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(INPUT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Fault::usage(format!("standard input cannot be read: {error}")))?;
    Ok(Secret::new(text))
}

/// Takes out what a terminal would obey: escapes and other controls, and marks that reorder text. Line ends and tabs
/// stay.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_direction_mark(*c))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_taken_out_and_text_stays() {
        for (text, cleaned) in [
            ("a\u{1b}[2Jb", "a[2Jb"),
            ("x\u{9b}31m", "x31m"),
            ("ok\r\u{8}\u{7f}\0", "ok"),
            ("user\u{202e}txt.exe", "usertxt.exe"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("lines\n\tand ümläute ✓", "lines\n\tand ümläute ✓"),
        ] {
            assert_eq!(clean(text), cleaned);
        }
    }
}
