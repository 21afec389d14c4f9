//! `kv metadata`: shows and changes a secret's limits and labels, and shows its versions. Deleting the
//! metadata deletes all versions of the secret.

use clap::Subcommand;

use super::{
    answers::{expect_found, print_written},
    kv_path::SecretArgs,
};
use crate::{
    cli::{
        confirm::{Decision, Severity, confirm},
        data,
        diagnosis::diagnose,
        duration_flag::duration,
        error::CliError,
        explain::may,
        invocation::Invocation,
        output::data_pairs,
        table,
    },
    client::{ApiCall, Method, ServerAnswer, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # versions and their times
  strongroom kv metadata get secret/app/db
  strongroom kv metadata put -max-versions=5 secret/app/db
  # the secret and all its versions
  strongroom kv metadata delete secret/app/db
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show versions, limits and labels
    Get {
        #[command(flatten)]
        secret: SecretArgs,
        /// Print only this field
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Set limits and labels; new labels replace all labels
    Put {
        #[command(flatten)]
        secret: SecretArgs,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change some limits and labels
    Patch {
        #[command(flatten)]
        secret: SecretArgs,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete the secret and all its versions permanently
    Delete {
        #[command(flatten)]
        secret: SecretArgs,
    },
}

#[derive(clap::Args, Debug)]
struct Settings {
    /// How many versions to keep; 0: the store's own limit
    #[arg(long, value_name = "N")]
    max_versions: Option<u64>,
    /// Whether each write must name the newest version with -cas
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    cas_required: Option<bool>,
    /// Delete each version this long after it was written
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    delete_version_after: Option<String>,
    /// A label, NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    custom_metadata: Vec<String>,
}

pub(crate) async fn run(args: Args, invocation: &mut Invocation) -> Result<(), CliError> {
    match args.command {
        Command::Get { secret, field } => get(invocation, secret, field).await,
        Command::Put { secret, settings } => put(invocation, secret, settings, Method::Put).await,
        Command::Patch { secret, settings } => put(invocation, secret, settings, Method::Patch).await,
        Command::Delete { secret } => delete(invocation, secret).await,
    }
}

async fn get(invocation: &mut Invocation, secret: SecretArgs, field: Option<String>) -> Result<(), CliError> {
    let (client, secret, attempt) = secret.open(invocation, "read", "metadata").await?;
    secret.require_v2("metadata")?;
    let answer = expect_found(invocation, &client, &attempt, client.read(&attempt.api_path).await).await?;
    if let Some(name) = field {
        return invocation.out.print_answer(&answer, Some(&name));
    }
    if invocation.out.is_json() {
        return invocation.out.print_answer(&answer, None);
    }
    invocation.out.print(&sections(invocation, &answer, &attempt.api_path));
    Ok(())
}

fn sections(invocation: &Invocation, answer: &ServerAnswer, path: &str) -> String {
    let data = answer.data().cloned().unwrap_or(Json::Null);
    let rows: Vec<_> = data_pairs(&data, invocation.persona).into_iter().filter(|(key, _)| key != "versions").collect();
    let mut text = format!("{}{path}\n\n", table::framed("Metadata Path", path.len()));
    text.push_str(&table::title("Metadata", &rows));
    text.push_str(&table::pairs(&rows));
    let mut versions: Vec<_> = data.at("versions").map(Json::as_object).unwrap_or_default().iter().collect();
    versions.sort_by_key(|(number, _)| number.parse::<u64>().unwrap_or(0));
    for (number, version) in versions {
        let rows = data_pairs(version, invocation.persona);
        text.push('\n');
        text.push_str(&table::title(&format!("Version {number}"), &rows));
        text.push_str(&table::pairs(&rows));
    }
    text
}

async fn put(
    invocation: &mut Invocation,
    secret: SecretArgs,
    settings: Settings,
    method: Method,
) -> Result<(), CliError> {
    let body = settings.body()?;
    let verb = if method == Method::Patch { "patch" } else { "write" };
    let (client, secret, attempt) = secret.open(invocation, verb, "metadata").await?;
    secret.require_v2("metadata")?;
    match client.send(ApiCall::new(method, attempt.api_path.as_str()).with(body)).await {
        Ok(answer) => print_written(invocation, &answer, &attempt.api_path, None),
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}

impl Settings {
    fn body(self) -> Result<Json, CliError> {
        let mut body = Json::Object(Vec::new());
        if let Some(max) = self.max_versions {
            body.set("max_versions", Json::number(max));
        }
        if let Some(is_required) = self.cas_required {
            body.set("cas_required", Json::Bool(is_required));
        }
        if let Some(after) = self.delete_version_after {
            body.set("delete_version_after", Json::text(after));
        }
        if !self.custom_metadata.is_empty() {
            body.set("custom_metadata", data::name_values(&self.custom_metadata, "label")?);
        }
        Ok(body)
    }
}

async fn delete(invocation: &mut Invocation, secret: SecretArgs) -> Result<(), CliError> {
    let (client, secret, attempt) = secret.open(invocation, "delete", "metadata").await?;
    secret.require_v2("metadata")?;
    let user_path = secret.user_path();
    if !invocation.persona.is_vault() {
        let may_read = may(&client, "read", &attempt.api_path).await;
        let known = if may_read { client.read(&attempt.api_path).await.ok() } else { None };
        let versions = known.and_then(|answer| answer.field(&["versions"]).map(|versions| versions.as_object().len()));
        let impact = match versions {
            Some(count) => format!("all {count} versions are deleted permanently, with limits and labels"),
            None => "all versions are deleted permanently, with limits and labels".to_owned(),
        };
        if confirm(invocation, Severity::Severe, "delete", &user_path, &[impact])? == Decision::Stop {
            return Ok(());
        }
    }
    match client.delete(&attempt.api_path).await {
        Ok(_) => {
            invocation.out.done(&format!("Success! Data deleted (if it existed) at: {}", attempt.api_path));
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}
