//! The tree of commands: one line here for each command, and one file for each noun. A file has the arguments, whose
//! doc comments are the help text, and the code of the command.

mod answers;
mod approle;
mod audit;
mod generic;
mod init;
mod kv;
mod kv_get;
mod kv_metadata;
mod kv_path;
mod kv_put;
mod kv_versions;
mod login;
mod mount_table;
mod mounts;
mod operator;
mod path_help;
mod policy;
mod serve;
mod service_token;
mod short_lives;
mod status;
mod token;
mod unseal;
pub(crate) mod version;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ContextKind};

use super::{
    argv::{self, Flags},
    error::CliError,
    invocation::{Globals, Invocation},
    persona::Persona,
};

const EXAMPLES: &str = "\
Examples:
  # a server for experiments; its data is gone when it stops
  strongroom dev
  # a server that keeps its data
  strongroom server --data /var/lib/strongroom
  # create its keys; then: strongroom operator unseal
  strongroom operator init
  # asks for the password, without echo
  strongroom kv put secret/app/db user=app password
  # the value and nothing else
  strongroom kv get -field=password secret/app/db
  # who read it, and why they were allowed
  strongroom audit who secret/data/app/db --data DIR
";

/// A broker of secrets and service credentials: server and command line in one program.
#[derive(Parser, Debug)]
#[command(name = "strongroom", before_help = EXAMPLES, disable_version_flag = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run a server
    Server(serve::ServerArgs),
    /// Run a server for experiments: TLS, unsealed, with a key-value store at secret/
    Dev(serve::DevArgs),
    /// Show whether the server is initialised and sealed (exit code 2 if sealed)
    Status,
    /// Initialise, unseal and seal a server
    Operator(operator::Args),
    /// Log in, and keep the token for this address
    Login(login::Args),
    /// Read and write secrets in a key-value store
    Kv(kv::Args),
    /// Read a path of the API
    Read(generic::ReadArgs),
    /// Write to a path of the API
    Write(generic::WriteArgs),
    /// List the names under a path of the API
    List(generic::ListArgs),
    /// Delete a path of the API
    Delete(generic::DeleteArgs),
    /// Change parts of the data at a path of the API
    Patch(generic::PatchArgs),
    /// Manage policies: who may do what
    Policy(policy::Args),
    /// Mount, tune and unmount secrets engines
    Secrets(mounts::SecretsArgs),
    /// Mount, tune and unmount auth methods
    Auth(mounts::AuthArgs),
    /// Create roles and credentials for services that log in
    Approle(approle::Args),
    /// Look up, create, renew and revoke tokens
    Token(token::Args),
    /// Issue and verify signed tokens that one service shows another
    ServiceToken(service_token::Args),
    /// Read and verify the audit log offline
    Audit(audit::Args),
    /// Show what a path of the API is for
    PathHelp(path_help::Args),
    /// Show the version
    Version,
}

/// The command tree. All help starts with examples. A command without examples shows those of the command above it.
pub(super) fn tree() -> clap::Command {
    with_examples(CommandLine::command(), None)
}

fn with_examples(command: clap::Command, above: Option<clap::builder::StyledStr>) -> clap::Command {
    let here = command.get_before_help().cloned().or(above);
    let command = match &here {
        Some(examples) => command.before_help(examples.clone()),
        None => command,
    };
    command.mut_subcommands(|child| with_examples(child, here.clone()))
}

/// Reads the arguments after the program's name.
pub(super) fn read(args: Vec<String>, persona: Persona) -> Result<CommandLine, clap::Error> {
    let name = if persona.is_vault() { "vault" } else { "strongroom" };
    let mut command = tree();
    let args = argv::normalise(args, &Flags::of(&command));
    let matches =
        command.try_get_matches_from_mut(std::iter::once(name.to_owned()).chain(args)).map_err(|mut error| {
            // For an unknown flag clap also advises to pass it as a value, which would store a field of that name.
            error.remove(ContextKind::Suggested);
            error
        })?;
    CommandLine::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Whether one of the arguments is the name of a command.
pub(super) fn names_one(args: &[String]) -> bool {
    tree().get_subcommands().any(|command| args.iter().any(|arg| arg == command.get_name()))
}

/// Runs a command and returns its exit code. Some commands return another code than 0 although they succeed.
pub(super) fn run(command: Command, invocation: Invocation) -> Result<u8, CliError> {
    match command {
        Command::Server(args) => serve::server(args, &invocation),
        Command::Dev(args) => serve::dev(args, &invocation),
        Command::Audit(args) => audit::run(args, &invocation),
        Command::Version => version::run(&invocation),
        other => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(talk(other, invocation))
        }
    }
}

/// Runs a command that talks to a server.
async fn talk(command: Command, mut invocation: Invocation) -> Result<u8, CliError> {
    let invocation = &mut invocation;
    match command {
        Command::Status => return status::run(invocation).await,
        Command::Operator(args) => return operator::run(args, invocation).await,
        Command::Login(args) => login::run(args, invocation).await?,
        Command::Kv(args) => kv::run(args, invocation).await?,
        Command::Read(args) => generic::read(args, invocation).await?,
        Command::Write(args) => generic::write(args, invocation).await?,
        Command::List(args) => generic::list(args, invocation).await?,
        Command::Delete(args) => generic::delete(args, invocation).await?,
        Command::Patch(args) => generic::patch(args, invocation).await?,
        Command::Policy(args) => policy::run(args, invocation).await?,
        Command::Secrets(args) => mounts::secrets(args, invocation).await?,
        Command::Auth(args) => mounts::auth(args, invocation).await?,
        Command::Approle(args) => approle::run(args, invocation).await?,
        Command::Token(args) => token::run(args, invocation).await?,
        Command::ServiceToken(args) => service_token::run(args, invocation).await?,
        Command::PathHelp(args) => path_help::run(args, invocation).await?,
        Command::Server(_) | Command::Dev(_) | Command::Audit(_) | Command::Version => {}
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(line: &str) -> CommandLine {
        read(line.split(' ').map(str::to_owned).collect(), Persona::Strongroom).unwrap()
    }

    #[test]
    fn clap_accepts_the_tree_of_commands() {
        tree().debug_assert();
    }

    #[test]
    fn flags_stand_in_any_order_with_one_dash_or_two() {
        for line in [
            "kv get -format=json -field=x secret/a",
            "-format json kv get secret/a --field x",
            "kv --format=json get secret/a -field x",
        ] {
            let read = reads(line);
            assert_eq!(read.globals.format, Some(super::super::output::Format::Json), "{line}");
            assert!(matches!(read.command, Command::Kv(_)));
        }
    }

    /// C14: the advice for an unknown flag would have stored a field of that name.
    #[test]
    fn c14_no_advice_passes_an_unknown_flag_as_a_value() {
        for (line, similar) in [
            ("kv put secret/a --zzz=1 x=1", None),
            ("kv patch secret/a -zzz", None),
            ("write secret/a --zzz x=1", None),
            ("login --zzz", None),
            ("kv put secret/a -cass=1 x=1", Some("--cas")),
            ("kv get -fild=x secret/a", Some("--field")),
        ] {
            let args = line.split(' ').map(str::to_owned).collect();
            let text = read(args, Persona::Strongroom).unwrap_err().to_string();
            assert!(text.contains("unexpected argument") && !text.contains("-- -"), "{line}: {text}");
            assert_eq!(text.contains("a similar argument exists"), similar.is_some(), "{line}: {text}");
            assert!(text.contains(similar.unwrap_or_default()), "{line}: {text}");
        }
    }

    #[test]
    fn help_starts_with_examples() {
        for args in [
            vec!["--help"],
            vec!["kv", "--help"],
            vec!["kv", "list", "-h"],
            vec!["operator", "init", "-h"],
            vec!["server", "-help"],
        ] {
            let args = args.into_iter().map(str::to_owned).collect();
            let help = read(args, Persona::Strongroom).unwrap_err().to_string();
            assert!(help.starts_with("Examples:\n"), "{help}");
        }
    }

    #[test]
    fn vaults_command_lines_are_read() {
        for line in [
            "status -format=json",
            "operator init -key-shares=3 -key-threshold 2 -format=json",
            "operator unseal -format=json",
            "secrets enable -path=kv2 -version=2 kv",
            "secrets enable kv-v2",
            "kv put -cas=0 -mount=secret a/b k=v -",
            "kv metadata put -max-versions=3 -custom-metadata=k=v secret/a",
            "kv undelete -versions=1,2 secret/a",
            "write -f auth/approle/role/r1/secret-id",
            "write -force=true auth/approle/role/r1/secret-id",
            "policy write p -",
            "token create -policy=p1 -policy=p2 -ttl=1h -orphan -field=token",
            "token revoke -self",
            "login -method=approle role_id=x secret_id=-",
            "server -dev -dev-root-token-id=root -dev-listen-address 127.0.0.1:1 -dev-no-store-token -log-level=trace",
            "server -config=a -config b",
        ] {
            reads(line);
        }
    }
}
