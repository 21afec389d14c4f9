//! Writes the data of a request or an answer into a line, in one pass. Every value is hashed, except those of fields
//! that are declared clear. A text that a caller sent is always hashed, because a caller who mixes up two fields may
//! have put a secret there. Names of fields that the API row has are in the clear; all other names that were sent come
//! from callers and are hashed like values. In an answer, names at the top level that could be fields of the API are in
//! the clear.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use super::{
    keys::ValueKind,
    line_writer::{DATA_BYTES_MAX, LineWriter},
};
use crate::base::json::{Event, unescape, walk};

/// Which fields are written in the clear, and how much of them.
#[derive(Clone, Copy)]
pub(crate) enum Clear<'a> {
    /// For data that a caller sent: the numbers and booleans of the plain fields, and the names of the known fields,
    /// which are those that the API row has.
    Sent { plain: &'a [&'a str], known: &'a [&'a str] },
    /// For data that the server wrote: everything under these fields. A path that ends in a dot names a field whose
    /// name is clear and whose value is hashed.
    All(&'a [&'a str]),
}

/// Writes the member `data`. Of long data that was sent, only the fields that the API row has are written, each that is
/// long as one hash; what the caller added to them is counted, so that it cannot hide them. Other data that is too long,
/// and data that is not JSON, is replaced by one hash. The size and, beside fields, a hash of the whole follow.
pub(crate) fn write_data(line: &mut LineWriter<'_>, data: &str, clear: Clear<'_>) {
    line.raw(",\"data\":");
    let here = line.here();
    let written = write_values(line, data, clear);
    if written == Written::Whole {
        return;
    }
    line.back_to(here);
    match (written, known_of(data, clear)) {
        (Written::TooLong, Some(sent)) if sent.write(line, clear) == Written::Whole => {
            line.raw(",\"unknown_fields\":");
            line.number(sent.unknown);
            line.raw(",\"data_hash\":");
        }
        _ => line.back_to(here),
    }
    line.hashed_data(data);
    line.raw(",\"data_bytes\":");
    line.number(data.len() as u64);
    line.raw(",\"truncated\":true");
}

#[derive(PartialEq, Eq)]
enum Written {
    Whole,
    /// The data is too long. The caller must take back what was written of it.
    TooLong,
    /// The data is not JSON. The caller must take back what was written of it.
    NotJson,
}

fn write_values(line: &mut LineWriter<'_>, data: &str, clear: Clear<'_>) -> Written {
    let from = line.len();
    let mut fields = Fields::new(clear);
    let mut fits = true;
    let is_json = walk(data, |event| {
        if fits {
            fields.event(line, event);
            fits = line.len() - from <= DATA_BYTES_MAX;
        }
    });
    match (is_json, fits) {
        (Err(_), _) => Written::NotJson,
        (Ok(()), false) => Written::TooLong,
        (Ok(()), true) => Written::Whole,
    }
}

/// The fields of sent data that the API row has, with their values as JSON texts.
struct KnownFields<'a> {
    known: Vec<(&'a str, &'a str)>,
    /// How many other fields there are.
    unknown: u64,
}

/// `None` if nobody sent the data, or if it is not an object.
fn known_of<'a>(data: &'a str, clear: Clear<'a>) -> Option<KnownFields<'a>> {
    let Clear::Sent { known: names, .. } = clear else { return None };
    let sent: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(data).ok()?;
    let known: Vec<_> = names.iter().filter_map(|name| sent.get(*name).map(|value| (*name, value.get()))).collect();
    let unknown = sent.len().saturating_sub(known.len()) as u64;
    Some(KnownFields { known, unknown })
}

impl<'a> KnownFields<'a> {
    /// Writes an object of these fields. The value of a field that needs more than its share of the line is replaced by
    /// one hash.
    fn write(&self, line: &mut LineWriter<'_>, clear: Clear<'a>) -> Written {
        let from = line.len();
        let share = DATA_BYTES_MAX / self.known.len().max(1);
        line.raw("{");
        for (n, (name, value)) in self.known.iter().enumerate() {
            line.raw(if n == 0 { "" } else { "," });
            let begun = line.len();
            let mut fields = Fields::inside_object(clear);
            fields.key(line, name);
            line.raw(":");
            let here = line.here();
            let mut fits = true;
            let is_json = walk(value, |event| {
                if fits {
                    fields.event(line, event);
                    fits = line.len() - begun <= share;
                }
            });
            if !fits || is_json.is_err() {
                line.back_to(here);
                line.hashed_data(value);
            }
        }
        line.raw("}");
        if line.len() - from <= DATA_BYTES_MAX { Written::Whole } else { Written::TooLong }
    }
}

struct Fields<'a> {
    /// The paths of the fields that are written in the clear.
    clear: &'a [&'a str],
    are_texts_clear: bool,
    /// The names at the top level that are written in the clear. `None` if all are that could be fields of the API.
    known: Option<&'a [&'a str]>,
    /// The names of the fields around the current value, outermost first. List elements add no name.
    names: Vec<&'a str>,
    /// How many objects and lists are open.
    depth: usize,
    /// How many objects are open.
    objects: usize,
    /// The value of [`Fields::depth`] at which the value of a clear field began. `None` outside of clear fields.
    clear_from: Option<usize>,
    needs_comma: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Object,
    List,
}

impl<'a> Fields<'a> {
    fn new(clear: Clear<'a>) -> Self {
        let (clear, are_texts_clear, known) = match clear {
            Clear::Sent { plain, known } => (plain, false, Some(known)),
            Clear::All(fields) => (fields, true, None),
        };
        Self {
            clear,
            are_texts_clear,
            known,
            names: Vec::new(),
            depth: 0,
            objects: 0,
            clear_from: None,
            needs_comma: false,
        }
    }

    /// The state behind the opening brace of the data.
    fn inside_object(clear: Clear<'a>) -> Self {
        Self { depth: 1, objects: 1, ..Self::new(clear) }
    }

    fn event(&mut self, line: &mut LineWriter<'_>, event: Event<'a>) {
        match event {
            Event::ObjectEnd => return self.close(line, Container::Object),
            Event::ArrayEnd => return self.close(line, Container::List),
            _ if self.needs_comma => line.raw(","),
            _ => {}
        }
        match event {
            Event::Key(raw) => {
                self.key(line, raw);
                line.raw(":");
                self.needs_comma = false;
                return;
            }
            Event::ObjectStart => return self.open(line, Container::Object),
            Event::ArrayStart => return self.open(line, Container::List),
            Event::String(raw) if self.are_texts_clear && self.clear_from.is_some() => line.text(&unescape(raw)),
            Event::String(raw) => line.hashed_text(&unescape(raw)),
            Event::Number(raw) if self.clear_from.is_some() => line.raw(raw),
            Event::Number(raw) => line.hashed_guessable(ValueKind::Number, raw),
            Event::Bool(is) => {
                let literal = if is { "true" } else { "false" };
                if self.clear_from.is_some() {
                    line.raw(literal);
                } else {
                    line.hashed_guessable(ValueKind::Boolean, literal);
                }
            }
            Event::Null | Event::ObjectEnd | Event::ArrayEnd => line.raw("null"),
        }
        self.after_value();
    }

    fn open(&mut self, line: &mut LineWriter<'_>, container: Container) {
        line.raw(if container == Container::Object { "{" } else { "[" });
        self.depth += 1;
        self.objects += usize::from(container == Container::Object);
        self.needs_comma = false;
    }

    fn close(&mut self, line: &mut LineWriter<'_>, container: Container) {
        line.raw(if container == Container::Object { "}" } else { "]" });
        self.depth = self.depth.saturating_sub(1);
        if container == Container::Object {
            self.objects = self.objects.saturating_sub(1);
        }
        self.names.truncate(self.objects);
        self.after_value();
    }

    fn after_value(&mut self) {
        self.needs_comma = true;
        if self.clear_from.is_some_and(|depth| self.depth <= depth) {
            self.clear_from = None;
        }
    }

    fn key(&mut self, line: &mut LineWriter<'_>, raw: &'a str) {
        if self.clear_from.is_some() {
            return line.hashed_text(&unescape(raw));
        }
        self.names.truncate(self.objects.saturating_sub(1));
        self.names.push(raw);
        let mut leads_there = false;
        for rest in self.clear.iter().filter_map(|path| rest_of(path, &self.names)) {
            leads_there = true;
            if rest.is_empty() {
                self.clear_from = Some(self.depth);
            }
        }
        let name = unescape(raw);
        if leads_there || (self.depth == 1 && self.may_show(&name)) {
            line.name(&name);
        } else {
            line.hashed_text(&name);
        }
    }

    fn may_show(&self, name: &str) -> bool {
        self.known.map_or_else(|| is_word(name), |known| known.contains(&name))
    }
}

/// The part of `path` (names joined by dots) that follows `names`; `None` if `path` does not begin with them. A name
/// that is empty or contains a dot comes from a caller and never matches.
fn rest_of<'p>(path: &'p str, names: &[&str]) -> Option<&'p str> {
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

/// Whether `name` could be a field of the API.
fn is_word(name: &str) -> bool {
    (1..=WORD_BYTES_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// Longer names are hashed, because no field of the API has so many bytes.
const WORD_BYTES_MAX: usize = 48;
