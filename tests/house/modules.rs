//! The tree of modules, without test code. It knows where a path leads through `use` and `pub use` lines, and which items
//! a floor exports.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    facts::{Role, What},
    source::Source,
};

/// A path is given up after this many `use` lines, so that a circle of them ends.
const HOPS_MAX: usize = 12;

/// Modules by path: `store::files`.
pub struct Modules {
    by_path: HashMap<String, Module>,
}

struct Module {
    source: usize,
    /// The items that are defined here.
    items: HashMap<String, Export>,
    children: HashMap<String, Export>,
    /// The path behind each name that a `use` brings in.
    imports: HashMap<String, (String, Export)>,
    globs: Vec<(String, Export)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Export {
    Yes,
    No,
}

/// Where a path leads.
pub struct Target {
    /// The number of the source that defines it.
    pub source: usize,
    pub module: String,
    /// `None` if the path names the module itself.
    pub item: Option<String>,
}

impl Modules {
    pub fn of(sources: &[Source]) -> Self {
        let mut by_path: HashMap<String, Module> = HashMap::new();
        let in_src = sources.iter().enumerate().filter(|(_, source)| source.file.starts_with("src/"));
        for (at, source) in in_src.filter(|(_, source)| source.file != "src/main.rs") {
            let empty = || Module {
                source: at,
                items: HashMap::new(),
                children: HashMap::new(),
                imports: HashMap::new(),
                globs: Vec::new(),
            };
            by_path.entry(source.module.join("::")).or_insert_with(empty);
            for definition in source.definitions.iter().filter(|definition| !definition.is_test) {
                let module = by_path.entry(definition.module.join("::")).or_insert_with(empty);
                let names = if definition.what == What::Module { &mut module.children } else { &mut module.items };
                names.insert(definition.name.clone(), Export::of(definition.is_exported));
            }
            for path in source.paths.iter().filter(|path| !path.is_test) {
                let (Role::Import(name) | Role::Export(name)) = &path.role else { continue };
                let export = Export::of(matches!(path.role, Role::Export(_)));
                let module = by_path.entry(path.module.join("::")).or_insert_with(empty);
                if let Some(glob) = path.path.strip_suffix("::*") {
                    module.globs.push((glob.to_owned(), export));
                } else {
                    module.imports.insert(name.clone(), (path.path.clone(), export));
                }
            }
        }
        Self { by_path }
    }

    /// The number of the source that contains a module.
    pub fn source(&self, module: &str) -> Option<usize> {
        self.by_path.get(module).map(|module| module.source)
    }

    /// Where `path` leads when it is written in `module`. `None` if it leads out of the crate.
    pub fn follow(&self, path: &str, module: &str) -> Option<Target> {
        self.follow_on(path, module, 0)
    }

    fn follow_on(&self, path: &str, module: &str, hops: usize) -> Option<Target> {
        if hops == HOPS_MAX {
            return None;
        }
        match path.split_once("::") {
            Some(("crate", inner)) => self.follow_in("", inner, hops + 1),
            _ => self.follow_in(module, path, hops + 1),
        }
    }

    fn follow_in(&self, module: &str, path: &str, hops: usize) -> Option<Target> {
        let here = self.by_path.get(module)?;
        let (name, rest) = path.split_once("::").map_or((path, None), |(name, rest)| (name, Some(rest)));
        let child = join(module, name);
        if let Some(inner) = self.by_path.get(&child) {
            let found = Target { source: inner.source, module: child.clone(), item: None };
            return rest.map_or(Some(found), |rest| self.follow_in(&child, rest, hops));
        }
        if here.items.contains_key(name) {
            return Some(Target { source: here.source, module: module.to_owned(), item: Some(name.to_owned()) });
        }
        if let Some((import, _)) = here.imports.get(name) {
            let whole = rest.map_or_else(|| import.clone(), |rest| format!("{import}::{rest}"));
            // `use http;` imports a crate by its own name.
            return if whole == path { None } else { self.follow_on(&whole, module, hops) };
        }
        here.globs.iter().find_map(|(glob, _)| self.follow_on(&format!("{glob}::{path}"), module, hops))
    }

    /// The items that another floor can name, as module and name. An item is exported if it is public and all modules
    /// around it are, or if a `pub use` in such a module names it.
    pub fn exported(&self) -> HashSet<(String, String)> {
        let mut found = HashSet::new();
        let mut seen = BTreeSet::new();
        let mut open: Vec<String> = self.by_path.keys().filter(|path| !path.contains("::")).cloned().collect();
        while let Some(path) = open.pop() {
            let Some(module) = self.by_path.get(&path) else { continue };
            if !seen.insert(path.clone()) {
                continue;
            }
            let items = module.items.iter().filter(|(_, export)| **export == Export::Yes);
            found.extend(items.map(|(name, _)| (path.clone(), name.clone())));
            let children = module.children.iter().filter(|(_, export)| **export == Export::Yes);
            open.extend(children.map(|(name, _)| join(&path, name)));
            let reexports = module.imports.values().chain(&module.globs).filter(|(_, export)| *export == Export::Yes);
            for target in reexports.filter_map(|(to, _)| self.follow(to, &path)) {
                match target.item {
                    Some(item) => _ = found.insert((target.module, item)),
                    None => open.push(target.module),
                }
            }
        }
        found
    }
}

impl Export {
    fn of(is_exported: bool) -> Self {
        if is_exported { Self::Yes } else { Self::No }
    }
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}
