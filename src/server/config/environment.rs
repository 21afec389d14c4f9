//! The environment variables of the server. `STRONGROOM_X` comes before `VAULT_X` and
//! `BAO_X`, so that scripts for Vault keep working.

/// A source of variables: the process, or the values of a test.
pub(crate) struct Environment(Source);

enum Source {
    Process,
    #[cfg(test)]
    Given(std::collections::BTreeMap<String, String>),
}

/// A variable that is set, and its full name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub name: String,
    pub value: String,
}

impl Environment {
    /// The variables of the process.
    pub(crate) fn process() -> Self {
        Self(Source::Process)
    }

    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self(Source::Given(owned.collect()))
    }

    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Source::Process => std::env::var(name).ok(),
            #[cfg(test)]
            Source::Given(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The first of the variables `STRONGROOM_name`, `VAULT_name` and `BAO_name` that is set and not empty.
    pub(crate) fn setting(&self, name: &str) -> Option<Setting> {
        ["STRONGROOM_", "VAULT_", "BAO_"].into_iter().find_map(|prefix| {
            let name = format!("{prefix}{name}");
            self.variable(&name).map(|value| Setting { name, value })
        })
    }
}
