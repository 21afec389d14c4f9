//! `secrets` and `auth`: what is mounted where. Both are one table of the server with two names, so both are one file.

use clap::Subcommand;

use super::generic::{found, plain};
use crate::{
    cli::{
        confirm::{Decision, Severity, confirm},
        explain::{Doing, explain},
        fault::Fault,
        human,
        session::Session,
        table,
    },
    client::{Client, json::Json},
};

const SECRETS: &str = "\
Examples:
  # a key-value store at secret/
  strongroom secrets enable kv -path=secret
  # signed tokens for services, at service_tokens/
  strongroom secrets enable service_tokens
  strongroom secrets list
  # says what goes with it, and asks
  strongroom secrets disable old
";

const AUTH: &str = "\
Examples:
  # services log in with a role id and a secret id
  strongroom auth enable approle
  strongroom auth list
  # says what goes with it, and asks
  strongroom auth disable approle
";

#[derive(clap::Args, Debug)]
#[command(before_help = SECRETS)]
pub struct SecretsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Args, Debug)]
#[command(before_help = AUTH)]
pub struct AuthArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Mount one
    Enable(EnableArgs),
    /// Take one away, with all that it holds
    Disable {
        /// Where it is mounted
        path: String,
    },
    /// List what is mounted
    List {
        /// Show limits and options as well
        #[arg(long)]
        detailed: bool,
    },
    /// Change limits
    Tune {
        /// Where it is mounted
        path: String,
        #[command(flatten)]
        limits: Limits,
    },
}

#[derive(clap::Args, Debug)]
struct EnableArgs {
    /// Its kind: kv, service_tokens, approle …
    kind: String,
    /// Where to mount it, if not at its kind's name
    #[arg(long)]
    path: Option<String>,
    /// Version of the kind: kv is mounted in version 2 unless said otherwise
    #[arg(long, value_name = "N")]
    version: Option<u8>,
    #[command(flatten)]
    limits: Limits,
}

#[derive(clap::Args, Debug)]
struct Limits {
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How long a token or lease lives if nobody says
    #[arg(long, value_name = "DURATION")]
    default_lease_ttl: Option<String>,
    /// How long a token or lease may live
    #[arg(long, value_name = "DURATION")]
    max_lease_ttl: Option<String>,
    /// An option of its kind, NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    options: Vec<String>,
}

/// Which of the two tables.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Secrets,
    Auth,
}

impl Table {
    const fn api(self) -> &'static str {
        match self {
            Self::Secrets => "sys/mounts",
            Self::Auth => "sys/auth",
        }
    }

    fn enabled(self, kind: &str, path: &str) -> String {
        match self {
            Self::Secrets => format!("Success! Enabled the {kind} secrets engine at: {path}/"),
            Self::Auth => format!("Success! Enabled {kind} auth method at: {path}/"),
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Secrets => "secrets engine",
            Self::Auth => "auth method",
        }
    }
}

pub async fn secrets(args: SecretsArgs, session: &mut Session) -> Result<(), Fault> {
    run(Table::Secrets, args.command, session).await
}

pub async fn auth(args: AuthArgs, session: &mut Session) -> Result<(), Fault> {
    run(Table::Auth, args.command, session).await
}

async fn run(table: Table, command: Command, session: &mut Session) -> Result<(), Fault> {
    match command {
        Command::Enable(args) => enable(table, args, session).await,
        Command::Disable { path } => disable(table, &plain(&path), session).await,
        Command::List { detailed } => list(table, detailed, session).await,
        Command::Tune { path, limits } => tune(table, &plain(&path), limits, session).await,
    }
}

impl Limits {
    fn config(&self) -> Vec<(String, Json)> {
        let ttls = [("default_lease_ttl", &self.default_lease_ttl), ("max_lease_ttl", &self.max_lease_ttl)];
        ttls.into_iter().filter_map(|(name, ttl)| Some((name.to_owned(), Json::text(ttl.as_ref()?)))).collect()
    }

    fn options(&self) -> Result<Json, Fault> {
        let mut options = Json::Object(Vec::new());
        for option in &self.options {
            let (name, value) = option
                .split_once('=')
                .ok_or_else(|| Fault::usage(format!("the option `{option}` is not NAME=VALUE")))?;
            options.set(name, Json::text(value));
        }
        Ok(options)
    }
}

async fn enable(table: Table, args: EnableArgs, session: &mut Session) -> Result<(), Fault> {
    let (kind, version) = match (args.kind.as_str(), args.version) {
        ("kv-v2", None) => ("kv".to_owned(), Some(2)),
        ("kv-v1", None) => ("kv".to_owned(), Some(1)),
        ("kv", None) if table == Table::Secrets && !session.persona.is_vault() => ("kv".to_owned(), Some(2)),
        (kind, version) => (kind.to_owned(), version),
    };
    let path = args.path.as_deref().map_or_else(|| kind.clone(), plain);
    let mut options = args.limits.options()?;
    if let Some(version) = version {
        options.set("version", Json::text(version.to_string()));
    }
    let mut body = Json::object([("type", Json::text(&kind))]);
    if let Some(description) = &args.limits.description {
        body.set("description", Json::text(description));
    }
    let config = args.limits.config();
    if !config.is_empty() {
        body.set("config", Json::Object(config));
    }
    if !options.as_object().is_empty() {
        body.set("options", options);
    }
    let client = session.client()?;
    let api = format!("{}/{path}", table.api());
    let doing = Doing::new("write", &api, &["create", "update"])
        .vault(format!("Error enabling {kind} {}", table.noun().trim_end_matches(" method")));
    match client.write(&api, body).await {
        Ok(answer) => {
            session.out.warn(&answer);
            session.out.done(&table.enabled(&kind, &path));
            Ok(())
        }
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}

async fn tune(table: Table, path: &str, limits: Limits, session: &mut Session) -> Result<(), Fault> {
    let mut body = Json::Object(limits.config());
    if let Some(description) = &limits.description {
        body.set("description", Json::text(description));
    }
    let options = limits.options()?;
    if !options.as_object().is_empty() {
        body.set("options", options);
    }
    if body.as_object().is_empty() {
        return Err(Fault::usage("nothing to change").fix("-default-lease-ttl=1h, -max-lease-ttl=24h"));
    }
    let client = session.client()?;
    let api = format!("{}/{path}/tune", table.api());
    let doing = Doing::new("write", &api, &["create", "update"]).vault(format!("Error tuning {} {path}", table.noun()));
    match client.write(&api, body).await {
        Ok(answer) => {
            session.out.warn(&answer);
            session.out.done(&format!("Success! Tuned the {} at: {path}/", table.noun()));
            Ok(())
        }
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}

async fn list(table: Table, is_detailed: bool, session: &mut Session) -> Result<(), Fault> {
    let client = session.client()?;
    let doing = Doing::new("read", table.api(), &["read"]).vault(format!("Error listing {}s", table.noun()));
    let answer = found(session, &client, &doing, client.read(table.api()).await).await?;
    let mounts = answer.data().cloned().unwrap_or(Json::Null);
    if session.out.is_json() {
        session.out.print_json(&mounts);
        return Ok(());
    }
    let text = |mount: &Json, keys: &[&str]| match mount.path(keys) {
        Some(value) => human::value("", value, session.persona),
        None => "n/a".to_owned(),
    };
    let ttl = |mount: &Json, name: &str| match mount.path(&["config", name]).and_then(Json::as_u64) {
        Some(0) | None => "system".to_owned(),
        Some(secs) => human::duration(secs),
    };
    // Vault's column for plugins, of which there are none.
    let has_version = table == Table::Auth && session.persona.is_vault();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (path, mount) in mounts.as_object() {
        let mut row = vec![path.clone(), text(mount, &["type"]), text(mount, &["accessor"])];
        if is_detailed {
            row.extend([
                ttl(mount, "default_lease_ttl"),
                ttl(mount, "max_lease_ttl"),
                text(mount, &["options"]),
                text(mount, &["uuid"]),
            ]);
        }
        row.push(text(mount, &["description"]));
        if has_version {
            row.push("n/a".to_owned());
        }
        rows.push(row);
    }
    rows.sort();
    let mut heads = vec!["Path", "Type", "Accessor"];
    if is_detailed {
        heads.extend(["Default TTL", "Max TTL", "Options", "UUID"]);
    }
    heads.push("Description");
    if has_version {
        heads.push("Version");
    }
    session.out.print(&table::columns(&heads, &rows));
    Ok(())
}

async fn disable(table: Table, path: &str, session: &mut Session) -> Result<(), Fault> {
    let client = session.client()?;
    let api = format!("{}/{path}", table.api());
    let doing = Doing::new("delete", &api, &["delete"]).vault(format!("Error disabling {} at {path}/", table.noun()));
    if !session.persona.is_vault() {
        let impact = impact(table, path, &client).await;
        if confirm(
            session,
            Severity::Severe,
            &format!("disable the {} at", table.noun()),
            &format!("{path}/"),
            &impact,
        )? == Decision::Stop
        {
            return Ok(());
        }
    }
    match client.delete(&api).await {
        Ok(answer) => {
            session.out.warn(&answer);
            session.out.done(&format!("Success! Disabled the {} (if it existed) at: {path}/", table.noun()));
            Ok(())
        }
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}

/// What goes with a mount, as far as the caller may see it.
async fn impact(table: Table, path: &str, client: &Client) -> Vec<String> {
    let mounts = client.read(table.api()).await.ok();
    let mount = mounts.as_ref().and_then(|answer| answer.field(&[&format!("{path}/")]));
    let mut impact = Vec::new();
    match (mount, &mounts) {
        (Some(mount), _) => {
            let text = |name: &str| mount.at(name).and_then(Json::as_str).unwrap_or_default().to_owned();
            let (kind, description) = (text("type"), text("description"));
            let described = if description.is_empty() { String::new() } else { format!(": {description}") };
            impact.push(format!("kind {kind}{described}"));
            let names = match (table, kind.as_str()) {
                (Table::Secrets, "kv") if mount.path(&["options", "version"]).and_then(Json::as_str) == Some("2") => {
                    Some("metadata")
                }
                (Table::Secrets, "service_tokens") => Some("roles"),
                (Table::Auth, "approle") => Some("role"),
                _ => None,
            };
            let prefix = if table == Table::Auth { "auth/" } else { "" };
            if let Some(names) = names
                && let Ok(answer) = client.list(&format!("{prefix}{path}/{names}")).await
            {
                let shown = answer.names();
                let noun = if names == "metadata" { "names at its top" } else { "roles" };
                let first: Vec<String> = shown.iter().take(5).cloned().collect();
                let more = if shown.len() > first.len() { ", …" } else { "" };
                impact.push(format!("{} {noun}: {}{more}", shown.len(), first.join(", ")));
            }
        }
        (None, Some(_)) => impact.push("nothing is mounted there".to_owned()),
        (None, None) => {}
    }
    impact.push(match table {
        Table::Secrets => "all that it holds is deleted for good, and its leases end".to_owned(),
        Table::Auth => "its roles are deleted for good, and every token it has issued is revoked".to_owned(),
    });
    impact
}
