//! The laws that look at all files together: the lengths of files, and type names that mean two things.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    facts::{Definition, Finding, What},
    modules::Modules,
    source::Source,
};

const FILE_LINES_MEDIAN_MAX: usize = 130;
const FILE_LINES_P90_MAX: usize = 350;

/// The median and the 90th percentile of the lengths of all files under src/.
pub fn spread(sources: &[Source], found: &mut Vec<Finding>) {
    let mut lines: Vec<usize> =
        sources.iter().filter(|source| source.file.starts_with("src/")).map(Source::lines).collect();
    lines.sort_unstable();
    for (name, share, max) in [("median", 50, FILE_LINES_MEDIAN_MAX), ("p90", 90, FILE_LINES_P90_MAX)] {
        let value = percentile(&lines, share);
        if value > max {
            let (what, why) = (format!("{name}: {value} lines"), format!("at most {max}: split the longest files"));
            found.push(Finding { law: "spread", file: "src/".to_owned(), line: 1, what, why });
        }
    }
}

/// The smallest value that at least `share` percent of the sorted values do not exceed.
pub fn percentile(sorted: &[usize], share: usize) -> usize {
    let rank = (sorted.len() * share).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

/// Two floors do not export types of one name, unless the glossary lists the name.
pub fn nouns(sources: &[Source], modules: &Modules, glossary: &BTreeSet<String>, found: &mut Vec<Finding>) {
    let exported = modules.exported();
    let mut by_name: BTreeMap<&str, Vec<(&Source, &Definition)>> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.floor().is_some()) {
        let is_noun = |definition: &&Definition| {
            let place = (definition.module.join("::"), definition.name.clone());
            definition.what == What::Type && !definition.is_test && exported.contains(&place)
        };
        for definition in source.definitions.iter().filter(is_noun) {
            by_name.entry(&definition.name).or_default().push((source, definition));
        }
    }
    for (name, places) in by_name.into_iter().filter(|(name, _)| !glossary.contains(*name)) {
        for (source, definition) in &places {
            let others: BTreeSet<&str> = places
                .iter()
                .filter(|(other, _)| other.floor() != source.floor())
                .map(|(other, _)| other.file.as_str())
                .collect();
            if !others.is_empty() {
                let others: Vec<&str> = others.into_iter().collect();
                let why = format!(
                    "also exported by {}: rename one of them, or list the noun in the glossary of ARCHITECTURE.md",
                    others.join(", ")
                );
                found.push(source.finding("noun", definition.line, name, why));
            }
        }
    }
}

/// The nouns of the glossary: the words in backticks in the first column of the table under `## Glossary`.
pub fn glossary(architecture: &str) -> BTreeSet<String> {
    let section = architecture.split("\n## ").find(|section| section.starts_with("Glossary")).unwrap_or("");
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The number of comments inside functions, and the number of lines of code there. Tests are left out.
pub fn comment_share(sources: &[Source], folder: &str) -> (usize, usize) {
    let (mut comments, mut code) = (0, 0);
    for source in sources.iter().filter(|source| source.file.starts_with(folder)) {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for function in source.functions.iter().filter(|function| !function.is_test && function.lines > 0) {
            let body = lines.get(function.line..function.line + function.lines - 1).unwrap_or(&[]);
            comments += body.iter().filter(|line| is_comment(line)).count();
            code += body.iter().filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        }
    }
    (comments, code)
}

/// Whether a line is or ends with a comment that is not documentation.
fn is_comment(line: &str) -> bool {
    let is_alone = line.starts_with("//") && !line.starts_with("///") && !line.starts_with("//!");
    is_alone || [";", ",", "{", "}", ")"].iter().any(|end| line.contains(&format!("{end} // ")))
}
