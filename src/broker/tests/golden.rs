//! What a reviewer should see change: which rows there are, which of them ask for no token, and which leave which lines
//! in the audit log. Compared with files in `data/`, which are changed by hand and never by a test.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    broker::KINDS,
    builtin::{system, token},
    contract::{Recording, RowFacts, WhenSealed, WhenUnrecordable},
};

/// Every row with the mount it is usually found at, in order.
pub(super) fn rows() -> Vec<(String, Arc<RowFacts>)> {
    let mut rows = Vec::new();
    for row in system::api().rows {
        rows.push((String::from("sys"), row.facts));
    }
    for row in token::api().rows {
        rows.push((String::from("auth/token"), row.facts));
    }
    for kind in KINDS.iter().filter(|kind| !["panicking", "signed"].contains(&kind.name)) {
        let mount = if kind.class == crate::contract::Class::Auth {
            format!("auth/{}", kind.name)
        } else {
            kind.name.to_owned()
        };
        rows.extend(kind.facts().into_iter().map(|facts| (mount.clone(), facts)));
    }
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
