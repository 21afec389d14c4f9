//! Reads data/house_exceptions.txt: violations of a law that are accepted for now. The list may only shrink, so a line
//! that covers no violation is an error.

use std::collections::BTreeSet;

use super::facts::Finding;

/// A line of the file: `law | file | what | why`. `what` is how the text of the violation begins.
pub struct Exception {
    pub law: String,
    pub file: String,
    pub what: String,
    pub why: String,
}

impl Exception {
    pub fn read_all(text: &str) -> Vec<Self> {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                let cells: Vec<&str> = line.splitn(4, '|').map(str::trim).collect();
                let [law, file, what, why] = cells[..] else {
                    panic!("data/house_exceptions.txt: not `law | file | what | why`: {line}")
                };
                Self { law: law.to_owned(), file: file.to_owned(), what: what.to_owned(), why: why.to_owned() }
            })
            .collect()
    }

    pub fn covers(&self, finding: &Finding) -> bool {
        finding.law == self.law && finding.file == self.file && finding.what.starts_with(&self.what)
    }
}

/// The violations in a folder, one line each, then the count for each law.
pub fn list(found: &[Finding], exceptions: &[Exception], folder: &str) -> Vec<String> {
    let mut lines: Vec<(&str, usize, String)> = Vec::new();
    for finding in found.iter().filter(|finding| finding.file.starts_with(folder)) {
        let exception = exceptions.iter().find(|exception| exception.covers(finding));
        let mark = if exception.is_some() { "excepted" } else { "NEW" };
        lines.push((&finding.file, finding.line, format!("{mark} {finding}")));
    }
    lines.sort();
    let mut text: Vec<String> = lines.into_iter().map(|(_, _, line)| line).collect();
    let laws: BTreeSet<&str> = found.iter().map(|finding| finding.law).collect();
    for law in laws {
        let count = found.iter().filter(|finding| finding.law == law && finding.file.starts_with(folder)).count();
        text.push(format!("{count:5} {law}"));
    }
    text
}
