//! `approle`: what a service needs to log in. A role says what it may do; role id and secret id are its name and its
//! password.

use std::{io::Write as _, path::Path};

use clap::Subcommand;

use super::generic::{found, plain};
use crate::{
    cli::{
        data::{self, Outside},
        explain::{Doing, explain},
        fault::Fault,
        home::create_private,
        output::{data_pairs, no_field},
        session::Session,
    },
    client::{Client, RefusalKind, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # a role, and its credentials in a file
  strongroom approle create web -token-policies=web -out web.credentials
  # another secret id, shown
  strongroom approle secret-id web
  # what the service does
  strongroom login -method=approle @web.credentials
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Create or change a role (mounts the auth method if need be); with -out, make credentials for it at once
    Create(CreateArgs),
    /// Make a secret id and show it with the role id
    SecretId(SecretIdArgs),
}

#[derive(clap::Args, Debug)]
struct CreateArgs {
    /// Name of the role
    role: String,
    /// Settings by the API's names, key=value
    data: Vec<String>,
    /// Policies of its tokens
    #[arg(long, visible_alias = "policies", value_name = "NAME", value_delimiter = ',')]
    token_policies: Vec<String>,
    /// How long its tokens live
    #[arg(long, visible_alias = "ttl", value_name = "DURATION")]
    token_ttl: Option<String>,
    /// How long its tokens may live, renewals included
    #[arg(long, value_name = "DURATION")]
    token_max_ttl: Option<String>,
    /// Tokens that are renewed for ever, each time for so long
    #[arg(long, value_name = "DURATION")]
    token_period: Option<String>,
    /// How often a token may be used; 0: without limit
    #[arg(long, value_name = "N")]
    token_num_uses: Option<u64>,
    /// How long a secret id is good
    #[arg(long, value_name = "DURATION")]
    secret_id_ttl: Option<String>,
    /// How often a secret id is good; 0: without limit
    #[arg(long, value_name = "N")]
    secret_id_num_uses: Option<u64>,
    #[command(flatten)]
    made: Made,
}

#[derive(clap::Args, Debug)]
struct SecretIdArgs {
    /// Name of the role
    role: String,
    /// A note that its tokens and audit lines carry, NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    metadata: Vec<String>,
    /// Print this field alone: role_id, secret_id, secret_id_accessor
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
    #[command(flatten)]
    made: Made,
}

#[derive(clap::Args, Debug)]
struct Made {
    /// Where the method is mounted
    #[arg(long, value_name = "PATH", default_value = "approle")]
    mount: String,
    /// Write role id and secret id to this new file, 0600, instead of showing them
    #[arg(long, value_name = "FILE")]
    out: Option<String>,
}

pub async fn run(args: Args, session: &mut Session) -> Result<(), Fault> {
    match args.command {
        Command::Create(args) => create(args, session).await,
        Command::SecretId(args) => secret_id(args, session).await,
    }
}

impl CreateArgs {
    fn body(&self, session: &Session) -> Result<Json, Fault> {
        let mut body = data::parse(&self.data, session.persona, &mut Outside::new(session.out.terminal))?;
        if !self.token_policies.is_empty() {
            body.set("token_policies", Json::texts(&self.token_policies));
        }
        let texts = [
            ("token_ttl", &self.token_ttl),
            ("token_max_ttl", &self.token_max_ttl),
            ("token_period", &self.token_period),
            ("secret_id_ttl", &self.secret_id_ttl),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                body.set(name, Json::text(value));
            }
        }
        for (name, value) in [("token_num_uses", self.token_num_uses), ("secret_id_num_uses", self.secret_id_num_uses)]
        {
            if let Some(value) = value {
                body.set(name, Json::number(value));
            }
        }
        Ok(body)
    }
}

async fn create(args: CreateArgs, session: &mut Session) -> Result<(), Fault> {
    let body = args.body(session)?;
    let file = args.made.out.as_deref().map(OutFile::create).transpose()?;
    let client = session.client()?;
    let path = format!("auth/{}/role/{}", plain(&args.made.mount), args.role);
    let doing = Doing::new("write", &path, &["create", "update"]);
    let mut answered = client.write(&path, body.clone()).await;
    if answered.as_ref().is_err_and(|error| error.kind() == Some(RefusalKind::NotFound)) && !session.persona.is_vault()
    {
        enable(session, &client, &plain(&args.made.mount)).await?;
        answered = client.write(&path, body).await;
    }
    match answered {
        Ok(answer) => session.out.warn(&answer),
        Err(error) => return Err(explain(session, &client, &doing, error).await),
    }
    if let Some(file) = file {
        let made = make(session, &client, &args.role, &args.made.mount, Vec::new()).await?;
        file.write(&made)?;
        session.out.done(&format!("Success! Role {} is there; its credentials are in {}", args.role, file.path));
    } else {
        session.out.done(&format!("Success! Role {} is there", args.role));
        session.out.next(&format!("strongroom approle secret-id {}", args.role));
    }
    if session.out.is_json() {
        session.out.print_json(&Json::object([("role", Json::text(&args.role)), ("path", Json::text(&path))]));
    }
    Ok(())
}

/// Mounts the method where nothing is mounted yet, so that the first role needs no step before it.
async fn enable(session: &Session, client: &Client, mount: &str) -> Result<(), Fault> {
    let path = format!("sys/auth/{mount}");
    let doing = Doing::new("write", &path, &["create", "update", "sudo"]);
    match client.write(&path, Json::object([("type", Json::text("approle"))])).await {
        Ok(_) => {
            session.out.hint(&format!("the auth method approle was not there yet: it is mounted at {mount}/"));
            Ok(())
        }
        Err(error) => Err(explain(session, client, &doing, error).await),
    }
}

async fn secret_id(args: SecretIdArgs, session: &mut Session) -> Result<(), Fault> {
    let file = args.made.out.as_deref().map(OutFile::create).transpose()?;
    let client = session.client()?;
    let made = make(session, &client, &args.role, &args.made.mount, args.metadata).await?;
    if let Some(file) = file {
        file.write(&made)?;
        session.out.done(&format!("Success! The credentials of role {} are in {}", args.role, file.path));
        return Ok(());
    }
    if let Some(name) = args.field {
        session.out.print_field(made.at(&name).ok_or_else(|| no_field(&name))?);
    } else if session.out.is_json() {
        session.out.print_json(&made);
    } else {
        session.out.print_pairs(&data_pairs(&made, session.persona));
    }
    Ok(())
}

/// Asks for the role id and a new secret id, and puts them into one object.
async fn make(
    session: &Session,
    client: &Client,
    role: &str,
    mount: &str,
    metadata: Vec<String>,
) -> Result<Json, Fault> {
    let path = format!("auth/{}/role/{role}", plain(mount));
    let (role_path, secret_path) = (format!("{path}/role-id"), format!("{path}/secret-id"));
    let doing = Doing::new("read", &role_path, &["read"]);
    let role_id = found(session, client, &doing, client.read(&role_path).await).await?;
    let mut body = Json::Object(Vec::new());
    if !metadata.is_empty() {
        let mut notes = Json::Object(Vec::new());
        for note in &metadata {
            let (name, value) =
                note.split_once('=').ok_or_else(|| Fault::usage(format!("the note `{note}` is not NAME=VALUE")))?;
            notes.set(name, Json::text(value));
        }
        // A text that holds JSON, as the API has it.
        body.set("metadata", Json::text(notes.to_string()));
    }
    let doing = Doing::new("write", &secret_path, &["create", "update"]);
    let secret = found(session, client, &doing, client.write(&secret_path, body).await).await?;
    let mut made = Json::object([("role_id", role_id.field(&["role_id"]).cloned().unwrap_or(Json::Null))]);
    for (name, value) in secret.data().map(Json::as_object).unwrap_or_default() {
        made.set(name, value.clone());
    }
    Ok(made)
}

/// A new file for credentials, made before the server is asked, so that none are lost to a path that cannot be written.
struct OutFile {
    path: String,
    file: std::fs::File,
    /// Whether it holds what it was made for.
    is_written: std::cell::Cell<bool>,
}

impl OutFile {
    fn create(path: &str) -> Result<Self, Fault> {
        let file = create_private(Path::new(path)).map_err(|error| {
            let fault = Fault::usage(format!("{path} cannot be created: {error}"));
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                fault.fix("name a new file, or remove that one")
            } else {
                fault
            }
        })?;
        Ok(Self { path: path.to_owned(), file, is_written: std::cell::Cell::new(false) })
    }

    fn write(&self, made: &Json) -> Result<(), Fault> {
        let text = |name: &str| made.at(name).and_then(Json::as_str).unwrap_or_default();
        let mut file = &self.file;
        writeln!(file, "role_id={}\nsecret_id={}", text("role_id"), text("secret_id"))
            .and_then(|()| self.file.sync_all())
            .map_err(|error| Fault::usage(format!("{} cannot be written: {error}", self.path)))?;
        self.is_written.set(true);
        Ok(())
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        if !self.is_written.get() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
