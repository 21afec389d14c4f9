//! `approle`: makes what a service needs to log in. A role says what the service may do. The role id is the service's
//! name, and the secret id is its password.

use std::{io::Write as _, path::Path};

use clap::Subcommand;

use super::{
    answers::{expect_found, trim_path},
    short_lives,
};
use crate::{
    cli::{
        attempt::Attempt,
        config_dir::create_private,
        data::{self, Empty, ProcessInput},
        diagnosis::diagnose,
        duration_flag::duration,
        error::CliError,
        invocation::Invocation,
        output::{data_pairs, member},
    },
    client::{Client, RefusalKind, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # a role, and its credentials in a file; its tokens live an hour and can be renewed,
  # and the secret id is good for 24 hours and 40 logins
  strongroom approle create web -token-policies=web -out web.credentials
  # another secret id, shown
  strongroom approle secret-id web
  # how the service logs in
  strongroom login -method=approle @web.credentials
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Create or change a role; mounts the auth method if it is missing. With -out, also make credentials
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
    /// Policies of the role's tokens
    #[arg(long, visible_alias = "policies", value_name = "NAME", value_delimiter = ',')]
    token_policies: Vec<String>,
    /// Lifetime of a token, and of each renewal; of a new role: 1h
    #[arg(long, visible_alias = "ttl", value_name = "DURATION", value_parser = duration)]
    token_ttl: Option<String>,
    /// Longest lifetime of a token, with all renewals
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    token_max_ttl: Option<String>,
    /// Make periodic tokens: each renewal gives this much time, without an end
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    token_period: Option<String>,
    /// How many times a token may be used; 0: no limit
    #[arg(long, value_name = "N")]
    token_num_uses: Option<u64>,
    /// Lifetime of a secret id; of a new role: 24h; 0: until it is destroyed
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    secret_id_ttl: Option<String>,
    /// How many logins a secret id is valid for; of a new role: 40; 0: no limit
    #[arg(long, value_name = "N")]
    secret_id_num_uses: Option<u64>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args, Debug)]
struct SecretIdArgs {
    /// Name of the role
    role: String,
    /// Metadata for the tokens and audit lines of this secret id, NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    metadata: Vec<String>,
    /// Print only this field: role_id, secret_id, secret_id_accessor
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args, Debug)]
struct OutputArgs {
    /// Where the auth method is mounted
    #[arg(long, value_name = "PATH", default_value = "approle")]
    mount: String,
    /// Write role id and secret id to this new file with mode 0600, instead of showing them
    #[arg(long, value_name = "FILE")]
    out: Option<String>,
}

pub(crate) async fn run(args: Args, invocation: &mut Invocation) -> Result<(), CliError> {
    match args.command {
        Command::Create(args) => create(args, invocation).await,
        Command::SecretId(args) => secret_id(args, invocation).await,
    }
}

impl CreateArgs {
    fn body(&self, invocation: &Invocation) -> Result<Json, CliError> {
        let mut body = data::parse(
            &self.data,
            invocation.persona,
            Empty::Allowed,
            &mut ProcessInput::new(invocation.out.terminal),
        )?;
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

async fn create(args: CreateArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let mut body = args.body(invocation)?;
    let file = args.output.out.as_deref().map(OutFile::create).transpose()?;
    let client = invocation.client()?;
    let path = format!("auth/{}/role/{}", trim_path(&args.output.mount), args.role);
    let attempt = Attempt::new("write", &path, &["create", "update"]);
    let lives = short_lives::fill(invocation, &client, &path, &mut body).await?;
    let mut answered = client.write(&path, body.clone()).await;
    if answered.as_ref().is_err_and(|error| error.kind() == Some(RefusalKind::NotFound))
        && !invocation.persona.is_vault()
    {
        enable(invocation, &client, &trim_path(&args.output.mount)).await?;
        answered = client.write(&path, body).await;
    }
    match answered {
        Ok(answer) => invocation.out.warn(&answer),
        Err(error) => return Err(diagnose(invocation, &client, &attempt, error).await),
    }
    if let Some(file) = file {
        let made = make(invocation, &client, &args.role, &args.output.mount, Vec::new()).await?;
        file.write(&made)?;
        invocation.out.done(&format!("Success! Role {} is written; its credentials are in {}", args.role, file.path));
    } else {
        invocation.out.done(&format!("Success! Role {} is written", args.role));
        invocation.out.next(&format!("strongroom approle secret-id {}", args.role));
    }
    if let Some(lives) = lives {
        invocation.out.done(&lives);
    }
    if invocation.out.is_json() {
        invocation.out.print_json(&Json::object([("role", Json::text(&args.role)), ("path", Json::text(&path))]));
    }
    Ok(())
}

/// Mounts the auth method if it is missing, so that the first role needs no earlier step.
async fn enable(invocation: &Invocation, client: &Client, mount: &str) -> Result<(), CliError> {
    let path = format!("sys/auth/{mount}");
    let attempt = Attempt::new("write", &path, &["create", "update", "sudo"]);
    match client.write(&path, Json::object([("type", Json::text("approle"))])).await {
        Ok(_) => {
            invocation.out.hint(&format!("the auth method approle was missing: it is now mounted at {mount}/"));
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, client, &attempt, error).await),
    }
}

async fn secret_id(args: SecretIdArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let file = args.output.out.as_deref().map(OutFile::create).transpose()?;
    let client = invocation.client()?;
    let made = make(invocation, &client, &args.role, &args.output.mount, args.metadata).await?;
    if let Some(file) = file {
        file.write(&made)?;
        invocation.out.done(&format!("Success! The credentials of role {} are in {}", args.role, file.path));
        return Ok(());
    }
    if let Some(name) = args.field {
        invocation.out.print_field(member(&made, &name)?);
    } else if invocation.out.is_json() {
        invocation.out.print_json(&made);
    } else {
        invocation.out.print_pairs(&data_pairs(&made, invocation.persona));
    }
    Ok(())
}

/// Asks the server for the role id and a new secret id. Returns both in one object.
async fn make(
    invocation: &Invocation,
    client: &Client,
    role: &str,
    mount: &str,
    metadata: Vec<String>,
) -> Result<Json, CliError> {
    let path = format!("auth/{}/role/{role}", trim_path(mount));
    let (role_path, secret_path) = (format!("{path}/role-id"), format!("{path}/secret-id"));
    let attempt = Attempt::new("read", &role_path, &["read"]);
    let role_id = expect_found(invocation, client, &attempt, client.read(&role_path).await).await?;
    let mut body = Json::Object(Vec::new());
    if !metadata.is_empty() {
        // The API takes the metadata as a text that contains JSON.
        body.set("metadata", Json::text(data::name_values(&metadata, "metadata")?.to_string()));
    }
    let attempt = Attempt::new("write", &secret_path, &["create", "update"]);
    let secret = expect_found(invocation, client, &attempt, client.write(&secret_path, body).await).await?;
    let mut made = Json::object([("role_id", role_id.field(&["role_id"]).cloned().unwrap_or(Json::Null))]);
    for (name, value) in secret.data().map(Json::as_object).unwrap_or_default() {
        made.set(name, value.clone());
    }
    Ok(made)
}

/// A new file for credentials. It is created before the server is asked, so that credentials are
/// not lost because a path cannot be written.
struct OutFile {
    path: String,
    file: std::fs::File,
    /// Whether the file has the credentials. If not, it is removed again.
    is_written: std::cell::Cell<bool>,
}

impl OutFile {
    fn create(path: &str) -> Result<Self, CliError> {
        let file = create_private(Path::new(path)).map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                CliError::usage(format!("{path} is there already: nothing was sent"))
                    .why("it may hold the credentials of a service, so it is not written over")
                    .fix("name a new file, or remove this one")
            } else {
                CliError::usage(format!("{path} cannot be created: {error}"))
            }
        })?;
        Ok(Self { path: path.to_owned(), file, is_written: std::cell::Cell::new(false) })
    }

    fn write(&self, made: &Json) -> Result<(), CliError> {
        let text = |name: &str| made.at(name).and_then(Json::as_str).unwrap_or_default();
        let mut file = &self.file;
        writeln!(file, "role_id={}\nsecret_id={}", text("role_id"), text("secret_id"))
            .and_then(|()| self.file.sync_all())
            .map_err(|error| CliError::usage(format!("{} cannot be written: {error}", self.path)))?;
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
