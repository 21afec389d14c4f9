//! `read`, `write`, `list`, `delete`, `patch`: work on any path of the API, with data as `key=value`.

use super::answers::{Page, expect_found, list_names, print_done, print_written, trim_path};
use crate::{
    cli::{
        attempt::Attempt,
        data::{self, Empty, ProcessInput},
        diagnosis::diagnose,
        error::CliError,
        human,
        invocation::Invocation,
    },
    client::{ApiCall, Method, json::Json},
};

const READ: &str = "\
Examples:
  strongroom read sys/health
  strongroom read -field=role_id auth/approle/role/web/role-id
";

#[derive(clap::Args, Debug)]
#[command(before_help = READ)]
pub(crate) struct ReadArgs {
    /// Path of the API, without /v1
    path: String,
    /// Parameters, key=value
    data: Vec<String>,
    /// Print only this field
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

const WRITE: &str = "\
Examples:
  # the secret id from standard input
  strongroom write auth/approle/login role_id=… secret_id=-
  # a whole object from a file
  strongroom write service_tokens/roles/web @role.json
  # without data
  strongroom write -f auth/approle/role/web/secret-id
";

#[derive(clap::Args, Debug)]
#[command(before_help = WRITE)]
pub(crate) struct WriteArgs {
    /// Path of the API, without /v1
    path: String,
    /// Data: key=value, key=@file, key=- (standard input), key:=JSON, key (asks for the value), @file or - (a JSON object)
    data: Vec<String>,
    /// Write without data
    #[arg(short, long)]
    force: bool,
    /// Take empty values that do not stand in the arguments
    #[arg(long)]
    allow_empty: bool,
    /// Print only this field
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

const LIST: &str = "\
Examples:
  strongroom list auth/approle/role
  strongroom list -format=json secret/metadata/app
  # a long list in pages: the next one comes after the last name of this one
  strongroom list -limit=100 -after=app secret/metadata
";

#[derive(clap::Args, Debug)]
#[command(before_help = LIST)]
pub(crate) struct ListArgs {
    /// Path of the API, without /v1
    path: String,
    #[command(flatten)]
    page: Page,
}

const DELETE: &str = "\
Examples:
  strongroom delete auth/approle/role/web
";

#[derive(clap::Args, Debug)]
#[command(before_help = DELETE)]
pub(crate) struct DeleteArgs {
    /// Path of the API, without /v1
    path: String,
    /// Parameters, key=value
    data: Vec<String>,
}

const PATCH: &str = "\
Examples:
  strongroom patch secret/data/app data:='{\"region\":\"eu\"}'
";

#[derive(clap::Args, Debug)]
#[command(before_help = PATCH)]
pub(crate) struct PatchArgs {
    /// Path of the API, without /v1
    path: String,
    /// Data: key=value, key=@file, key=- (standard input), key:=JSON, key (asks for the value), @file or - (a JSON object)
    data: Vec<String>,
    /// Take empty values that do not stand in the arguments
    #[arg(long)]
    allow_empty: bool,
    /// Print only this field
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

pub(crate) async fn read(args: ReadArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let client = invocation.client()?;
    let path = trim_path(&args.path);
    let attempt = Attempt::new("read", &path, &["read"]);
    let call = with_query(ApiCall::new(Method::Read, path.as_str()), &args.data, invocation)?;
    let answer = expect_found(invocation, &client, &attempt, client.send(call).await).await?;
    invocation.out.print_answer(&answer, args.field.as_deref())
}

pub(crate) async fn list(args: ListArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let client = invocation.client()?;
    let path = trim_path(&args.path);
    let attempt = Attempt::new("list", &path, &["list"]);
    list_names(invocation, &client, &attempt, &args.page).await
}

pub(crate) async fn write(args: WriteArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let path = trim_path(&args.path);
    if args.data.is_empty() && !args.force {
        return Err(CliError::usage(format!("no data to write to {path}"))
            .fix(format!("strongroom write {path} KEY=VALUE, or -f to write without data"))
            .vault("Must supply data or use -force"));
    }
    let attempt = Attempt::new("write", &path, &["create", "update"]);
    let data = read_data(&args.data, args.empty(), invocation)?;
    send_data(invocation, Method::Put, &attempt, data, args.field.as_deref()).await
}

pub(crate) async fn patch(args: PatchArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let path = trim_path(&args.path);
    if args.data.is_empty() {
        return Err(CliError::usage(format!("no data to patch {path} with"))
            .fix(format!("strongroom patch {path} KEY=VALUE"))
            .vault("Must supply data"));
    }
    let attempt = Attempt::new("patch", &path, &["patch"]);
    let data = read_data(&args.data, args.empty(), invocation)?;
    send_data(invocation, Method::Patch, &attempt, data, args.field.as_deref()).await
}

async fn send_data(
    invocation: &mut Invocation,
    method: Method,
    attempt: &Attempt,
    body: Json,
    field: Option<&str>,
) -> Result<(), CliError> {
    let client = invocation.client()?;
    match client.send(ApiCall::new(method, attempt.api_path.as_str()).with(body)).await {
        Ok(answer) => print_written(invocation, &answer, &attempt.api_path, field),
        Err(error) => Err(diagnose(invocation, &client, attempt, error).await),
    }
}

pub(crate) async fn delete(args: DeleteArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let client = invocation.client()?;
    let path = trim_path(&args.path);
    let attempt = Attempt::new("delete", &path, &["delete"]);
    let call = with_query(ApiCall::new(Method::Delete, path.as_str()), &args.data, invocation)?;
    match client.send(call).await {
        Ok(answer) if answer.data().is_some() => invocation.out.print_answer(&answer, None),
        Ok(answer) => {
            print_done(invocation, &answer, &format!("Success! Data deleted (if it existed) at: {path}"));
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}

// An empty text in the arguments of a write is meant: it resets many a field.

impl WriteArgs {
    fn empty(&self) -> Empty {
        if self.allow_empty { Empty::Allowed } else { Empty::IfWritten }
    }
}

impl PatchArgs {
    fn empty(&self) -> Empty {
        if self.allow_empty { Empty::Allowed } else { Empty::IfWritten }
    }
}

fn read_data(args: &[String], empty: Empty, invocation: &Invocation) -> Result<Json, CliError> {
    data::parse(args, invocation.persona, empty, &mut ProcessInput::new(invocation.out.terminal))
}

fn with_query(call: ApiCall, data: &[String], invocation: &Invocation) -> Result<ApiCall, CliError> {
    let data = read_data(data, Empty::Allowed, invocation)?;
    let parts = data.as_object().iter();
    Ok(parts.fold(call, |call, (name, value)| call.query(name, human::plain(value, invocation.persona))))
}
