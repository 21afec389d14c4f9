//! `policy`: works on policies, which say who may do what. A write shows the lines that it changes.

use clap::Subcommand;

use super::answers::expect_found;
use crate::{
    cli::{
        attempt::Attempt,
        confirm::{Decision, Severity, confirm},
        diagnosis::diagnose,
        diff,
        error::CliError,
        explain::may,
        invocation::Invocation,
        terminal::read_input,
    },
    client::{ApiCall, Client, Method, RefusalKind, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # shows the lines that change, and writes
  strongroom policy write app app.hcl
  # rules from standard input
  strongroom policy write app - < app.hcl
  strongroom policy read app
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Create or replace a policy
    Write {
        name: String,
        /// File with the rules, or - for standard input
        file: String,
    },
    /// Print a policy
    Read {
        name: String,
        /// Print only this field
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// List policies
    List,
    /// Delete a policy
    Delete { name: String },
}

pub(crate) async fn run(args: Args, invocation: &mut Invocation) -> Result<(), CliError> {
    match args.command {
        Command::Write { name, file } => write(invocation, &name, &file).await,
        Command::Read { name, field } => read(invocation, &name, field.as_deref()).await,
        Command::List => list(invocation).await,
        Command::Delete { name } => delete(invocation, &name).await,
    }
}

fn path(name: &str) -> String {
    format!("sys/policies/acl/{}", name.trim())
}

async fn write(invocation: &mut Invocation, name: &str, file: &str) -> Result<(), CliError> {
    let text = if file == "-" {
        let text = read_input()?;
        let text = text.expose();
        text.clone()
    } else {
        std::fs::read_to_string(file).map_err(|error| {
            CliError::setup(format!("{file} cannot be read: {error}"))
                .vault(format!("Error opening policy file: {error}"))
        })?
    };
    let client = invocation.client()?;
    let path = path(name);
    let attempt = Attempt::new("write", &path, &["create", "update"]).vault("Error uploading policy");
    show_changes(invocation, &client, name, &text).await;
    if invocation.globals.dry_run {
        invocation.out.hint("nothing was changed (dry run)");
        return Ok(());
    }
    match client.send(ApiCall::new(Method::Put, path).with(Json::object([("policy", Json::text(text))]))).await {
        Ok(answer) => {
            invocation.out.warn(&answer);
            invocation.out.done(&format!("Success! Uploaded policy: {name}"));
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}

/// Shows on standard error what a write will change, if the caller may read the policy.
async fn show_changes(invocation: &Invocation, client: &Client, name: &str, text: &str) {
    if invocation.persona.is_vault() || invocation.out.is_json() || !may(client, "read", &path(name)).await {
        return;
    }
    match client.read(&path(name)).await {
        Ok(answer) => {
            let changes = diff::lines(answer.text(&["policy"]).unwrap_or_default(), text);
            if changes.is_empty() {
                invocation.out.hint(&format!("the rules of policy {name} do not change"));
            } else {
                invocation.out.hint(&format!("policy {name} changes:\n{}", changes.trim_end()));
            }
        }
        Err(error) if error.kind() == Some(RefusalKind::NotFound) => {
            invocation.out.hint(&format!("policy {name} does not exist yet: it will be created"));
        }
        Err(_) => {}
    }
}

async fn read(invocation: &mut Invocation, name: &str, field: Option<&str>) -> Result<(), CliError> {
    let client = invocation.client()?;
    let path = path(name);
    let attempt = Attempt::new("read", &path, &["read"]).vault(format!("Error reading policy named {name}"));
    let answer = match client.read(&path).await {
        Err(error) if error.kind() == Some(RefusalKind::NotFound) && invocation.persona.is_vault() => {
            let failure = diagnose(invocation, &client, &attempt, error).await;
            return Err(failure.vault(format!("No policy named: {name}")));
        }
        answered => expect_found(invocation, &client, &attempt, answered).await?,
    };
    if let Some(field) = field {
        return invocation.out.print_answer(&answer, Some(field));
    }
    let text = answer.text(&["policy"]).unwrap_or_default();
    if invocation.out.is_json() {
        invocation.out.print_json(&Json::object([("policy", Json::text(text))]));
    } else {
        invocation.out.print(&format!("{}\n", text.trim_end_matches('\n')));
    }
    Ok(())
}

async fn list(invocation: &mut Invocation) -> Result<(), CliError> {
    let client = invocation.client()?;
    let attempt = Attempt::new("list", "sys/policies/acl", &["list"]).vault("Error listing policies");
    let answer = expect_found(invocation, &client, &attempt, client.list("sys/policies/acl").await).await?;
    let names = answer.names();
    if invocation.out.is_json() {
        invocation.out.print_json(&Json::texts(&names));
    } else {
        invocation.out.print(&(names.join("\n") + "\n"));
    }
    Ok(())
}

async fn delete(invocation: &mut Invocation, name: &str) -> Result<(), CliError> {
    let client = invocation.client()?;
    let path = path(name);
    let attempt = Attempt::new("delete", &path, &["delete"]).vault("Error deleting policy");
    if !invocation.persona.is_vault() {
        let rules = match client.read(&path).await {
            Ok(answer) => answer.text(&["policy"]).map_or(0, |text| text.matches("path").count()),
            Err(error) if error.kind() == Some(RefusalKind::NotFound) => 0,
            Err(error) => return Err(diagnose(invocation, &client, &attempt, error).await),
        };
        let impact = [
            format!("it has about {rules} rules; what only they allow is refused at once"),
            format!("to keep a copy: strongroom policy read {name} > {name}.hcl"),
        ];
        if confirm(invocation, Severity::Moderate, "delete policy", name, &impact)? == Decision::Stop {
            return Ok(());
        }
    }
    match client.delete(&path).await {
        Ok(_) => {
            invocation.out.done(&format!("Success! Deleted policy: {name}"));
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}
