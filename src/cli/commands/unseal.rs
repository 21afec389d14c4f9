//! `operator unseal`: sends shares to the server one by one. A share is never shown. It may be an argument only when
//! the program is called as `vault`.

use crate::{
    base::{secret::Secret, share_text},
    cli::{
        attempt::Attempt,
        data::{ProcessInput, Sources},
        diagnosis::diagnose,
        error::{CliError, Exit},
        invocation::Invocation,
    },
    client::{ApiCall, Client, Method, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # asks for a share, without echo
  strongroom operator unseal
  # from standard input, one share a line
  strongroom operator unseal - < share-1.txt
  # from files
  strongroom operator unseal @share-1.txt @share-2.txt
  # forget the shares given so far; asks for a share if others have given theirs within ten minutes
  strongroom operator unseal -reset
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shares: - for standard input, @FILE for a file; asked for if left out. Forms: srk1-…, base64, hex
    shares: Vec<String>,
    /// Forget the shares given so far; needs a share while others give theirs
    #[arg(long)]
    reset: bool,
    /// Shares of a seal that is being replaced
    #[arg(long, hide = true)]
    migrate: bool,
}

pub(crate) async fn run(args: Args, invocation: &Invocation) -> Result<(), CliError> {
    let client = invocation.client_without_token()?;
    if args.migrate {
        return Err(CliError::usage("moving to another kind of seal is not supported"));
    }
    if args.reset {
        return reset(&args.shares, invocation, &client).await;
    }
    let mut given = 0;
    if !invocation.persona.is_vault() {
        let Some(shares) = given_so_far(invocation, &client).await? else {
            invocation.out.done("the server is unsealed already");
            return Ok(());
        };
        given = shares;
    }
    let mut last = None;
    for share in collect(&args.shares, invocation)? {
        let text = share.expose();
        let key = for_server(text)?;
        let status = submit(invocation, &client, Json::object([("key", key)])).await?;
        let is_open = status.at("sealed").and_then(Json::as_bool) == Some(false);
        given = progress(invocation, &status, given);
        last = Some(status);
        if is_open {
            break;
        }
    }
    if let Some(status) = last {
        show(invocation, &client, status).await;
    }
    Ok(())
}

/// Forgets the shares given so far. While others give theirs, the server wants one share for it, which is asked for only
/// then.
async fn reset(shares: &[String], invocation: &Invocation, client: &Client) -> Result<(), CliError> {
    let mut body = Json::object([("reset", Json::Bool(true))]);
    if !shares.is_empty() || needs_share(client, &body).await {
        if shares.is_empty() {
            invocation.out.hint("an unseal is under way: a share is needed to forget those given so far");
        }
        let share = collect(shares, invocation)?.into_iter().next();
        let share = share.ok_or_else(|| CliError::usage("a reset needs one share"))?;
        let text = share.expose();
        body.set("key", for_server(text)?);
    }
    let status = submit(invocation, client, body).await?;
    show(invocation, client, status).await;
    Ok(())
}

/// Whether the server refuses this reset because it wants a share with it.
async fn needs_share(client: &Client, reset: &Json) -> bool {
    let Err(error) = client.send(ApiCall::new(Method::Put, "sys/unseal").with(reset.clone())).await else {
        return false;
    };
    let is_bad = error.refusal().is_some_and(|refusal| refusal.status == 400);
    let status = if is_bad { client.read("sys/seal-status").await.ok() } else { None };
    status.is_some_and(|status| status.field(&["progress"]).and_then(Json::as_u64).is_some_and(|given| given > 0))
}

/// The number of shares that the server has so far. `None` if the server is unsealed.
async fn given_so_far(invocation: &Invocation, client: &Client) -> Result<Option<u64>, CliError> {
    let attempt = Attempt::new("unseal", &invocation.address.to_string(), &[]);
    let status = match client.read("sys/seal-status").await {
        Ok(status) => status,
        Err(error) => return Err(diagnose(invocation, client, &attempt, error).await),
    };
    let claim = |name: &str| status.field(&[name]).and_then(Json::as_bool);
    if claim("initialized") == Some(false) {
        let failure = CliError::new(Exit::Sealed, "the server is not initialised: there are no shares yet");
        return Err(failure.fix("strongroom operator init"));
    }
    let given = status.field(&["progress"]).and_then(Json::as_u64).unwrap_or(0);
    Ok((claim("sealed") != Some(false)).then_some(given))
}

fn collect(args: &[String], invocation: &Invocation) -> Result<Vec<Secret<String>>, CliError> {
    let mut sources = ProcessInput::new(invocation.out.terminal);
    if args.is_empty() {
        let instead = "strongroom operator unseal - reads standard input, @FILE a file";
        return Ok(vec![invocation.out.terminal.secret("share", instead)?]);
    }
    let mut shares = Vec::new();
    for arg in args {
        let text = match arg.strip_prefix('@') {
            Some(path) => sources.file(path)?,
            None if arg == "-" => sources.stdin()?,
            None if invocation.persona.is_vault() => arg.clone(),
            None => {
                return Err(CliError::usage("a share must not stand on the command line")
                    .why("the shell keeps it in its history, and others on this machine can see it while the command runs")
                    .fix("strongroom operator unseal        (asks), or - for standard input, or @FILE"));
            }
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        shares.extend(lines.map(Secret::text));
    }
    if shares.is_empty() {
        return Err(CliError::usage("the input has no share: give each share on a line of its own"));
    }
    Ok(shares)
}

/// Reads shares from standard input, each on a line of its own, in any of their forms.
pub(crate) fn shares_from_stdin() -> Result<Vec<Secret<Vec<u8>>>, CliError> {
    let mut text = Secret::new(String::new());
    std::io::Read::read_to_string(&mut std::io::stdin(), text.expose_mut())
        .map_err(|error| CliError::usage(format!("standard input cannot be read: {error}")))?;
    let mut shares = Vec::new();
    for line in text.expose().lines().map(str::trim).filter(|line| !line.is_empty()) {
        let bytes = match share_text::read(line) {
            Ok((_, _, share)) => share.expose().to_vec(),
            Err(_) => data_encoding::HEXLOWER_PERMISSIVE
                .decode(line.as_bytes())
                .or_else(|_| data_encoding::BASE64.decode(line.as_bytes()))
                .map_err(|_| CliError::usage("a line of standard input is not a share: give srk1-…, base64 or hex"))?,
        };
        shares.push(Secret::new(bytes));
    }
    Ok(shares)
}

/// A share in the form that the server takes: base64. A share that begins with `srk1-` has a
/// checksum, so a typing error is found here.
fn for_server(text: &str) -> Result<Json, CliError> {
    if !text.to_ascii_lowercase().starts_with("srk1-") {
        return Ok(Json::text(text));
    }
    let (_, _, share) = share_text::read(text).map_err(|error| {
        CliError::usage(format!("the share has a typing error: {error}"))
            .fix("compare it with the original, group by group")
    })?;
    let bytes = share.expose();
    Ok(Json::text(data_encoding::BASE64.encode(bytes)))
}

async fn submit(invocation: &Invocation, client: &Client, body: Json) -> Result<Json, CliError> {
    match client.send(ApiCall::new(Method::Put, "sys/unseal").with(body)).await {
        Ok(answer) => Ok(answer.data().cloned().unwrap_or(Json::Null)),
        Err(error) => {
            let attempt = Attempt::new("unseal", &invocation.address.to_string(), &[]).vault("Error unsealing");
            let is_bad = error.refusal().is_some_and(|refusal| refusal.status == 400);
            let failure = diagnose(invocation, client, &attempt, error).await;
            Err(if is_bad { failure.fix("give another share: those given before still count") } else { failure })
        }
    }
}

/// Prints the progress. Returns the number of shares that the server has now.
fn progress(invocation: &Invocation, status: &Json, before: u64) -> u64 {
    let number = |name: &str| status.at(name).and_then(Json::as_u64).unwrap_or(0);
    let (given, needed) = (number("progress"), number("t"));
    if invocation.persona.is_vault() || invocation.out.is_json() {
        return given;
    }
    if status.at("sealed").and_then(Json::as_bool) == Some(false) {
        invocation.out.hint("unsealed");
    } else if given == before {
        invocation.out.hint(&format!("this share was given before: {given}/{needed}"));
    } else {
        invocation.out.hint(&format!("share accepted: {given}/{needed}, {} more needed", needed.saturating_sub(given)));
    }
    given
}

async fn show(invocation: &Invocation, client: &Client, status: Json) {
    super::status::show(invocation, client, status).await;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn base64(share: &[u8]) -> Json {
        Json::text(data_encoding::BASE64.encode(share))
    }

    #[test]
    fn a_share_goes_to_the_server_in_base64() {
        let share = [7_u8; 33];
        let text = share_text::write("abcd", 1, &share);
        let text = text.expose();
        assert_eq!(for_server(text).unwrap(), base64(&share));
        assert_eq!(for_server(&text.to_uppercase()).unwrap(), base64(&share));
        assert_eq!(for_server("00ff").unwrap(), Json::text("00ff"));
    }

    #[test]
    fn a_typing_error_is_found_before_the_server_is_asked() {
        let text = share_text::write("abcd", 1, &[7_u8; 33]);
        let text = text.expose();
        let typo = format!("{}{}", &text[..text.len() - 1], if text.ends_with('a') { 'b' } else { 'a' });
        let failure = for_server(&typo).unwrap_err();
        assert!(failure.what().starts_with("the share has a typing error"), "{}", failure.what());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// A wrong, missing or doubled character gives an error or the same share, never another one.
        #[test]
        fn a_changed_text_never_gives_another_share(
            share in proptest::collection::vec(any::<u8>(), 33),
            at in 5..60_usize,
            typed in "[a-z0-9 -]{0,2}",
        ) {
            let share: [u8; 33] = share.try_into().unwrap();
            let text = share_text::write("abcd", 1, &share);
            let text = text.expose();
            prop_assert_eq!(for_server(text).unwrap(), base64(&share));
            let typo = format!("{}{typed}{}", &text[..at], &text[at + 1..]);
            if let Ok(read) = for_server(&typo) {
                prop_assert_eq!(read, base64(&share), "{}", typo);
            }
        }

        #[test]
        fn any_text_is_refused_or_sent(text in any::<String>(), body in "[a-z2-7 -]{0,90}") {
            prop_assert!(for_server(&text).is_ok() || text.to_ascii_lowercase().starts_with("srk1-"));
            // A text without a right checksum is found out. By chance one in 2^32 has one.
            let share = format!("srk1-{body}");
            prop_assert!(for_server(&share).is_err(), "{}", share);
        }
    }
}
