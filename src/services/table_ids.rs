//! Identifies the records of the services: the mount id that no mount has, and the numbers of its tables. Each table is
//! declared in the file of the service that owns it. The numbers are here, so that no two services choose the same one.

use crate::barrier::MountId;

/// The mount id of the broker's own records.
pub(crate) const CORE: MountId = [0; 16];

pub(crate) const MOUNTS: u8 = 1;
pub(crate) const POLICIES: u8 = 2;
pub(crate) const TOKENS: u8 = 3;
pub(crate) const ACCESSORS: u8 = 4;
pub(crate) const EXPIRIES: u8 = 5;
pub(crate) const CHILDREN: u8 = 6;
pub(crate) const LOGINS: u8 = 7;
pub(crate) const ENTITIES: u8 = 8;
pub(crate) const ALIASES: u8 = 9;
pub(crate) const MARKERS: u8 = 10;
pub(crate) const GUARDS: u8 = 11;
