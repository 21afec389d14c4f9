//! Bounds of what a caller puts into a token. Every token that is in use lies in memory with all of it, so one caller with
//! big tokens would take the memory of all others. The errors name the field.

use std::collections::BTreeMap;

use crate::{
    base::limits::{
        ALIAS_BYTES_MAX, DISPLAY_NAME_BYTES_MAX, METADATA_KEY_BYTES_MAX, METADATA_OWN_PAIRS_MAX, METADATA_PAIRS_MAX,
        METADATA_VALUE_BYTES_MAX, POLICIES_MAX,
    },
    contract::{Error, Login, Result},
};

/// Checks the metadata that the field `field` gives.
pub fn metadata(field: &str, metadata: &BTreeMap<String, String>) -> Result<()> {
    pairs(field, metadata, METADATA_PAIRS_MAX)
}

fn pairs(field: &str, metadata: &BTreeMap<String, String>, pairs_max: usize) -> Result<()> {
    let is_small = |(key, value): (&String, &String)| {
        key.len() <= METADATA_KEY_BYTES_MAX && value.len() <= METADATA_VALUE_BYTES_MAX
    };
    if metadata.len() <= pairs_max && metadata.iter().all(is_small) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{field} holds at most {pairs_max} pairs, with keys up to {METADATA_KEY_BYTES_MAX} bytes and values up to \
         {METADATA_VALUE_BYTES_MAX} bytes"
    )))
}

/// Checks how many policies the field `field` names.
pub fn policies(field: &str, names: &[String]) -> Result<()> {
    if names.len() <= POLICIES_MAX {
        return Ok(());
    }
    Err(Error::invalid(format!("{field}: at most {POLICIES_MAX} policies")))
}

pub fn display_name(name: &str) -> Result<()> {
    if name.len() <= DISPLAY_NAME_BYTES_MAX {
        return Ok(());
    }
    Err(Error::invalid(format!("display_name: at most {DISPLAY_NAME_BYTES_MAX} bytes")))
}

impl Login {
    /// Checks what an auth method puts into a token. The broker asks this of every login.
    pub fn check_bounds(&self) -> Result<()> {
        if !self.origin.names_a_principal() {
            return Err(Error::internal("a login that names no principal"));
        }
        if self.alias.len() > ALIAS_BYTES_MAX {
            return Err(Error::invalid(format!("the alias of this login has more than {ALIAS_BYTES_MAX} bytes")));
        }
        display_name(&self.display_name)?;
        policies("policies", &self.policies)?;
        pairs("metadata", &self.metadata, METADATA_PAIRS_MAX + METADATA_OWN_PAIRS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::LoginOrigin;

    #[test]
    fn s18_what_a_login_puts_into_a_token_is_bounded() {
        let longest = || Login {
            origin: LoginOrigin { principal: [1; 16], ..LoginOrigin::default() },
            alias: "a".repeat(ALIAS_BYTES_MAX),
            display_name: "d".repeat(DISPLAY_NAME_BYTES_MAX),
            policies: vec![String::from("p"); POLICIES_MAX],
            metadata: (0..METADATA_PAIRS_MAX + METADATA_OWN_PAIRS_MAX)
                .map(|n| (n.to_string(), "v".repeat(METADATA_VALUE_BYTES_MAX)))
                .collect(),
            ..Login::default()
        };
        assert!(longest().check_bounds().is_ok());
        let more: [fn(&mut Login); 6] = [
            |login| login.alias.push('a'),
            |login| login.display_name.push('d'),
            |login| login.policies.push(String::from("p")),
            |login| drop(login.metadata.insert(String::from("k"), String::new())),
            |login| drop(login.metadata.insert(String::from("1"), "v".repeat(METADATA_VALUE_BYTES_MAX + 1))),
            |login| {
                login.metadata.clear();
                login.metadata.insert("k".repeat(METADATA_KEY_BYTES_MAX + 1), String::new());
            },
        ];
        for add in more {
            let mut login = longest();
            add(&mut login);
            assert_eq!(login.check_bounds().map_err(|error| error.fault.status()), Err(400));
        }
    }
}
