//! The environment: `STRONGROOM_X`, else `VAULT_X`, else `BAO_X`, so that scripts keep working.

/// Where variables come from; handed in, so that a test can say what they are.
pub struct Environment(Box<dyn Fn(&str) -> Option<String> + Send + Sync>);

/// A variable that is set, under the name that was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: String,
}

impl Environment {
    /// The process's own.
    pub fn process() -> Self {
        Self(Box::new(|name| std::env::var(name).ok()))
    }

    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let owned: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self(Box::new(move |name| owned.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())))
    }

    pub fn variable(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The first of the three names that is set and not empty.
    pub fn setting(&self, name: &str) -> Option<Setting> {
        ["STRONGROOM_", "VAULT_", "BAO_"].into_iter().find_map(|prefix| {
            let name = format!("{prefix}{name}");
            self.variable(&name).map(|value| Setting { name, value })
        })
    }
}
