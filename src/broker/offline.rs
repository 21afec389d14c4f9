//! Checks of a store that no server is using.

use std::sync::Arc;

use crate::{
    barrier::{Barrier, Submitted, Unit},
    base::{random::Random, secret::Secret, time::Time},
    broker::StartError,
    services::tokens::{self, WalkReport},
    store::{Boot, Store},
};

/// Opens a store with its unseal key shares and checks its tokens: each must have all its
/// entries, and no entry may be without its token.
pub async fn walk(
    store: Store,
    boot: Boot,
    random: Random,
    shares: Vec<Secret<Vec<u8>>>,
) -> Result<WalkReport, StartError> {
    let broken = |error: &dyn std::fmt::Display| StartError::Broken(error.to_string());
    let barrier = Barrier::new(store.clone(), boot, random)?;
    for share in shares {
        if let Submitted::Opened(opening) = barrier.submit(share, Time::EPOCH).map_err(|error| broken(&error))? {
            let keys = barrier.complete(*opening).await.map_err(|error| broken(&error))?;
            let unit = Unit::new(Arc::clone(&keys), store.clone(), [0; 16]);
            let report = tokens::walk(&unit).map_err(|error| broken(&error))?;
            keys.wipe();
            return Ok(report);
        }
    }
    Err(StartError::Broken(String::from("more shares are needed to open the store: give each on a line of its own")))
}
