//! `token`: look at, make, renew and revoke tokens. A token comes from standard input with `-`, or is one's own.

use clap::Subcommand;

use super::generic::found;
use crate::{
    cli::{
        explain::{Doing, explain},
        fault::Fault,
        session::Session,
        terminal::read_input,
        tokens,
    },
    client::{Answer, Client, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # who am I here, and for how long
  strongroom token lookup
  strongroom token create -policy=app -ttl=1h -field=token
  # what may I do there
  strongroom token capabilities secret/data/app
  # without knowing the token
  strongroom token revoke -accessor=…
  # log out
  strongroom token revoke -self
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show a token: one's own, or another
    Lookup {
        /// The token, or - for standard input
        token: Option<String>,
        /// Find it by its accessor
        #[arg(long, conflicts_with = "token", num_args = 0..=1, default_missing_value = "")]
        accessor: Option<String>,
        /// Print this field alone
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Make a token
    Create(CreateArgs),
    /// Let a token live longer
    Renew {
        /// The token, or - for standard input; one's own if left out
        token: Option<String>,
        /// Find it by its accessor
        #[arg(long, conflicts_with = "token")]
        accessor: Option<String>,
        /// By how much
        #[arg(short, long, value_name = "DURATION")]
        increment: Option<String>,
        /// Print this field alone
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// End a token and those made with it
    Revoke {
        /// The token, or - for standard input
        token: Option<String>,
        /// Find it by its accessor
        #[arg(long, conflicts_with = "token")]
        accessor: Option<String>,
        /// One's own: log out
        #[arg(long = "self", conflicts_with_all = ["token", "accessor"])]
        own: bool,
        /// orphan: leave alive what was made with it
        #[arg(long, value_name = "MODE")]
        mode: Option<String>,
    },
    /// Show what a token may do on a path: one's own, or another
    Capabilities {
        /// `[TOKEN] PATH`
        #[arg(required = true, num_args = 1..=2, value_names = ["TOKEN", "PATH"])]
        of: Vec<String>,
    },
}

#[derive(clap::Args, Debug)]
struct CreateArgs {
    /// A policy; may be repeated
    #[arg(long, value_name = "NAME")]
    policy: Vec<String>,
    /// How long it lives
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// How long it may live, renewals included
    #[arg(long, value_name = "DURATION")]
    explicit_max_ttl: Option<String>,
    /// Renewed for ever, each time for so long
    #[arg(long, value_name = "DURATION")]
    period: Option<String>,
    /// How often it may be used; 0: without limit
    #[arg(long, value_name = "N")]
    use_limit: Option<u64>,
    /// Whether it can be renewed
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    renewable: Option<bool>,
    /// Let it outlive the token that makes it
    #[arg(long)]
    orphan: bool,
    /// Leave out the policy `default`
    #[arg(long)]
    no_default_policy: bool,
    /// What logs call it
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// A note that it carries, NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    metadata: Vec<String>,
    /// Its very text, where the caller may choose it
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// service or batch
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<String>,
    /// A role of the token store
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Print this field alone
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

pub async fn run(args: Args, session: &mut Session) -> Result<(), Fault> {
    let client = session.client()?;
    match args.command {
        Command::Lookup { token, accessor, field } => {
            let (token, accessor) = match (token, accessor) {
                // `-accessor X` and Vault's `-accessor` with the accessor behind it.
                (Some(accessor), Some(flag)) if flag.is_empty() => (None, Some(accessor)),
                pair => pair,
            };
            let doing = Doing::new("look up", "the token", &["update"]).vault("Error looking up token");
            let answered = match (token, accessor) {
                (_, Some(accessor)) => act(&client, "lookup-accessor", "accessor", &accessor).await,
                (Some(token), None) => act(&client, "lookup", "token", &text(&token)?).await,
                (None, None) => client.read("auth/token/lookup-self").await,
            };
            let answer = found(session, &client, &doing.at("auth/token/lookup"), answered).await?;
            session.out.print_answer(&answer, field.as_deref())
        }
        Command::Create(args) => create(args, session, &client).await,
        Command::Renew { token, accessor, increment, field } => {
            let (path, mut body) = match (token, accessor) {
                (_, Some(accessor)) => ("renew-accessor", Json::object([("accessor", Json::text(accessor))])),
                (Some(token), None) => ("renew", Json::object([("token", Json::text(text(&token)?))])),
                (None, None) => ("renew-self", Json::Object(Vec::new())),
            };
            if let Some(increment) = increment {
                body.set("increment", Json::text(increment));
            }
            let path = format!("auth/token/{path}");
            let doing = Doing::new("renew", "the token", &["update"]).vault("Error renewing token").at(&path);
            let answer = found(session, &client, &doing, client.write(&path, body).await).await?;
            session.out.print_answer(&answer, field.as_deref())
        }
        Command::Revoke { token, accessor, own, mode } => revoke(session, &client, (token, accessor, own), mode).await,
        Command::Capabilities { of } => capabilities(session, &client, of).await,
    }
}

async fn act(client: &Client, path: &str, name: &str, value: &str) -> Result<Answer, crate::client::ClientError> {
    client.write(&format!("auth/token/{path}"), Json::object([(name, Json::text(value))])).await
}

/// A token as an argument: `-` is standard input.
fn text(token: &str) -> Result<String, Fault> {
    if token != "-" {
        return Ok(token.to_owned());
    }
    let input = read_input()?;
    let input = input.expose();
    Ok(input.trim().to_owned())
}

async fn create(args: CreateArgs, session: &Session, client: &Client) -> Result<(), Fault> {
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
        let mut notes = Json::Object(Vec::new());
        for note in &args.metadata {
            let (name, value) =
                note.split_once('=').ok_or_else(|| Fault::usage(format!("the note `{note}` is not NAME=VALUE")))?;
            notes.set(name, Json::text(value));
        }
        body.set("meta", notes);
    }
    let path = match &args.role {
        Some(role) => format!("auth/token/create/{role}"),
        None => "auth/token/create".to_owned(),
    };
    let doing = Doing::new("create", "a token", &["create", "update"]).vault("Error creating token").at(&path);
    let answer = found(session, client, &doing, client.write(&path, body).await).await?;
    session.out.print_answer(&answer, args.field.as_deref())
}

async fn revoke(
    session: &Session,
    client: &Client,
    (token, accessor, own): (Option<String>, Option<String>, bool),
    mode: Option<String>,
) -> Result<(), Fault> {
    let orphan = match mode.as_deref() {
        None => false,
        Some("orphan") => true,
        Some(other) => return Err(Fault::usage(format!("the mode `{other}` is not built: orphan is"))),
    };
    let (path, body) = match (token, accessor, own) {
        (Some(token), ..) if orphan => ("revoke-orphan", Json::object([("token", Json::text(text(&token)?))])),
        (Some(token), ..) => ("revoke", Json::object([("token", Json::text(text(&token)?))])),
        (None, Some(accessor), _) => ("revoke-accessor", Json::object([("accessor", Json::text(accessor))])),
        (None, None, true) => ("revoke-self", Json::Object(Vec::new())),
        (None, None, false) => {
            return Err(Fault::usage("which token? give it (- for standard input), -accessor=…, or -self"));
        }
    };
    let path = format!("auth/token/{path}");
    let doing = Doing::new("revoke", "the token", &["update"]).vault("Error revoking token").at(&path);
    match client.write(&path, body).await {
        Ok(_) => {
            if own && session.token_source == Some(tokens::Source::Store) {
                tokens::forget(&session.home, &session.address)?;
            }
            session.out.done("Success! Revoked token (if it existed)");
            Ok(())
        }
        Err(error) => Err(explain(session, client, &doing, error).await),
    }
}

async fn capabilities(session: &Session, client: &Client, mut of: Vec<String>) -> Result<(), Fault> {
    let path = of.pop().unwrap_or_default().trim_start_matches('/').to_owned();
    let mut body = Json::object([("paths", Json::texts([&path]))]);
    let api = match of.pop() {
        Some(token) => {
            body.set("token", Json::text(text(&token)?));
            "sys/capabilities"
        }
        None => "sys/capabilities-self",
    };
    let doing = Doing::new("look up", "capabilities", &["update"]).vault("Error listing capabilities").at(api);
    let answer = found(session, client, &doing, client.write(api, body).await).await?;
    let found = answer.field(&[&path]).or_else(|| answer.field(&["capabilities"]));
    let mut capabilities = found.map(Json::strings).unwrap_or_default();
    capabilities.sort();
    if session.out.is_json() {
        session.out.print_json(&Json::texts(&capabilities));
    } else {
        session.out.print(&format!("{}\n", capabilities.join(", ")));
    }
    Ok(())
}
