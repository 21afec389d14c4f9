//! `kv metadata`: versions and their times, limits, and the caller's own labels. Deleting it deletes every version.

use clap::Subcommand;

use super::{
    generic::{found, written},
    kv::At,
};
use crate::{
    cli::{
        confirm::{Decision, Severity, confirm},
        explain::explain,
        fault::Fault,
        output::{data_pairs, no_field},
        session::Session,
        table,
    },
    client::{Answer, Call, Method, json::Json},
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
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show versions, limits and labels
    Get {
        #[command(flatten)]
        at: At,
        /// Print this field alone
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Set limits and labels; labels are replaced as a whole
    Put {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change some limits and labels
    Patch {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete the secret with all its versions, for good
    Delete {
        #[command(flatten)]
        at: At,
    },
}

#[derive(clap::Args, Debug)]
struct Settings {
    /// Versions to keep; 0: as the store says
    #[arg(long, value_name = "N")]
    max_versions: Option<u64>,
    /// Whether every write must name the newest version
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    cas_required: Option<bool>,
    /// Delete versions this long after they were written
    #[arg(long, value_name = "DURATION")]
    delete_version_after: Option<String>,
    /// A label, NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    custom_metadata: Vec<String>,
}

pub async fn run(args: Args, session: &mut Session) -> Result<(), Fault> {
    match args.command {
        Command::Get { at, field } => get(session, at, field).await,
        Command::Put { at, settings } => put(session, at, settings, Method::Put).await,
        Command::Patch { at, settings } => put(session, at, settings, Method::Patch).await,
        Command::Delete { at } => delete(session, at).await,
    }
}

async fn get(session: &mut Session, at: At, field: Option<String>) -> Result<(), Fault> {
    let (client, secret, doing) = at.open(session, "read", "metadata").await?;
    secret.must_be_v2("metadata")?;
    let answer = found(session, &client, &doing, client.read(&doing.api_path).await).await?;
    if let Some(name) = field {
        let value = answer.data().and_then(|data| data.at(&name)).ok_or_else(|| no_field(&name))?;
        session.out.print_field(value);
        return Ok(());
    }
    if session.out.is_json() {
        return session.out.print_answer(&answer, None);
    }
    session.out.print(&sections(session, &answer, &doing.api_path));
    Ok(())
}

fn sections(session: &Session, answer: &Answer, path: &str) -> String {
    let data = answer.data().cloned().unwrap_or(Json::Null);
    let rows: Vec<_> = data_pairs(&data, session.persona).into_iter().filter(|(key, _)| key != "versions").collect();
    let mut text = format!("{}{path}\n\n", table::framed("Metadata Path", path.len()));
    text.push_str(&table::title("Metadata", &rows));
    text.push_str(&table::pairs(&rows));
    let mut versions: Vec<_> = data.at("versions").map(Json::as_object).unwrap_or_default().iter().collect();
    versions.sort_by_key(|(number, _)| number.parse::<u64>().unwrap_or(0));
    for (number, version) in versions {
        let rows = data_pairs(version, session.persona);
        text.push('\n');
        text.push_str(&table::title(&format!("Version {number}"), &rows));
        text.push_str(&table::pairs(&rows));
    }
    text
}

async fn put(session: &mut Session, at: At, settings: Settings, method: Method) -> Result<(), Fault> {
    let body = settings.body()?;
    let verb = if method == Method::Patch { "patch" } else { "write" };
    let (client, secret, doing) = at.open(session, verb, "metadata").await?;
    secret.must_be_v2("metadata")?;
    match client.send(Call::new(method, doing.api_path.as_str()).with(body)).await {
        Ok(answer) => written(session, &answer, &doing.api_path, None),
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}

impl Settings {
    fn body(self) -> Result<Json, Fault> {
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
            let mut labels = Json::Object(Vec::new());
            for label in &self.custom_metadata {
                let (name, value) = label
                    .split_once('=')
                    .ok_or_else(|| Fault::usage(format!("the label `{label}` is not NAME=VALUE")))?;
                labels.set(name, Json::text(value));
            }
            body.set("custom_metadata", labels);
        }
        Ok(body)
    }
}

async fn delete(session: &mut Session, at: At) -> Result<(), Fault> {
    let (client, secret, doing) = at.open(session, "delete", "metadata").await?;
    secret.must_be_v2("metadata")?;
    let spoken = secret.spoken();
    if !session.persona.is_vault() {
        let known = client.read(&doing.api_path).await.ok();
        let versions = known.and_then(|answer| answer.field(&["versions"]).map(|versions| versions.as_object().len()));
        let impact = match versions {
            Some(count) => format!("all {count} versions are deleted for good, with limits and labels"),
            None => "all versions are deleted for good, with limits and labels".to_owned(),
        };
        if confirm(session, Severity::Severe, "delete", &spoken, &[impact])? == Decision::Stop {
            return Ok(());
        }
    }
    match client.delete(&doing.api_path).await {
        Ok(_) => {
            session.out.done(&format!("Success! Data deleted (if it existed) at: {}", doing.api_path));
            Ok(())
        }
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}
