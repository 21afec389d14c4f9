//! The rules of acl.rs, implemented a second time in the simplest way: every rule is compared with every spelling of
//! the path, and matching rules are compared in pairs. It shares no code with the implementation that it checks.

/// A rule: its path and the words that it grants.
pub(super) type Line = (String, Vec<&'static str>);

/// What the rules grant at `path`, in the words of `sys/capabilities-self`.
pub(super) fn capabilities(policies: &[Vec<Line>], path: &str, is_list: bool) -> Vec<&'static str> {
    let rules = join(policies);
    let path = path.trim_start_matches('/');
    let bare = path.strip_suffix('/').unwrap_or(path);
    let spellings = if is_list { vec![format!("{bare}/"), bare.to_owned()] } else { vec![path.to_owned()] };
    for wants_exact in [true, false] {
        for spelling in &spellings {
            let matching = rules.iter().filter(|rule| is_exact(&rule.0) == wants_exact && speaks_of(rule, spelling));
            if let Some(best) = matching.reduce(|best, rule| if beats(rule, best) { rule } else { best }) {
                return answer(&best.1);
            }
        }
    }
    vec!["deny"]
}

/// Combines rules with the same path.
fn join(policies: &[Vec<Line>]) -> Vec<Line> {
    let mut joined: Vec<Line> = Vec::new();
    for (path, words) in policies.iter().flatten() {
        match joined.iter_mut().find(|known| known.0 == *path) {
            Some(known) => known.1.extend(words),
            None => joined.push((path.clone(), words.clone())),
        }
    }
    joined
}

fn answer(words: &[&'static str]) -> Vec<&'static str> {
    if words.is_empty() || words.contains(&"deny") {
        return vec!["deny"];
    }
    let mut words = words.to_vec();
    words.sort_unstable();
    words.dedup();
    words
}

fn denies(rule: &Line) -> bool {
    rule.1.contains(&"deny")
}

fn is_exact(pattern: &str) -> bool {
    !pattern.ends_with('*') && pattern.split('/').all(|segment| segment != "+")
}

/// A rule that denies matches in every ASCII case.
fn speaks_of(rule: &Line, path: &str) -> bool {
    matches(&rule.0, path) || denies(rule) && matches(&rule.0.to_ascii_lowercase(), &path.to_ascii_lowercase())
}

fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    matches_from(&pattern, &path)
}

fn matches_from(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        ([last], [segment, ..]) if last.ends_with('*') => segment.starts_with(last.trim_end_matches('*')),
        (["+", pattern @ ..], [_, path @ ..]) => matches_from(pattern, path),
        ([part, pattern @ ..], [segment, path @ ..]) => part == segment && matches_from(pattern, path),
        _ => false,
    }
}

/// Whether `left` takes precedence over `right`. Both match the path.
fn beats(left: &Line, right: &Line) -> bool {
    let (a, b) = (left.0.as_str(), right.0.as_str());
    // A later first wildcard wins.
    if first_wildcard(a) != first_wildcard(b) {
        return first_wildcard(a) > first_wildcard(b);
    }
    // Without a final `*` wins over with.
    if a.ends_with('*') != b.ends_with('*') {
        return b.ends_with('*');
    }
    // Fewer `+` win.
    if plus_signs(a) != plus_signs(b) {
        return plus_signs(a) < plus_signs(b);
    }
    // The longer text wins.
    if a.len() != b.len() {
        return a.len() > b.len();
    }
    // The greater text wins, ignoring case. If only the case differs, the rule that denies wins.
    let (lower_a, lower_b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    if lower_a != lower_b {
        return lower_a > lower_b;
    }
    if denies(left) == denies(right) { a > b } else { denies(left) }
}

fn first_wildcard(pattern: &str) -> usize {
    let mut at = 0;
    for segment in pattern.split('/') {
        if segment == "+" {
            return at;
        }
        at += segment.len() + 1;
    }
    pattern.strip_suffix('*').unwrap_or(pattern).len()
}

fn plus_signs(pattern: &str) -> usize {
    pattern.split('/').filter(|segment| *segment == "+").count()
}
