//! The log as its callers see it: files on a real disk, a clock that a test moves, and no thread but the test's own.

mod any_bytes;
mod bench;
mod failures;
mod fixtures;
mod foreign;
mod foreign_files;
mod notes;
mod proofs;
mod questions;
mod strangers;
mod rotation;
mod starts;
mod together;
mod verdicts;
mod touched;

use super::{status::DeviceState, *};
use crate::{
    base::time::{Clock, Time},
    crypto::note::Checkpoint,
    store::{Sequence, files::Files},
};
