//! `token`: looks up, creates, renews and revokes tokens. `-` reads a token from standard input. If no token is given,
//! most commands use the caller's own.

use clap::Subcommand;

use super::answers::expect_found;
use crate::{
    cli::{
        attempt::Attempt, data, diagnosis::diagnose, duration_flag::duration, error::CliError, invocation::Invocation,
        terminal::read_input, tokens, vault_token,
    },
    client::{Client, ClientError, ServerAnswer, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # my own token: policies and remaining lifetime
  strongroom token lookup
  strongroom token create -policy=app -ttl=1h -field=token
  # what I may do on a path
  strongroom token capabilities secret/data/app
  # without knowing the token
  strongroom token revoke -accessor=…
  # log out
  strongroom token revoke -self
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show your own token, or another one
    Lookup {
        /// The token, or - for standard input
        token: Option<String>,
        /// Find the token by its accessor
        #[arg(long, conflicts_with = "token", num_args = 0..=1, default_missing_value = "")]
        accessor: Option<String>,
        /// Print only this field
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Create a token
    Create(CreateArgs),
    /// Extend a token's lifetime
    Renew {
        /// The token, or - for standard input [default: your own]
        token: Option<String>,
        /// Find the token by its accessor
        #[arg(long, conflicts_with = "token")]
        accessor: Option<String>,
        /// The lifetime to ask for
        #[arg(short, long, value_name = "DURATION", value_parser = duration)]
        increment: Option<String>,
        /// Print only this field
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Revoke a token and all tokens created with it
    Revoke(RevokeArgs),
    /// Show what your own token, or another one, may do on a path
    Capabilities {
        /// `[TOKEN] PATH`
        #[arg(required = true, num_args = 1..=2, value_names = ["TOKEN", "PATH"])]
        of: Vec<String>,
    },
}

#[derive(clap::Args, Debug)]
struct RevokeArgs {
    /// The token, or - for standard input
    token: Option<String>,
    /// Find the token by its accessor
    #[arg(long, conflicts_with = "token")]
    accessor: Option<String>,
    /// Revoke your own token: log out
    #[arg(long = "self", conflicts_with_all = ["token", "accessor"])]
    own: bool,
    /// orphan: do not revoke the tokens created with this token
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
}

#[derive(clap::Args, Debug)]
struct CreateArgs {
    /// A policy; may be repeated
    #[arg(long, value_name = "NAME")]
    policy: Vec<String>,
    /// Lifetime of the token
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    ttl: Option<String>,
    /// Longest lifetime of the token, with all renewals
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    explicit_max_ttl: Option<String>,
    /// Make a periodic token: each renewal gives this much time, without an end
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    period: Option<String>,
    /// How many times the token may be used; 0: no limit
    #[arg(long, value_name = "N")]
    use_limit: Option<u64>,
    /// Whether the token can be renewed
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    renewable: Option<bool>,
    /// Do not revoke the token together with the token that creates it
    #[arg(long)]
    orphan: bool,
    /// Leave out the policy `default`
    #[arg(long)]
    no_default_policy: bool,
    /// The token's name in logs
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Metadata, NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    metadata: Vec<String>,
    /// The token's own text, if the caller may choose it
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The kind of token: service or batch
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<String>,
    /// The token role to create it with
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Print only this field
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

pub(crate) async fn run(args: Args, invocation: &mut Invocation) -> Result<(), CliError> {
    let client = invocation.client()?;
    match args.command {
        Command::Lookup { token, accessor, field } => {
            let (token, accessor) = match (token, accessor) {
                // Vault reads `-accessor X` as a switch and an argument.
                (Some(accessor), Some(flag)) if flag.is_empty() => (None, Some(accessor)),
                pair => pair,
            };
            let attempt = Attempt::new("look up", "the token", &["update"]).vault("Error looking up token");
            let answered = match (token, accessor) {
                (_, Some(accessor)) => send_field(&client, "lookup-accessor", "accessor", &accessor).await,
                (Some(token), None) => send_field(&client, "lookup", "token", &token_text(&token)?).await,
                (None, None) => client.read("auth/token/lookup-self").await,
            };
            let answer = expect_found(invocation, &client, &attempt.at("auth/token/lookup"), answered).await?;
            invocation.out.print_answer(&answer, field.as_deref())
        }
        Command::Create(args) => create(args, invocation, &client).await,
        Command::Renew { token, accessor, increment, field } => {
            let (path, mut body) = match (token, accessor) {
                (_, Some(accessor)) => ("renew-accessor", Json::object([("accessor", Json::text(accessor))])),
                (Some(token), None) => ("renew", Json::object([("token", Json::text(token_text(&token)?))])),
                (None, None) => ("renew-self", Json::Object(Vec::new())),
            };
            if let Some(increment) = increment {
                body.set("increment", Json::text(increment));
            }
            let path = format!("auth/token/{path}");
            let attempt = Attempt::new("renew", "the token", &["update"]).vault("Error renewing token").at(&path);
            let answer = expect_found(invocation, &client, &attempt, client.write(&path, body).await).await?;
            invocation.out.print_answer(&answer, field.as_deref())
        }
        Command::Revoke(args) => revoke(args, invocation, &client).await,
        Command::Capabilities { of } => capabilities(invocation, &client, of).await,
    }
}

/// Sends one field to a path below `auth/token/`.
async fn send_field(client: &Client, path: &str, name: &str, value: &str) -> Result<ServerAnswer, ClientError> {
    client.write(&format!("auth/token/{path}"), Json::object([(name, Json::text(value))])).await
}

/// The token in an argument. `-` reads it from standard input.
fn token_text(token: &str) -> Result<String, CliError> {
    if token != "-" {
        return Ok(token.to_owned());
    }
    let input = read_input()?;
    let input = input.expose();
    Ok(input.trim().to_owned())
}

async fn create(args: CreateArgs, invocation: &Invocation, client: &Client) -> Result<(), CliError> {
    let mut body = Json::Object(Vec::new());
    if !args.policy.is_empty() {
        body.set("policies", Json::texts(&args.policy));
    }
    let texts = [
        ("ttl", &args.ttl),
        ("explicit_max_ttl", &args.explicit_max_ttl),
        ("period", &args.period),
        ("display_name", &args.display_name),
        ("id", &args.id),
        ("type", &args.kind),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            body.set(name, Json::text(value));
        }
    }
    if let Some(uses) = args.use_limit {
        body.set("num_uses", Json::number(uses));
    }
    if let Some(renewable) = args.renewable {
        body.set("renewable", Json::Bool(renewable));
    }
    for (name, is_set) in [("no_parent", args.orphan), ("no_default_policy", args.no_default_policy)] {
        if is_set {
            body.set(name, Json::Bool(true));
        }
    }
    if !args.metadata.is_empty() {
        body.set("meta", data::name_values(&args.metadata, "metadata")?);
    }
    let path = match &args.role {
        Some(role) => format!("auth/token/create/{role}"),
        None => "auth/token/create".to_owned(),
    };
    let attempt = Attempt::new("create", "a token", &["create", "update"]).vault("Error creating token").at(&path);
    let answer = expect_found(invocation, client, &attempt, client.write(&path, body).await).await?;
    invocation.out.print_answer(&answer, args.field.as_deref())
}

async fn revoke(args: RevokeArgs, invocation: &Invocation, client: &Client) -> Result<(), CliError> {
    let by_token = match args.mode.as_deref() {
        None => "revoke",
        Some("orphan") => "revoke-orphan",
        Some(other) => return Err(CliError::usage(format!("the mode `{other}` is not supported: use orphan"))),
    };
    let (path, body) = match (args.token, args.accessor) {
        (Some(token), _) => (by_token, Json::object([("token", Json::text(token_text(&token)?))])),
        (None, Some(accessor)) => ("revoke-accessor", Json::object([("accessor", Json::text(accessor))])),
        (None, None) if args.own => ("revoke-self", Json::Object(Vec::new())),
        (None, None) => {
            return Err(CliError::usage("no token is given")
                .fix("give a token, - for standard input, -accessor=ACCESSOR, or -self"));
        }
    };
    let path = format!("auth/token/{path}");
    let attempt = Attempt::new("revoke", "the token", &["update"]).vault("Error revoking token").at(&path);
    match client.write(&path, body).await {
        Ok(_) => {
            if args.own {
                forget(invocation, client)?;
            }
            invocation.out.done("Success! Revoked token (if it existed)");
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, client, &attempt, error).await),
    }
}

/// Removes the token of this client from where it is kept, if this program keeps it.
fn forget(invocation: &Invocation, client: &Client) -> Result<(), CliError> {
    let Some(token) = client.token() else { return Ok(()) };
    if invocation.token_source == Some(tokens::Source::Store) {
        tokens::forget(&invocation.config_dir, &invocation.address)?;
    }
    tokens::forget_dev(&invocation.config_dir, &invocation.address, token)?;
    vault_token::remove(&invocation.config_dir, token)
}

async fn capabilities(invocation: &Invocation, client: &Client, mut of: Vec<String>) -> Result<(), CliError> {
    let path = of.pop().unwrap_or_default().trim_start_matches('/').to_owned();
    let mut body = Json::object([("paths", Json::texts([&path]))]);
    let api = match of.pop() {
        Some(token) => {
            body.set("token", Json::text(token_text(&token)?));
            "sys/capabilities"
        }
        None => "sys/capabilities-self",
    };
    let attempt = Attempt::new("look up", "capabilities", &["update"]).vault("Error listing capabilities").at(api);
    let answer = expect_found(invocation, client, &attempt, client.write(api, body).await).await?;
    let found = answer.field(&[&path]).or_else(|| answer.field(&["capabilities"]));
    let mut capabilities = found.map(Json::strings).unwrap_or_default();
    capabilities.sort();
    if invocation.out.is_json() {
        invocation.out.print_json(&Json::texts(&capabilities));
    } else {
        invocation.out.print(&format!("{}\n", capabilities.join(", ")));
    }
    Ok(())
}
