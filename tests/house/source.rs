//! Source text as the rules see it: comments and literals blanked, test code told apart, paths resolved. A small lexer,
//! not a parser: it knows words, `::` and brackets, which is all that the rules ask about.

/// A file, by its path from the root of the project.
pub struct Source {
    pub file: String,
    pub lines: usize,
    pub has_header: bool,
    /// Words and signs of the whole file.
    pub tokens: Vec<Token>,
    /// The same without test code; empty in a file of tests.
    pub code: Vec<Token>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path as it would be written from the root of the crate, or from another crate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mention {
    pub path: String,
    pub line: usize,
}

/// A function with a body.
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

/// Reads all files; what stands under `#[cfg(test)]` in one may make another a file of tests.
pub fn read_all(files: Vec<(String, String)>) -> Vec<Source> {
    let mut sources: Vec<Source> = files.into_iter().map(|(file, text)| Source::read(file, &text)).collect();
    let roots: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let is_tests = source.file.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples"));
        if is_tests
            || roots
                .iter()
                .any(|root| source.file == format!("{root}.rs") || source.file.starts_with(&format!("{root}/")))
        {
            source.code = Vec::new();
        }
    }
    sources
}

impl Source {
    fn read(file: String, text: &str) -> Self {
        let tokens = tokens(&blank(text));
        let code = without_tests(&tokens);
        Self { file, lines: text.lines().count(), has_header: text.starts_with("//!"), tokens, code }
    }

    /// The floor under `src/` that the file belongs to; none for `lib.rs` and `main.rs`.
    pub fn floor(&self) -> Option<&str> {
        let name = self.file.strip_prefix("src/")?;
        let floor = name.split_once('/').map_or_else(|| name.trim_end_matches(".rs"), |(floor, _)| floor);
        if matches!(floor, "lib" | "main") { None } else { Some(floor) }
    }

    pub fn mentions(&self, tokens: &[Token]) -> Vec<Mention> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let before = at.checked_sub(1).map_or("", |i| tokens[i].text.as_str());
            if is_word(&tokens[at].text) && !matches!(before, "::" | ".") {
                at = tree(tokens, at, "", &mut found);
            } else {
                at += 1;
            }
        }
        let module = module_of(&self.file);
        for mention in &mut found {
            mention.path = resolve(&mention.path, &module);
        }
        found
    }

    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (at, pair) in self.code.windows(2).enumerate() {
            if pair[0].text != "fn" || !is_word(&pair[1].text) {
                continue;
            }
            let end = item_end(&self.code, at);
            if self.code[end - 1].text == "}" {
                let lines = self.code[end - 1].line - pair[0].line + 1;
                found.push(Function { name: pair[1].text.clone(), line: pair[0].line, lines });
            }
        }
        found
    }

    /// Where the modules lie that are declared under `#[cfg(test)]`.
    fn test_modules(&self) -> Vec<String> {
        let folder = self.file.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("/lib").to_owned();
        let mut found = Vec::new();
        for at in test_attributes(&self.tokens) {
            let rest: Vec<&str> = self.tokens[at..].iter().map(|token| token.text.as_str()).collect();
            let rest = rest.strip_prefix(&["pub"]).unwrap_or(&rest);
            if let ["mod", name, ";", ..] = rest {
                found.push(format!("{folder}/{name}"));
            }
        }
        found
    }
}

pub fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads the path that begins at `at`, with its groups, and says where it ends.
fn tree(tokens: &[Token], mut at: usize, prefix: &str, found: &mut Vec<Mention>) -> usize {
    let line = tokens[at].line;
    let mut path = prefix.to_owned();
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    let is_start = is_word(&tokens[at].text) && !matches!(tokens[at - 1].text.as_str(), "as");
                    at = if is_start || tokens[at].text == "*" { tree(tokens, at, &path, found) } else { at + 1 };
                }
                return at + 1;
            }
            word if is_word(word) || word == "*" => {
                path = if path.is_empty() { word.to_owned() } else { format!("{path}::{word}") };
                at += 1;
            }
            _ => break,
        }
        let goes_on = tokens.get(at).is_some_and(|token| token.text == "::")
            && tokens.get(at + 1).is_some_and(|token| is_word(&token.text) || matches!(token.text.as_str(), "{" | "*"));
        if !goes_on {
            break;
        }
        at += 1;
    }
    found.push(Mention { path, line });
    at
}

fn module_of(file: &str) -> Vec<&str> {
    let inner = file.strip_prefix("src/").unwrap_or(file).trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(inner, "lib" | "main") { Vec::new() } else { inner.split('/').collect() }
}

/// Turns `self::`, `super::` and our own crate's name into `crate::`.
fn resolve(path: &str, module: &[&str]) -> String {
    let mut rest: Vec<&str> = path.split("::").collect();
    let mut base = module.to_vec();
    match rest[0] {
        "self" | "super" if rest.len() > 1 => {}
        "strongroom" if rest.len() > 1 => return format!("crate::{}", rest[1..].join("::")),
        _ => return path.to_owned(),
    }
    while let [first @ ("self" | "super"), tail @ ..] = &rest[..] {
        if *first == "super" {
            base.pop();
        }
        rest = tail.to_vec();
    }
    ["crate"].iter().chain(&base).chain(&rest).copied().collect::<Vec<_>>().join("::")
}

/// Replaces comments and what stands in literals by blanks; lines stay where they are.
pub fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let starts = |at: usize, word: &str| word.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let glued = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
        let end = if starts(at, "//") {
            (at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len())
        } else if starts(at, "/*") {
            comment_end(&chars, at)
        } else if chars[at] == '"' {
            string_end(&chars, at)
        } else if !glued && (starts(at, "r\"") || starts(at, "r#") || starts(at, "br\"") || starts(at, "br#")) {
            raw_end(&chars, at).unwrap_or(at)
        } else if chars[at] == '\'' {
            char_end(&chars, at).unwrap_or(at)
        } else {
            at
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

fn comment_end(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

fn string_end(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of `r"…"`, `br#"…"#` and the like; none if it is a raw identifier.
fn raw_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes_from = (from..chars.len()).find(|&i| chars[i] == 'r')? + 1;
    let quote = (hashes_from..chars.len()).find(|&i| chars[i] != '#')?;
    if chars[quote] != '"' {
        return None;
    }
    let hashes = quote - hashes_from;
    let closes = |i: usize| chars[i] == '"' && (1..=hashes).all(|h| chars.get(i + h) == Some(&'#'));
    (quote + 1..chars.len()).find(|&i| closes(i)).map(|i| i + 1 + hashes)
}

/// The end of a character literal; none if the quote begins a lifetime.
fn char_end(chars: &[char], from: usize) -> Option<usize> {
    if chars.get(from + 1) == Some(&'\\') {
        return (from + 3..chars.len()).find(|&i| chars[i] == '\'').map(|i| i + 1);
    }
    if chars.get(from + 2) == Some(&'\'') { Some(from + 3) } else { None }
}

pub fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            found.push(Token { text: rest[..len].to_owned(), line: line + 1 });
            rest = rest[len..].trim_start();
        }
    }
    found
}

/// Where the items begin that stand under `#[cfg(test)]`.
fn test_attributes(tokens: &[Token]) -> Vec<usize> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if tokens[at].text == "#" && texts(tokens, at, 7) == ["#", "[", "cfg", "(", "test", ")", "]"] {
            let mut item = at + 7;
            while texts(tokens, item, 2) == ["#", "["] {
                item = close(tokens, item + 1) + 1;
            }
            found.push(item);
        }
    }
    found
}

fn texts(tokens: &[Token], from: usize, count: usize) -> Vec<&str> {
    tokens.iter().skip(from).take(count).map(|token| token.text.as_str()).collect()
}

fn without_tests(tokens: &[Token]) -> Vec<Token> {
    if (0..tokens.len())
        .any(|at| tokens[at].text == "#" && texts(tokens, at, 8) == ["#", "!", "[", "cfg", "(", "test", ")", "]"])
    {
        return Vec::new();
    }
    let mut kept = vec![true; tokens.len()];
    for item in test_attributes(tokens) {
        for keep in &mut kept[item..item_end(tokens, item)] {
            *keep = false;
        }
    }
    tokens.iter().zip(kept).filter(|(_, keep)| *keep).map(|(token, _)| token.clone()).collect()
}

/// The end of the item that begins at `from`: behind its `;` or behind its closing brace.
fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "{" => return close(tokens, at) + 1,
            "(" | "[" => at = close(tokens, at) + 1,
            _ => at += 1,
        }
    }
    tokens.len()
}

/// Where the bracket that opens at `from` is closed.
fn close(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len() - 1
}
