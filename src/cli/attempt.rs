//! What a command tries to do, in the words that an error message needs.

/// What a command tries to do: a verb and a path, and the capabilities that would allow it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// The verb, such as `read`, `list` or `write`.
    pub(crate) verb: String,
    /// The path as the caller wrote it.
    pub(crate) path: String,
    /// The path as the API has it. Often the same as `path`.
    pub(crate) api_path: String,
    /// Any one of these capabilities would do.
    pub(crate) needs: &'static [&'static str],
    /// The words that Vault's command line puts before the error.
    pub(crate) vault: String,
}

impl Attempt {
    pub(crate) fn new(verb: &str, path: &str, needs: &'static [&'static str]) -> Self {
        let vault = match verb {
            "read" => format!("Error reading {path}"),
            "list" => format!("Error listing {path}"),
            "write" | "patch" => format!("Error writing data to {path}"),
            "delete" => format!("Error deleting {path}"),
            _ => format!("Error: {verb} {path}"),
        };
        Self { verb: verb.to_owned(), path: path.to_owned(), api_path: path.to_owned(), needs, vault }
    }

    /// The same attempt, with another path of the API.
    pub(crate) fn at(mut self, api_path: &str) -> Self {
        self.vault = self.vault.replace(&self.path, api_path);
        api_path.clone_into(&mut self.api_path);
        self
    }

    pub(crate) fn vault(mut self, text: impl Into<String>) -> Self {
        self.vault = text.into();
        self
    }
}
