//! The border between plaintext, which the floors above see, and sealed bytes, which is all that the store below sees.
//! Here are the seal and the keys, the form of records and names on disk, and the unit of work of a request.
//!
//! Start with `unit.rs`, which the floors above use; then `record.rs` and `record_key.rs`, the form on disk.

mod arena;
mod boot;
mod errors;
mod init;
mod keyring;
mod keys;
mod listing;
mod record;
mod record_key;
mod record_name;
mod seal;
mod shares;
mod table;
mod unit;

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod listing_tests;

pub use boot::BootError;
pub use errors::BarrierError;
pub use init::{InitPlan, Initialised, ShamirPlan};
#[cfg(test)]
pub use keyring::Keyring;
pub use keys::Keys;
pub use listing::Page;
pub use record_key::MountId;
pub use seal::{Barrier, Opening, SealStatus, Submitted};
pub use table::{Name, Record, Table};
pub use unit::Unit;
pub(crate) use unit::WrittenTag;
