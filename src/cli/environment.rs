//! Settings from the environment: `STRONGROOM_X` first, then Vault's name and OpenBao's, so that what was set for
//! those keeps working.

use std::collections::BTreeMap;

const PREFIXES: [&str; 3] = ["STRONGROOM_", "VAULT_", "BAO_"];

/// The variables of the process, or of a test.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// What is not UTF-8 is left out.
    pub fn of_process() -> Self {
        let texts =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(texts.collect())
    }

    pub fn of<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// One variable by its whole name; empty counts as unset.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The setting `name` (`ADDR`, `TOKEN`) under the first prefix that has it.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.sourced(name).map(|(_, value)| value)
    }

    /// The same, with the variable's name.
    pub fn sourced(&self, name: &str) -> Option<(String, &str)> {
        PREFIXES.iter().find_map(|prefix| {
            let variable = format!("{prefix}{name}");
            self.variable(&variable).map(|value| (variable.clone(), value))
        })
    }

    /// As Vault's own tools would read it.
    pub fn vaults(&self, name: &str) -> Option<&str> {
        self.variable(&format!("VAULT_{name}")).or_else(|| self.variable(&format!("BAO_{name}")))
    }

    /// A setting that is on or off.
    pub fn is_on(&self, name: &str) -> bool {
        self.setting(name)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "t" | "true" | "yes" | "on"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_name_comes_first_then_vaults_then_openbaos() {
        let all = Environment::of([("BAO_ADDR", "c"), ("VAULT_ADDR", "b"), ("STRONGROOM_ADDR", "a")]);
        assert_eq!(all.sourced("ADDR"), Some(("STRONGROOM_ADDR".to_owned(), "a")));
        assert_eq!(all.vaults("ADDR"), Some("b"));
        let some = Environment::of([("BAO_ADDR", "c"), ("VAULT_ADDR", "")]);
        assert_eq!(some.setting("ADDR"), Some("c"));
        assert_eq!(some.setting("TOKEN"), None);
    }
}
