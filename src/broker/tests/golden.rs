//! What a reviewer should see change: which rows there are, which of them ask for no token, and which leave which lines
//! in the audit log. Compared with files in `data/`, which are changed by hand and never by a test.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::Rig;
use crate::{
    broker::{
        KINDS,
        documents::{self, Usual},
    },
    contract::{Class, ObjectSchema, Recording, RowFacts, WhenSealed, WhenUnrecordable},
    services::audit::RECORDED_WHILE_SEALED,
};

/// The kinds that are no kinds of tests.
fn mounts() -> Vec<Usual> {
    documents::usual_mounts(KINDS.iter().filter(|kind| !["panicking", "signed"].contains(&kind.name)))
}

/// Every row with the mount it is usually found at, in order.
pub(super) fn rows() -> Vec<(String, Arc<RowFacts>)> {
    let named = |mount: Usual| {
        let path = mount.path.trim_end_matches('/').to_owned();
        mount.rows.into_iter().map(move |facts| (path.clone(), facts))
    };
    let mut rows: Vec<_> = mounts().into_iter().flat_map(named).collect();
    rows.sort_by(|(a, x), (b, y)| (a, &x.path, x.verb.word()).cmp(&(b, &y.path, y.verb.word())));
    rows
}

fn compare(file: &str, expected: &str, found: Vec<String>) {
    let expected: BTreeSet<&str> = expected.lines().filter(|line| !line.starts_with('#')).collect();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let (new, gone): (Vec<_>, Vec<_>) = (found.difference(&expected).collect(), expected.difference(&found).collect());
    assert!(new.is_empty() && gone.is_empty(), "data/{file} lacks {new:#?} and has in excess {gone:#?}");
}

#[test]
fn every_row_is_written_down() {
    let found =
        rows().iter().map(|(mount, row)| format!("{} {mount}/{} | {}", row.verb.word(), row.path, row.help)).collect();
    compare("rows.txt", include_str!("../../../data/rows.txt"), found);
}

/// ACL-15: a new row that asks for no token shows up in review.
#[test]
fn every_public_row_is_written_down() {
    let public = rows().into_iter().filter(|(_, row)| row.is_public());
    let found = public.map(|(mount, row)| format!("{} {mount}/{}", row.verb.word(), row.path)).collect();
    compare("public_routes.txt", include_str!("../../../data/public_routes.txt"), found);
}

#[test]
fn every_rows_class_of_audit_is_written_down() {
    let class = |row: &RowFacts| match row {
        _ if row.recording == Recording::Unrecorded => "unrecorded",
        _ if row.when_sealed == WhenSealed::Answers => "paired, plain while sealed",
        _ if row.when_unrecordable == WhenUnrecordable::Proceeds => "paired, or in the operator's log",
        _ => "paired",
    };
    let rows = rows();
    let found =
        rows.iter().map(|(mount, row)| format!("{} {mount}/{}: {}", row.verb.word(), row.path, class(row))).collect();
    compare("audit_classes.txt", include_str!("../../../data/audit_classes.txt"), found);
}

/// A row that answers while sealed and is not named there would have its lines taken for lines of others.
#[test]
fn s3_the_audit_log_knows_what_is_recorded_while_sealed() {
    let recorded = rows()
        .into_iter()
        .filter(|(_, row)| row.when_sealed == WhenSealed::Answers && row.recording != Recording::Unrecorded);
    let found: BTreeSet<String> = recorded.map(|(mount, row)| format!("{mount}/{}", row.path)).collect();
    assert_eq!(found, RECORDED_WHILE_SEALED.map(str::to_owned).into());
}

/// Says which lines of a file differ from what the rows say.
fn compare_text(file: &str, expected: &str, found: &str) {
    if expected == found {
        return;
    }
    let diff = similar::TextDiff::from_lines(expected, found);
    let changes = diff.unified_diff().header(file, "the rows").to_string();
    panic!("write {file} anew with `cargo run --example api_documents`:\n{changes}");
}

#[test]
fn the_openapi_document_is_written_down() {
    compare_text("data/openapi.json", include_str!("../../../data/openapi.json"), &documents::openapi(&mounts()));
}

#[test]
fn the_reference_of_the_api_is_written_down() {
    compare_text(
        "docs/reference/api.md",
        include_str!("../../../docs/reference/api.md"),
        &documents::reference(&mounts()),
    );
}

/// What a server answers is the document that is written down.
#[tokio::test]
async fn a_server_with_one_mount_of_each_kind_answers_the_document_that_is_written_down() {
    let rig = Rig::open().await;
    assert_eq!(rig.root("DELETE", "sys/mounts/secret", json!(null)).await.status, 204);
    for mount in mounts().iter().filter(|mount| mount.class != Class::BuiltIn) {
        let path = if mount.class == Class::Auth { "sys/auth" } else { "sys/mounts" };
        let options = if mount.kind == "kv" { json!({ "version": "2" }) } else { json!({}) };
        let wanted = json!({ "type": mount.kind, "options": options });
        let made = rig.root("POST", &format!("{path}/{}", mount.kind), wanted).await;
        assert_eq!(made.status, 204, "{made:?}");
    }
    let answer = rig.root("GET", "sys/internal/specs/openapi", json!(null)).await;
    let golden: Value = serde_json::from_str(include_str!("../../../data/openapi.json")).unwrap();
    assert_eq!(answer.body, golden);
}

/// The comment on a field is its help, in the OpenAPI document and in the reference.
#[test]
fn every_field_of_every_row_is_described() {
    let mut silent = Vec::new();
    for (mount, row) in rows() {
        let place = format!("{} {mount}/{}", row.verb.word(), row.path);
        for schema in [&row.params, &row.input] {
            undescribed(&place, schema.as_json(), &mut silent);
        }
    }
    assert_eq!(silent, Vec::<String>::new());
}

/// Names the fields, nested ones too, that have no comment or one that is no sentence.
fn undescribed(place: &str, schema: &Value, silent: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let text = field["description"].as_str().unwrap_or("");
        if text.len() < 10 || !text.ends_with('.') {
            silent.push(format!("{place}: {name}: {text:?}"));
        }
        undescribed(&format!("{place}: {name}"), field, silent);
    }
}

#[test]
fn a_field_without_a_comment_is_noticed() {
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its shape counts")]
    struct Input {
        /// This one is described.
        good: String,
        bad: String,
        /// This one has fields of its own.
        nested: Nested,
    }
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its shape counts")]
    struct Nested {
        worse: String,
    }
    let mut silent = Vec::new();
    undescribed("write x", ObjectSchema::of::<Input>().as_json(), &mut silent);
    assert_eq!(silent, ["write x: bad: \"\"", "write x: nested: worse: \"\""]);
}

#[test]
fn the_schema_of_a_path_names_the_parameters_of_the_path() {
    for (mount, row) in rows() {
        let named: BTreeSet<&str> = row.path.params().collect();
        let known: BTreeSet<&str> = row.params.names().iter().map(String::as_str).collect();
        assert_eq!(named, known, "{} {mount}/{}", row.verb.word(), row.path);
    }
}
