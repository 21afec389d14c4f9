//! No two files of one folder import each other in a circle, whether directly or through a re-export.
//!
//! A path is followed through `pub use` lines to the file that defines the item. The importing file depends on that
//! file, or on the folder beside it that contains that file. Two uses of a child by its parent do not count: the
//! `pub use` lines of mod.rs, and the definition of a kind (its table of rows names the handlers, and each handler names
//! the kind).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    facts::{Finding, PathUse, Role},
    modules::Modules,
    source::Source,
};

/// For each member of a folder: the members that it imports from, each with the first path that does so.
type Edges<'a> = BTreeMap<String, BTreeMap<String, (&'a Source, &'a PathUse)>>;

pub fn circles(sources: &[Source], modules: &Modules, found: &mut Vec<Finding>) {
    let mut folders: BTreeMap<String, Edges> = BTreeMap::new();
    for (at, source) in sources.iter().enumerate().filter(|(_, source)| source.floor().is_some()) {
        for path in source.paths.iter().filter(|path| !path.is_test) {
            let Some(target) = dependency(sources, modules, at, path) else { continue };
            let (from, to) = (&source.module, &sources[target].module);
            let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            // Between floors, the order of lib.rs decides already.
            if shared == 0 || shared == from.len() && path.role == Role::Kind {
                continue;
            }
            let member = |module: &[String]| module.get(..=shared).unwrap_or(module).join("::");
            let edges = folders.entry(from[..shared].join("::")).or_default();
            edges.entry(member(from)).or_default().entry(member(to)).or_insert((source, path));
        }
    }
    for edges in folders.values() {
        for member in edges.keys() {
            let Some(circle) = shortest_circle(edges, member) else { continue };
            let Some(own) = modules.source(member) else { continue };
            let steps: Vec<_> = circle.windows(2).map(|pair| edges[&pair[0]][&pair[1]]).collect();
            let names: Vec<&str> = circle.iter().map(|member| member.rsplit("::").next().unwrap_or("")).collect();
            let steps_text: Vec<String> = steps
                .iter()
                .map(|(source, path)| format!("{}:{} uses `{}`", source.file, path.line, path.path))
                .collect();
            let line = steps.first().filter(|(source, _)| source.file == sources[own].file).map_or(1, |s| s.1.line);
            let why = format!(
                "{} ({}): move what they share into a file that imports none of them",
                names.join(" → "),
                steps_text.join(", ")
            );
            found.push(sources[own].finding("circle", line, "in a circle", why));
        }
    }
}

/// The number of the source that `sources[at]` depends on because of `path`.
fn dependency(sources: &[Source], modules: &Modules, at: usize, path: &PathUse) -> Option<usize> {
    let own = &sources[at].module;
    let target = modules.follow(path.path.trim_end_matches("::*"), &path.module.join("::"))?;
    let is_reexport = matches!(path.role, Role::Export(_)) && sources[target.source].module.starts_with(own);
    // A single name in code cannot mean a module: it is a variable that has the same name. An import of a module around
    // this one is not a dependency by itself. The items that are used through it are.
    let is_nothing = target.item.is_none() && {
        let is_bare = !path.path.contains("::");
        let is_around = format!("{}::", own.join("::")).starts_with(&format!("{}::", target.module));
        is_around || is_bare && matches!(path.role, Role::Code | Role::Kind)
    };
    (target.source != at && !is_reexport && !is_nothing).then_some(target.source)
}

/// The shortest path of imports from `member` back to itself.
fn shortest_circle(edges: &Edges, member: &str) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![member.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in edges.get(way.last()?).into_iter().flat_map(BTreeMap::keys) {
            let longer = [way.as_slice(), std::slice::from_ref(next)].concat();
            if next == member {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}
