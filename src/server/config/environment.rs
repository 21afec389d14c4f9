//! The environment: `STRONGROOM_X`, else `VAULT_X`, else `BAO_X`, so that scripts keep working.

/// Where variables come from; handed in, so that a test can say what they are.
pub struct Environment(Source);

enum Source {
    Process,
    #[cfg(test)]
    Given(std::collections::BTreeMap<String, String>),
}

/// A variable that is set, under the name that was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: String,
}

impl Environment {
    /// The process's own.
    pub fn process() -> Self {
        Self(Source::Process)
    }

    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self(Source::Given(owned.collect()))
    }

    pub fn variable(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Source::Process => std::env::var(name).ok(),
            #[cfg(test)]
            Source::Given(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The first of the three names that is set and not empty.
    pub fn setting(&self, name: &str) -> Option<Setting> {
        ["STRONGROOM_", "VAULT_", "BAO_"].into_iter().find_map(|prefix| {
            let name = format!("{prefix}{name}");
            self.variable(&name).map(|value| Setting { name, value })
        })
    }
}
