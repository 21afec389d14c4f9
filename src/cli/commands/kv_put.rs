//! `kv put` and `kv patch`: write a new version of a secret. If a compare-and-set fails, the error
//! names the expected and the newest version.

use super::{
    answers::{expect_found, print_written},
    kv_path::{KvPath, SecretArgs},
};
use crate::{
    cli::{
        attempt::Attempt,
        data::{self, Empty, ProcessInput},
        diagnosis::diagnose,
        dotenv,
        error::CliError,
        explain::may,
        invocation::Invocation,
        output::data_pairs,
        table,
    },
    client::{ApiCall, Client, ClientError, Method, RefusalKind, ServerAnswer, json::Json},
};

#[derive(clap::Args, Debug)]
pub(crate) struct PutArgs {
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    fields: Fields,
    /// Fields from a .env file with lines of NAME=value
    #[arg(long, value_name = "FILE")]
    env_file: Vec<String>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct PatchArgs {
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    fields: Fields,
}

#[derive(clap::Args, Debug)]
struct Fields {
    /// Fields: key=value, key (asks for the value), key=@file, key=- (standard input), key:=JSON, @file or - (a JSON object)
    data: Vec<String>,
    /// Write only if this version is the newest; 0: only if there is no secret yet
    #[arg(long, value_name = "N")]
    cas: Option<u64>,
    /// Take empty values
    #[arg(long)]
    allow_empty: bool,
    /// Print only this field of the answer
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

pub(crate) async fn put(args: PutArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let mut data = Json::Object(Vec::new());
    for path in &args.env_file {
        add_env_file(&mut data, path)?;
    }
    write(invocation, Method::Put, args.secret, args.fields, data).await
}

pub(crate) async fn patch(args: PatchArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    write(invocation, Method::Patch, args.secret, args.fields, Json::Object(Vec::new())).await
}

fn add_env_file(data: &mut Json, path: &str) -> Result<(), CliError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| CliError::usage(format!("{path} cannot be read: {error}")))?;
    let pairs = dotenv::parse(&text).map_err(|error| CliError::usage(format!("{path}: {error}")))?;
    for (name, value) in pairs {
        data.set(&name, Json::text(value));
    }
    Ok(())
}

async fn write(
    invocation: &mut Invocation,
    method: Method,
    secret: SecretArgs,
    fields: Fields,
    mut data: Json,
) -> Result<(), CliError> {
    if fields.data.is_empty() && data.as_object().is_empty() {
        let path = secret.path;
        return Err(CliError::usage(format!("no fields for {path}"))
            .fix(format!(
                "strongroom kv put {path} KEY        (asks for the value), or KEY=-, KEY=@FILE, --env-file FILE"
            ))
            .vault("Must supply data"));
    }
    let empty = if fields.allow_empty { Empty::Allowed } else { Empty::Refused };
    let given = data::parse(&fields.data, invocation.persona, empty, &mut ProcessInput::new(invocation.out.terminal))?;
    for (key, value) in given.as_object() {
        data.set(key, value.clone());
    }
    let verb = if method == Method::Patch { "patch" } else { "write" };
    let (client, secret, attempt) = secret.open(invocation, verb, "data").await?;
    if !secret.is_v2() {
        let answered = client.send(ApiCall::new(method, attempt.api_path.as_str()).with(data)).await;
        let answer = expect_found(invocation, &client, &attempt, answered).await?;
        return print_written(invocation, &answer, &attempt.api_path, fields.field.as_deref());
    }
    let options = fields.cas.map_or(Vec::new(), |cas| vec![("cas".to_owned(), Json::number(cas))]);
    let body = Json::object([("data", data), ("options", Json::Object(options))]);
    match client.send(ApiCall::new(method, attempt.api_path.as_str()).with(body)).await {
        Ok(answer) if fields.field.is_some() || invocation.out.is_json() => {
            invocation.out.print_answer(&answer, fields.field.as_deref())
        }
        Ok(answer) => {
            print_metadata(invocation, &answer, &attempt.api_path);
            Ok(())
        }
        Err(error) => {
            let (kind, failure) = (error.kind(), diagnose_write(invocation, &client, &attempt, error).await);
            Err(match (kind, fields.cas) {
                (Some(RefusalKind::Conflict), Some(cas)) => with_versions(&client, &secret, cas, failure).await,
                _ => failure,
            })
        }
    }
}

fn print_metadata(invocation: &Invocation, answer: &ServerAnswer, path: &str) {
    invocation.out.warn(answer);
    let rows = answer.data().map(|data| data_pairs(data, invocation.persona)).unwrap_or_default();
    let head = format!("{}{path}\n\n", table::framed("Secret Path", path.len()));
    invocation.out.print(&format!("{head}{}{}", table::title("Metadata", &rows), table::pairs(&rows)));
}

async fn diagnose_write(invocation: &Invocation, client: &Client, attempt: &Attempt, error: ClientError) -> CliError {
    let is_missing = error.kind() == Some(RefusalKind::NotFound);
    let failure = diagnose(invocation, client, attempt, error).await;
    if is_missing && attempt.verb == "patch" {
        let path = &attempt.path;
        return failure
            .why("a patch changes what is there: there is no such secret, or its newest version was deleted or destroyed")
            .fix(format!("to write it anew: strongroom kv put {path} …"))
            .fix(format!("to see its versions: strongroom kv metadata get {path}"));
    }
    failure
}

/// Adds to the error the version that the caller expected, and the newest version.
async fn with_versions(client: &Client, secret: &KvPath, cas: u64, failure: CliError) -> CliError {
    let user_path = secret.user_path();
    let path = secret.api_path("metadata");
    let metadata = if may(client, "read", &path).await { client.read(&path).await.ok() } else { None };
    match metadata.and_then(|answer| answer.field(&["current_version"]).and_then(Json::as_u64)) {
        Some(newest) => failure
            .why(format!("-cas={cas} expects that version {cas} is the newest, but version {newest} is"))
            .fix(format!("see what changed: strongroom kv get {user_path}        then write with -cas={newest}")),
        None => failure
            .why(format!("-cas={cas} expects that version {cas} is the newest, but it is not"))
            .fix(format!("see what changed: strongroom kv get {user_path}        then write with -cas=N")),
    }
}
