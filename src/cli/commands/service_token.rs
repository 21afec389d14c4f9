//! `service-token`: issues and verifies signed tokens that one service shows another. They live for minutes, and the
//! receiver can check them without asking this server.

use clap::Subcommand;

use super::answers::{expect_found, trim_path};
use crate::{
    cli::{
        attempt::Attempt,
        data::{self, Empty, ProcessInput},
        duration_flag::duration,
        error::{CliError, Exit},
        invocation::Invocation,
        terminal::read_input,
    },
    client::json::Json,
};

const EXAMPLES: &str = "\
Examples:
  # a token for the service `orders`
  strongroom service-token issue web -audience=orders -field=token
  # whether it is valid
  strongroom service-token verify - < token.txt
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Issue a token
    Issue {
        /// The role, which says for which audiences it may issue tokens
        role: String,
        /// Parameters by the API's names, key=value
        data: Vec<String>,
        /// The service that the token is for; may be repeated
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        audience: Vec<String>,
        /// Lifetime of the token
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        ttl: Option<String>,
        /// Where the engine is mounted
        #[arg(long, value_name = "PATH", default_value = "service_tokens")]
        mount: String,
        /// Print only this field
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Ask whether this server issued a token, and whether it is valid
    Verify {
        /// The token, or - for standard input
        token: String,
        /// The service that the token must be for; may be repeated
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        audience: Vec<String>,
        /// Where the engine is mounted
        #[arg(long, value_name = "PATH", default_value = "service_tokens")]
        mount: String,
    },
}

pub(crate) async fn run(args: Args, invocation: &mut Invocation) -> Result<(), CliError> {
    match args.command {
        Command::Issue { role, data, audience, ttl, mount, field } => {
            let mut body = data::parse(
                &data,
                invocation.persona,
                Empty::Allowed,
                &mut ProcessInput::new(invocation.out.terminal),
            )?;
            set_audience(&mut body, &audience);
            if let Some(ttl) = ttl {
                body.set("ttl", Json::text(ttl));
            }
            let client = invocation.client()?;
            let path = format!("{}/token/{role}", trim_path(&mount));
            let attempt = Attempt::new("write", &path, &["create", "update"]);
            let answer = expect_found(invocation, &client, &attempt, client.write(&path, body).await).await?;
            invocation.out.print_answer(&answer, field.as_deref())
        }
        Command::Verify { token, audience, mount } => verify(invocation, &token, &audience, &mount).await,
    }
}

fn set_audience(body: &mut Json, audience: &[String]) {
    if !audience.is_empty() {
        body.set("audience", Json::texts(audience));
    }
}

async fn verify(invocation: &mut Invocation, token: &str, audience: &[String], mount: &str) -> Result<(), CliError> {
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
    let client = invocation.client()?;
    let path = format!("{}/verify", trim_path(mount));
    let attempt = Attempt::new("write", &path, &["create", "update"]);
    let answer = expect_found(invocation, &client, &attempt, client.write(&path, body).await).await?;
    let is_active = answer.field(&["active"]).and_then(Json::as_bool) == Some(true);
    invocation.out.print_answer(&answer, None)?;
    if is_active {
        return Ok(());
    }
    Err(CliError::new(Exit::Integrity, "the token is not valid").why(
        "another server issued it, it has expired, was revoked, or is for another service; the server does not say which",
    ))
}
