//! The help of a path or of a whole mount, as text made from the rows. It is laid out as OpenBao's, so that a reader
//! finds the same parts: the request, what it does, its parameters.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::contract::{Field, RowFacts};

/// The help of one path. `rows` are the rows of the path, at least one.
pub fn of_path(asked: &str, rows: &[&RowFacts]) -> String {
    let route = rows.first().map(|row| row.path.as_str()).unwrap_or_default();
    let mut text = format!("Request:        {asked}\nMatching Route: {route}\n\n");
    for row in rows {
        push(&mut text, format_args!("    {:<7} {}\n", row.verb.word(), row.help));
    }
    let fields = fields(rows);
    if !fields.is_empty() {
        text.push_str("\n## PARAMETERS\n");
    }
    for (name, field) in fields {
        push(&mut text, format_args!("\n    {name} ({})\n\n", field.about()));
        for line in wrapped(field.field.description()) {
            push(&mut text, format_args!("        {line}\n"));
        }
    }
    text
}

/// The help of a mount: its summary and all its rows.
pub fn of_mount(summary: &str, rows: &[&RowFacts]) -> String {
    let mut text = format!("{summary}\n\n## PATHS\n\nAsk for the help of a path to see its parameters.\n\n");
    for row in rows {
        push(&mut text, format_args!("    {:<7} {}\n        {}\n", row.verb.word(), row.path, row.help));
    }
    text
}

/// A field, and the verbs of the rows that read it. `verbs` is empty for a parameter of the path.
struct Read<'a> {
    field: Field<'a>,
    verbs: Vec<&'static str>,
}

impl Read<'_> {
    /// The type, where the field belongs, and whether it is required.
    fn about(&self) -> String {
        let mut about = self.field.type_words();
        if self.verbs.is_empty() {
            about.push_str("; in the path");
            return about;
        }
        push(&mut about, format_args!("; for {}", self.verbs.join(", ")));
        match self.field.schema.get("default") {
            _ if self.field.is_required => about.push_str("; required"),
            Some(default) => push(&mut about, format_args!("; default {default}")),
            None => {}
        }
        about
    }
}

/// All fields of these rows by name. If several rows read a field of the same name, the first of them describes it.
fn fields<'a>(rows: &[&'a RowFacts]) -> BTreeMap<&'a str, Read<'a>> {
    let mut all: BTreeMap<&str, Read<'_>> = BTreeMap::new();
    for row in rows {
        for field in row.input.fields() {
            all.entry(field.name).or_insert(Read { field, verbs: Vec::new() }).verbs.push(row.verb.word());
        }
    }
    for field in rows.first().into_iter().flat_map(|row| row.params.fields()) {
        all.insert(field.name, Read { field, verbs: Vec::new() });
    }
    all
}

/// The text in lines that fit a terminal.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 80;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= WIDTH => push(line, format_args!(" {word}")),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(part);
    debug_assert!(written.is_ok(), "writing to a text cannot fail");
}
