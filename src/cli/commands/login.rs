//! `login`: prove who one is and keep the token for this address. Neither token nor secret id has to stand in the
//! arguments.

use std::path::Path;

use super::generic::{found, plain};
use crate::{
    base::secret::Secret,
    cli::{
        data::{self, Outside, Sources},
        dotenv,
        explain::{Doing, explain},
        fault::Fault,
        home, human,
        output::envelope,
        session::Session,
        tokens,
    },
    client::{Answer, Client, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # asks for a token, without echo
  strongroom login
  # a token on standard input
  strongroom login - < root-token
  # as a service; secret_id=- from standard input
  strongroom login -method=approle role_id=… secret_id=@secret.id
  # the file that `approle create -out` wrote
  strongroom login -method=approle @web.credentials
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// With the method token: the token, - for standard input. With another: key=value, key=-, key=@file, @file
    data: Vec<String>,
    /// token or approle
    #[arg(long, value_name = "NAME", default_value = "token")]
    method: String,
    /// Where the method is mounted, if not at its own name
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Do not keep the token
    #[arg(long)]
    no_store: bool,
    /// Print nothing
    #[arg(long)]
    no_print: bool,
    /// Print the token alone, and do not keep it
    #[arg(long)]
    token_only: bool,
    /// Print this field alone
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

pub async fn run(args: Args, session: &mut Session) -> Result<(), Fault> {
    let answer = match args.method.as_str() {
        "token" => by_token(&args, session).await?,
        "approle" => by_approle(&args, session).await?,
        other => {
            return Err(Fault::usage(format!("the method `{other}` is not built: token and approle are"))
                .fix(format!("any other by its path: strongroom write auth/{other}/login …"))
                .vault(format!("Unknown auth method: {other}. {UNKNOWN_METHOD}")));
        }
    };
    let token = answer.auth().and_then(|auth| auth.at("client_token")).and_then(Json::as_str).map(Secret::text);
    let Some(token) = token else { return Err(Fault::usage("the server's answer to the login holds no token")) };
    session.pin_ca()?;
    let kept = if args.no_store || args.token_only { None } else { Some(keep(session, &token)?) };
    show(&args, session, &answer, kept)
}

/// The token is asked for itself: only a server that knows it answers.
async fn by_token(args: &Args, session: &Session) -> Result<Answer, Fault> {
    let mut outside = Outside::new(session.out.terminal);
    let token = match args.data.as_slice() {
        [] if session.out.terminal.input => outside.ask("token")?,
        [] => outside.input()?,
        [only] if only == "-" => outside.input()?,
        [only] => match only.strip_prefix('@') {
            Some(path) => outside.file(path)?,
            None => only.strip_prefix("token=").unwrap_or(only).to_owned(),
        },
        _ => return Err(Fault::usage("one token is enough: strongroom login, and type it when asked")),
    };
    let token = token.trim();
    if token.is_empty() {
        return Err(Fault::usage("the token is empty"));
    }
    let client = session.client_with(Some(Secret::text(token)))?;
    let doing = Doing::new("log in to", &session.address.to_string(), &["read"])
        .vault("Error authenticating: error looking up token");
    let known = found(session, &client, &doing, client.read("auth/token/lookup-self").await).await?;
    Ok(as_login(token, &known))
}

/// What the server says of a token, in the form that a login answers with.
fn as_login(token: &str, known: &Answer) -> Answer {
    let part = |name: &str, absent: Json| known.field(&[name]).cloned().unwrap_or(absent);
    let policies = part("policies", Json::List(Vec::new()));
    let auth = Json::object([
        ("client_token", Json::text(token)),
        ("accessor", part("accessor", Json::text(""))),
        ("policies", policies.clone()),
        ("token_policies", policies),
        ("identity_policies", part("identity_policies", Json::Null)),
        ("metadata", part("meta", Json::Null)),
        ("orphan", part("orphan", Json::Bool(false))),
        ("entity_id", part("entity_id", Json::text(""))),
        ("lease_duration", part("ttl", Json::number(0))),
        ("renewable", part("renewable", Json::Bool(false))),
    ]);
    Answer {
        status: 200,
        body: Some(Json::object([("request_id", Json::text("")), ("data", Json::Null), ("auth", auth)])),
    }
}

async fn by_approle(args: &Args, session: &Session) -> Result<Answer, Fault> {
    let mut outside = Outside::new(session.out.terminal);
    let mut body = match args.data.as_slice() {
        [only] if only.starts_with('@') => credentials(&outside.file(only.trim_start_matches('@'))?, only)?,
        data => data::parse(data, session.persona, &mut outside)?,
    };
    for name in ["role_id", "secret_id"] {
        match body.at(name).and_then(Json::as_str).map(|text| text.trim().to_owned()) {
            Some(text) => body.set(name, Json::text(text)),
            None => body.set(name, Json::text(outside.ask(name)?.trim())),
        }
    }
    let client = session.client_without_token()?;
    let mount = args.path.as_deref().map_or_else(|| "approle".to_owned(), plain);
    let path = format!("auth/{}/login", mount.trim_start_matches("auth/"));
    login(session, &client, &path, body).await
}

/// The file of `approle create -out`, or a JSON object.
fn credentials(text: &str, named: &str) -> Result<Json, Fault> {
    if text.trim_start().starts_with('{') {
        return Json::parse(text).map_err(|_| Fault::usage(format!("{named} is no JSON object")));
    }
    let pairs = dotenv::parse(text).map_err(|error| Fault::usage(format!("{named}: {error}")))?;
    Ok(Json::Object(pairs.into_iter().map(|(name, value)| (name, Json::text(value))).collect()))
}

async fn login(session: &Session, client: &Client, path: &str, body: Json) -> Result<Answer, Fault> {
    let doing = Doing::new("log in at", path, &[]).vault("Error authenticating");
    match client.write(path, body).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            let is_refused = error.refusal().is_some_and(|refusal| matches!(refusal.status, 400 | 403));
            let fault = explain(session, client, &doing, error).await;
            if !is_refused {
                return Err(fault);
            }
            let fault = fault.fix("role id and secret id belong together, and a secret id may be used up");
            Err(fault.fix("another one: strongroom approle secret-id ROLE"))
        }
    }
}

/// Keeps the token for this address; as `vault` also where Vault's tools look for it.
fn keep(session: &Session, token: &Secret<String>) -> Result<String, Fault> {
    let path = tokens::keep(&session.home, &session.address, token)?;
    if session.persona.is_vault()
        && let Some(path) = session.home.vault_token_file()
    {
        write_vault_file(&path, token)?;
    }
    Ok(path.display().to_string())
}

fn write_vault_file(path: &Path, token: &Secret<String>) -> Result<(), Fault> {
    let text = token.expose();
    home::replace(path, text).map_err(|error| Fault::usage(format!("{} cannot be written: {error}", path.display())))
}

fn show(args: &Args, session: &Session, answer: &Answer, kept: Option<String>) -> Result<(), Fault> {
    if args.no_print {
        return Ok(());
    }
    let field = if args.token_only { Some("token") } else { args.field.as_deref() };
    if field.is_some() {
        return session.out.print_answer(answer, field);
    }
    if session.out.is_json() {
        session.out.print_json(&envelope(answer));
        return Ok(());
    }
    if session.persona.is_vault() {
        if kept.is_none() {
            session.out.hint(NOT_STORED);
        }
        session.out.print(AUTHENTICATED);
        return session.out.print_answer(answer, None);
    }
    let auth = answer.auth().cloned().unwrap_or(Json::Null);
    let policies = human::names(&auth.at("policies").map(Json::strings).unwrap_or_default(), session.persona);
    let lives = match auth.at("lease_duration").and_then(Json::as_u64) {
        Some(0) | None => "without end".to_owned(),
        Some(secs) => format!("for {}", human::duration(secs)),
    };
    session.out.hint(&format!("logged in to {}: policies {policies}, {lives}", session.address));
    match kept {
        Some(path) => {
            session.out.hint(&format!("the token is kept for this address in {path}"));
            session.token_variable_hint();
        }
        None => session.out.hint("the token is not kept: print it with -token-only"),
    }
    Ok(())
}

// What Vault's command line says.
const UNKNOWN_METHOD: &str = "Use \"vault auth list\" to see the complete list of
auth methods. Additionally, some auth methods are only available via the HTTP
API.";
const NOT_STORED: &str = "The token was not stored in token helper. Set the VAULT_TOKEN environment
variable or pass the token below with each request to Vault.
";
const AUTHENTICATED: &str = "Success! You are now authenticated. The token information displayed below
is already stored in the token helper. You do NOT need to run \"vault login\"
again. Future Vault requests will automatically use this token.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_from_our_file_or_from_json() {
        let expected = Json::object([("role_id", Json::text("a")), ("secret_id", Json::text("b"))]);
        assert_eq!(credentials("role_id=a\nsecret_id=b\n", "@f").unwrap(), expected);
        assert_eq!(credentials("{\"role_id\":\"a\",\"secret_id\":\"b\"}", "@f").unwrap(), expected);
        assert!(!credentials("canary", "@f").unwrap_err().what().contains("canary"));
    }
}
