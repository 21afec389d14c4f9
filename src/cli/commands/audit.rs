//! `audit`: read the log and prove it, offline, from its files alone.

use std::path::PathBuf;

use clap::Subcommand;

use crate::{
    base::{
        time::{Clock, Time},
        ttl::Ttl,
    },
    cli::{audit, audit_view, fault::Fault, heads, pins, session::Session, table},
    client::json::Json,
    services::audit::{search::Filter, verify::Report},
};

const EXAMPLES: &str = "\
Examples:
  # was any line edited, removed, moved or cut
  strongroom audit verify --data /var/lib/strongroom
  # who read it, and which rule let them
  strongroom audit who secret/data/app/db --data DIR -since=24h
  # who was refused
  strongroom audit search -refused -since=1h --data DIR
  # the last lines
  strongroom audit tail --data DIR
  # the keys that logs are held to
  strongroom audit key
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Prove that nothing in the log was changed
    Verify {
        #[command(flatten)]
        files: Files,
        /// The log's public key, as init printed it [default: the one pinned for the address]
        #[arg(long, value_name = "BASE64")]
        public_key: Option<String>,
    },
    /// Show the last requests
    Tail {
        #[command(flatten)]
        files: Files,
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
        /// Go on with those that come, until interrupted
        #[arg(short, long)]
        follow: bool,
    },
    /// Find requests
    Search {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        filter: Filters,
        /// The path, or its beginning with * at the end
        #[arg(long, value_name = "PATH")]
        path: Option<String>,
    },
    /// Who did something with a path, when, and by which rule
    Who {
        /// The path, as the API has it, or its beginning with * at the end
        path: String,
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        filter: Filters,
    },
    /// Show the public keys that are pinned, per address
    Key,
}

#[derive(clap::Args, Debug)]
struct Files {
    /// An audit file; may be repeated
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// The server's data directory, whose audit.log is meant
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct Filters {
    /// From this moment on: 24h, 7d, or 2026-11-24T09:00:00Z
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,
    /// Until this moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// By this caller: display name, entity id, or the hash of an accessor
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// This operation: read, update, delete …
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// What was refused
    #[arg(long)]
    refused: bool,
}

impl Files {
    fn paths(&self) -> Result<Vec<PathBuf>, Fault> {
        let in_data = self.data.iter().map(|data| data.join("audit.log"));
        let paths: Vec<PathBuf> = self.file.iter().cloned().chain(in_data).collect();
        if paths.is_empty() {
            return Err(
                Fault::usage("which log? it is read from its file").fix("--data DIR (its audit.log), or --file FILE")
            );
        }
        Ok(paths)
    }
}

pub fn run(args: Args, session: &Session) -> Result<u8, Fault> {
    match args.command {
        Command::Key => keys(session)?,
        Command::Verify { files, public_key } => {
            let key = key(session, public_key)?;
            let report = audit::verify(&session.home, &files.paths()?, &key)?;
            show_report(session, &report, &key)?;
        }
        Command::Tail { files, lines, follow } => tail(session, &files.paths()?, lines, follow)?,
        Command::Search { files, filter, path } => search(session, &files, &filter, path)?,
        Command::Who { path, files, filter } => search(session, &files, &filter, Some(path))?,
    }
    Ok(0)
}

fn keys(session: &Session) -> Result<(), Fault> {
    let keys = pins::audit_keys(&session.home)?;
    if session.out.is_json() {
        session
            .out
            .print_json(&Json::Object(keys.into_iter().map(|(address, key)| (address, Json::text(key))).collect()));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = keys.into_iter().map(|(address, key)| vec![address, key]).collect();
    session.out.print(&table::columns(&["Address", "Audit key"], &rows));
    Ok(())
}

fn key(session: &Session, given: Option<String>) -> Result<String, Fault> {
    if let Some(key) = given {
        return Ok(key);
    }
    if let Some(key) = pins::find(&session.home, &session.address)?.audit_public_key {
        return Ok(key);
    }
    let all = pins::audit_keys(&session.home)?;
    match all.as_slice() {
        [(_, only)] => Ok(only.clone()),
        _ => Err(Fault::usage("which key is the log held to?")
            .why("a key that the log itself names proves nothing")
            .fix("--public-key=KEY, as `operator init` printed it; --address=URL if it is pinned for that server")),
    }
}

/// What was proved, and the first thing that is wrong as an error of its own.
fn show_report(session: &Session, report: &Report, key: &str) -> Result<(), Fault> {
    if session.out.is_json() {
        session.out.print_json(&audit_view::report(report));
    } else {
        session.out.print(&audit_view::report_text(report));
    }
    if let Some(problem) = &report.first_problem {
        return Err(audit::problem_fault(problem));
    }
    let here = |log: &String| report.logs.iter().any(|own| own.id == *log);
    for log in heads::logs(&session.home, key)?.iter().filter(|log| !here(log)) {
        session.out.hint(&format!("log {log}, which was verified here before, is not in these files"));
    }
    Ok(())
}

fn tail(session: &Session, paths: &[PathBuf], lines: usize, follow: bool) -> Result<(), Fault> {
    let [path] = paths else { return Err(Fault::usage("the end of one log at a time: --data DIR, or one --file")) };
    if follow {
        return audit::tail(path, lines, true, &mut |row| audit_view::show_one(session.out, row));
    }
    let mut rows = Vec::new();
    audit::tail(path, lines, false, &mut |row| rows.push(row.clone()))?;
    audit_view::show(session.out, &rows);
    Ok(())
}

fn search(session: &Session, files: &Files, filter: &Filters, path: Option<String>) -> Result<(), Fault> {
    let now = Clock::system(Time::EPOCH).now();
    let wanted = Filter {
        path: path.map(|path| path.trim_matches('/').to_owned()),
        caller: filter.caller.clone(),
        operation: filter.operation.clone(),
        allowed: filter.refused.then_some(false),
        since: Some(moment(&filter.since, now)?),
        until: filter.until.as_deref().map(|text| moment(text, now)).transpose()?,
    };
    let (rows, found) = audit::search(&files.paths()?, &wanted)?;
    audit_view::show(session.out, &rows);
    if !session.out.is_json() {
        let until = filter.until.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
        session.out.hint(&format!("{} of {} requests since {}{until}", found.matched, found.in_range, filter.since));
    }
    if found.unreadable > 0 {
        let unreadable = found.unreadable;
        session.out.hint(&format!("warning: {unreadable} lines cannot be read: `audit verify` says which"));
    }
    Ok(())
}

/// A moment, or a length of time before now.
fn moment(text: &str, now: Time) -> Result<Time, Fault> {
    if let Some(time) = Time::parse_rfc3339(text) {
        return Ok(time);
    }
    let ago = Ttl::parse(text)
        .map_err(|_| Fault::usage(format!("`{text}` is no moment")).fix("24h, 7d, or 2026-11-24T09:00:00Z"))?;
    let nanos = i64::try_from(ago.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
    Ok(Time::from_unix_nanos(now.unix_nanos().saturating_sub(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_so_long_ago() {
        let now = Time::from_unix_secs(1_000_000);
        assert_eq!(moment("1h", now).unwrap(), Time::from_unix_secs(996_400));
        assert_eq!(moment("1970-01-01T00:00:05Z", now).unwrap(), Time::from_unix_secs(5));
        assert!(moment("yesterday", now).is_err());
    }
}
