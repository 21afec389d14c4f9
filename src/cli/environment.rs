//! Settings from the environment: `STRONGROOM_X` comes before the names of Vault and OpenBao, so that variables that
//! are set for those tools keep working.

use std::collections::BTreeMap;

const PREFIXES: [&str; 3] = ["STRONGROOM_", "VAULT_", "BAO_"];

/// The variables of the process or of a test.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of the process. Those that are not UTF-8 are left out.
    pub(crate) fn of_process() -> Self {
        let texts =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(texts.collect())
    }

    #[cfg(test)]
    pub(crate) fn of<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The value of the variable `name`. `None` if it is unset or empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of the setting `name` (`ADDR`, `TOKEN`), under the first prefix that has it.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.sourced(name).map(|(_, value)| value)
    }

    /// The same setting, together with the name of the variable that has it.
    pub(crate) fn sourced(&self, name: &str) -> Option<(String, &str)> {
        PREFIXES.iter().find_map(|prefix| {
            let variable = format!("{prefix}{name}");
            self.variable(&variable).map(|value| (variable.clone(), value))
        })
    }

    /// The value of the setting as Vault's own tools would read it: without `STRONGROOM_…`.
    pub(crate) fn vaults(&self, name: &str) -> Option<&str> {
        self.variable(&format!("VAULT_{name}")).or_else(|| self.variable(&format!("BAO_{name}")))
    }

    /// Whether the setting `name` is on: 1, t, true, yes or on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
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
