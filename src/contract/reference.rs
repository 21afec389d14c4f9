//! The reference of a mount as Markdown, made from its rows: for each row who may use it, what it does and what it
//! reads.

use std::fmt::Write as _;

use crate::contract::{Access, Field, RowFacts, Verb, openapi::Described};

/// The section of the reference about one mount.
pub fn section(mount: &Described<'_>, summary: &str) -> String {
    let mut text = format!("## `{}`\n\n{summary}\n", mount.path);
    for row in &mount.rows {
        push(&mut text, format_args!("\n### {} `{}{}`\n\n", row.verb.word(), mount.path, row.path));
        push(&mut text, format_args!("{} {}\n", row.help, access(row)));
        fields(&mut text, row);
    }
    text
}

/// Describes, for the reference, who may call the API row.
fn access(row: &RowFacts) -> String {
    let capability = match row.verb {
        Verb::List => "`list`",
        Verb::Read => "`read`",
        Verb::Write | Verb::Login if row.may_create => "`update`, or `create` for something new",
        Verb::Write | Verb::Login => "`update`",
        Verb::Patch => "`patch`",
        Verb::Delete => "`delete`",
    };
    match row.access {
        Access::Public => String::from("Asks for no token."),
        Access::Ordinary => format!("Asks for {capability}."),
        Access::Sudo => format!("Asks for {capability}, and for `sudo`."),
    }
}

fn fields(text: &mut String, row: &RowFacts) {
    if row.params.is_empty() && row.input.is_empty() {
        return;
    }
    text.push_str("\n| field | type | | |\n|---|---|---|---|\n");
    for field in row.params.fields() {
        line(text, &field, "in the path");
    }
    for field in row.input.fields() {
        line(text, &field, if field.is_required { "required" } else { "" });
    }
}

fn line(text: &mut String, field: &Field<'_>, place: &str) {
    let description = field.description().replace('|', "\\|");
    push(text, format_args!("| `{}` | {} | {place} | {description} |\n", field.name, field.type_words()));
    for inner in field.inner() {
        let name = format!("{}.{}", field.name, inner.name);
        line(text, &Field { name: &name, ..inner }, "");
    }
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(part);
    debug_assert!(written.is_ok(), "writing to a text cannot fail");
}
