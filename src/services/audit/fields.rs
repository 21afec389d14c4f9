//! The data of a request or an answer, walked once: every value is hashed, save those of fields that are declared clear.
//! A text that a caller sent is hashed wherever it stands: who is wrong about a field may have put a secret there.
//! Names of our own fields, at the top, are clear; names further in belong to callers and are hashed as values are.

use super::draft::Draft;
use crate::base::json::{Event, unescape, walk};

/// Which fields are written clear, and how far.
#[derive(Clone, Copy)]
pub(super) enum Clear<'a> {
    /// Their numbers and booleans: a request's.
    Numbers(&'a [&'a str]),
    /// Whatever lies under them: an answer's, where it says something of ours. A path that ends in a dot names a field
    /// whose name is clear and whose value is hashed.
    All(&'a [&'a str]),
}

/// Writes `data` (JSON text) with its values hashed. `false` where that takes more than `bytes_max` or `data` is no
/// JSON: what was written then is of no use.
pub(super) fn write(draft: &mut Draft<'_>, data: &str, clear: Clear<'_>, bytes_max: usize) -> bool {
    let from = draft.len();
    let (plain, are_texts_clear) = match clear {
        Clear::Numbers(fields) => (fields, false),
        Clear::All(fields) => (fields, true),
    };
    let mut fields = Fields {
        plain,
        are_texts_clear,
        names: Vec::new(),
        depth: 0,
        objects: 0,
        clear_from: None,
        needs_comma: false,
    };
    let mut fits = true;
    let is_json = walk(data, |event| {
        if fits {
            fields.event(draft, event);
            fits = draft.len() - from <= bytes_max;
        }
    });
    fits && is_json.is_ok()
}

struct Fields<'a> {
    plain: &'a [&'a str],
    are_texts_clear: bool,
    /// The names that lead to where we are; elements of a list add none.
    names: Vec<&'a str>,
    /// Open objects and lists.
    depth: usize,
    /// Open objects.
    objects: usize,
    /// The depth at which a plain field's value began.
    clear_from: Option<usize>,
    needs_comma: bool,
}

impl<'a> Fields<'a> {
    fn event(&mut self, draft: &mut Draft<'_>, event: Event<'a>) {
        match event {
            Event::ObjectEnd | Event::ArrayEnd => {
                self.close(draft, event == Event::ObjectEnd);
                return;
            }
            _ if self.needs_comma => draft.raw(","),
            _ => {}
        }
        match event {
            Event::Key(raw) => {
                self.key(draft, raw);
                draft.raw(":");
                self.needs_comma = false;
                return;
            }
            Event::ObjectStart | Event::ArrayStart => {
                draft.raw(if event == Event::ObjectStart { "{" } else { "[" });
                self.depth += 1;
                self.objects += usize::from(event == Event::ObjectStart);
                self.needs_comma = false;
                return;
            }
            Event::String(raw) if self.are_texts_clear && self.clear_from.is_some() => draft.text(&unescape(raw)),
            Event::String(raw) => draft.hashed(&unescape(raw)),
            Event::Number(raw) if self.clear_from.is_some() => draft.raw(raw),
            Event::Number(raw) => draft.hashed_literal(b'n', raw),
            Event::Bool(is) => {
                let literal = if is { "true" } else { "false" };
                if self.clear_from.is_some() { draft.raw(literal) } else { draft.hashed_literal(b'b', literal) }
            }
            Event::Null | Event::ObjectEnd | Event::ArrayEnd => draft.raw("null"),
        }
        self.after_value();
    }

    fn close(&mut self, draft: &mut Draft<'_>, is_object: bool) {
        draft.raw(if is_object { "}" } else { "]" });
        self.depth = self.depth.saturating_sub(1);
        self.objects -= usize::from(is_object && self.objects > 0);
        self.names.truncate(self.objects);
        self.after_value();
    }

    fn after_value(&mut self) {
        self.needs_comma = true;
        if self.clear_from.is_some_and(|depth| self.depth <= depth) {
            self.clear_from = None;
        }
    }

    fn key(&mut self, draft: &mut Draft<'_>, raw: &'a str) {
        if self.clear_from.is_some() {
            return draft.hashed(&unescape(raw));
        }
        self.names.truncate(self.objects.saturating_sub(1));
        self.names.push(raw);
        let mut leads_there = false;
        for rest in self.plain.iter().filter_map(|plain| behind(plain, &self.names)) {
            leads_there = true;
            if rest.is_empty() {
                self.clear_from = Some(self.depth);
            }
        }
        if leads_there || (self.depth == 1 && is_word(raw)) {
            draft.name(&unescape(raw));
        } else {
            draft.hashed(&unescape(raw));
        }
    }
}

/// What is left of a path of names joined by dots, behind `names`; `None` where it does not begin with them. A name that
/// is empty or holds a dot is a caller's.
fn behind<'p>(path: &'p str, names: &[&str]) -> Option<&'p str> {
    let mut rest = path;
    for (n, name) in names.iter().enumerate() {
        if name.is_empty() || name.contains('.') {
            return None;
        }
        let from = if n == 0 { rest } else { rest.strip_prefix('.')? };
        rest = from.strip_prefix(name)?;
    }
    (rest.is_empty() || rest.starts_with('.')).then_some(rest)
}

/// Whether a name could be one of our fields.
fn is_word(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// Longer than any field of the API.
const NAME_BYTES_MAX: usize = 48;
