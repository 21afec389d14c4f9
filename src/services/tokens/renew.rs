//! Renews a token: its time of expiry moves within its limits, in one batch with its expiry entry.

use crate::{
    barrier::Unit,
    base::time::Time,
    contract::{Error, Result},
    services::{
        table_ids::CORE,
        tokens::{
            lease::{Lease, LeaseTerms, lease},
            record::{EXPIRIES, TOKENS, TokenEntry, TokenRecord, expiry_key},
        },
    },
};

/// Moves the expiry of a renewable token. Returns the new lease and the record as it will be after the commit.
pub(super) fn renew(unit: &Unit, hash: &[u8; 32], terms: &LeaseTerms, now: Time) -> Result<(Lease, TokenRecord)> {
    let Some(mut record) = unit.get(&CORE, &TOKENS, hash)? else { return Err(unit.conflict().into()) };
    let Some(expires) = record.expires.filter(|_| record.is_renewable) else {
        return Err(Error::invalid("lease is not renewable"));
    };
    let granted = lease(terms, Time::from_unix_nanos(record.created), now);
    if granted.ttl.is_zero() {
        return Err(Error::invalid("past the max TTL, cannot renew"));
    }
    let later = now.plus(granted.ttl).unix_secs();
    unit.delete(&CORE, &EXPIRIES, &expiry_key(expires, hash))?;
    unit.put(&CORE, &EXPIRIES, &expiry_key(later, hash), &TokenEntry {})?;
    record.expires = Some(later);
    record.renewed = Some(now.unix_nanos());
    unit.put(&CORE, &TOKENS, hash, &record)?;
    Ok((granted, record))
}
