//! Broker tokens: opaque texts of 256 random bits, stored under a keyed hash. A token is one record with its accessor,
//! expiry, parent and login entries, all written and all deleted in one batch; a login's lease is its token's record.

mod cache;
mod lease;
mod mint;
mod record;
mod renew;
mod revoke;
mod walk;

pub use cache::{Session, SessionCache};
pub use lease::{Lease, Terms, lease};
pub use mint::{Minted, Plan, mint, seed_root};
pub use record::{AccessorEntry, SPENT, TokenEntry, TokenRecord, expiry_key, pair_key};
pub use renew::renew;
pub use revoke::{erase, revoke};
pub use walk::{WalkReport, walk};
