//! Asks the person at the terminal, and reads standard input. Prompts go to standard error or to the terminal itself,
//! never to standard output. Without a terminal nothing is asked.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::error::CliError;
use crate::base::secret::Secret;

/// Maximum number of bytes of standard input or of a file that a value is read from; more are refused. The server takes
/// far less.
const INPUT_BYTES_MAX: u64 = 32 << 20;

/// Whether standard input and standard output are terminals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    pub(crate) input: bool,
    pub(crate) output: bool,
}

impl Terminal {
    pub(crate) fn of_process() -> Self {
        Self { input: io::stdin().is_terminal(), output: io::stdout().is_terminal() }
    }

    /// Asks for a secret without echo. `instead` says in the error how to give it without a terminal.
    pub(crate) fn secret(self, prompt: &str, instead: &str) -> Result<Secret<String>, CliError> {
        let no_terminal = || CliError::usage(format!("there is no terminal to ask for {prompt}")).fix(instead);
        if !self.input {
            return Err(no_terminal());
        }
        // rpassword turns echo off only after it has shown the prompt. Somebody who types at once would see the secret.
        let _quiet = EchoOff::begin().map_err(|_| no_terminal())?;
        rpassword::prompt_password(format!("{prompt} (is not shown): ")).map(Secret::new).map_err(|_| no_terminal())
    }

    /// Asks for a line, with echo. `None` if standard input is not a terminal.
    pub(crate) fn line(self, prompt: &str) -> io::Result<Option<String>> {
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

/// Tells on standard error how far a long command is, if that is a terminal. The line disappears when this is dropped.
pub(crate) struct ProgressLine<W: io::Write = io::Stderr> {
    what: &'static str,
    /// `None` if nobody looks.
    out: Option<W>,
    shown: Option<u64>,
}

/// What is done in a moment is not told.
const TOLD_BYTES_MIN: u64 = 64 << 20;

impl ProgressLine {
    pub(crate) fn new(what: &'static str) -> Self {
        let errors = io::stderr();
        Self { what, out: errors.is_terminal().then_some(errors), shown: None }
    }
}

impl<W: io::Write> ProgressLine<W> {
    pub(crate) fn tell(&mut self, done_bytes: u64, all_bytes: u64) {
        let percent = done_bytes.min(all_bytes).saturating_mul(100) / all_bytes.max(1);
        let Some(out) = self.out.as_mut().filter(|_| all_bytes >= TOLD_BYTES_MIN) else { return };
        if self.shown != Some(percent) {
            let done = "=".repeat(usize::try_from(percent / 4).unwrap_or_default());
            let _nobody_looks = write!(out, "\r{} [{done:25}] {percent:3} %", self.what);
            self.shown = Some(percent);
        }
    }
}

impl<W: io::Write> Drop for ProgressLine<W> {
    fn drop(&mut self) {
        if let Some(out) = self.out.as_mut().filter(|_| self.shown.is_some()) {
            let _nobody_looks = write!(out, "\r\x1b[K");
        }
    }
}

/// Keeps the terminal's echo off until this value is dropped.
struct EchoOff {
    before: Termios,
}

impl EchoOff {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Reads standard input as text, up to [`INPUT_BYTES_MAX`] bytes.
pub(crate) fn read_input() -> Result<Secret<String>, CliError> {
    let bytes = read_whole(io::stdin().lock(), "standard input")?;
    String::from_utf8(bytes).map(Secret::new).map_err(|_| {
        CliError::usage("standard input cannot be read: it is not text")
            .fix("give it encoded, for instance with base64")
    })
}

/// Reads everything that `from` has. More than [`INPUT_BYTES_MAX`] bytes are an error: a value that is cut would be
/// stored as if it were whole. `what` names the source in an error.
pub(crate) fn read_whole(from: impl io::Read, what: &str) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    from.take(INPUT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::usage(format!("{what} cannot be read: {error}")))?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(CliError::usage(format!("{what} has more than {} MiB: nothing was sent", INPUT_BYTES_MAX >> 20))
            .why("the server takes at most 1 MiB in a request"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Input beyond the limit was cut without a word, and the rest of it was stored as a whole value.
    #[test]
    fn input_beyond_the_limit_is_an_error() {
        assert_eq!(read_whole(io::repeat(b'x').take(INPUT_BYTES_MAX), "a").unwrap().len() as u64, INPUT_BYTES_MAX);
        let failure = read_whole(io::repeat(b'x').take(INPUT_BYTES_MAX + 1), "big.txt").unwrap_err();
        assert_eq!(failure.what(), "big.txt has more than 32 MiB: nothing was sent");
    }

    #[test]
    fn a_long_command_tells_each_percent_once_and_clears_its_line() {
        let mut written = Vec::new();
        let mut line = ProgressLine { what: "verifying", out: Some(&mut written), shown: None };
        for done in [0, 1, 500_000, 1_000_000, 1_000_001] {
            line.tell(done * 1_000, 1_000_000_000);
        }
        line.tell(1, TOLD_BYTES_MIN - 1);
        drop(line);
        let bar = |length, percent| format!("\rverifying [{:25}] {percent:3} %", "=".repeat(length));
        let told = [bar(0, 0), bar(12, 50), bar(25, 100), String::from("\r\x1b[K")].concat();
        assert_eq!(String::from_utf8(written).unwrap(), told);
    }
}
