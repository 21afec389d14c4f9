//! `path-help PATH`: what the server says a path is for.

use crate::{
    cli::{
        explain::{Doing, explain},
        fault::Fault,
        session::Session,
    },
    client::{Call, Method, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # what the engine mounted at secret/ offers
  strongroom path-help secret
  # what one path takes and does
  strongroom path-help sys/mounts
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Path of the API, without /v1
    path: String,
}

pub async fn run(args: Args, session: &mut Session) -> Result<(), Fault> {
    let client = session.client()?;
    let path = args.path.trim_matches('/');
    let doing = Doing::new("path-help", path, &["read"]).vault("Error retrieving help");
    let answer = match client.send(Call::new(Method::Read, path).query("help", "1")).await {
        Ok(answer) => answer,
        Err(error) => return Err(explain(session, &client, &doing, error).await),
    };
    let body = answer.body.unwrap_or(Json::Null);
    if session.out.is_json() {
        session.out.print_json(&body);
    } else {
        let help = body.at("help").and_then(Json::as_str).unwrap_or_default();
        session.out.print(&format!("{}\n", help.trim_end()));
    }
    Ok(())
}
