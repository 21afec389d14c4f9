//! What the policies of one token grant together. The rules are compiled once per set of policies, and checked for each
//! request:
//!
//! 1. A rule whose path equals the request's path takes precedence over all others.
//! 2. Among the others the most specific one wins (`Rank` in pattern.rs), whatever it grants.
//! 3. Rules with the same path, in one policy or several, are combined. `deny` removes all other capabilities.
//! 4. A list is looked up as `path/`, and as `path` if no rule of the same kind (1 before 2) matches `path/`.
//! 5. A `deny` also matches the path in any other ASCII case. It wins over rules that are not more specific.
//!
//! Rules 1 to 4 are Vault's. Rule 5 is stricter than Vault.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    capabilities::{Capabilities, Lookup, Wanted},
    pattern::{Pattern, Segments, Shape},
    policy::Policy,
    prefixes::Prefixes,
};
use crate::contract::Access;

/// A compiled set of rules. An empty set grants nothing.
#[derive(Debug, Default)]
pub struct Acl {
    is_root: bool,
    rules: Vec<Rule>,
    /// All rules, by their text as written.
    as_written: Index,
    /// The rules that deny, by their text in lower case.
    denied: Index,
    /// Whether a rule that denies contains a capital letter.
    is_capital_denied: bool,
}

/// The decision about one request.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub allowed: bool,
    /// The rule that decided. `None` if no rule matched, or for the root token, to which no rule applies.
    pub rule: Option<RuleRef>,
    pub capabilities: Capabilities,
}

/// The place where a rule is written. Audit log lines refer to it even after the rule was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRef {
    pub policy: Arc<str>,
    pub pattern: Arc<str>,
    pub line: u32,
}

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    /// The text of the pattern, shared with every verdict.
    shown: Arc<str>,
    capabilities: Capabilities,
    /// The blocks with this pattern, in the order of the policies. Never empty.
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    policy: Arc<str>,
    line: u32,
    capabilities: Capabilities,
}

impl Acl {
    /// The rules of the root token: everything is allowed.
    pub fn root() -> Self {
        Self { is_root: true, ..Self::default() }
    }

    /// Combines the rules of `policies`. Their order only decides which of several equal blocks a verdict names.
    pub fn compile(policies: &[Arc<Policy>]) -> Self {
        let mut joined: BTreeMap<&str, Rule> = BTreeMap::new();
        for policy in policies {
            let name: Arc<str> = policy.record.name.as_str().into();
            for rule in policy.rules() {
                let source = Source { policy: name.clone(), line: rule.line, capabilities: rule.capabilities };
                let entry = joined.entry(rule.pattern.text()).or_insert_with(|| Rule {
                    pattern: rule.pattern.clone(),
                    shown: rule.pattern.text().into(),
                    capabilities: Capabilities::NONE,
                    sources: Vec::with_capacity(1),
                });
                entry.capabilities = (entry.capabilities | rule.capabilities).settled();
                entry.sources.push(source);
            }
        }
        let rules: Vec<Rule> = joined.into_values().collect();
        let as_written = Index::new(rules.iter().map(|rule| rule.pattern.clone()).enumerate());
        let denials = rules.iter().enumerate().filter(|(_, rule)| rule.capabilities.is_denied());
        let denied = Index::new(denials.clone().map(|(index, rule)| (index, rule.pattern.folded())));
        let is_capital_denied = denials.clone().any(|(_, rule)| has_upper(rule.pattern.text()));
        Self { is_root: false, rules, as_written, denied, is_capital_denied }
    }

    pub fn is_root(&self) -> bool {
        self.is_root
    }

    /// An estimate of the memory that the rules take, in bytes. Several indexes hold each pattern.
    pub fn bytes(&self) -> usize {
        const OVERHEAD: usize = 256;
        let rule = |rule: &Rule| OVERHEAD + 4 * rule.shown.len() + rule.sources.len() * size_of::<Source>();
        size_of::<Self>() + self.rules.iter().map(rule).sum::<usize>()
    }

    /// Decides a request. `wanted` says whether the request is a list; `path` may end in `/` or not. If `access` is
    /// [`Access::Sudo`], the rule must also grant `sudo`.
    pub fn judge(&self, path: &str, wanted: Wanted, access: Access) -> Verdict {
        if self.is_root {
            return Verdict { allowed: true, rule: None, capabilities: Capabilities::ROOT };
        }
        let Some(rule) = self.find(path, wanted.lookup()) else {
            return Verdict { allowed: false, rule: None, capabilities: Capabilities::NONE };
        };
        let allowed = rule.capabilities.grants(wanted) && (access != Access::Sudo || rule.capabilities.grants_sudo());
        let rule_ref = rule.source(wanted.capability()).map(|source| RuleRef {
            policy: source.policy.clone(),
            pattern: rule.shown.clone(),
            line: source.line,
        });
        Verdict { allowed, rule: rule_ref, capabilities: rule.capabilities }
    }

    /// The capabilities at `path`. A path that ends in `/` is looked up as a list.
    pub fn capabilities(&self, path: &str) -> Capabilities {
        if self.is_root {
            return Capabilities::ROOT;
        }
        let lookup = if path.ends_with('/') { Lookup::Folder } else { Lookup::Record };
        self.find(path, lookup).map_or(Capabilities::NONE, |rule| rule.capabilities)
    }

    /// Whether anything is granted at the mount `prefix` or below it. If this returns true, something is granted. It
    /// may miss a grant if other rules override it down to `SAMPLE_DEPTHS` levels, which no realistic policy does.
    pub fn allows_any_below(&self, prefix: &str) -> bool {
        // Inefficient: checks every rule. Only lists of mounts use it.
        let mount = prefix.trim_matches('/');
        let granting = self.rules.iter().filter(|rule| rule.capabilities.grants_any());
        let samples: BTreeSet<String> = granting.flat_map(|rule| rule.pattern.samples_below(mount)).collect();
        let is_open = |path: &str| self.capabilities(path).grants_any();
        is_open(&format!("{mount}/")) || samples.iter().any(|path| is_open(path))
    }

    fn find(&self, path: &str, lookup: Lookup) -> Option<&Rule> {
        let path = path.trim_start_matches('/');
        // The root is a folder too: its path is empty here and becomes `/`.
        let folder = (lookup == Lookup::Folder && !path.ends_with('/')).then(|| format!("{path}/"));
        let path = folder.as_deref().unwrap_or(path);
        let folded = self.fold(path);
        let name = Name { text: path, folded: folded.as_deref() };
        if lookup == Lookup::Record {
            return self.find_exact(name).or_else(|| self.find_wild(name));
        }
        let bare = Name { text: without_slash(path), folded: folded.as_deref().map(without_slash) };
        self.find_exact(name)
            .or_else(|| self.find_exact(bare))
            .or_else(|| self.find_wild(name))
            .or_else(|| self.find_wild(bare))
    }

    /// `path` in lower case, for the rules that deny. `None` if they can be looked up by the path as it is.
    fn fold<'a>(&self, path: &'a str) -> Option<Cow<'a, str>> {
        if self.denied.is_empty() {
            None
        } else if has_upper(path) {
            Some(Cow::Owned(path.to_ascii_lowercase()))
        } else {
            self.is_capital_denied.then_some(Cow::Borrowed(path))
        }
    }

    fn find_exact(&self, name: Name<'_>) -> Option<&Rule> {
        let denied = name.folded.and_then(|folded| self.denied.exact.get(folded));
        self.rules.get(*denied.or_else(|| self.as_written.exact.get(name.text))?)
    }

    fn find_wild(&self, name: Name<'_>) -> Option<&Rule> {
        let rule = |index: usize| self.rules.get(index);
        let found = self.as_written.best_wild(name.text, &self.rules).and_then(rule);
        let denied = name.folded.and_then(|folded| self.denied.best_wild(folded, &self.rules)).and_then(rule);
        match (found, denied) {
            (Some(found), Some(denied)) if denied.is_outranked_by(found) => Some(found),
            (found, denied) => denied.or(found),
        }
    }
}

/// The spellings by which a path is looked up.
#[derive(Clone, Copy)]
struct Name<'a> {
    text: &'a str,
    /// The path in lower case, for the rules that deny. `None` if `text` serves for them too.
    folded: Option<&'a str>,
}

fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

impl Rule {
    /// The block that a verdict names: the first that denies, otherwise the first
    /// that grants `wanted`, otherwise the first.
    fn source(&self, wanted: Capabilities) -> Option<&Source> {
        let decisive = if self.capabilities.is_denied() { Capabilities::DENY } else { wanted };
        self.sources.iter().find(|source| source.capabilities.has(decisive)).or_else(|| self.sources.first())
    }

    /// Whether `other` is more specific than this rule, ignoring case.
    fn is_outranked_by(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.pattern, &other.pattern);
        ours.rank().cmp(&theirs.rank()).then_with(|| lower(ours).cmp(&lower(theirs))).is_lt()
    }
}

/// An index of rules by the shapes of their patterns. It holds the index of each rule in the list of rules.
#[derive(Debug, Default)]
struct Index {
    exact: HashMap<Box<str>, usize>,
    prefixes: Prefixes<usize>,
    /// Rules with a `+`, by the text before the first `+`. Rules with the same text are ordered by rank, highest first.
    segments: Prefixes<Vec<(Segments, usize)>>,
}

impl Index {
    /// Builds the index. Of several patterns with the same text, the first is kept.
    fn new(patterns: impl Iterator<Item = (usize, Pattern)>) -> Self {
        let mut exact = HashMap::new();
        let mut prefixes = BTreeMap::new();
        let mut wild = Vec::new();
        for (rule, pattern) in patterns {
            match pattern.shape() {
                Shape::Exact => _ = exact.entry(pattern.text().into()).or_insert(rule),
                Shape::Prefix => _ = prefixes.entry(pattern.body().into()).or_insert(rule),
                Shape::Segments => wild.push((pattern, rule)),
            }
        }
        wild.sort_by_cached_key(|(pattern, _)| Reverse((pattern.rank(), lower(pattern), pattern.text().to_owned())));
        let mut segments: BTreeMap<Box<str>, Vec<_>> = BTreeMap::new();
        for (pattern, rule) in &wild {
            segments.entry(pattern.literal().into()).or_default().push((Segments::new(pattern), *rule));
        }
        Self { exact, prefixes: Prefixes::new(prefixes), segments: Prefixes::new(segments) }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty() && self.segments.is_empty()
    }

    /// The index of the most specific wildcard rule that matches `path`. `None` if none does.
    fn best_wild(&self, path: &str, rules: &[Rule]) -> Option<usize> {
        let by_prefix = self.prefixes.of(path).next().map(|(_, &rule)| rule);
        let by_segments = self.segments.of(path).find_map(|(length, rules)| {
            let rest = path.get(length..)?;
            rules.iter().find(|(segments, _)| segments.matches(rest)).map(|&(_, rule)| rule)
        });
        let (Some(prefix), Some(segments)) = (by_prefix, by_segments) else { return by_prefix.or(by_segments) };
        // The two ranks differ, because one pattern has no `+` and the other has at least one.
        let rank = |index: usize| rules.get(index).map(|rule| rule.pattern.rank());
        Some(if rank(prefix) > rank(segments) { prefix } else { segments })
    }
}

fn lower(pattern: &Pattern) -> String {
    pattern.text().to_ascii_lowercase()
}

fn has_upper(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}
