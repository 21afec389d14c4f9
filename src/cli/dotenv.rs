//! Reads `.env` files: lines of `NAME=value`, perhaps with `export` before the name or quotes around the value. Nothing
//! is expanded, so a secret with a `$` in it stays as it is. The reader is our own because those on crates.io expand.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DotenvError {
    #[error("line {0} is not NAME=value")]
    Shape(usize),
    #[error("line {0}: a name may hold letters, digits, `_`, `.` and `-`, and must not begin with a digit")]
    Name(usize),
    #[error("the quote that opens on line {0} is never closed")]
    Quote(usize),
    #[error("line {0} has text after its closing quote")]
    Behind(usize),
    #[error("line {line}: `{name}` is set a second time")]
    Twice { line: usize, name: String },
}

/// Reads names and values, in their order. Errors name lines but no values.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, DotenvError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let (this, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = this.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = after;
            continue;
        }
        let start = line;
        let (name, value) = this.split_once('=').ok_or(DotenvError::Shape(start))?;
        let name = name.trim().strip_prefix("export ").unwrap_or(name).trim();
        if !is_name(name) {
            return Err(DotenvError::Name(start));
        }
        if pairs.iter().any(|(known, _)| known == name) {
            return Err(DotenvError::Twice { line: start, name: name.to_owned() });
        }
        let value_text = value.trim_start();
        let first = value_text.chars().next();
        let value = if let Some(quote @ ('"' | '\'')) = first {
            let quoted = rest.get(this.len() - value_text.len() + 1..).unwrap_or_default();
            let (value, behind) = read_quoted(quoted, quote).ok_or(DotenvError::Quote(start))?;
            line += quoted.get(..quoted.len() - behind.len()).unwrap_or_default().matches('\n').count();
            let (tail, next) = behind.split_once('\n').unwrap_or((behind, ""));
            if !(tail.trim().is_empty() || tail.trim_start().starts_with('#')) {
                return Err(DotenvError::Behind(line));
            }
            rest = next;
            value
        } else {
            rest = after;
            bare(value_text)
        };
        pairs.push((name.to_owned(), value));
    }
    Ok(pairs)
}

/// A value without quotes. It ends at ` #` or at the end of the line.
fn bare(text: &str) -> String {
    let end = text.find(" #").or_else(|| text.find("\t#")).unwrap_or(text.len());
    text.get(..end).unwrap_or(text).trim().to_owned()
}

/// Splits `text` into the value up to the closing quote, and the text after the quote. Double quotes have the escapes
/// `\n`, `\r`, `\t`, `\"`, `\\`, `\$` and `` \` ``; single quotes have none. `None` if the quote is not closed.
fn read_quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value, text.get(at + c.len_utf8()..)?)),
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                c @ ('"' | '\\' | '$' | '`') => value.push(c),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn values_are_bare_or_quoted_and_never_expanded() {
        let text = "\u{feff}# keys\n\nA=1\nexport B = two words # why\nC=\nD='$HOME #x'\nE=\"a\\n\\\"b\\\" $X\" # c\nF=a=b#c\r\n";
        let expected = [
            pair("A", "1"),
            pair("B", "two words"),
            pair("C", ""),
            pair("D", "$HOME #x"),
            pair("E", "a\n\"b\" $X"),
            pair("F", "a=b#c"),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn a_quoted_value_may_span_lines() {
        assert_eq!(
            read("K='-----BEGIN\nabc\n-----END'\nL=1"),
            [pair("K", "-----BEGIN\nabc\n-----END"), pair("L", "1")]
        );
    }

    #[test]
    fn a_mistake_is_named_by_its_line() {
        for (text, error) in [
            ("A=1\nnonsense\n", DotenvError::Shape(2)),
            ("1A=x", DotenvError::Name(1)),
            ("=x", DotenvError::Name(1)),
            ("A='x\ny", DotenvError::Quote(1)),
            ("K='a\nb' c", DotenvError::Behind(2)),
            ("K='a\nb'\nK=2", DotenvError::Twice { line: 3, name: "K".to_owned() }),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[A-Z='\"\\\\\n #x]{0,40}") {
            let _ = parse(&text);
        }
    }
}
