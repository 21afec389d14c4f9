//! `kv`: secrets in a key-value store, version 2 (versions, compare-and-set, metadata) or 1.

use clap::Subcommand;

use super::{
    generic::{found, list_names, written},
    kv_metadata,
    kv_path::{Secret, needs},
};
use crate::{
    base::suggest::nearest,
    cli::{
        data::{self, Outside},
        dotenv,
        explain::{Doing, explain},
        fault::{Exit, Fault},
        output::no_field,
        session::Session,
        table,
    },
    client::{Answer, Call, Client, ClientError, Method, RefusalKind, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # asks for the password, without echo
  strongroom kv put secret/app/db user=app password
  # from standard input; password=@FILE from a file
  strongroom kv put secret/app/db password=-
  # every NAME=value of the file
  strongroom kv put secret/app --env-file .env
  # the value and nothing else
  strongroom kv get -field=password secret/app/db
  # only if version 3 is the newest
  strongroom kv put -cas=3 secret/app/db password
  strongroom kv undelete -versions=3 secret/app/db
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Read a secret, its newest version or another
    Get {
        #[command(flatten)]
        at: At,
        /// Read this version
        #[arg(long, value_name = "N")]
        version: Option<u64>,
        /// Print this field alone
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Write a new version of a secret, in place of all its fields
    Put {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        what: What,
        /// Fields from a .env file, NAME=value a line
        #[arg(long, value_name = "FILE")]
        env_file: Vec<String>,
    },
    /// Write a new version with some fields changed and the others kept
    Patch {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        what: What,
    },
    /// List names
    List {
        /// Under which name: MOUNT/PATH, or PATH with -mount
        #[arg(required_unless_present = "mount", default_value = "", hide_default_value = true)]
        path: String,
        /// Where the store is mounted, if PATH does not begin with it
        #[arg(long, value_name = "PATH")]
        mount: Option<String>,
    },
    /// Delete the newest version, or those named; they can come back
    Delete {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        versions: Versions,
    },
    /// Bring deleted versions back
    Undelete {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        versions: Versions,
    },
    /// Destroy versions for good
    Destroy {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        versions: Versions,
    },
    /// What is kept about a secret beside its data
    Metadata(kv_metadata::Args),
}

/// Which secret.
#[derive(clap::Args, Debug)]
pub struct At {
    /// The secret: MOUNT/PATH, or PATH with -mount
    pub path: String,
    /// Where the store is mounted, if PATH does not begin with it
    #[arg(long, value_name = "PATH")]
    pub mount: Option<String>,
}

#[derive(clap::Args, Debug)]
struct What {
    /// Fields: key=value, key (asks), key=@file, key=- (standard input), key:=JSON, @file or - (a JSON object)
    data: Vec<String>,
    /// Write only if this is the newest version; 0: only if there is none
    #[arg(long, value_name = "N")]
    cas: Option<u64>,
    /// Print this field of the answer alone
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

#[derive(clap::Args, Debug)]
struct Versions {
    /// Versions, by number: -versions=1,2
    #[arg(long, value_name = "N", value_delimiter = ',')]
    versions: Vec<u64>,
}

pub async fn run(args: Args, session: &mut Session) -> Result<(), Fault> {
    match args.command {
        Command::Get { at, version, field } => get(session, at, version, field).await,
        Command::Put { at, what, env_file } => {
            let mut data = Json::Object(Vec::new());
            for path in &env_file {
                add_env_file(&mut data, path)?;
            }
            put(session, at, what, data, Method::Put).await
        }
        Command::Patch { at, what } => put(session, at, what, Json::Object(Vec::new()), Method::Patch).await,
        Command::List { path, mount } => list(session, At { path, mount }).await,
        Command::Delete { at, versions } => delete(session, at, versions.versions).await,
        Command::Undelete { at, versions } => change_versions(session, at, versions.versions, "undelete").await,
        Command::Destroy { at, versions } => change_versions(session, at, versions.versions, "destroy").await,
        Command::Metadata(args) => kv_metadata::run(args, session).await,
    }
}

impl At {
    /// The client, the secret, and what is being done to it.
    pub async fn open(self, session: &mut Session, verb: &str, kind: &str) -> Result<(Client, Secret, Doing), Fault> {
        let client = session.client()?;
        let secret = Secret::locate(session, &client, verb, &self.path, self.mount.as_deref()).await?;
        let doing = Doing::new(verb, &secret.spoken(), needs(verb)).at(&secret.api(kind));
        Ok((client, secret, doing))
    }
}

async fn get(session: &mut Session, at: At, version: Option<u64>, field: Option<String>) -> Result<(), Fault> {
    let (client, secret, doing) = at.open(session, "read", "data").await?;
    let call = Call::new(Method::Read, doing.api_path.as_str());
    let call = match version {
        Some(version) => call.query("version", version.to_string()),
        None => call,
    };
    let answer = match found(session, &client, &doing, client.send(call).await).await {
        Err(fault) if fault.exit == Exit::NotFound => return Err(with_neighbour(&client, &secret, fault).await),
        answered => answered?,
    };
    if !secret.is_v2 {
        return session.out.print_answer(&answer, field.as_deref());
    }
    let data = answer.field(&["data"]).cloned();
    if let Some(name) = field {
        let Some(data) = data else { return Err(gone(&answer, &secret, &doing)) };
        session.out.print_field(data.at(&name).ok_or_else(|| no_field(&name))?);
        return Ok(());
    }
    if session.out.is_json() {
        session.out.print_answer(&answer, None)?;
    } else if data.is_some() || session.persona.is_vault() {
        session.out.warn(&answer);
        print_version(session, &answer, &doing.api_path);
    }
    match data {
        None if !session.persona.is_vault() => Err(gone(&answer, &secret, &doing)),
        _ => Ok(()),
    }
}

/// A name that was mistyped has a neighbour that was not.
async fn with_neighbour(client: &Client, secret: &Secret, fault: Fault) -> Fault {
    let (folder, name) = secret.split();
    let Ok(names) = client.list(&folder.api("metadata")).await else { return fault };
    let listed = names.names();
    if listed.iter().any(|listed| listed == name) {
        let spoken = secret.spoken();
        return fault
            .why(format!("{spoken} is there, but not in that version"))
            .fix(format!("its versions: strongroom kv metadata get {spoken}"));
    }
    let names: Vec<&str> = listed.iter().map(|name| name.trim_end_matches('/')).collect();
    match nearest(name, &names) {
        Some(near) if near == name => {
            fault.why(format!("{} is a folder", secret.spoken())).fix(format!("strongroom kv list {}", secret.spoken()))
        }
        Some(near) => fault.fix(format!("there is a secret of nearly that name: {}{near}", folder.spoken())),
        None => fault,
    }
}

/// A version that is known and whose data is not there.
fn gone(answer: &Answer, secret: &Secret, doing: &Doing) -> Fault {
    let part = |name: &str| answer.field(&["metadata", name]);
    let version = part("version").and_then(Json::as_u64).unwrap_or(0);
    let spoken = secret.spoken();
    let fault = if part("destroyed").and_then(Json::as_bool) == Some(true) {
        Fault::new(Exit::NotFound, format!("version {version} of {spoken} was destroyed"))
            .why("its data is gone for good")
            .fix(format!("other versions: strongroom kv metadata get {spoken}"))
    } else {
        let at = part("deletion_time").and_then(Json::as_str).unwrap_or("a time not told");
        Fault::new(Exit::NotFound, format!("version {version} of {spoken} was deleted"))
            .why(format!("at {at}"))
            .fix(format!("strongroom kv undelete -versions={version} {spoken}"))
    };
    fault.vault(format!("No data found at {}", doing.api_path))
}

fn print_version(session: &Session, answer: &Answer, path: &str) {
    let pairs = |name: &str| {
        answer.field(&[name]).map(|data| crate::cli::output::data_pairs(data, session.persona)).unwrap_or_default()
    };
    let (metadata, data) = (pairs("metadata"), pairs("data"));
    let mut text = format!("{}{path}\n\n", table::framed("Secret Path", path.len()));
    text.push_str(&table::title("Metadata", &metadata));
    text.push_str(&table::pairs(&metadata));
    text.push('\n');
    if answer.field(&["data"]).is_some() {
        text.push_str(&table::title("Data", &data));
        text.push_str(&table::pairs(&data));
    }
    session.out.print(&text);
}

fn add_env_file(data: &mut Json, path: &str) -> Result<(), Fault> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Fault::usage(format!("{path} cannot be read: {error}")))?;
    let pairs = dotenv::parse(&text).map_err(|error| Fault::usage(format!("{path}: {error}")))?;
    for (name, value) in pairs {
        data.set(&name, Json::text(value));
    }
    Ok(())
}

async fn put(session: &mut Session, at: At, what: What, mut data: Json, method: Method) -> Result<(), Fault> {
    if what.data.is_empty() && data.as_object().is_empty() {
        return Err(Fault::usage(format!("no fields for {}", at.path))
            .fix(format!(
                "strongroom kv put {} KEY        (asks for the value), or KEY=-, KEY=@FILE, --env-file FILE",
                at.path
            ))
            .vault("Must supply data"));
    }
    let given = data::parse(&what.data, session.persona, &mut Outside::new(session.out.terminal))?;
    for (key, value) in given.as_object() {
        data.set(key, value.clone());
    }
    let verb = if method == Method::Patch { "patch" } else { "write" };
    let (client, secret, doing) = at.open(session, verb, "data").await?;
    if !secret.is_v2 {
        let answered = client.send(Call::new(method, doing.api_path.as_str()).with(data)).await;
        let answer = found(session, &client, &doing, answered).await?;
        return written(session, &answer, &doing.api_path, what.field.as_deref());
    }
    let options = what.cas.map_or(Vec::new(), |cas| vec![("cas".to_owned(), Json::number(cas))]);
    let body = Json::object([("data", data), ("options", Json::Object(options))]);
    match client.send(Call::new(method, doing.api_path.as_str()).with(body)).await {
        Ok(answer) => {
            if what.field.is_some() || session.out.is_json() {
                return session.out.print_answer(&answer, what.field.as_deref());
            }
            session.out.warn(&answer);
            let rows =
                answer.data().map(|data| crate::cli::output::data_pairs(data, session.persona)).unwrap_or_default();
            let path = &doing.api_path;
            let head = format!("{}{path}\n\n", table::framed("Secret Path", path.len()));
            session.out.print(&format!("{head}{}{}", table::title("Metadata", &rows), table::pairs(&rows)));
            Ok(())
        }
        Err(error) => Err(put_fault(session, &client, &secret, &doing, what.cas, error).await),
    }
}

/// A compare-and-set that did not match says both versions.
async fn put_fault(
    session: &Session,
    client: &Client,
    secret: &Secret,
    doing: &Doing,
    cas: Option<u64>,
    error: ClientError,
) -> Fault {
    let kind = error.kind();
    let fault = explain(session, client, doing, error).await;
    let spoken = secret.spoken();
    match (kind, cas) {
        (Some(RefusalKind::Conflict), Some(cas)) => {
            let metadata = client.read(&secret.api("metadata")).await.ok();
            let newest = metadata.and_then(|answer| answer.field(&["current_version"]).and_then(Json::as_u64));
            let fault = match newest {
                Some(newest) => {
                    fault.why(format!("you said version {cas} is the newest (-cas={cas}); it is version {newest}"))
                }
                None => fault.why(format!("version {cas}, as you said with -cas={cas}, is not the newest")),
            };
            let again = newest.map_or_else(|| "-cas=N".to_owned(), |newest| format!("-cas={newest}"));
            fault.fix(format!("look at what changed: strongroom kv get {spoken}        then write with {again}"))
        }
        (Some(RefusalKind::NotFound), _) if doing.verb == "patch" => {
            fault.fix(format!("strongroom kv put {spoken} … makes it"))
        }
        _ => fault,
    }
}

async fn list(session: &mut Session, at: At) -> Result<(), Fault> {
    let (client, _, doing) = at.open(session, "list", "metadata").await?;
    list_names(session, &client, &doing).await
}

async fn delete(session: &mut Session, at: At, versions: Vec<u64>) -> Result<(), Fault> {
    if !versions.is_empty() {
        return change_versions(session, at, versions, "delete").await;
    }
    let (client, secret, doing) = at.open(session, "delete", "data").await?;
    match client.delete(&doing.api_path).await {
        Ok(_) => {
            session.out.done(&format!("Success! Data deleted (if it existed) at: {}", doing.api_path));
            if secret.is_v2 {
                session.out.next(&format!("strongroom kv undelete -versions=N {}, to have it back", secret.spoken()));
            }
            Ok(())
        }
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}

async fn change_versions(session: &mut Session, at: At, versions: Vec<u64>, kind: &str) -> Result<(), Fault> {
    if versions.is_empty() {
        return Err(Fault::usage(format!("kv {kind} needs the versions: -versions=1,2"))
            .vault("No versions provided, use the \"-versions\" flag to specify the version to undelete."));
    }
    let verb = if kind == "delete" { "update" } else { kind };
    let (client, secret, doing) = at.open(session, verb, kind).await?;
    secret.must_be_v2("versions")?;
    let body = Json::object([("versions", Json::List(versions.iter().map(Json::number).collect()))]);
    match client.write(&doing.api_path, body).await {
        Ok(_) if kind == "delete" => {
            session.out.done(&format!("Success! Data deleted (if it existed) at: {}", secret.api("data")));
            Ok(())
        }
        Ok(answer) => written(session, &answer, &doing.api_path, None),
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}
