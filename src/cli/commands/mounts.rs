//! `secrets` and `auth`: work on the mounts. Both commands work in the same way, each on its own table of the server.

use clap::Subcommand;

use super::{
    answers::{print_done, trim_path},
    mount_table::{Columns, MountTable},
};
use crate::{
    cli::{
        attempt::Attempt,
        confirm::{Decision, Severity, confirm},
        data,
        diagnosis::diagnose,
        duration_flag::duration,
        error::CliError,
        invocation::Invocation,
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
  # shows what is deleted with it, and asks
  strongroom secrets disable old
";

const AUTH: &str = "\
Examples:
  # services log in with a role id and a secret id
  strongroom auth enable approle
  strongroom auth list
  # shows what is deleted with it, and asks
  strongroom auth disable approle
";

#[derive(clap::Args, Debug)]
#[command(before_help = SECRETS)]
pub(crate) struct SecretsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Args, Debug)]
#[command(before_help = AUTH)]
pub(crate) struct AuthArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Mount an engine or auth method
    Enable(EnableArgs),
    /// Unmount an engine or auth method, and delete all its data
    Disable {
        /// Where the engine or auth method is mounted
        path: String,
    },
    /// List what is mounted
    List {
        /// Also show limits and options
        #[arg(long)]
        detailed: bool,
    },
    /// Change the description, limits and options of a mount
    Tune {
        /// Where the engine or auth method is mounted
        path: String,
        #[command(flatten)]
        limits: Limits,
    },
}

#[derive(clap::Args, Debug)]
struct EnableArgs {
    /// The type: kv, service_tokens, approle …
    kind: String,
    /// Where to mount the engine or auth method [default: the type's name]
    #[arg(long)]
    path: Option<String>,
    /// Version of the type; for kv the default is 2
    #[arg(long, value_name = "N")]
    version: Option<u8>,
    #[command(flatten)]
    limits: Limits,
}

#[derive(clap::Args, Debug)]
struct Limits {
    /// A description of the mount, shown in listings
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Lifetime of a token or lease that asks for none
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    default_lease_ttl: Option<String>,
    /// Longest lifetime of a token or lease
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_lease_ttl: Option<String>,
    /// An option of the type, NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    options: Vec<String>,
}

pub(crate) async fn secrets(args: SecretsArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    run(MountTable::Secrets, args.command, invocation).await
}

pub(crate) async fn auth(args: AuthArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    run(MountTable::Auth, args.command, invocation).await
}

async fn run(table: MountTable, command: Command, invocation: &mut Invocation) -> Result<(), CliError> {
    match command {
        Command::Enable(args) => enable(table, args, invocation).await,
        Command::Disable { path } => disable(table, &trim_path(&path), invocation).await,
        Command::List { detailed } => table.list(if detailed { Columns::All } else { Columns::Few }, invocation).await,
        Command::Tune { path, limits } => tune(table, &trim_path(&path), limits, invocation).await,
    }
}

impl Limits {
    fn config(&self) -> Vec<(String, Json)> {
        let ttls = [("default_lease_ttl", &self.default_lease_ttl), ("max_lease_ttl", &self.max_lease_ttl)];
        // As in Vault, a negative lifetime means that of the server.
        let text = |ttl: &String| if ttl.starts_with('-') { Json::text("system") } else { Json::text(ttl) };
        ttls.into_iter().filter_map(|(name, ttl)| Some((name.to_owned(), text(ttl.as_ref()?)))).collect()
    }

    fn options(&self) -> Result<Json, CliError> {
        data::name_values(&self.options, "option")
    }
}

async fn enable(table: MountTable, args: EnableArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let (kind, version) = match (args.kind.as_str(), args.version) {
        ("kv-v2", None) => ("kv".to_owned(), Some(2)),
        ("kv-v1", None) => ("kv".to_owned(), Some(1)),
        ("kv", None) if table == MountTable::Secrets && !invocation.persona.is_vault() => ("kv".to_owned(), Some(2)),
        (kind, version) => (kind.to_owned(), version),
    };
    let path = args.path.as_deref().map_or_else(|| kind.clone(), trim_path);
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
    let client = invocation.client()?;
    let api = format!("{}/{path}", table.api());
    let attempt = Attempt::new("write", &api, &["create", "update"])
        .vault(format!("Error enabling {kind} {}", table.short_noun()));
    match client.write(&api, body).await {
        Ok(answer) => {
            print_done(invocation, &answer, &table.enabled(&kind, &path));
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}

async fn tune(table: MountTable, path: &str, limits: Limits, invocation: &mut Invocation) -> Result<(), CliError> {
    let mut body = Json::Object(limits.config());
    if let Some(description) = &limits.description {
        body.set("description", Json::text(description));
    }
    let options = limits.options()?;
    if !options.as_object().is_empty() {
        body.set("options", options);
    }
    // Vault's command line sends a change of nothing.
    if body.as_object().is_empty() && !invocation.persona.is_vault() {
        return Err(CliError::usage("no change is given")
            .fix("give a limit, such as -default-lease-ttl=1h or -max-lease-ttl=24h"));
    }
    let client = invocation.client()?;
    let api = format!("{}/{path}/tune", table.api());
    let attempt =
        Attempt::new("write", &api, &["create", "update"]).vault(format!("Error tuning {} {path}", table.noun()));
    match client.write(&api, body).await {
        Ok(answer) => {
            print_done(invocation, &answer, &format!("Success! Tuned the {} at: {path}/", table.noun()));
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}

async fn disable(table: MountTable, path: &str, invocation: &mut Invocation) -> Result<(), CliError> {
    let client = invocation.client()?;
    let api = format!("{}/{path}", table.api());
    let attempt =
        Attempt::new("delete", &api, &["delete"]).vault(format!("Error disabling {} at {path}/", table.noun()));
    if !invocation.persona.is_vault() {
        let impact = impact(table, path, &client).await;
        if confirm(
            invocation,
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
            print_done(
                invocation,
                &answer,
                &format!("Success! Disabled the {} (if it existed) at: {path}/", table.noun()),
            );
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}

/// The lines that say what is deleted with a mount, as far as the caller may see it.
async fn impact(table: MountTable, path: &str, client: &Client) -> Vec<String> {
    let mounts = client.read(table.api()).await.ok();
    let mount = mounts.as_ref().and_then(|answer| answer.field(&[&format!("{path}/")]));
    let mut impact = Vec::new();
    match (mount, &mounts) {
        (Some(mount), _) => {
            let text = |name: &str| mount.at(name).and_then(Json::as_str).unwrap_or_default().to_owned();
            let (kind, description) = (text("type"), text("description"));
            let described =
                if description.is_empty() { String::new() } else { format!(", description: {description}") };
            impact.push(format!("type {kind}{described}"));
            let names = match (table, kind.as_str()) {
                (MountTable::Secrets, "kv")
                    if mount.path(&["options", "version"]).and_then(Json::as_str) == Some("2") =>
                {
                    Some("metadata")
                }
                (MountTable::Secrets, "service_tokens") => Some("roles"),
                (MountTable::Auth, "approle") => Some("role"),
                _ => None,
            };
            let prefix = if table == MountTable::Auth { "auth/" } else { "" };
            if let Some(names) = names
                && let Ok(answer) = client.list(&format!("{prefix}{path}/{names}")).await
            {
                let shown = answer.names();
                let noun = if names == "metadata" { "names at its top level" } else { "roles" };
                let first: Vec<String> = shown.iter().take(5).cloned().collect();
                let more = if shown.len() > first.len() { ", …" } else { "" };
                impact.push(format!("{} {noun}: {}{more}", shown.len(), first.join(", ")));
            }
        }
        (None, Some(_)) => impact.push("nothing is mounted there".to_owned()),
        (None, None) => {}
    }
    impact.push(match table {
        MountTable::Secrets => "all its data is deleted permanently, and its leases end".to_owned(),
        MountTable::Auth => "its roles are deleted permanently, and all tokens that it issued are revoked".to_owned(),
    });
    impact
}
