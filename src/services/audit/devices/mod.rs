//! One audit device: a file and the log in it. The writer uses [`device::Device`]. Each file of this
//! module uses only those below it in this table:
//!
//! | file | holds |
//! |---|---|
//! | device | the whole device: opens, writes, signs, recovers |
//! | log | the chain, what the file still lacks, and the write itself |
//! | rotation | the names of rotated files, and which of them are too many |
//! | catch_up, foreign, scan | read a file: what it lacks, what others wrote into it, where its log stands |
//! | checkpoints, coverage, health | the newest checkpoint, how far changes are covered, up or down |
//! | batch, due, unwritten | lines made for one write, control lines that are due, notes that wait |
//! | file, sidecar | the file itself and its sync, the file of the newest checkpoint |

pub(crate) mod device;

mod log;

mod catch_up;
mod foreign;
mod rotation;
mod scan;

mod checkpoints;
mod coverage;
mod health;

mod batch;
mod due;
mod unwritten;

mod file;
mod sidecar;

#[cfg(test)]
pub(crate) use self::rotation::{rotated_path, superfluous};
pub(crate) use self::{
    catch_up::Expected,
    checkpoints::Progress,
    coverage::Moment,
    file::{SyncDone, Syncable},
    health::Refused,
    sidecar::Sidecar,
};
