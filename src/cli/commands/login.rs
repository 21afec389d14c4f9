//! `login`: proves who the caller is and keeps the token for this address. The token and
//! the secret id need not be in the arguments.

use super::answers::{expect_found, trim_path};
use crate::{
    base::secret::Secret,
    cli::{
        attempt::Attempt,
        data::{self, Empty, ProcessInput, Sources},
        diagnosis::diagnose,
        dotenv,
        error::CliError,
        human,
        invocation::Invocation,
        output::envelope,
        tokens,
        vault_token::{self, Outcome},
    },
    client::{Client, ServerAnswer, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # asks for a token, without echo
  strongroom login
  # a token from standard input
  strongroom login - < root-token
  # as a service; secret_id=- from standard input
  strongroom login -method=approle role_id=… secret_id=@secret.id
  # the file that `approle create -out` wrote
  strongroom login -method=approle @web.credentials
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// For the method token: the token, or - for standard input. For others: key=value, key=-, key=@file, @file
    data: Vec<String>,
    /// The auth method: token or approle
    #[arg(long, value_name = "NAME", default_value = "token")]
    method: String,
    /// Where the auth method is mounted, if not at its own name
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Do not keep the token
    #[arg(long)]
    no_store: bool,
    /// Print nothing
    #[arg(long)]
    no_print: bool,
    /// Print only the token, and do not keep it
    #[arg(long)]
    token_only: bool,
    /// Print only this field
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

pub(crate) async fn run(args: Args, invocation: &mut Invocation) -> Result<(), CliError> {
    if invocation.persona.is_vault() && !args.no_store && !args.token_only {
        warn_of_variable(invocation);
    }
    let answer = match args.method.as_str() {
        "token" => by_token(&args, invocation).await?,
        "approle" => by_approle(&args, invocation).await?,
        other => {
            return Err(CliError::usage(format!("the method `{other}` is not supported here: use token or approle"))
                .fix(format!("for any other method: strongroom write auth/{other}/login KEY=VALUE"))
                .vault(format!("Unknown auth method: {other}. {UNKNOWN_METHOD}")));
        }
    };
    let token = answer.auth().and_then(|auth| auth.at("client_token")).and_then(Json::as_str).map(Secret::text);
    let Some(token) = token else { return Err(CliError::usage("the server's answer to the login holds no token")) };
    invocation.pin_ca()?;
    let kept = if args.no_store || args.token_only { None } else { Some(keep(invocation, &token)?) };
    show(&args, invocation, &answer, kept)
}

/// Warns, in Vault's words, of a variable that counts more than the token that will be kept.
fn warn_of_variable(invocation: &Invocation) {
    if let Some((name, _)) = invocation.environment.sourced("TOKEN") {
        invocation.out.hint(&format!(
            "WARNING! The {name} environment variable is set! The value of this variable\nwill take precedence; if this \
             is unwanted please unset {name} or update its\nvalue accordingly.\n"
        ));
    }
}

/// Logs in with a token. The server is asked to look it up, which only succeeds if the server knows the token.
async fn by_token(args: &Args, invocation: &Invocation) -> Result<ServerAnswer, CliError> {
    let mut sources = ProcessInput::new(invocation.out.terminal);
    let token = match args.data.as_slice() {
        [] if invocation.out.terminal.input => sources.ask("token")?,
        [] => sources.stdin()?,
        [only] if only == "-" => sources.stdin()?,
        [only] => match only.strip_prefix('@') {
            Some(path) => sources.file(path)?,
            None => only.strip_prefix("token=").unwrap_or(only).to_owned(),
        },
        _ => {
            return Err(CliError::usage(
                "more than one token is given: run `strongroom login` and type the token when asked",
            ));
        }
    };
    let token = token.trim();
    if token.is_empty() {
        return Err(CliError::usage("the token is empty"));
    }
    let client = invocation.client_with(Some(Secret::text(token)))?;
    let attempt = Attempt::new("log in to", &invocation.address.to_string(), &["read"])
        .vault("Error authenticating: error looking up token");
    let known = expect_found(invocation, &client, &attempt, client.read("auth/token/lookup-self").await).await?;
    Ok(as_login(token, &known))
}

/// The look-up of a token, in the form of a login's answer.
fn as_login(token: &str, known: &ServerAnswer) -> ServerAnswer {
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
    ServerAnswer {
        status: 200,
        body: Some(Json::object([("request_id", Json::text("")), ("data", Json::Null), ("auth", auth)])),
    }
}

async fn by_approle(args: &Args, invocation: &Invocation) -> Result<ServerAnswer, CliError> {
    let mut sources = ProcessInput::new(invocation.out.terminal);
    let mut body = match args.data.as_slice() {
        [only] if only.starts_with('@') => credentials(&sources.file(only.trim_start_matches('@'))?, only)?,
        data => data::parse(data, invocation.persona, Empty::Allowed, &mut sources)?,
    };
    for name in ["role_id", "secret_id"] {
        match body.at(name).and_then(Json::as_str).map(|text| text.trim().to_owned()) {
            Some(text) => body.set(name, Json::text(text)),
            None => body.set(name, Json::text(sources.ask(name)?.trim())),
        }
    }
    let client = invocation.client_without_token()?;
    let mount = args.path.as_deref().map_or_else(|| "approle".to_owned(), trim_path);
    let path = format!("auth/{}/login", mount.trim_start_matches("auth/"));
    login(invocation, &client, &path, body).await
}

/// Parses the file of `approle create -out`, or a JSON object. `named` is its name in errors.
fn credentials(text: &str, named: &str) -> Result<Json, CliError> {
    if text.trim_start().starts_with('{') {
        return Json::parse(text).map_err(|_| CliError::usage(format!("{named} is not a JSON object")));
    }
    let pairs = dotenv::parse(text).map_err(|error| CliError::usage(format!("{named}: {error}")))?;
    Ok(Json::Object(pairs.into_iter().map(|(name, value)| (name, Json::text(value))).collect()))
}

async fn login(invocation: &Invocation, client: &Client, path: &str, body: Json) -> Result<ServerAnswer, CliError> {
    let attempt = Attempt::new("log in at", path, &[]).vault("Error authenticating");
    match client.write(path, body).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            let is_refused = error.refusal().is_some_and(|refusal| matches!(refusal.status, 400 | 403));
            let failure = diagnose(invocation, client, &attempt, error).await;
            if !is_refused {
                return Err(failure);
            }
            let failure =
                failure.fix("check that the secret id belongs to the role id, and that it is not used up or expired");
            Err(failure.fix("to make another secret id: strongroom approle secret-id ROLE"))
        }
    }
}

/// Keeps the token for this address. When called as `vault`, also writes it to where Vault's tools look for it, unless
/// another program keeps a token there.
fn keep(invocation: &Invocation, token: &Secret<String>) -> Result<String, CliError> {
    let kept = tokens::keep(&invocation.config_dir, &invocation.address, token)?;
    if invocation.persona.is_vault()
        && let Outcome::Left(path) = vault_token::write(&invocation.config_dir, &invocation.address, token)?
    {
        invocation.out.hint(&vault_token::left(&path, &kept));
    }
    Ok(kept.display().to_string())
}

fn show(args: &Args, invocation: &Invocation, answer: &ServerAnswer, kept: Option<String>) -> Result<(), CliError> {
    if args.no_print {
        return Ok(());
    }
    let field = if args.token_only { Some("token") } else { args.field.as_deref() };
    if field.is_some() {
        return invocation.out.print_answer(answer, field);
    }
    if invocation.out.is_json() {
        invocation.out.print_json(&envelope(answer));
        return Ok(());
    }
    if invocation.persona.is_vault() {
        if kept.is_none() {
            invocation.out.hint(NOT_STORED);
        }
        invocation.out.print(AUTHENTICATED);
        return invocation.out.print_answer(answer, None);
    }
    let auth = answer.auth().cloned().unwrap_or(Json::Null);
    let policies = human::names(&auth.at("policies").map(Json::strings).unwrap_or_default(), invocation.persona);
    let lives = match auth.at("lease_duration").and_then(Json::as_u64) {
        Some(0) | None => "without an end".to_owned(),
        Some(secs) => format!("for {}", human::duration(secs)),
    };
    invocation.out.hint(&format!("logged in to {}: policies {policies}, {lives}", invocation.address));
    match kept {
        Some(path) => {
            invocation.out.hint(&format!("the token is kept for this address in {path}"));
            invocation.token_variable_hint();
        }
        None => invocation.out.hint("the token is not kept; -token-only prints it"),
    }
    Ok(())
}

// The texts of Vault's command line.
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
