//! The log as its callers see it: files on a real disk, a clock that a hand moves, and no thread but the test's own.

mod bench;
mod failures;
mod notes;
mod proofs;

use super::*;
