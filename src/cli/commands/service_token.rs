//! `service-token`: signed tokens that one service shows another, minutes long and checked without asking us.

use clap::Subcommand;

use super::generic::{found, plain};
use crate::{
    cli::{
        data::{self, Outside},
        explain::Doing,
        fault::{Exit, Fault},
        session::Session,
        terminal::read_input,
    },
    client::json::Json,
};

const EXAMPLES: &str = "\
Examples:
  # for the service `orders` to see
  strongroom service-token issue web -audience=orders -field=token
  # is it ours, and alive
  strongroom service-token verify - < token.txt
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a token
    Issue {
        /// The role, which says for whom tokens may be
        role: String,
        /// Parameters by the API's names, key=value
        data: Vec<String>,
        /// Who it is for; may be repeated
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        audience: Vec<String>,
        /// How long it lives
        #[arg(long, value_name = "DURATION")]
        ttl: Option<String>,
        /// Where the engine is mounted
        #[arg(long, value_name = "PATH", default_value = "service_tokens")]
        mount: String,
        /// Print this field alone
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Ask whether a token is ours, alive and not revoked
    Verify {
        /// The token, or - for standard input
        token: String,
        /// Who it must be for; may be repeated
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        audience: Vec<String>,
        /// Where the engine is mounted
        #[arg(long, value_name = "PATH", default_value = "service_tokens")]
        mount: String,
    },
}

pub async fn run(args: Args, session: &mut Session) -> Result<(), Fault> {
    match args.command {
        Command::Issue { role, data, audience, ttl, mount, field } => {
            let mut body = data::parse(&data, session.persona, &mut Outside::new(session.out.terminal))?;
            set_audience(&mut body, &audience);
            if let Some(ttl) = ttl {
                body.set("ttl", Json::text(ttl));
            }
            let client = session.client()?;
            let path = format!("{}/token/{role}", plain(&mount));
            let doing = Doing::new("write", &path, &["create", "update"]);
            let answer = found(session, &client, &doing, client.write(&path, body).await).await?;
            session.out.print_answer(&answer, field.as_deref())
        }
        Command::Verify { token, audience, mount } => verify(session, &token, &audience, &mount).await,
    }
}

fn set_audience(body: &mut Json, audience: &[String]) {
    if !audience.is_empty() {
        body.set("audience", Json::texts(audience));
    }
}

async fn verify(session: &mut Session, token: &str, audience: &[String], mount: &str) -> Result<(), Fault> {
    let input;
    let token = if token == "-" {
        input = read_input()?;
        let text = input.expose();
        text.trim()
    } else {
        token
    };
    let mut body = Json::object([("token", Json::text(token))]);
    set_audience(&mut body, audience);
    let client = session.client()?;
    let path = format!("{}/verify", plain(mount));
    let doing = Doing::new("write", &path, &["create", "update"]);
    let answer = found(session, &client, &doing, client.write(&path, body).await).await?;
    let is_active = answer.field(&["active"]).and_then(Json::as_bool) == Some(true);
    session.out.print_answer(&answer, None)?;
    if is_active {
        return Ok(());
    }
    Err(Fault::new(Exit::Integrity, "the token does not verify").why(
        "it is not of this server, has expired, is for somebody else, or was revoked; the server does not say which",
    ))
}
