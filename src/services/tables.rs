//! Everything the services store, in one place: the tables of the core mount and the guard records. A guard is
//! rewritten by each change of its kind, so that whoever was judged by an older snapshot meets a conflict.

use crate::{
    barrier::{MountId, Table},
    services::{
        identity::{Alias, Entity},
        marks::Mark,
        mounts::MountRecord,
        policies::PolicyRecord,
        tokens::{AccessorEntry, TokenEntry, TokenRecord},
    },
};

/// The mount id of the broker's own records.
pub const CORE: MountId = [0; 16];

/// By mount id.
pub const MOUNTS: Table<MountRecord> = Table::plain(1);
/// By name.
pub const POLICIES: Table<PolicyRecord> = Table::sealed(2);
/// By the token's hash.
pub const TOKENS: Table<TokenRecord> = Table::plain(3);
/// By the accessor's hash.
pub const ACCESSORS: Table<AccessorEntry> = Table::plain(4);
/// By time of expiry (8 bytes, big-endian seconds) and token hash.
pub const EXPIRIES: Table<TokenEntry> = Table::plain(5);
/// By the parent's hash and the child's.
pub const CHILDREN: Table<TokenEntry> = Table::plain(6);
/// By the id of the auth mount that gave the token out and the token's hash.
pub const LOGINS: Table<TokenEntry> = Table::plain(7);
/// By entity id (UUID, 16 bytes).
pub const ENTITIES: Table<Entity> = Table::plain(8);
/// By a keyed hash of mount accessor and principal name.
pub const ALIASES: Table<Alias> = Table::plain(9);
/// By generation (8 bytes, big-endian).
pub const MARKS: Table<Mark> = Table::plain(10);
/// By the kind that a guard stands for.
pub const GUARDS: Table<Guard> = Table::plain(11);

/// Counts the changes of one kind.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Default)]
pub struct Guard {
    #[n(0)]
    pub generation: u64,
}
