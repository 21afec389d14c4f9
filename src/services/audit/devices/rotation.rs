//! Rotation: when a file is large enough, it gets the time as an ending, and the log continues in a new file. Rotated
//! files are removed only if the configuration says how many to keep.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{base::time::Time, store::files::Files};

/// A path for the file at `path` once it is rotated: `audit.log.20261128T144501Z`. It sorts behind all rotated files that
/// are there, also if several are rotated in one second or a clock was wrong, so that the first ones are the oldest.
pub(crate) fn rotated_path(files: &Files, path: &Path, now: Time) -> io::Result<PathBuf> {
    let time: String = now.rfc3339().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    let fresh = Ending { time: format!("{time}Z"), count: 0 };
    let ending = match rotated(files, path)?.pop() {
        Some(newest) if newest >= fresh => Ending { count: newest.count + 1, ..newest },
        _ => fresh,
    };
    Ok(ending.of(path))
}

/// The rotated files of `path` beyond the newest `keep`. Files that others have named are left alone.
pub(crate) fn superfluous(files: &Files, path: &Path, keep: u32) -> io::Result<Vec<PathBuf>> {
    let rotated = rotated(files, path)?;
    let remove = rotated.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    Ok(rotated.iter().take(remove).map(|ending| ending.of(path)).collect())
}

/// What stands behind the log's name in the name of a rotated file. Later files have greater endings.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ending {
    time: String,
    /// Tells files apart that were rotated in one second.
    count: u32,
}

impl Ending {
    fn of(&self, path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", self.time));
        if self.count > 0 {
            name.push(format!("-{}", self.count));
        }
        PathBuf::from(name)
    }
}

/// The endings of all rotated files of the log at `path`, the oldest first.
fn rotated(files: &Files, path: &Path) -> io::Result<Vec<Ending>> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| format!("{}.", name.to_string_lossy())).unwrap_or_default();
    let names = files.names(folder)?;
    let mut endings: Vec<Ending> =
        names.iter().filter_map(|found| found.strip_prefix(&name).and_then(Ending::read)).collect();
    endings.sort();
    Ok(endings)
}

impl Ending {
    /// `None` for every ending that is not of our making.
    fn read(text: &str) -> Option<Self> {
        let (time, count) = match text.split_once('-') {
            None => (text, 0),
            Some((time, count)) => (time, count.parse().ok()?),
        };
        let is_time = time.len() == 16
            && time.bytes().enumerate().all(|(n, byte)| match n {
                8 => byte == b'T',
                15 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            });
        is_time.then(|| Self { time: time.to_owned(), count })
    }
}
