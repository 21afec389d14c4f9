//! The operator's log: lines on stderr, in colour only on a terminal. Of other crates only warnings and errors are
//! logged, because their debug lines show bytes, which may be secrets.

use std::io::IsTerminal as _;

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::error::ServerError;

/// The log level that `text` names. Vault's names are accepted too.
pub(crate) fn level(text: &str) -> Result<LevelFilter, ServerError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "error" | "err" => LevelFilter::ERROR,
        "warn" | "warning" => LevelFilter::WARN,
        "info" | "notice" | "" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        "off" => LevelFilter::OFF,
        _ => return Err(ServerError::LogLevel(text.to_owned())),
    })
}

/// Starts the log. If a log was started before, it is kept and this does nothing.
pub(crate) fn start(level: LevelFilter) {
    let is_coloured = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
        && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb");
    let lines =
        fmt::layer().with_writer(std::io::stderr).with_ansi(is_coloured).with_target(level >= LevelFilter::DEBUG);
    // A line that cannot be written is lost. Otherwise the layer would say so on the same stderr, and panic if nobody
    // reads it any more: a closed terminal is no reason to stop.
    let lines = lines.log_internal_errors(false);
    let targets = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("strongroom", level);
    let _was_started = tracing_subscriber::registry().with(lines).with(targets).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_by_several_names() {
        for (text, known) in [
            ("INFO", LevelFilter::INFO),
            ("err", LevelFilter::ERROR),
            ("warning", LevelFilter::WARN),
            ("trace", LevelFilter::TRACE),
            ("", LevelFilter::INFO),
        ] {
            assert_eq!(level(text).unwrap(), known);
        }
        assert!(matches!(level("loud"), Err(ServerError::LogLevel(text)) if text == "loud"));
    }
}
