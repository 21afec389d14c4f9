//! Asks the person at the terminal, and reads standard input. Prompts go to standard error or to the terminal itself,
//! never to standard output. Without a terminal nothing is asked.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::error::CliError;
use crate::base::secret::Secret;

/// At most this many bytes are read from standard input for one value; the rest is ignored.
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
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(INPUT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| CliError::usage(format!("standard input cannot be read: {error}")))?;
    Ok(Secret::new(text))
}
