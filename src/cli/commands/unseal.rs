//! `operator unseal`: one share after another, never on the screen and never in the arguments.

use crate::{
    base::{secret::Secret, share_text},
    cli::{
        data::{Outside, Sources},
        explain::{Doing, explain},
        fault::{Exit, Fault},
        session::Session,
    },
    client::{Call, Client, Method, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # asks for a share, without echo
  strongroom operator unseal
  # from standard input, one share a line
  strongroom operator unseal - < share-1.txt
  # from files
  strongroom operator unseal @share-1.txt @share-2.txt
  # forget the shares given so far
  strongroom operator unseal -reset
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// - for standard input, @FILE for a file; left out: asked for. Forms: srk1-…, base64, hex
    shares: Vec<String>,
    /// Forget the shares given so far
    #[arg(long)]
    reset: bool,
    /// Shares of a seal that is being replaced
    #[arg(long, hide = true)]
    migrate: bool,
}

pub async fn run(args: Args, session: &Session) -> Result<(), Fault> {
    let client = session.client_without_token()?;
    if args.migrate {
        return Err(Fault::usage("moving to another seal is not built"));
    }
    if args.reset {
        let status = submit(session, &client, Json::object([("reset", Json::Bool(true))])).await?;
        show(session, &client, status).await;
        return Ok(());
    }
    let mut given = 0;
    if !session.persona.is_vault() {
        let Some(shares) = given_so_far(session, &client).await? else {
            session.out.done("it is unsealed already");
            return Ok(());
        };
        given = shares;
    }
    let mut last = None;
    for share in collect(&args.shares, session)? {
        let text = share.expose();
        let key = normal_form(text)?;
        let status = submit(session, &client, Json::object([("key", key)])).await?;
        let is_open = status.at("sealed").and_then(Json::as_bool) == Some(false);
        given = progress(session, &status, given);
        last = Some(status);
        if is_open {
            break;
        }
    }
    if let Some(status) = last {
        show(session, &client, status).await;
    }
    Ok(())
}

/// How many shares the server has; `None` if it needs none.
async fn given_so_far(session: &Session, client: &Client) -> Result<Option<u64>, Fault> {
    let doing = Doing::new("unseal", &session.address.to_string(), &[]);
    let status = match client.read("sys/seal-status").await {
        Ok(status) => status,
        Err(error) => return Err(explain(session, client, &doing, error).await),
    };
    let claim = |name: &str| status.field(&[name]).and_then(Json::as_bool);
    if claim("initialized") == Some(false) {
        let fault = Fault::new(Exit::Sealed, "the server is not initialised: it has no shares yet");
        return Err(fault.fix("strongroom operator init"));
    }
    let given = status.field(&["progress"]).and_then(Json::as_u64).unwrap_or(0);
    Ok((claim("sealed") != Some(false)).then_some(given))
}

fn collect(args: &[String], session: &Session) -> Result<Vec<Secret<String>>, Fault> {
    let mut outside = Outside::new(session.out.terminal);
    if args.is_empty() {
        let instead = "strongroom operator unseal - reads standard input, @FILE a file";
        return Ok(vec![session.out.terminal.secret("share", instead)?]);
    }
    let mut shares = Vec::new();
    for arg in args {
        let text = match arg.strip_prefix('@') {
            Some(path) => outside.file(path)?,
            None if arg == "-" => outside.input()?,
            None if session.persona.is_vault() => arg.clone(),
            None => {
                return Err(Fault::usage("a share does not belong on the command line")
                    .why("the shell keeps it in its history, and anyone on this machine sees it while the command runs")
                    .fix("strongroom operator unseal        (asks), or - for standard input, or @FILE"));
            }
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        shares.extend(lines.map(Secret::text));
    }
    if shares.is_empty() {
        return Err(Fault::usage("there is no share in what was given"));
    }
    Ok(shares)
}

/// Shares from standard input, one a line, in any of their forms.
pub fn shares_from_stdin() -> Result<Vec<Secret<Vec<u8>>>, Fault> {
    let mut text = Secret::new(String::new());
    std::io::Read::read_to_string(&mut std::io::stdin(), text.expose_mut())
        .map_err(|error| Fault::usage(format!("standard input cannot be read: {error}")))?;
    let mut shares = Vec::new();
    for line in text.expose().lines().map(str::trim).filter(|line| !line.is_empty()) {
        let bytes = match share_text::read(line) {
            Ok((_, _, share)) => share.expose().to_vec(),
            Err(_) => data_encoding::HEXLOWER_PERMISSIVE
                .decode(line.as_bytes())
                .or_else(|_| data_encoding::BASE64.decode(line.as_bytes()))
                .map_err(|_| Fault::usage("a line of standard input is no share: give srk1-…, base64 or hex"))?,
        };
        shares.push(Secret::new(bytes));
    }
    Ok(shares)
}

/// Our form carries a checksum, so that a typing error is told here; the server is handed base64.
fn normal_form(text: &str) -> Result<Json, Fault> {
    if !text.to_ascii_lowercase().starts_with("srk1-") {
        return Ok(Json::text(text));
    }
    let (_, _, share) = share_text::read(text).map_err(|error| {
        Fault::usage(format!("the share is not as it was written down: {error}"))
            .fix("compare it with the original, group by group")
    })?;
    let bytes = share.expose();
    Ok(Json::text(data_encoding::BASE64.encode(bytes)))
}

async fn submit(session: &Session, client: &Client, body: Json) -> Result<Json, Fault> {
    match client.send(Call::new(Method::Put, "sys/unseal").with(body)).await {
        Ok(answer) => Ok(answer.data().cloned().unwrap_or(Json::Null)),
        Err(error) => {
            let doing = Doing::new("unseal", &session.address.to_string(), &[]).vault("Error unsealing");
            let is_bad = error.refusal().is_some_and(|refusal| refusal.status == 400);
            let fault = explain(session, client, &doing, error).await;
            Err(if is_bad {
                fault.fix("another share, or: strongroom operator unseal -reset, and all of them again")
            } else {
                fault
            })
        }
    }
}

/// Says how far it is, and gives how many shares the server has now.
fn progress(session: &Session, status: &Json, before: u64) -> u64 {
    let number = |name: &str| status.at(name).and_then(Json::as_u64).unwrap_or(0);
    let (given, needed) = (number("progress"), number("t"));
    if session.persona.is_vault() || session.out.is_json() {
        return given;
    }
    if status.at("sealed").and_then(Json::as_bool) == Some(false) {
        session.out.hint("unsealed");
    } else if given == before {
        session.out.hint(&format!("that share was given before: {given}/{needed}"));
    } else {
        session.out.hint(&format!("share taken: {given}/{needed}, {} more needed", needed.saturating_sub(given)));
    }
    given
}

async fn show(session: &Session, client: &Client, status: Json) {
    super::status::show(session, client, status).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_form_goes_to_the_server_in_base64_and_a_typo_is_told_here() {
        let share = [7_u8; 33];
        let text = share_text::write("abcd", 1, &share);
        let text = text.expose();
        assert_eq!(normal_form(text).unwrap(), Json::text(data_encoding::BASE64.encode(&share)));
        let typo = format!("{}{}", &text[..text.len() - 1], if text.ends_with('a') { 'b' } else { 'a' });
        let fault = normal_form(&typo).unwrap_err();
        assert!(fault.what().starts_with("the share is not as it was written down"), "{}", fault.what());
        assert_eq!(normal_form("00ff").unwrap(), Json::text("00ff"));
    }
}
