//! What the document says of rows, and that its names are unique.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::*;
use crate::contract::{Answer, Api, Call, Result, RoleName, delete, list, login, patch, read, row::Nothing, write};

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its shape counts")]
struct At {
    /// The name.
    name: RoleName,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its shape counts")]
struct Input {
    /// The text.
    #[schemars(extend("needed" = true))]
    text: Option<String>,
}

fn here(_: Call<()>, _: Nothing, _: Input) -> Result<Answer> {
    Ok(Answer::done())
}

fn there(_: Call<()>, _: At, _: Input) -> Result<Answer> {
    Ok(Answer::done())
}

fn exists(_: Call<()>, _: At) -> Result<bool> {
    Ok(true)
}

fn rows() -> Vec<std::sync::Arc<RowFacts>> {
    let rows = [
        list("all", here, "List all."),
        login("in", here, "Log in."),
        read("all/{*name}", there, "Read one."),
        list("all/{*name}", there, "List below one."),
        write("all/{*name}", there, "Write one.").exists(exists),
        patch("all/{*name}", there, "Change one."),
        delete("all/{*name}", there, "Delete one.").access(Access::Sudo),
        delete("only/{name}", there, "Delete for good.").access(Access::Sudo),
    ];
    Api::new("Rows.", rows).into_facts()
}

fn of(mounts: &[(&str, &str, Class)], mount_paths: MountPaths) -> Value {
    let rows = rows();
    let described =
        |&(path, kind, class)| Described { path, kind, class, rows: rows.iter().map(AsRef::as_ref).collect() };
    document(&mounts.iter().map(described).collect::<Vec<_>>(), mount_paths)
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn operation_ids(document: &Value) -> Vec<&str> {
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    operations.filter_map(|operation| operation.get("operationId")?.as_str()).collect()
}

#[test]
fn the_rows_of_one_path_are_one_item() {
    let document = of(&[("things/", "thing", Class::Engine)], MountPaths::Real);
    assert_eq!(names(&document["paths"]), ["/things/all", "/things/all/{name}", "/things/in", "/things/only/{name}"]);
    let item = &document["paths"]["/things/all/{name}"];
    assert_eq!(names(item), ["delete", "get", "parameters", "patch", "post", "x-vault-createSupported"]);
    assert_eq!(item["parameters"][0]["name"], "name");
    assert_eq!(item["get"]["summary"], "Read one. With `list=true`: List below one.");
    let parameters: Vec<&Value> = item["get"]["parameters"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(parameters, ["list", "text"]);
    let body = &item["post"]["requestBody"];
    assert_eq!(body["required"], true);
    assert_eq!(body["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/ThingWriteAllNameRequest");
    assert_eq!(document["components"]["schemas"]["ThingWriteAllNameRequest"]["required"], json!(["text"]));
    assert_eq!(names(&item["patch"]["requestBody"]["content"]), ["application/merge-patch+json"]);
}

#[test]
fn a_path_says_who_may_use_it() {
    let document = of(&[("things/", "thing", Class::Engine)], MountPaths::Real);
    let flags = |path: &str| -> Vec<&str> {
        names(&document["paths"][path]).into_iter().filter(|name| name.starts_with("x-")).collect()
    };
    assert_eq!(flags("/things/in"), ["x-vault-unauthenticated"]);
    assert_eq!(flags("/things/only/{name}"), ["x-vault-sudo"]);
    // One of its rows alone asks for sudo.
    assert_eq!(flags("/things/all/{name}"), ["x-vault-createSupported"]);
    assert_eq!(document["paths"]["/things/all/{name}"]["delete"]["x-vault-sudo"], true);
}

#[test]
fn names_of_operations_are_unique_whatever_is_mounted() {
    let mounts = [
        ("a/", "thing", Class::Engine),
        ("all/name/", "thing", Class::Engine),
        ("auth/a/", "other", Class::Auth),
        ("name/", "thing", Class::Engine),
    ];
    for mount_paths in [MountPaths::Real, MountPaths::Generic] {
        let document = of(&mounts, mount_paths);
        let ids = operation_ids(&document);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    }
    let document = of(&mounts, MountPaths::Real);
    assert_eq!(document["paths"]["/all/name/all"]["get"]["operationId"], "thing-list-all@all/name");
    assert_eq!(document["paths"]["/auth/a/all"]["get"]["operationId"], "other-list-all");
}

#[test]
fn generic_paths_are_one_for_each_kind_and_never_of_built_in_mounts() {
    let mounts = [
        ("auth/o/", "other", Class::Auth),
        ("first/", "thing", Class::Engine),
        ("second/", "thing", Class::Engine),
        ("sys/", "system", Class::BuiltIn),
    ];
    let document = of(&mounts, MountPaths::Generic);
    let listed: Vec<&str> = names(&document["paths"]).into_iter().filter(|path| path.ends_with("/all")).collect();
    assert_eq!(listed, ["/auth/{other_mount_path}/all", "/sys/all", "/{thing_mount_path}/all"]);
    let parameter = &document["paths"]["/{thing_mount_path}/all"]["parameters"][0];
    assert_eq!((&parameter["name"], &parameter["schema"]["default"]), (&json!("thing_mount_path"), &json!("first")));
}
