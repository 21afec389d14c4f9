//! `operator`: what is done to a server as a whole.

use clap::Subcommand;

use super::{init, unseal};
use crate::{
    cli::{
        confirm::{Decision, Severity, confirm},
        explain::{Doing, explain},
        fault::Fault,
        server,
        session::Session,
    },
    client::{Call, Method, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # five shares, three needed; they are shown once
  strongroom operator init
  # into files that only you can read
  strongroom operator init -out=shares
  # asks for one share; once for each that is needed
  strongroom operator unseal
  # from files
  strongroom operator unseal @share-1.txt @share-2.txt
  strongroom operator seal
  # a certificate for that name
  strongroom operator tls --data DIR vault.example.com
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Give a new server its keys; shares and root token are shown once
    Init(init::Args),
    /// Hand in a share; with enough of them the server opens
    Unseal(unseal::Args),
    /// Close the server: it forgets its keys and answers nothing until it is unsealed
    Seal,
    /// Make a certificate for other names, signed by the CA of a data directory
    Tls {
        /// Names and addresses that clients use
        #[arg(required = true)]
        names: Vec<String>,
        /// The server's data directory
        #[arg(long, value_name = "DIR")]
        data: String,
    },
    /// Check a stopped server's store: every token has all its entries (shares on stdin, one a line)
    Walk {
        /// The server's data directory
        #[arg(long, value_name = "DIR")]
        data: std::path::PathBuf,
    },
}

pub async fn run(args: Args, session: &mut Session) -> Result<u8, Fault> {
    match args.command {
        Command::Init(args) => return init::run(args, session).await,
        Command::Unseal(args) => unseal::run(args, session).await?,
        Command::Seal => seal(session).await?,
        Command::Walk { data } => return server::walk(session, &data, unseal::shares_from_stdin()?).await,
        Command::Tls { names, data } => server::issue_certificate(session, std::path::Path::new(&data), &names)?,
    }
    Ok(0)
}

async fn seal(session: &mut Session) -> Result<(), Fault> {
    let client = session.client()?;
    let doing = Doing::new("write", "sys/seal", &["update", "sudo"]).vault("Error sealing");
    if !session.persona.is_vault() {
        let status = client.read("sys/seal-status").await;
        let status = match status {
            Ok(status) => status,
            Err(error) => return Err(explain(session, &client, &doing, error).await),
        };
        let number = |name: &str| status.field(&[name]).and_then(Json::as_u64).unwrap_or(0);
        let impact = [
            "every client is refused from now on".to_owned(),
            format!("{} of {} shares are needed to open it again", number("t"), number("n")),
        ];
        if confirm(session, Severity::Severe, "seal", &session.address.authority(), &impact)? == Decision::Stop {
            return Ok(());
        }
    }
    match client.send(Call::new(Method::Put, "sys/seal")).await {
        Ok(_) => {
            session.out.done("Success! Vault is sealed.");
            Ok(())
        }
        Err(error) => Err(explain(session, &client, &doing, error).await),
    }
}
