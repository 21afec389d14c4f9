//! `policy`: who may do what. Writing one shows what changes.

use clap::Subcommand;

use super::generic::found;
use crate::{
    cli::{
        confirm::{Decision, Severity, confirm},
        diff,
        explain::{Doing, explain},
        fault::Fault,
        session::Session,
        terminal::read_input,
    },
    client::{Call, Client, Method, RefusalKind, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # shows what changes, and writes
  strongroom policy write app app.hcl
  # rules on standard input
  strongroom policy write app - < app.hcl
  strongroom policy read app
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
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
        /// Print this field alone
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// List policies
    List,
    /// Delete a policy
    Delete { name: String },
}

pub async fn run(args: Args, session: &mut Session) -> Result<(), Fault> {
    match args.command {
        Command::Write { name, file } => write(session, &name, &file).await,
        Command::Read { name, field } => read(session, &name, field.as_deref()).await,
        Command::List => list(session).await,
        Command::Delete { name } => delete(session, &name).await,
    }
}

fn path(name: &str) -> String {
    format!("sys/policies/acl/{}", name.trim())
}

async fn write(session: &mut Session, name: &str, file: &str) -> Result<(), Fault> {
    let text = if file == "-" {
        let text = read_input()?;
        let text = text.expose();
        text.clone()
    } else {
        std::fs::read_to_string(file).map_err(|error| {
            Fault::usage(format!("{file} cannot be read: {error}")).vault(format!("Error opening policy file: {error}"))
        })?
    };
    let client = session.client()?;
    let path = path(name);
    let doing = Doing::new("write", &path, &["create", "update"]).vault("Error uploading policy");
    show_changes(session, &client, name, &text).await;
    if session.globals.dry_run {
        session.out.hint("nothing was changed (dry run)");
        return Ok(());
    }
    match client.send(Call::new(Method::Put, path).with(Json::object([("policy", Json::text(text))]))).await {
        Ok(answer) => {
            session.out.warn(&answer);
            session.out.done(&format!("Success! Uploaded policy: {name}"));
            Ok(())
        }
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}

/// What a write will change, where the caller may see it; for people, on standard error.
async fn show_changes(session: &Session, client: &Client, name: &str, text: &str) {
    if session.persona.is_vault() || session.out.is_json() {
        return;
    }
    match client.read(&path(name)).await {
        Ok(answer) => {
            let changes = diff::lines(answer.text(&["policy"]).unwrap_or_default(), text);
            if changes.is_empty() {
                session.out.hint(&format!("policy {name} has these lines already"));
            } else {
                session.out.hint(&format!("policy {name} changes:\n{}", changes.trim_end()));
            }
        }
        Err(error) if error.kind() == Some(RefusalKind::NotFound) => session.out.hint(&format!("policy {name} is new")),
        Err(_) => {}
    }
}

async fn read(session: &mut Session, name: &str, field: Option<&str>) -> Result<(), Fault> {
    let client = session.client()?;
    let path = path(name);
    let doing = Doing::new("read", &path, &["read"]).vault(format!("Error reading policy named {name}"));
    let answer = match client.read(&path).await {
        Err(error) if error.kind() == Some(RefusalKind::NotFound) && session.persona.is_vault() => {
            let fault = explain(session, &client, &doing, error).await;
            return Err(fault.vault(format!("No policy named: {name}")));
        }
        answered => found(session, &client, &doing, answered).await?,
    };
    if let Some(field) = field {
        return session.out.print_answer(&answer, Some(field));
    }
    let text = answer.text(&["policy"]).unwrap_or_default();
    if session.out.is_json() {
        session.out.print_json(&Json::object([("policy", Json::text(text))]));
    } else {
        session.out.print(&format!("{}\n", text.trim_end_matches('\n')));
    }
    Ok(())
}

async fn list(session: &mut Session) -> Result<(), Fault> {
    let client = session.client()?;
    let doing = Doing::new("list", "sys/policies/acl", &["list"]).vault("Error listing policies");
    let answer = found(session, &client, &doing, client.list("sys/policies/acl").await).await?;
    let names = answer.names();
    if session.out.is_json() {
        session.out.print_json(&Json::texts(&names));
    } else {
        session.out.print(&(names.join("\n") + "\n"));
    }
    Ok(())
}

async fn delete(session: &mut Session, name: &str) -> Result<(), Fault> {
    let client = session.client()?;
    let path = path(name);
    let doing = Doing::new("delete", &path, &["delete"]).vault("Error deleting policy");
    if !session.persona.is_vault() {
        let rules = match client.read(&path).await {
            Ok(answer) => answer.text(&["policy"]).map_or(0, |text| text.matches("path").count()),
            Err(error) if error.kind() == Some(RefusalKind::NotFound) => 0,
            Err(error) => return Err(explain(session, &client, &doing, error).await),
        };
        let impact = [
            format!("it has about {rules} rules; whoever is allowed something by them alone is refused at once"),
            format!("keep a copy: strongroom policy read {name} > {name}.hcl"),
        ];
        if confirm(session, Severity::Moderate, "delete policy", name, &impact)? == Decision::Stop {
            return Ok(());
        }
    }
    match client.delete(&path).await {
        Ok(_) => {
            session.out.done(&format!("Success! Deleted policy: {name}"));
            Ok(())
        }
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}
