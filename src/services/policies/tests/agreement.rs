//! Random and recorded sets of rules, checked against the answers of a real OpenBao and against the reference
//! implementation.

use super::{
    reference::{self, Line},
    *,
};

const LETTERS: [(char, &str); 9] = [
    ('c', "create"),
    ('d', "delete"),
    ('l', "list"),
    ('p', "patch"),
    ('r', "read"),
    ('s', "scan"),
    ('S', "sudo"),
    ('u', "update"),
    ('X', "deny"),
];

fn spelled(letters: &str) -> Vec<&'static str> {
    let mut words: Vec<_> = LETTERS.iter().filter(|(letter, _)| letters.contains(*letter)).map(|&(_, w)| w).collect();
    words.sort_unstable();
    words
}

/// openbao.txt says how it was made.
#[test]
fn openbao_answers_the_same() {
    let cases = include_str!("openbao.txt").lines().filter(|line| !line.starts_with('#'));
    let mut asked = 0;
    for case in cases {
        let (policies, answers) = case.split_once(" | ").unwrap();
        let policies: Vec<Vec<Line>> = policies.split(" // ").map(lines_of).collect();
        let acl = compiled(&policies);
        for answer in answers.split(' ') {
            let (path, expected) = answer.rsplit_once('=').unwrap();
            let expected = spelled(expected);
            assert_eq!(acl.capabilities(path).words(), expected, "{case} at {path}");
            assert_eq!(reference::capabilities(&policies, path, path.ends_with('/')), expected, "{case} at {path}");
            asked += 1;
        }
    }
    assert!(asked > 1000);
}

fn lines_of(policy: &str) -> Vec<Line> {
    let rules = policy.split("; ").map(|rule| rule.split_once(' ').unwrap());
    rules.map(|(letters, path)| (path.to_owned(), spelled(letters))).collect()
}

fn compiled(policies: &[Vec<Line>]) -> Acl {
    let policies = policies.iter().map(|lines| {
        let text: String = lines.iter().map(|(path, words)| block((&words.join(","), path))).collect();
        policy("p", &text.replace("\"\"", "")).unwrap()
    });
    Acl::compile(&policies.collect::<Vec<_>>())
}

/// ACL-12. `STRONGROOM_LONG=1` asks a million.
#[test]
fn the_reference_implementation_answers_the_same() {
    let rounds = if std::env::var_os("STRONGROOM_LONG").is_some() { 200_000 } else { 20_000 };
    let mut dice = Dice(6);
    for _ in 0..rounds {
        let count = dice.below(4) + 1;
        let policies: Vec<Vec<Line>> =
            (0..count).map(|_| (0..=dice.below(4)).map(|_| (dice.pattern(), dice.words())).collect()).collect();
        let acl = compiled(&policies);
        for _ in 0..5 {
            let path = dice.path(&policies);
            let expected = reference::capabilities(&policies, &path, path.ends_with('/'));
            assert_eq!(acl.capabilities(&path).words(), expected, "{policies:?} at {path}");
            let wanted = [Wanted::Read, Wanted::List, Wanted::Scan, Wanted::Update][dice.below(4)];
            let asked = reference::capabilities(&policies, &path, matches!(wanted, Wanted::List | Wanted::Scan));
            let allowed = wanted.capability().words().iter().all(|word| asked.contains(word));
            let needs_sudo = dice.below(4) == 0;
            let access = if needs_sudo { Access::Sudo } else { Access::Ordinary };
            let verdict = acl.judge(&path, wanted, access);
            assert_eq!(verdict.allowed, allowed && (!needs_sudo || asked.contains(&"sudo")), "{policies:?} at {path}");
            if let Some((mount, _)) = path.split_once('/').filter(|_| acl.capabilities(&path).grants_any()) {
                assert!(acl.allows_any_below(mount), "{policies:?} below {mount}");
            }
        }
    }
}

/// SplitMix64, a repeatable generator, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % end as u64) as usize
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len())]
    }

    fn words(&mut self) -> Vec<&'static str> {
        match self.below(8) {
            0..3 => vec!["deny"],
            3 => Vec::new(),
            _ => (0..=self.below(3)).map(|_| self.pick(&["read", "list", "scan", "update", "sudo"])).collect(),
        }
    }

    fn pattern(&mut self) -> String {
        let mut pattern =
            (0..=self.below(4)).map(|_| self.pick(&["a", "a", "A", "b", "aB", "+", "+"])).collect::<Vec<_>>().join("/");
        match self.below(10) {
            0..3 => pattern.push_str("/*"),
            3 if !pattern.ends_with('+') => pattern.push('*'),
            4 => pattern.push('/'),
            5 if self.below(4) == 0 => pattern = "*".to_owned(),
            _ => {}
        }
        pattern
    }

    /// Usually a path that one of the patterns matches.
    fn path(&mut self, policies: &[Vec<Line>]) -> String {
        let lines = &policies[self.below(policies.len())];
        let pattern = lines[self.below(lines.len())].0.replace('*', self.pick(&["", "a", "b", "B/a", "b/"]));
        let mut segments: Vec<String> = pattern.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
        for segment in &mut segments {
            if segment == "+" || self.below(8) == 0 {
                *segment = self.pick(&["a", "A", "b", "ab", "AB"]).to_owned();
            } else if self.below(6) == 0 {
                *segment = segment.to_ascii_uppercase();
            }
        }
        let mut path = segments.join("/");
        if path.is_empty() {
            path.push('a');
        }
        if pattern.ends_with('/') && self.below(4) != 0 || self.below(4) == 0 {
            path.push('/');
        }
        path
    }
}
