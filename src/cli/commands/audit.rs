//! `audit`: read and verify the audit log offline, from its files alone.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Subcommand;

use crate::{
    base::{
        time::{Clock, Time},
        ttl::Ttl,
    },
    cli::{
        audit::{self, Asked, AtEnd},
        audit_view,
        config_dir::create_private,
        error::CliError,
        invocation::Invocation,
        pins, table,
    },
    client::json::Json,
    services::audit::{rotated, search::Filter, verify::Report},
};

const EXAMPLES: &str = "\
Examples:
  # whether any line was edited, removed, moved or cut
  strongroom audit verify --data /var/lib/strongroom
  # who read a secret, and which rule allowed it
  strongroom audit who secret/data/app/db --data DIR -since=24h
  # who was refused
  strongroom audit search -refused -since=1h --data DIR
  # the last lines
  strongroom audit tail --data DIR
  # the pinned keys that logs are verified with
  strongroom audit key
";

#[derive(clap::Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Verify that nothing in the log was changed
    Verify {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        proof: Proof,
        /// Write the newest checkpoint of the newest log into this new file, to be kept elsewhere
        #[arg(long, value_name = "FILE")]
        write_checkpoint: Option<PathBuf>,
    },
    /// Show the last requests
    Tail {
        #[command(flatten)]
        files: Files,
        /// How many requests to show
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
        /// Also show new requests as they are written, until interrupted
        #[arg(short, long)]
        follow: bool,
    },
    /// Find requests
    Search {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        filter: Filters,
        #[command(flatten)]
        proof: Proof,
        /// The path of the requests, or the beginning of it with * at the end
        #[arg(long, value_name = "PATH")]
        path: Option<String>,
    },
    /// Show who did something with a path, when, and which rule allowed it
    Who {
        /// The path of the API, or the beginning of it with * at the end
        path: String,
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        filter: Filters,
        #[command(flatten)]
        proof: Proof,
    },
    /// Show the audit log public keys pinned on this machine, with the server address of each
    Key,
}

#[derive(clap::Args, Debug)]
struct Files {
    /// An audit file; may be repeated. Rotated files beside it (FILE.1, FILE-20261128) are read too
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// The server's data directory, which holds audit.log
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// With what a log is verified.
#[derive(clap::Args, Debug)]
struct Proof {
    /// The log's public key, as `operator init` printed it [default: the one pinned for the address]
    #[arg(long, value_name = "BASE64")]
    public_key: Option<String>,
    /// A file with a checkpoint that was kept elsewhere; may be repeated. What it covers must still be there
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The id of a log whose files are gone on purpose; may be repeated
    #[arg(long, value_name = "LOG")]
    without: Vec<String>,
}

#[derive(clap::Args, Debug)]
struct Filters {
    /// Since this time: 24h, 7d, or 2026-11-24T09:00:00Z
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,
    /// Until this time, in the same forms [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only requests of this caller: display name, entity id, or the hash of an accessor
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// Only requests with this operation: read, update, delete …
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Only refused requests, failed logins among them
    #[arg(long)]
    refused: bool,
}

/// If a server rotates its files so often while they are read, the last reading counts.
const READINGS_MAX: u32 = 5;

impl Files {
    /// What `read` finds in the files that are named and the rotated files beside each of them. They are read again if
    /// the server rotated one meanwhile, because lines then stood in another file than the one that was listed. Warns of
    /// files that cannot be read.
    fn read_whole<T>(&self, invocation: &Invocation, read: impl Fn(&[PathBuf]) -> T) -> Result<T, CliError> {
        let (found, unread) = self.read_steady(read)?;
        for unread in unread {
            invocation.out.hint(&format!("warning: {} is not read: unpack it first", unread.display()));
        }
        Ok(found)
    }

    fn read_steady<T>(&self, read: impl Fn(&[PathBuf]) -> T) -> Result<(T, Vec<PathBuf>), CliError> {
        let mut listed = self.with_rotated()?;
        let mut found = read(&listed.files);
        for _ in 1..READINGS_MAX {
            let now = self.with_rotated()?;
            if now.files == listed.files {
                break;
            }
            listed = now;
            found = read(&listed.files);
        }
        Ok((found, listed.unread))
    }

    fn with_rotated(&self) -> Result<rotated::Found, CliError> {
        let mut all = rotated::Found::default();
        for path in self.paths()? {
            let found =
                rotated::files_of(&path).map_err(|error| audit::unreadable(std::slice::from_ref(&path), &error))?;
            all.files.extend(found.files);
            all.unread.extend(found.unread);
        }
        Ok(all)
    }

    fn paths(&self) -> Result<Vec<PathBuf>, CliError> {
        let in_data = self.data.iter().map(|data| data.join("audit.log"));
        let paths: Vec<PathBuf> = self.file.iter().cloned().chain(in_data).collect();
        if paths.is_empty() {
            return Err(CliError::usage("no audit log is named")
                .fix("--data DIR (the folder that holds audit.log), or --file FILE"));
        }
        Ok(paths)
    }
}

pub(crate) fn run(args: Args, invocation: &Invocation) -> Result<u8, CliError> {
    match args.command {
        Command::Key => keys(invocation)?,
        Command::Verify { files, proof, write_checkpoint } => {
            let report = files.read_whole(invocation, |paths| verify(invocation, paths, &proof))??;
            show_report(invocation, &report, write_checkpoint.as_deref())?;
        }
        Command::Tail { files, lines, follow } => {
            tail(invocation, &files.paths()?, lines, if follow { AtEnd::Follow } else { AtEnd::Stop })?;
        }
        Command::Search { files, filter, proof, path } => {
            search(invocation, &files, &proof, &filter.wanted(path)?)?;
        }
        Command::Who { path, files, filter, proof } => {
            search(invocation, &files, &proof, &filter.wanted(Some(path))?)?;
        }
    }
    Ok(0)
}

fn keys(invocation: &Invocation) -> Result<(), CliError> {
    let keys = pins::audit_keys(&invocation.config_dir)?;
    if invocation.out.is_json() {
        invocation
            .out
            .print_json(&Json::Object(keys.into_iter().map(|(address, key)| (address, Json::text(key))).collect()));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = keys.into_iter().map(|(address, key)| vec![address, key]).collect();
    invocation.out.print(&table::columns(&["Address", "Audit key"], &rows));
    Ok(())
}

fn key(invocation: &Invocation, given: Option<&String>) -> Result<String, CliError> {
    if let Some(key) = given {
        return Ok(key.clone());
    }
    if let Some(key) = pins::find(&invocation.config_dir, &invocation.address)?.audit_public_key {
        return Ok(key);
    }
    let all = pins::audit_keys(&invocation.config_dir)?;
    match all.as_slice() {
        [(_, only)] => Ok(only.clone()),
        _ => Err(CliError::usage("no public key to verify the log with")
            .why("a key from the log itself would prove nothing")
            .fix(
                "--public-key=KEY, as `operator init` printed it; or --address=URL if a key is pinned for that server",
            )),
    }
}

fn verify(invocation: &Invocation, files: &[PathBuf], proof: &Proof) -> Result<Report, CliError> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .map_err(|error| CliError::usage(format!("{} cannot be read: {error}", path.display())))
    };
    let given = proof.checkpoint.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let key = key(invocation, proof.public_key.as_ref())?;
    let asked = Asked { files, key: &key, given: &given, without: &proof.without };
    audit::verify(&invocation.config_dir, &asked)
}

/// Prints the report. Fails if it does not prove the log.
fn show_report(invocation: &Invocation, report: &Report, checkpoint: Option<&Path>) -> Result<(), CliError> {
    if invocation.out.is_json() {
        invocation.out.print_json(&audit_view::report(report));
    } else {
        invocation.out.print(&audit_view::report_text(report));
    }
    let written = checkpoint.map_or(Ok(()), |path| write_checkpoint(invocation, report, path));
    let Some(verdict) = audit::verdict_error(report) else { return written };
    // The verdict is the error. A file that could not be written must not hide it, nor be forgotten.
    if let Err(unwritten) = written {
        invocation.out.hint(&format!("warning: {}", unwritten.what()));
    }
    Err(verdict)
}

fn write_checkpoint(invocation: &Invocation, report: &Report, path: &Path) -> Result<(), CliError> {
    let Some(newest) = report.logs.last().and_then(|log| log.newest.as_ref()) else {
        invocation.out.hint(&format!("warning: there is no checkpoint to write into {}", path.display()));
        return Ok(());
    };
    let named = |error: std::io::Error| {
        let name = path.display();
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                CliError::usage(format!("{name} is there already: no checkpoint was written"))
                    .fix("name a new file, or remove this one")
            }
            _ => CliError::usage(format!("{name} cannot be written, so no checkpoint was: {error}")),
        }
    };
    let mut file = create_private(path).map_err(named)?;
    file.write_all(newest.as_bytes()).and_then(|()| file.sync_all()).map_err(named)
}

fn tail(invocation: &Invocation, paths: &[PathBuf], lines: usize, at_end: AtEnd) -> Result<(), CliError> {
    let [path] = paths else {
        return Err(CliError::usage("`audit tail` reads one log: give --data DIR, or one --file"));
    };
    if at_end == AtEnd::Follow {
        return audit::tail(path, lines, at_end, &mut |row| audit_view::show_one(invocation.out, row));
    }
    let mut rows = Vec::new();
    audit::tail(path, lines, at_end, &mut |row| rows.push(row.clone()))?;
    audit_view::show(invocation.out, &rows);
    Ok(())
}

impl Filters {
    fn wanted(&self, path: Option<String>) -> Result<Wanted, CliError> {
        let now = Clock::system(Time::EPOCH).now();
        let until = self.until.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
        Ok(Wanted {
            filter: Filter {
                path: path.map(|path| path.trim_matches('/').to_owned()),
                caller: self.caller.clone(),
                operation: self.operation.clone(),
                only_refused: self.refused,
                since: Some(parse_time(&self.since, now)?),
                until: self.until.as_deref().map(|text| parse_time(text, now)).transpose()?,
            },
            range: format!("since {}{until}", self.since),
        })
    }
}

/// What is searched for, and its range of time in words.
struct Wanted {
    filter: Filter,
    range: String,
}

/// Verifies the log, and shows what it has of the requests that are wanted. What is not proved is marked.
fn search(invocation: &Invocation, files: &Files, proof: &Proof, wanted: &Wanted) -> Result<(), CliError> {
    // Read before it is verified: what is written meanwhile is then proved or marked, and never shown unverified.
    let read = |paths: &[PathBuf]| (audit::search(paths, &wanted.filter), verify(invocation, paths, proof));
    let (searched, report) = files.read_whole(invocation, read)?;
    let (rows, found) = searched?;
    audit_view::show_proved(invocation.out, &rows, report.as_ref().ok());
    if !invocation.out.is_json() {
        invocation.out.hint(&format!("{} of {} requests {}", found.matched, found.in_range, wanted.range));
    }
    if found.unreadable > 0 {
        let unreadable = found.unreadable;
        invocation.out.hint(&format!("warning: {unreadable} lines cannot be read; `audit verify` names the first"));
    }
    match report {
        Ok(report) => audit::verdict_error(&report).map_or(Ok(()), Err),
        Err(error) => Err(error.unverified()),
    }
}

/// Parses a time, or a duration that is counted back from now.
fn parse_time(text: &str, now: Time) -> Result<Time, CliError> {
    if let Some(time) = Time::parse_rfc3339(text) {
        return Ok(time);
    }
    let ago = Ttl::parse(text)
        .map_err(|_| CliError::usage(format!("`{text}` is not a time")).fix("24h, 7d, or 2026-11-24T09:00:00Z"))?;
    let nanos = i64::try_from(ago.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
    Ok(Time::from_unix_nanos(now.unix_nanos().saturating_sub(nanos)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    const NOW: Time = Time::from_unix_secs(1_800_000_000);

    /// A line that was in `audit.log` when the files were listed stands in another file a moment later.
    #[test]
    fn files_that_are_rotated_meanwhile_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("audit.log"), "one").unwrap();
        let files = Files { file: vec![path("audit.log")], data: None };
        let readings = std::cell::Cell::new(0);
        let read = |paths: &[PathBuf]| {
            readings.set(readings.get() + 1);
            if readings.get() == 1 {
                std::fs::rename(path("audit.log"), path("audit.log.20261128T144501Z")).unwrap();
                std::fs::write(path("audit.log"), "two").unwrap();
            }
            paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(files.read_steady(read).unwrap().0, ["one", "two"]);
        assert_eq!(readings.get(), 2);
    }

    #[test]
    fn a_time_is_absolute_or_counts_back_from_now() {
        let now = Time::from_unix_secs(1_000_000);
        assert_eq!(parse_time("1h", now).unwrap(), Time::from_unix_secs(996_400));
        assert_eq!(parse_time("1970-01-01T00:00:05Z", now).unwrap(), Time::from_unix_secs(5));
        for text in ["yesterday", "-1h", "24", "5x", "2026-11-24"] {
            let is_seconds = text == "24";
            assert_eq!(parse_time(text, now).is_ok(), is_seconds, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn a_length_counts_back_in_every_unit(count in 0..100_000_i64, unit in 0..4_usize) {
            let (unit, secs) = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)][unit];
            let expected = Time::from_unix_secs(NOW.unix_secs() - count * secs);
            prop_assert_eq!(parse_time(&format!("{count}{unit}"), NOW).unwrap(), expected);
        }

        #[test]
        fn a_time_reads_back(secs in 0..4_000_000_000_i64) {
            let time = Time::from_unix_secs(secs);
            prop_assert_eq!(parse_time(&time.rfc3339(), NOW).unwrap(), time);
        }

        /// A length of time never lies ahead, whatever the text; a text that is refused is shown.
        #[test]
        fn any_text_is_a_time_or_an_error_that_shows_it(text in any::<String>(), near in "-?[0-9.]{0,22}(ns|ms|s|m|h|d|w)?") {
            for text in [text, near] {
                match parse_time(&text, NOW) {
                    Ok(time) => prop_assert!(time <= NOW || text.contains('T') || text.contains('t')),
                    Err(error) => prop_assert!(error.what().contains(&text)),
                }
            }
        }
    }
}
