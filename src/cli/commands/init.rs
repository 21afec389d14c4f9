//! `operator init`: makes the keys of a new server. Only this one answer has the shares and the root token. So files
//! for them are created before the server is asked, and what cannot be written to a file is shown instead.

use std::{
    fmt::Write as _,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    base::secret::Secret,
    cli::{
        attempt::Attempt,
        config_dir::{create_private, make_dir},
        diagnosis::diagnose,
        duration_flag::duration,
        error::CliError,
        invocation::Invocation,
        pins, tokens,
    },
    client::{ApiCall, Client, Method, RefusalKind, json::Json},
};

const EXAMPLES: &str = "\
Examples:
  # five shares, three needed; shown once
  strongroom operator init
  # for experiments
  strongroom operator init -key-shares=1 -key-threshold=1
  # into the files share-1.txt … and root-token, which only you can read
  strongroom operator init -out=shares
  # for a script
  strongroom operator init -format=json
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// How many shares the unseal key is split into
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5)]
    key_shares: u8,
    /// How many shares are needed to unseal the server
    #[arg(short = 't', long, value_name = "N", default_value_t = 3)]
    key_threshold: u8,
    /// Write share-1.txt … and root-token into this folder with mode 0600, instead of showing them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Lifetime of the root token; without it the token does not expire, as in Vault
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    root_token_ttl: Option<String>,
    /// Do not log in with the root token
    #[arg(long)]
    no_store: bool,
    /// Pin the new store's audit key in place of the one that is pinned for this address
    #[arg(long)]
    repin: bool,
    /// Only say whether the server is initialised (exit code 2 if not)
    #[arg(long)]
    status: bool,
}

pub(crate) async fn run(args: Args, invocation: &Invocation) -> Result<u8, CliError> {
    let client = invocation.client_without_token()?;
    let attempt = Attempt::new("initialise", &invocation.address.to_string(), &[]).vault("Error initializing");
    if args.status {
        return status(invocation, &client, &attempt).await;
    }
    expect_room_for_pin(&args, invocation)?;
    let files = args.out.as_deref().map(|dir| OutFiles::create(dir, args.key_shares)).transpose()?;
    let mut body = Json::object([
        ("secret_shares", Json::number(args.key_shares)),
        ("secret_threshold", Json::number(args.key_threshold)),
    ]);
    if let Some(ttl) = &args.root_token_ttl {
        body.set("root_token_ttl", Json::text(ttl));
    }
    let answer = match client.send(ApiCall::new(Method::Put, "sys/init").with(body)).await {
        Ok(answer) => answer.body.unwrap_or(Json::Null),
        Err(error) => {
            let kind = error.kind();
            let failure = diagnose(invocation, &client, &attempt, error).await;
            return Err(match kind {
                Some(RefusalKind::Conflict) if !invocation.persona.is_vault() => failure
                    .why("its shares were shown once, to whoever initialised it")
                    .fix("strongroom operator unseal"),
                _ => failure,
            });
        }
    };
    let is_written = files.is_some_and(|files| files.write(&answer, invocation));
    if invocation.out.is_json() {
        let told = as_vaults(&answer, &args);
        invocation.out.print_json(&if is_written { without_secrets(&told) } else { told });
    } else if !is_written {
        invocation.out.print(&shown(&answer));
    }
    let after = After::of(&client).await;
    if !invocation.out.is_json() && !is_written {
        invocation.out.print(&about_the_shares(&args, after));
    }
    remember(invocation, &answer, &args);
    if after == After::Sealed && !args.no_store && !invocation.persona.is_vault() && !invocation.out.is_json() {
        invocation.out.hint("next: strongroom operator unseal");
    }
    Ok(0)
}

/// How the server is after its init.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Sealed,
    /// The key of `seal "static"` has opened it.
    Open,
}

impl After {
    async fn of(client: &Client) -> Self {
        let status = client.read("sys/seal-status").await.ok();
        let sealed = status.as_ref().and_then(|status| status.field(&["sealed"])).and_then(Json::as_bool);
        if sealed == Some(false) { Self::Open } else { Self::Sealed }
    }
}

/// Fails if the audit key of the new store could not be pinned. Init shows the shares once, so this is asked before it.
fn expect_room_for_pin(args: &Args, invocation: &Invocation) -> Result<(), CliError> {
    if invocation.persona.is_vault() {
        return Ok(());
    }
    let (config_dir, address) = (&invocation.config_dir, &invocation.address);
    let elsewhere = "to keep it in another folder: export STRONGROOM_HOME=DIR";
    let pinned = pins::find(config_dir, address).map_err(|failure| failure.fix(elsewhere))?;
    if pinned.audit_public_key.is_some() && !args.repin {
        return Err(CliError::usage(format!("an audit key is pinned for {address} already: nothing was sent"))
            .why(
                "a new store signs its audit log with another key, and `audit verify` would no longer know the old one",
            )
            .fix("if the server has that store still: strongroom operator unseal")
            .fix("if a new store takes the place of the old one: strongroom operator init -repin"));
    }
    let kept = pins::keep(config_dir, address, &pins::Pin::default());
    kept.map(drop).map_err(|failure| failure.why("the audit key of the new store could not be pinned").fix(elsewhere))
}

async fn status(invocation: &Invocation, client: &Client, attempt: &Attempt) -> Result<u8, CliError> {
    match client.read("sys/init").await {
        Ok(answer) => {
            let is = answer.field(&["initialized"]).and_then(Json::as_bool) == Some(true);
            if invocation.out.is_json() {
                invocation.out.print_json(&Json::object([("Initialized", Json::Bool(is))]));
            } else {
                invocation.out.print(if is { "Vault is initialized\n" } else { "Vault is not initialized\n" });
            }
            Ok(if is { 0 } else { 2 })
        }
        Err(error) => Err(diagnose(invocation, client, attempt, error).await),
    }
}

/// The shares in the form that is safest to write down: with a checksum, if the server sends that form.
fn shares(answer: &Json) -> Vec<String> {
    let list = |name: &str| answer.at(name).map(Json::strings).filter(|texts| !texts.is_empty());
    list("share_texts").or_else(|| list("keys_base64")).unwrap_or_default()
}

fn root_token(answer: &Json) -> &str {
    answer.at("root_token").and_then(Json::as_str).unwrap_or_default()
}

fn shown(answer: &Json) -> String {
    let shares = shares(answer);
    let mut text = String::new();
    for (index, share) in shares.iter().enumerate() {
        let _ = writeln!(text, "Unseal Key {}: {share}", index + 1);
    }
    let _ = writeln!(text, "\nInitial Root Token: {}\n", root_token(answer));
    text
}

fn about_the_shares(args: &Args, after: After) -> String {
    let (shares, threshold) = (args.key_shares, args.key_threshold);
    let open = match after {
        After::Sealed => format!(
            "After each start the server is sealed,\nuntil {threshold} shares are given with `operator unseal`.\n"
        ),
        After::Open => String::from(
            "The server is open, and the key in its\nconfiguration opens it after each start: the shares are for the day \
             when that key is lost.\n",
        ),
    };
    format!(
        "The key is split into {shares} shares; any {threshold} of them unseal the server. They are shown only now:\n\
         give each share to another person, and keep none here. {open}"
    )
}

/// What the root token is, how long it lives, and why nobody should work with it.
fn about_the_root_token(args: &Args) -> String {
    let life = match &args.root_token_ttl {
        None => "does not expire".to_owned(),
        Some(ttl) => format!("ends after {ttl}, and nothing brings it back"),
    };
    format!(
        "the root token may do everything, and {life}: make an administrator with a login of their own before you put \
         it away or revoke it (docs/guides/operating.md, \"An administrator\")"
    )
}

/// The answer with the names of Vault's command line, which differ from those of the API. Fields
/// that Vault does not have keep their names.
fn as_vaults(answer: &Json, args: &Args) -> Json {
    let list = |name: &str| answer.at(name).cloned().unwrap_or(Json::Null);
    let mut told = Json::object([
        ("unseal_keys_b64", list("keys_base64")),
        ("unseal_keys_hex", list("keys")),
        ("unseal_shares", Json::number(args.key_shares)),
        ("unseal_threshold", Json::number(args.key_threshold)),
        ("recovery_keys_b64", Json::Null),
        ("recovery_keys_hex", Json::Null),
        ("recovery_keys_shares", Json::number(0)),
        ("recovery_keys_threshold", Json::number(0)),
        ("root_token", list("root_token")),
    ]);
    let renamed = ["keys", "keys_base64", "recovery_keys", "recovery_keys_base64"];
    for (name, value) in answer.as_object().iter().filter(|(name, _)| !renamed.contains(&name.as_str())) {
        told.set(name, value.clone());
    }
    told
}

fn without_secrets(answer: &Json) -> Json {
    let secret = ["unseal_keys_b64", "unseal_keys_hex", "share_texts", "root_token"];
    let kept = answer.as_object().iter().filter(|(name, _)| !secret.contains(&name.as_str()));
    Json::Object(kept.cloned().collect())
}

/// Pins the audit key and logs in with the root token. The keys were shown or
/// written before, so a failure is only a warning.
fn remember(invocation: &Invocation, answer: &Json, args: &Args) {
    if invocation.persona.is_vault() {
        return;
    }
    let say = |text: &str| {
        if !invocation.out.is_json() {
            invocation.out.hint(text);
        }
    };
    if let Some(key) = answer.at("audit_public_key").and_then(Json::as_str) {
        let pin = pins::Pin { ca: None, audit_public_key: Some(key.to_owned()) };
        match pins::keep(&invocation.config_dir, &invocation.address, &pin) {
            Ok(path) => {
                say(&format!("audit key {key} is pinned in {}: `audit verify` uses it", path.display()));
            }
            Err(failure) => {
                invocation.out.hint(&format!(
                    "warning: the audit public key could not be kept on this machine for later checks: {}",
                    failure.what()
                ));
            }
        }
    }
    if let Err(failure) = invocation.pin_ca() {
        invocation
            .out
            .hint(&format!("warning: the CA of the server could not be kept on this machine: {}", failure.what()));
    }
    say(&about_the_root_token(args));
    if args.no_store || root_token(answer).is_empty() {
        return;
    }
    match tokens::keep(&invocation.config_dir, &invocation.address, &Secret::text(root_token(answer))) {
        Ok(path) => {
            say(&format!("you are logged in with the root token (kept in {})", path.display()));
            invocation.token_variable_hint();
        }
        Err(failure) => invocation.out.hint(&format!("warning: the root token could not be kept: {}", failure.what())),
    }
}

/// The files for the shares and the root token.
struct OutFiles {
    shares: Vec<(PathBuf, File)>,
    root: (PathBuf, File),
    is_kept: std::cell::Cell<bool>,
}

impl OutFiles {
    fn create(dir: &Path, count: u8) -> Result<Self, CliError> {
        let named = |path: &Path, error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                CliError::usage(format!("{} is there already: nothing was sent", path.display()))
                    .why("it may hold the shares of a store, so it is not written over")
            }
            _ => CliError::usage(format!("{} cannot be created: {error}", path.display())),
        };
        make_dir(dir).map_err(|error| named(dir, error))?;
        let create = |name: String| {
            let path = dir.join(name);
            let file = create_private(&path).map_err(|error| named(&path, error).fix("name an empty folder"))?;
            Ok::<_, CliError>((path, file))
        };
        let root = create("root-token".to_owned())?;
        let mut files = Self { shares: Vec::new(), root, is_kept: std::cell::Cell::new(false) };
        for index in 1..=count {
            files.shares.push(create(format!("share-{index}.txt"))?);
        }
        Ok(files)
    }

    /// Writes the shares and the root token. Returns false if that failed: then the
    /// caller must show them, or they are lost.
    fn write(self, answer: &Json, invocation: &Invocation) -> bool {
        self.is_kept.set(true);
        let shares = shares(answer);
        let pairs = self.shares.iter().zip(&shares).map(|((path, file), share)| (path, file, share.as_str()));
        let root = std::iter::once((&self.root.0, &self.root.1, root_token(answer)));
        for (path, mut file, text) in pairs.chain(root) {
            if let Err(error) = writeln!(file, "{text}").and_then(|()| file.sync_all()) {
                invocation
                    .out
                    .hint(&format!("warning: {} cannot be written ({error}): the keys are shown here", path.display()));
                return false;
            }
        }
        if shares.len() != self.shares.len() {
            invocation.out.hint("warning: the server made a different number of shares: the keys are shown here");
            return false;
        }
        let dir = self.root.0.parent().unwrap_or(Path::new("."));
        invocation.out.hint(&format!(
            "{} shares and the root token are in {}: give each share to another person",
            shares.len(),
            dir.display()
        ));
        true
    }
}

impl Drop for OutFiles {
    /// Removes the files if the server refused the init: they are empty.
    fn drop(&mut self) {
        if !self.is_kept.get() {
            for (path, _) in self.shares.iter().chain(std::iter::once(&self.root)) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_with_a_checksum_are_preferred() {
        let vaults = Json::parse(r#"{"keys":["00"],"keys_base64":["AA=="],"root_token":"t"}"#).unwrap();
        assert_eq!(shares(&vaults), ["AA=="]);
        let ours =
            Json::parse(r#"{"keys_base64":["AA=="],"share_texts":["srk1-x"],"root_token":"t","audit_public_key":"k"}"#)
                .unwrap();
        assert_eq!(shares(&ours), ["srk1-x"]);
    }

    #[test]
    fn json_uses_the_names_of_vaults_command_line() {
        let answer = r#"{"keys":["00"],"keys_base64":["AA=="],"root_token":"t","share_texts":["srk1-x"],"audit_public_key":"k"}"#;
        let args = Args {
            key_shares: 1,
            key_threshold: 1,
            out: None,
            root_token_ttl: None,
            no_store: false,
            repin: false,
            status: false,
        };
        let told = as_vaults(&Json::parse(answer).unwrap(), &args);
        assert_eq!(
            told.to_string(),
            r#"{"unseal_keys_b64":["AA=="],"unseal_keys_hex":["00"],"unseal_shares":1,"unseal_threshold":1,"recovery_keys_b64":null,"recovery_keys_hex":null,"recovery_keys_shares":0,"recovery_keys_threshold":0,"root_token":"t","share_texts":["srk1-x"],"audit_public_key":"k"}"#
        );
        let shown = without_secrets(&told).to_string();
        assert!(!shown.contains("AA==") && !shown.contains("srk1") && shown.contains("audit_public_key"));
    }

    #[test]
    fn files_for_shares_are_new_private_and_removed_if_unused() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("shares");
        let files = OutFiles::create(&out, 2).unwrap();
        assert_eq!(std::fs::metadata(out.join("share-2.txt")).unwrap().mode() & 0o777, 0o600);
        assert!(OutFiles::create(&out, 2).is_err(), "existing files are never written over");
        drop(files);
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
    }
}
