//! The reader of HCL 1: recursive descent to a fixed depth. As in HCL 1, line ends have no meaning outside of texts and
//! comments, and an item may end with a comma. Stricter than HCL 1: numbers are decimal, and a text holds no control
//! characters.

use super::model::{HclBody, HclError, Item, Pos, Value};
use crate::base::limits::{HCL_DEPTH_MAX, HCL_ITEMS_MAX};

pub(super) fn parse(text: &str) -> Result<HclBody, HclError> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, line: 1, line_start: 0, items: 0 };
    let body = reader.body(0)?;
    if reader.at < text.len() {
        return Err(reader.refuse("this `}` has no matching `{`"));
    }
    Ok(body)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u32,
    line_start: usize,
    items: usize,
}

impl<'a> Reader<'a> {
    /// Reads items up to the end of the text or to a `}`, which it does not consume.
    fn body(&mut self, depth: usize) -> Result<HclBody, HclError> {
        let mut items = Vec::new();
        loop {
            self.skip_blanks()?;
            match self.peek() {
                None | Some(b'}') => return Ok(HclBody { items }),
                _ => items.push(self.item(depth)?),
            }
            self.skip_blanks()?;
            if self.peek() == Some(b',') {
                self.at += 1;
            }
        }
    }

    fn item(&mut self, depth: usize) -> Result<Item, HclError> {
        let pos = self.pos();
        let key = self.key()?;
        let mut labels = Vec::new();
        loop {
            self.skip_blanks()?;
            match self.peek() {
                Some(b'=') if labels.is_empty() => {
                    self.at += 1;
                    self.skip_blanks()?;
                    let value = self.value(depth)?;
                    return Ok(Item { key, pos, labels, value });
                }
                Some(b'{') => {
                    let value = self.object(depth)?;
                    return Ok(Item { key, pos, labels, value });
                }
                Some(b'"' | b'_' | b'a'..=b'z' | b'A'..=b'Z') => labels.push(self.key()?),
                Some(b'=') => return Err(self.refuse("write a block with labels without `=`")),
                _ => return Err(self.refuse("a key must be followed by `=` or `{`")),
            }
        }
    }

    /// Reads a key or a label, quoted or bare.
    fn key(&mut self) -> Result<String, HclError> {
        self.count()?;
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'_' | b'a'..=b'z' | b'A'..=b'Z') => Ok(self.word().to_owned()),
            _ => Err(self.refuse("expected a key: quote it if it holds more than letters, digits, `_`, `-` and `.`")),
        }
    }

    fn word(&mut self) -> &'a str {
        let from = self.at;
        while self.peek().is_some_and(is_word) {
            self.at += 1;
        }
        self.text.get(from..self.at).unwrap_or("")
    }

    fn value(&mut self, depth: usize) -> Result<Value, HclError> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'<') => self.heredoc().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b'_' | b'a'..=b'z' | b'A'..=b'Z') => {
                let pos = self.pos();
                match self.word() {
                    "true" => Ok(Value::Bool(true)),
                    "false" => Ok(Value::Bool(false)),
                    _ => Err(HclError::new(pos, "a text must be quoted")),
                }
            }
            _ => Err(self.refuse("expected a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, HclError> {
        let pos = self.descend(depth)?;
        let body = self.body(depth + 1)?;
        if self.peek() != Some(b'}') {
            return Err(HclError::new(pos, "this `{` is never closed"));
        }
        self.at += 1;
        Ok(Value::Object(body))
    }

    fn list(&mut self, depth: usize) -> Result<Value, HclError> {
        let pos = self.descend(depth)?;
        let mut values = Vec::new();
        loop {
            self.skip_blanks()?;
            match self.peek() {
                Some(b']') => break,
                None => return Err(HclError::new(pos, "this `[` is never closed")),
                Some(_) => {
                    self.count()?;
                    values.push(self.value(depth + 1)?);
                }
            }
            self.skip_blanks()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {}
                None => return Err(HclError::new(pos, "this `[` is never closed")),
                Some(_) => return Err(self.refuse("expected `,` or `]` after a value of a list")),
            }
        }
        self.at += 1;
        Ok(Value::List(values))
    }

    /// Steps over an opening bracket and returns its position. More than [`HCL_DEPTH_MAX`] levels are refused.
    fn descend(&mut self, depth: usize) -> Result<Pos, HclError> {
        if depth >= HCL_DEPTH_MAX {
            return Err(self.refuse(format!("nested too deeply: at most {HCL_DEPTH_MAX} levels")));
        }
        let pos = self.pos();
        self.at += 1;
        Ok(pos)
    }

    fn number(&mut self) -> Result<String, HclError> {
        let (from, pos) = (self.at, self.pos());
        while self.peek().is_some_and(|b| is_word(b) || b == b'+') {
            self.at += 1;
        }
        let text = self.text.get(from..self.at).unwrap_or("");
        if is_decimal(text) {
            Ok(text.to_owned())
        } else {
            Err(HclError::new(pos, "not a decimal number: quote it if it has a unit"))
        }
    }

    /// Reads a quoted text. `${` is kept as it is: nothing is interpolated.
    fn string(&mut self) -> Result<String, HclError> {
        let pos = self.pos();
        self.at += 1;
        let mut out = String::new();
        loop {
            let from = self.at;
            while self.peek().is_some_and(|b| !matches!(b, b'"' | b'\\' | 0..=8 | 10..=0x1f | 0x7f)) {
                self.at += 1;
            }
            out.push_str(self.text.get(from..self.at).unwrap_or(""));
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => out.push(self.escape()?),
                Some(b'\n' | b'\r') | None => return Err(HclError::new(pos, "this text is never closed")),
                Some(_) => return Err(self.refuse("a text may not hold a control character: escape it")),
            }
        }
        self.at += 1;
        Ok(out)
    }

    fn escape(&mut self) -> Result<char, HclError> {
        let c = match self.bytes.get(self.at + 1) {
            Some(b'n') => Some(('\n', 2)),
            Some(b'r') => Some(('\r', 2)),
            Some(b't') => Some(('\t', 2)),
            Some(b'"') => Some(('"', 2)),
            Some(b'\\') => Some(('\\', 2)),
            Some(b'u') => self.code_point(4),
            Some(b'U') => self.code_point(8),
            _ => None,
        };
        let Some((c, len)) = c else {
            return Err(self.refuse(r#"unknown escape: write `\n`, `\r`, `\t`, `\"`, `\\`, `\uXXXX` or `\UXXXXXXXX`"#));
        };
        self.at += len;
        Ok(c)
    }

    fn code_point(&self, digits: usize) -> Option<(char, usize)> {
        let text = self.text.get(self.at + 2..self.at + 2 + digits)?;
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let c = char::from_u32(u32::from_str_radix(text, 16).ok()?)?;
        Some((c, digits + 2))
    }

    /// Reads `<<WORD` and the lines up to a line that holds only `WORD`. With `<<-`, the indentation of that line is
    /// removed from all lines of the text, if all of them have it.
    fn heredoc(&mut self) -> Result<String, HclError> {
        let pos = self.pos();
        let is_indented = self.bytes.get(self.at + 2) == Some(&b'-');
        if self.bytes.get(self.at + 1) != Some(&b'<') {
            return Err(self.refuse("expected a value"));
        }
        self.at += if is_indented { 3 } else { 2 };
        let from = self.at;
        let first = self.line();
        let word = first.trim_end_matches('\r');
        if word.is_empty() || !word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(HclError::new(pos, "`<<` must be followed by one word and a line end"));
        }
        let mut lines = Vec::new();
        self.at = from + first.len();
        loop {
            if self.peek().is_none() {
                return Err(HclError::new(pos, "the word that ends this text is missing"));
            }
            self.at += 1;
            (self.line, self.line_start) = (self.line + 1, self.at);
            let line = self.line();
            let bare = line.trim_start_matches([' ', '\t']);
            self.at += line.len();
            if bare.trim_end_matches('\r') == word {
                let indent = line.get(..line.len() - bare.len()).unwrap_or("");
                return Ok(join(&lines, if is_indented { indent } else { "" }));
            }
            lines.push(line);
        }
    }

    /// The rest of the current line, without the line end.
    fn line(&self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or("");
        rest.split_once('\n').map_or(rest, |(line, _)| line)
    }

    fn skip_blanks(&mut self) -> Result<(), HclError> {
        loop {
            match (self.peek(), self.bytes.get(self.at + 1)) {
                (Some(b'\n'), _) => {
                    self.at += 1;
                    (self.line, self.line_start) = (self.line + 1, self.at);
                }
                (Some(b' ' | b'\t' | b'\r'), _) => self.at += 1,
                (Some(b'#'), _) | (Some(b'/'), Some(b'/')) => self.at += self.line().len(),
                (Some(b'/'), Some(b'*')) => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), HclError> {
        let pos = self.pos();
        self.at += 2;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'\n' => (self.line, self.line_start) = (self.line + 1, self.at),
                b'*' if self.peek() == Some(b'/') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(HclError::new(pos, "this comment is never closed"))
    }

    fn count(&mut self) -> Result<(), HclError> {
        self.items += 1;
        if self.items > HCL_ITEMS_MAX {
            Err(self.refuse(format!("too many items: at most {HCL_ITEMS_MAX}")))
        } else {
            Ok(())
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn pos(&self) -> Pos {
        let column = self.at.saturating_sub(self.line_start) + 1;
        Pos { line: self.line, column: u32::try_from(column).unwrap_or(u32::MAX) }
    }

    fn refuse(&self, message: impl Into<String>) -> HclError {
        HclError::new(self.pos(), message)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Whether `text` is a number by JSON's grammar: decimal, without leading zeros.
fn is_decimal(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|e| is_digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

fn join(lines: &[&str], indent: &str) -> String {
    let is_common = lines.iter().all(|line| line.starts_with(indent) || line.trim().is_empty());
    let indent = if is_common { indent } else { "" };
    lines.iter().fold(String::new(), |out, line| out + line.strip_prefix(indent).unwrap_or(line) + "\n")
}
