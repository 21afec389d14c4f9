//! Checks that no login was left half done: every token has its accessor, expiry, parent and login entries, and no
//! entry is without its token. Reads the whole store; for offline use and tests.

use std::collections::BTreeSet;

use crate::{
    barrier::{BarrierError, Unit},
    services::{
        table_ids::CORE,
        tokens::record::{ACCESSORS, CHILDREN, EXPIRIES, LOGINS, TOKENS, expiry_key, login_key, pair_key},
    },
};

/// The result of the check.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WalkReport {
    pub tokens: usize,
    /// One sentence for each kind of entry that is missing or has no token.
    pub problems: Vec<String>,
}

/// Compares all tokens with all entries.
pub fn walk(unit: &Unit) -> Result<WalkReport, BarrierError> {
    let mut report = WalkReport::default();
    let mut wanted: [BTreeSet<Vec<u8>>; 4] = Default::default();
    let [accessors, expiries, children, logins] = &mut wanted;
    for (name, record) in unit.scan(&CORE, &TOKENS, &[], usize::MAX)? {
        report.tokens += 1;
        let Ok(hash) = <[u8; 32]>::try_from(name.as_slice()) else {
            report.problems.push(String::from("a token record has a name of the wrong length"));
            continue;
        };
        accessors.insert(unit.keys().accessor_hash(&record.accessor)?.to_vec());
        if let Some(expires) = record.expires {
            expiries.insert(expiry_key(expires, &hash));
        }
        if let Some(parent) = record.parent() {
            children.insert(pair_key(parent, &hash));
        }
        logins.extend(login_key(&record, &hash));
    }
    let found: [BTreeSet<Vec<u8>>; 4] = [
        unit.scan(&CORE, &ACCESSORS, &[], usize::MAX)?.into_iter().map(|(name, _)| name).collect(),
        unit.scan(&CORE, &EXPIRIES, &[], usize::MAX)?.into_iter().map(|(name, _)| name).collect(),
        unit.scan(&CORE, &CHILDREN, &[], usize::MAX)?.into_iter().map(|(name, _)| name).collect(),
        unit.scan(&CORE, &LOGINS, &[], usize::MAX)?.into_iter().map(|(name, _)| name).collect(),
    ];
    for ((kind, wanted), found) in ["accessor", "expiry", "child", "login"].into_iter().zip(&wanted).zip(&found) {
        let missing = wanted.difference(found).count();
        let alone = found.difference(wanted).count();
        if missing > 0 {
            report.problems.push(format!("{missing} tokens have no {kind} entry"));
        }
        if alone > 0 {
            report.problems.push(format!("{alone} {kind} entries stand alone"));
        }
    }
    Ok(report)
}
