//! `operator`: initialises, unseals, seals and checks a whole server.

use clap::Subcommand;

use super::{init, unseal};
use crate::{
    cli::{
        attempt::Attempt,
        confirm::{Decision, Severity, confirm},
        diagnosis::diagnose,
        error::CliError,
        invocation::Invocation,
        server,
    },
    client::{ApiCall, Method, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # five shares, three needed; they are shown once
  strongroom operator init
  # into files that only you can read
  strongroom operator init -out=shares
  # asks for one share; run it once for each needed share
  strongroom operator unseal
  # from files
  strongroom operator unseal @share-1.txt @share-2.txt
  strongroom operator seal
  # a certificate for this name
  strongroom operator tls --data DIR vault.example.com
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Create the keys of a new server; the shares and the root token are shown once
    Init(init::Args),
    /// Give the server a share of the unseal key; enough shares unseal it
    Unseal(unseal::Args),
    /// Seal the server: it wipes its keys and refuses requests until it is unsealed
    Seal,
    /// Make a server certificate for other names, signed by the CA of a data directory
    Tls {
        /// Host names and IP addresses that clients use
        #[arg(required = true)]
        names: Vec<String>,
        /// The server's data directory
        #[arg(long, value_name = "DIR")]
        data: String,
    },
    /// Check the tokens in a stopped server's store; reads the shares from standard input, each on a line of its own
    Walk {
        /// The server's data directory
        #[arg(long, value_name = "DIR")]
        data: std::path::PathBuf,
    },
}

pub(crate) async fn run(args: Args, invocation: &mut Invocation) -> Result<u8, CliError> {
    match args.command {
        Command::Init(args) => return init::run(args, invocation).await,
        Command::Unseal(args) => unseal::run(args, invocation).await?,
        Command::Seal => seal(invocation).await?,
        Command::Walk { data } => return server::walk(invocation, &data, unseal::shares_from_stdin()?).await,
        Command::Tls { names, data } => server::issue_certificate(invocation, std::path::Path::new(&data), &names)?,
    }
    Ok(0)
}

async fn seal(invocation: &mut Invocation) -> Result<(), CliError> {
    let client = invocation.client()?;
    let attempt = Attempt::new("write", "sys/seal", &["update", "sudo"]).vault("Error sealing");
    if !invocation.persona.is_vault() {
        let status = client.read("sys/seal-status").await;
        let status = match status {
            Ok(status) => status,
            Err(error) => return Err(diagnose(invocation, &client, &attempt, error).await),
        };
        let number = |name: &str| status.field(&[name]).and_then(Json::as_u64).unwrap_or(0);
        let impact = [
            "all clients are refused until the server is unsealed".to_owned(),
            format!("{} of {} shares are needed to unseal it", number("t"), number("n")),
        ];
        if confirm(invocation, Severity::Severe, "seal", &invocation.address.authority(), &impact)? == Decision::Stop {
            return Ok(());
        }
    }
    match client.send(ApiCall::new(Method::Put, "sys/seal")).await {
        Ok(_) => {
            invocation.out.done("Success! Vault is sealed.");
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}
