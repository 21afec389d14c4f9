//! `path-help PATH`: shows the server's description of a path.

use crate::{
    cli::{attempt::Attempt, diagnosis::diagnose, error::CliError, invocation::Invocation},
    client::{ApiCall, Method, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # the paths of the engine mounted at secret/
  strongroom path-help secret
  # the fields of one path
  strongroom path-help sys/mounts
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Path of the API, without /v1
    path: String,
}

pub(crate) async fn run(args: Args, invocation: &mut Invocation) -> Result<(), CliError> {
    let client = invocation.client()?;
    let path = args.path.trim_matches('/');
    let attempt = Attempt::new("path-help", path, &["read"]).vault("Error retrieving help");
    let answer = match client.send(ApiCall::new(Method::Read, path).query("help", "1")).await {
        Ok(answer) => answer,
        Err(error) => return Err(diagnose(invocation, &client, &attempt, error).await),
    };
    let body = answer.body.unwrap_or(Json::Null);
    if invocation.out.is_json() {
        invocation.out.print_json(&body);
    } else {
        let help = body.at("help").and_then(Json::as_str).unwrap_or_default();
        invocation.out.print(&format!("{}\n", help.trim_end()));
    }
    Ok(())
}
