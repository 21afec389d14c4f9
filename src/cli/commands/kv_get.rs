//! `kv get`: one version of a secret. If it is not there, the error says whether it was deleted, or which name is near.

use super::{
    answers::expect_found,
    kv_path::{KvPath, SecretArgs},
};
use crate::{
    base::suggest::nearest,
    cli::{
        attempt::Attempt,
        error::{CliError, Exit},
        explain::may,
        invocation::Invocation,
        output::{data_pairs, member},
        table,
    },
    client::{ApiCall, Client, Method, ServerAnswer, json::Json},
};

#[derive(clap::Args, Debug)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    secret: SecretArgs,
    /// Version to read [default: the newest]
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// Print only this field
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

pub(crate) async fn run(args: GetArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let (client, secret, attempt) = args.secret.open(invocation, "read", "data").await?;
    let call = ApiCall::new(Method::Read, attempt.api_path.as_str());
    let call = match args.version {
        Some(version) => call.query("version", version.to_string()),
        None => call,
    };
    let answer = match expect_found(invocation, &client, &attempt, client.send(call).await).await {
        Err(failure) if failure.exit == Exit::NotFound => return Err(with_neighbour(&client, &secret, failure).await),
        answered => answered?,
    };
    if !secret.is_v2() {
        return invocation.out.print_answer(&answer, args.field.as_deref());
    }
    let data = answer.field(&["data"]);
    if let Some(name) = args.field {
        let Some(data) = data else { return Err(data_is_gone(&answer, &secret, &attempt)) };
        invocation.out.print_field(member(data, &name)?);
        return Ok(());
    }
    if invocation.out.is_json() {
        invocation.out.print_answer(&answer, None)?;
    } else if data.is_some() || invocation.persona.is_vault() {
        invocation.out.warn(&answer);
        print_version(invocation, &answer, &attempt.api_path);
    }
    match data {
        None if !invocation.persona.is_vault() => Err(data_is_gone(&answer, &secret, &attempt)),
        _ => Ok(()),
    }
}

/// Adds to the error the name that the caller probably meant, or says that the secret does not have the version.
async fn with_neighbour(client: &Client, secret: &KvPath, failure: CliError) -> CliError {
    let (folder, name) = secret.split();
    let user_path = secret.user_path();
    let path = folder.api_path("metadata");
    // The right to list is that of the path with a slash at its end.
    if !may(client, "list", &format!("{path}/")).await {
        return failure;
    }
    let Ok(answer) = client.list(&path).await else { return failure };
    let listed = answer.names();
    if listed.iter().any(|listed| listed == name) {
        return failure
            .why(format!("{user_path} exists, but not in that version"))
            .fix(format!("to see its versions: strongroom kv metadata get {user_path}"));
    }
    let names: Vec<&str> = listed.iter().map(|name| name.trim_end_matches('/')).collect();
    match nearest(name, &names) {
        Some(near) if near == name => {
            failure.why(format!("{user_path} is a folder")).fix(format!("strongroom kv list {user_path}"))
        }
        Some(near) => failure.fix(format!("did you mean {}{near}?", folder.user_path())),
        None => failure,
    }
}

/// The error for a version that the server knows, but whose data was deleted or destroyed.
fn data_is_gone(answer: &ServerAnswer, secret: &KvPath, attempt: &Attempt) -> CliError {
    let part = |name: &str| answer.field(&["metadata", name]);
    let version = part("version").and_then(Json::as_u64).unwrap_or(0);
    let user_path = secret.user_path();
    let failure = if part("destroyed").and_then(Json::as_bool) == Some(true) {
        CliError::new(Exit::NotFound, format!("version {version} of {user_path} was destroyed"))
            .why("its data cannot come back")
            .fix(format!("to see other versions: strongroom kv metadata get {user_path}"))
    } else {
        let at = part("deletion_time").and_then(Json::as_str).unwrap_or("an unknown time");
        CliError::new(Exit::NotFound, format!("version {version} of {user_path} was deleted"))
            .why(format!("at {at}"))
            .fix(format!("strongroom kv undelete -versions={version} {user_path}"))
    };
    failure.vault(format!("No data found at {}", attempt.api_path))
}

fn print_version(invocation: &Invocation, answer: &ServerAnswer, path: &str) {
    let pairs = |name: &str| answer.field(&[name]).map(|data| data_pairs(data, invocation.persona)).unwrap_or_default();
    let (metadata, mut data) = (pairs("metadata"), pairs("data"));
    let is_empty = |name: &str| answer.field(&["data", name]).and_then(Json::as_str) == Some("");
    for (_, shown) in data.iter_mut().filter(|(name, _)| !invocation.persona.is_vault() && is_empty(name)) {
        "\"\"".clone_into(shown);
    }
    let mut text = format!("{}{path}\n\n", table::framed("Secret Path", path.len()));
    text.push_str(&table::title("Metadata", &metadata));
    text.push_str(&table::pairs(&metadata));
    text.push('\n');
    if answer.field(&["data"]).is_some() {
        text.push_str(&table::title("Data", &data));
        text.push_str(&table::pairs(&data));
    }
    invocation.out.print(&text);
}
