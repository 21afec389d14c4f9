//! `kv`: works on secrets in a key-value store of version 2 (versions, compare-and-set, metadata) or of version 1.

use clap::Subcommand;

use super::{
    answers::{Page, list_names},
    kv_get::{self, GetArgs},
    kv_metadata,
    kv_path::SecretArgs,
    kv_put::{self, PatchArgs, PutArgs},
    kv_versions::{self, Change},
};
use crate::cli::{error::CliError, invocation::Invocation};

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
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Read a secret: its newest version or another
    Get(GetArgs),
    /// Write a new version of a secret, which replaces all its fields
    Put(PutArgs),
    /// Write a new version with some fields changed and the others kept
    Patch(PatchArgs),
    /// List the names of secrets in a folder
    List {
        /// The folder: MOUNT/PATH, or PATH with -mount
        #[arg(required_unless_present = "mount", default_value = "", hide_default_value = true)]
        path: String,
        /// Where the store is mounted, if PATH does not begin with it
        #[arg(long, value_name = "PATH")]
        mount: Option<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Delete the newest version, or the named versions; undelete brings them back
    Delete {
        #[command(flatten)]
        secret: SecretArgs,
        #[command(flatten)]
        versions: Versions,
    },
    /// Bring deleted versions back
    Undelete {
        #[command(flatten)]
        secret: SecretArgs,
        #[command(flatten)]
        versions: Versions,
    },
    /// Destroy versions permanently
    Destroy {
        #[command(flatten)]
        secret: SecretArgs,
        #[command(flatten)]
        versions: Versions,
    },
    /// Show and change a secret's metadata: versions, limits, labels
    Metadata(kv_metadata::Args),
}

#[derive(clap::Args, Debug)]
struct Versions {
    /// Version numbers: -versions=1,2
    #[arg(long, value_name = "N", value_delimiter = ',')]
    versions: Vec<u64>,
}

pub(crate) async fn run(args: Args, invocation: &mut Invocation) -> Result<(), CliError> {
    match args.command {
        Command::Get(args) => kv_get::run(args, invocation).await,
        Command::Put(args) => kv_put::put(args, invocation).await,
        Command::Patch(args) => kv_put::patch(args, invocation).await,
        Command::List { path, mount, page } => list(SecretArgs { path, mount }, &page, invocation).await,
        Command::Delete { secret, versions } if versions.versions.is_empty() => {
            kv_versions::delete_newest(secret, invocation).await
        }
        Command::Delete { secret, versions } => {
            kv_versions::change(Change::Delete, secret, versions.versions, invocation).await
        }
        Command::Undelete { secret, versions } => {
            kv_versions::change(Change::Undelete, secret, versions.versions, invocation).await
        }
        Command::Destroy { secret, versions } => {
            kv_versions::change(Change::Destroy, secret, versions.versions, invocation).await
        }
        Command::Metadata(args) => kv_metadata::run(args, invocation).await,
    }
}

async fn list(folder: SecretArgs, page: &Page, invocation: &mut Invocation) -> Result<(), CliError> {
    let (client, _, attempt) = folder.open(invocation, "list", "metadata").await?;
    list_names(invocation, &client, &attempt, page).await
}
