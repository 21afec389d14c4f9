//! The operator's log: lines on stderr, coloured only for a terminal. Other crates are heard from `warn` on: their
//! finer words are about bytes, and bytes are secrets here.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::error::ServerError;

/// Vault's and everybody's names for the levels.
pub fn level(text: &str) -> Result<&'static str, ServerError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "error" | "err" => "error",
        "warn" | "warning" => "warn",
        "info" | "notice" | "" => "info",
        "debug" => "debug",
        "trace" => "trace",
        "off" => "off",
        _ => return Err(ServerError::LogLevel(text.to_owned())),
    })
}

/// Starts to log. Where something logs already it stays as it is.
pub fn start(level: &'static str) {
    let is_coloured = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
        && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb");
    let others = if level == "off" { "off" } else { "warn" };
    let _was_started = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured)
        .with_target(level == "debug" || level == "trace")
        .with_env_filter(EnvFilter::new(format!("{others},strongroom={level}")))
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_by_several_names() {
        for (text, known) in [("INFO", "info"), ("err", "error"), ("warning", "warn"), ("trace", "trace"), ("", "info")]
        {
            assert_eq!(level(text).unwrap(), known);
        }
        assert!(matches!(level("loud"), Err(ServerError::LogLevel(text)) if text == "loud"));
    }
}
