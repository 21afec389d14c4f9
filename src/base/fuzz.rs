//! How long a fuzz target runs: a moment with every test run, minutes with `STRONGROOM_LONG=1`.
//!
//! A fuzz target is a property that holds for any input: a value or an error, never a panic, and never two meanings.

use proptest::test_runner::Config;

/// Cases of one target in the ordinary test run: all targets together stay within seconds.
const CASES: u32 = 256;
/// Cases with `STRONGROOM_LONG=1`.
const CASES_LONG: u32 = 50_000;

/// The configuration of a fuzz target. Failures are printed and not kept in files: an input that fails
/// becomes a test of its own.
pub(crate) fn config() -> Config {
    let cases = if std::env::var_os("STRONGROOM_LONG").is_some() { CASES_LONG } else { CASES };
    Config { cases, failure_persistence: None, ..Config::default() }
}
