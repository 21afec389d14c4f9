//! The two tables of mounts that a server has, secrets engines and auth methods, and how they are listed.

use super::answers::expect_found;
use crate::{
    cli::{attempt::Attempt, error::CliError, human, invocation::Invocation, persona::Persona, table},
    client::json::Json,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MountTable {
    Secrets,
    Auth,
}

/// Which columns a listing of mounts has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    Few,
    /// All columns: also limits, options and id.
    All,
}

impl MountTable {
    pub(super) const fn api(self) -> &'static str {
        match self {
            Self::Secrets => "sys/mounts",
            Self::Auth => "sys/auth",
        }
    }

    /// The message for a mount that was enabled, in the words of Vault's command line.
    pub(super) fn enabled(self, kind: &str, path: &str) -> String {
        match self {
            Self::Secrets => format!("Success! Enabled the {kind} secrets engine at: {path}/"),
            Self::Auth => format!("Success! Enabled {kind} auth method at: {path}/"),
        }
    }

    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Secrets => "secrets engine",
            Self::Auth => "auth method",
        }
    }

    /// The noun that Vault's command line uses in one of its errors.
    pub(super) const fn short_noun(self) -> &'static str {
        match self {
            Self::Secrets => "secrets engine",
            Self::Auth => "auth",
        }
    }

    /// Lists the mounts.
    pub(super) async fn list(self, columns: Columns, invocation: &mut Invocation) -> Result<(), CliError> {
        let client = invocation.client()?;
        let attempt = Attempt::new("read", self.api(), &["read"]).vault(format!("Error listing {}s", self.noun()));
        let answer = expect_found(invocation, &client, &attempt, client.read(self.api()).await).await?;
        let mounts = answer.data().cloned().unwrap_or(Json::Null);
        if invocation.out.is_json() {
            invocation.out.print_json(&mounts);
        } else {
            invocation.out.print(&self.text(columns, &mounts, invocation.persona));
        }
        Ok(())
    }

    fn text(self, columns: Columns, mounts: &Json, persona: Persona) -> String {
        // Vault has a column for plugin versions. There are no plugins here.
        let version = (self == Self::Auth && persona.is_vault()).then_some("Version");
        let mut heads = vec!["Path", "Type", "Accessor"];
        if columns == Columns::All {
            heads.extend(["Default TTL", "Max TTL", "Options", "UUID"]);
        }
        heads.push("Description");
        heads.extend(version);
        let row = |(path, mount): &(String, Json)| {
            let text = |name: &str| mount.path(&[name]).map_or_else(absent, |value| human::value("", value, persona));
            let mut row = vec![path.clone(), text("type"), text("accessor")];
            if columns == Columns::All {
                row.extend([
                    ttl(mount, "default_lease_ttl"),
                    ttl(mount, "max_lease_ttl"),
                    text("options"),
                    text("uuid"),
                ]);
            }
            row.push(text("description"));
            row.extend(version.map(|_| absent()));
            row
        };
        let mut rows: Vec<Vec<String>> = mounts.as_object().iter().map(row).collect();
        rows.sort();
        table::columns(&heads, &rows)
    }
}

fn absent() -> String {
    "n/a".to_owned()
}

/// A limit of a mount, as a duration. `system` if the mount has none of its own.
fn ttl(mount: &Json, name: &str) -> String {
    match mount.path(&["config", name]).and_then(Json::as_u64) {
        Some(0) | None => "system".to_owned(),
        Some(secs) => human::duration(secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = r#"{"b/":{"type":"kv","accessor":"kv_2","description":"","options":{"version":"2"},"uuid":"u",
        "config":{"default_lease_ttl":0,"max_lease_ttl":3600}},"a/":{"type":"approle","accessor":"approle_1"}}"#;

    fn lines(table: MountTable, columns: Columns, persona: Persona) -> Vec<String> {
        table.text(columns, &Json::parse(MOUNTS).unwrap(), persona).lines().map(str::to_owned).collect()
    }

    #[test]
    fn mounts_are_listed_by_path_with_their_limits() {
        let lines = lines(MountTable::Secrets, Columns::All, Persona::Strongroom);
        assert_eq!(
            lines[0],
            "Path    Type       Accessor     Default TTL    Max TTL    Options            UUID    Description"
        );
        assert_eq!(
            lines[2],
            "a/      approle    approle_1    system         system     n/a                n/a     n/a"
        );
        assert_eq!(
            lines[3],
            "b/      kv         kv_2         system         1h         {\"version\":\"2\"}    u       n/a"
        );
    }

    #[test]
    fn vault_lists_a_version_of_auth_methods_only() {
        let head = |table| lines(table, Columns::Few, Persona::Vault).remove(0);
        assert!(head(MountTable::Auth).ends_with("Description    Version"));
        assert!(head(MountTable::Secrets).ends_with("Description"));
    }
}
