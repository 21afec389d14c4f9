//! `server` and `dev`: run a server in this process.

use std::path::PathBuf;

use crate::{
    base::secret::Secret,
    cli::{
        error::CliError,
        invocation::Invocation,
        server::{self, DevOptions, KeepToken, ServerOptions},
        tokens,
        vault_token::{self, Outcome},
    },
    client::Address,
};

const SERVER: &str = "\
Examples:
  # no configuration: TLS on 127.0.0.1:8200, store and audit log in the folder
  strongroom server --data /var/lib/strongroom
  # with a configuration file; may be repeated, a folder means all its files
  strongroom server -config=/etc/strongroom.hcl
  # as Vault's dev server: in memory, unsealed, plain HTTP
  strongroom server -dev -dev-root-token-id=root
";

#[derive(clap::Args, Debug)]
#[command(before_help = SERVER)]
pub(crate) struct ServerArgs {
    /// Folder for everything: store, audit log, certificates
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Configuration, HCL or JSON; a folder means all *.hcl and *.json in it
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Address to listen on, with --data
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Log level: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Run as Vault's dev server does
    #[arg(long)]
    dev: bool,
    /// Root token of the dev server [env: …_DEV_ROOT_TOKEN_ID]
    #[arg(long, value_name = "ID", hide_short_help = true)]
    dev_root_token_id: Option<String>,
    /// Address that the dev server listens on [env: …_DEV_LISTEN_ADDRESS]
    #[arg(long, value_name = "HOST:PORT", hide_short_help = true)]
    dev_listen_address: Option<String>,
    /// Do not keep the dev server's root token for the command line
    #[arg(long, hide_short_help = true)]
    dev_no_store_token: bool,
    /// Mount secret/ of the dev server as KV version 1
    #[arg(long, hide_short_help = true)]
    dev_kv_v1: bool,
    /// Use TLS in the dev server
    #[arg(long, hide_short_help = true)]
    dev_tls: bool,
    /// Folder for the dev server's certificates
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    dev_tls_cert_dir: Option<PathBuf>,
}

const DEV: &str = "\
Examples:
  # TLS on 127.0.0.1:8200, unsealed, in memory; gone when it stops
  strongroom dev
  # the same, kept in a folder
  strongroom dev --persist ./dev
";

#[derive(clap::Args, Debug)]
#[command(before_help = DEV)]
pub(crate) struct DevArgs {
    /// Keep the data in this folder
    #[arg(long, value_name = "DIR")]
    persist: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Root token to use
    #[arg(long, value_name = "ID")]
    root_token_id: Option<String>,
    /// Do not keep the root token for the command line
    #[arg(long)]
    no_store_token: bool,
    /// Log level: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

pub(crate) fn server(args: ServerArgs, invocation: &Invocation) -> Result<u8, CliError> {
    if args.data.is_none()
        && args.config.is_empty()
        && !args.dev
        && invocation.environment.setting("LOCAL_CONFIG").is_none()
    {
        return Err(CliError::usage("no data directory and no configuration is given")
            .fix("strongroom server --data DIR, or -config=FILE; to experiment: strongroom dev")
            .vault("Must specify at least one config path using -config"));
    }
    if args.dev && args.data.is_some() {
        return Err(CliError::usage("-dev and --data do not go together: -dev keeps everything in memory")
            .fix("for a dev server that keeps its data: strongroom dev --persist DIR"));
    }
    let setting =
        |flag: Option<String>, name: &str| flag.or_else(|| invocation.environment.setting(name).map(str::to_owned));
    let is_dev = args.dev;
    let listen = if is_dev { setting(args.dev_listen_address, "DEV_LISTEN_ADDRESS") } else { args.listen };
    let dev = is_dev.then(|| DevOptions {
        root_token_id: setting(args.dev_root_token_id, "DEV_ROOT_TOKEN_ID").map(Secret::text),
        tls: args.dev_tls,
        tls_cert_dir: args.dev_tls_cert_dir,
        kv_v1: args.dev_kv_v1,
        persist: None,
        keep_token: (!args.dev_no_store_token).then(|| keep_token(invocation)),
    });
    let log_level = setting(args.log_level, "LOG_LEVEL");
    server::run(ServerOptions { data: args.data, config: args.config, listen, log_level, dev })
}

pub(crate) fn dev(args: DevArgs, invocation: &Invocation) -> Result<u8, CliError> {
    let setting =
        |flag: Option<String>, name: &str| flag.or_else(|| invocation.environment.setting(name).map(str::to_owned));
    let dev = DevOptions {
        root_token_id: setting(args.root_token_id, "DEV_ROOT_TOKEN_ID").map(Secret::text),
        tls: true,
        tls_cert_dir: None,
        kv_v1: false,
        persist: args.persist,
        keep_token: (!args.no_store_token).then(|| keep_token(invocation)),
    };
    let listen = setting(args.listen, "DEV_LISTEN_ADDRESS");
    let log_level = setting(args.log_level, "LOG_LEVEL");
    server::run(ServerOptions { data: None, config: Vec::new(), listen, log_level, dev: Some(dev) })
}

/// Keeps the root token of a dev server for its address, until the server stops. When called as `vault`, also where Vault's
/// tools look for it. A token that cannot be kept is no reason to stop: the server prints it.
fn keep_token(invocation: &Invocation) -> KeepToken {
    let (config_dir, out) = (invocation.config_dir.clone(), invocation.out);
    Box::new(move |url, token| {
        let kept = Address::parse(url)
            .map_err(|error| CliError::usage(error.to_string()))
            .and_then(|address| Ok((tokens::keep_dev(&config_dir, &address, token)?, address)));
        let (path, address) = match kept {
            Ok(kept) => kept,
            Err(failure) => {
                out.hint(&format!("warning: the root token could not be kept: {}", failure.what()));
                return Box::new(|| {});
            }
        };
        out.hint(&format!("the root token is kept for {address}, until this server stops, in {}", path.display()));
        if out.persona.is_vault() {
            match vault_token::write(&config_dir, &address, token) {
                Ok(Outcome::Written) => {}
                Ok(Outcome::Left(file)) => out.hint(&vault_token::left(&file, &path)),
                Err(failure) => out.hint(&format!("warning: {}", failure.what())),
            }
        }
        let token = Secret::text(token.expose());
        Box::new(move || {
            let forgotten = tokens::forget_dev(&config_dir, &address, &token);
            if let Err(failure) = forgotten.and_then(|()| vault_token::remove(&config_dir, &token)) {
                out.hint(&format!("warning: the root token is still kept: {}", failure.what()));
            }
        })
    })
}
