//! `read`, `write`, `list`, `delete`, `patch`: any path of the API, with data as `key=value`.

use crate::{
    cli::{
        data::{self, Outside},
        explain::{self, Doing, explain},
        fault::Fault,
        human,
        session::Session,
    },
    client::{Answer, Call, Client, ClientError, Method, RefusalKind, json::Json},
};

const READ: &str = "\
Examples:
  strongroom read sys/health
  strongroom read -field=role_id auth/approle/role/web/role-id
";

#[derive(clap::Args, Debug)]
#[command(before_help = READ)]
pub struct ReadArgs {
    /// Path of the API, without /v1
    path: String,
    /// Parameters, key=value
    data: Vec<String>,
    /// Print this field alone
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

const WRITE: &str = "\
Examples:
  # the secret id on standard input
  strongroom write auth/approle/login role_id=… secret_id=-
  # a whole object from a file
  strongroom write service_tokens/roles/web @role.json
  # without data
  strongroom write -f auth/approle/role/web/secret-id
";

#[derive(clap::Args, Debug)]
#[command(before_help = WRITE)]
pub struct WriteArgs {
    /// Path of the API, without /v1
    path: String,
    /// Data: key=value, key=@file, key=- (standard input), key:=JSON, key (asks), @file or - (a JSON object)
    data: Vec<String>,
    /// Write without data
    #[arg(short, long)]
    force: bool,
    /// Print this field alone
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

const LIST: &str = "\
Examples:
  strongroom list auth/approle/role
  strongroom list -format=json secret/metadata/app
";

#[derive(clap::Args, Debug)]
#[command(before_help = LIST)]
pub struct ListArgs {
    /// Path of the API, without /v1
    path: String,
}

const DELETE: &str = "\
Examples:
  strongroom delete auth/approle/role/web
";

#[derive(clap::Args, Debug)]
#[command(before_help = DELETE)]
pub struct DeleteArgs {
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
pub struct PatchArgs {
    /// Path of the API, without /v1
    path: String,
    /// Data: key=value, key=@file, key=- (standard input), key:=JSON, @file or - (a JSON object)
    data: Vec<String>,
    /// Print this field alone
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

pub async fn read(args: ReadArgs, session: &mut Session) -> Result<(), Fault> {
    let client = session.client()?;
    let path = plain(&args.path);
    let doing = Doing::new("read", &path, &["read"]);
    let call = with_query(Call::new(Method::Read, path.as_str()), &args.data, session)?;
    let answer = found(session, &client, &doing, client.send(call).await).await?;
    session.out.print_answer(&answer, args.field.as_deref())
}

pub async fn list(args: ListArgs, session: &mut Session) -> Result<(), Fault> {
    let client = session.client()?;
    let path = plain(&args.path);
    let doing = Doing::new("list", &path, &["list"]);
    list_names(session, &client, &doing).await
}

/// Lists what is under `doing`'s path and prints the names.
pub async fn list_names(session: &Session, client: &Client, doing: &Doing) -> Result<(), Fault> {
    match client.list(&doing.api_path).await {
        Ok(answer) => {
            session.out.print_names(&answer.names());
            Ok(())
        }
        Err(error) => {
            let is_empty =
                session.persona.is_vault() && session.out.is_json() && error.kind() == Some(RefusalKind::NotFound);
            let fault = missing(session, client, doing, error).await;
            if is_empty {
                session.out.print_json(&Json::Object(Vec::new()));
                return Err(fault.vault(""));
            }
            Err(fault)
        }
    }
}

pub async fn write(args: WriteArgs, session: &mut Session) -> Result<(), Fault> {
    let path = plain(&args.path);
    if args.data.is_empty() && !args.force {
        return Err(Fault::usage(format!("no data to write to {path}"))
            .fix(format!("strongroom write {path} KEY=VALUE, or -f to write without data"))
            .vault("Must supply data or use -force"));
    }
    let body = data::parse(&args.data, session.persona, &mut Outside::new(session.out.terminal))?;
    let client = session.client()?;
    send_data(session, &client, Method::Put, &path, body, args.field.as_deref()).await
}

pub async fn patch(args: PatchArgs, session: &mut Session) -> Result<(), Fault> {
    let path = plain(&args.path);
    if args.data.is_empty() {
        return Err(Fault::usage(format!("no data to patch {path} with")).vault("Must supply data"));
    }
    let body = data::parse(&args.data, session.persona, &mut Outside::new(session.out.terminal))?;
    let client = session.client()?;
    send_data(session, &client, Method::Patch, &path, body, args.field.as_deref()).await
}

async fn send_data(
    session: &Session,
    client: &Client,
    method: Method,
    path: &str,
    body: Json,
    field: Option<&str>,
) -> Result<(), Fault> {
    let doing = match method {
        Method::Patch => Doing::new("patch", path, &["patch"]),
        _ => Doing::new("write", path, &["create", "update"]),
    };
    match client.send(Call::new(method, path).with(body)).await {
        Ok(answer) => written(session, &answer, path, field),
        Err(error) => Err(explain(session, client, &doing, error).await),
    }
}

/// Prints what a write answered; where it answered nothing, that it was done.
pub fn written(session: &Session, answer: &Answer, path: &str, field: Option<&str>) -> Result<(), Fault> {
    let is_empty = answer.data().is_none() && answer.auth().is_none() && answer.wrap_info().is_none();
    if !is_empty || field.is_some() {
        return session.out.print_answer(answer, field);
    }
    session.out.warn(answer);
    session.out.done(&format!("Success! Data written to: {path}"));
    Ok(())
}

pub async fn delete(args: DeleteArgs, session: &mut Session) -> Result<(), Fault> {
    let client = session.client()?;
    let path = plain(&args.path);
    let doing = Doing::new("delete", &path, &["delete"]);
    let call = with_query(Call::new(Method::Delete, path.as_str()), &args.data, session)?;
    match client.send(call).await {
        Ok(answer) if answer.data().is_some() => session.out.print_answer(&answer, None),
        Ok(answer) => {
            session.out.warn(&answer);
            session.out.done(&format!("Success! Data deleted (if it existed) at: {path}"));
            Ok(())
        }
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}

fn with_query(call: Call, data: &[String], session: &Session) -> Result<Call, Fault> {
    let data = data::parse(data, session.persona, &mut Outside::new(session.out.terminal))?;
    let parts = data.as_object().iter();
    Ok(parts.fold(call, |call, (name, value)| call.query(name, human::plain(value, session.persona))))
}

/// An answer that must be there: nothing found is an error of its own.
pub async fn found(
    session: &Session,
    client: &Client,
    doing: &Doing,
    answered: Result<Answer, ClientError>,
) -> Result<Answer, Fault> {
    match answered {
        // A 404 that holds a warning and nothing else: Vault's way to say that the path was not meant so.
        Ok(answer) if answer.status == 404 && answer.data().is_none() && !session.persona.is_vault() => {
            Err(explain::empty(client, doing, &answer).await)
        }
        Ok(answer) => Ok(answer),
        Err(error) => Err(missing(session, client, doing, error).await),
    }
}

async fn missing(session: &Session, client: &Client, doing: &Doing, error: ClientError) -> Fault {
    let is_missing = error.kind() == Some(RefusalKind::NotFound);
    let fault = explain(session, client, doing, error).await;
    if is_missing { fault.vault(format!("No value found at {}", doing.api_path)) } else { fault }
}

/// A path as it goes into the API: no slash at either end, no blanks around it.
pub fn plain(path: &str) -> String {
    path.trim().trim_matches('/').to_owned()
}
