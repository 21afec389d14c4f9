//! The OpenAPI document of mounts, made from their rows. It has the form of OpenBao's: version 3.0.2, a list is a `get`
//! with the query `list=true`, and extensions that begin with `x-vault-` say who may use a path.
//!
//! One path of the document holds all rows of that path. Whoever calls [`document`] decides which mounts the reader of
//! the document may know.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::contract::{Access, Class, ObjectSchema, RowFacts, Verb};

/// A mount whose rows are described.
pub struct Described<'a> {
    /// The path of the mount, with a slash at its end, and with `auth/` before it for auth methods. If it is empty, the
    /// document shows paths within the mount.
    pub path: &'a str,
    pub kind: &'a str,
    pub class: Class,
    pub rows: Vec<&'a RowFacts>,
}

/// How the document writes the path of a mount that can be enabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MountPaths {
    /// The mount's own path: `/secret/data/{path}`.
    Real,
    /// A parameter, the same for all mounts of a kind: `/{kv_mount_path}/data/{path}`.
    Generic,
}

/// The OpenAPI document of these mounts.
pub fn document(mounts: &[Described<'_>], mount_paths: MountPaths) -> Value {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for mount in mounts {
        *kinds.entry(mount.kind).or_default() += 1;
    }
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for mount in mounts {
        let is_generic = mount_paths == MountPaths::Generic && mount.class != Class::BuiltIn;
        let is_repeated = !is_generic && kinds.get(mount.kind).is_some_and(|count| *count > 1);
        for rows in by_path(&mount.rows) {
            let path = Path { mount, rows, is_generic, is_repeated };
            let name = path.name();
            if !paths.contains_key(&name) {
                paths.insert(name, path.item(&mut schemas));
            }
        }
    }
    json!({
        "openapi": "3.0.2",
        "info": {
            "title": "Strongroom API",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache License 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

const ABOUT: &str = "HTTP API of Strongroom, in the form of Vault's. All paths stand below `/v1/`. A number, a duration, \
true or false may also be sent as text (`30s`, `5m`, `1h30m` for a duration), and a list of texts as one text with commas.";

/// Groups the rows by path, in the order in which the paths first occur.
fn by_path<'a>(rows: &[&'a RowFacts]) -> Vec<Vec<&'a RowFacts>> {
    let mut paths: Vec<Vec<&RowFacts>> = Vec::new();
    for row in rows {
        match paths.iter_mut().find(|known| known.first().is_some_and(|first| first.path == row.path)) {
            Some(known) => known.push(row),
            None => paths.push(vec![row]),
        }
    }
    paths
}

/// One path of a mount.
struct Path<'a> {
    mount: &'a Described<'a>,
    rows: Vec<&'a RowFacts>,
    /// Whether the mount's own path is a parameter.
    is_generic: bool,
    /// Whether other mounts have the same kind. The name of an operation then has the path of the mount too.
    is_repeated: bool,
}

impl Path<'_> {
    /// The path within the mount, as OpenAPI writes it: `{*path}` becomes `{path}`.
    fn within_mount(&self) -> String {
        self.rows.first().map(|row| row.path.as_str().replace("{*", "{")).unwrap_or_default()
    }

    fn mount_parameter(&self) -> String {
        format!("{}_mount_path", self.mount.kind)
    }

    fn name(&self) -> String {
        let within = self.within_mount();
        if !self.is_generic {
            return format!("/{}{within}", self.mount.path);
        }
        let family = if self.mount.class == Class::Auth { "auth/" } else { "" };
        format!("/{family}{{{}}}/{within}", self.mount_parameter())
    }

    fn item(&self, schemas: &mut Map<String, Value>) -> Value {
        let mut item = Map::new();
        let parameters = self.parameters();
        if !parameters.is_empty() {
            item.insert(String::from("parameters"), Value::Array(parameters));
        }
        if let Some(name) = self.shared_access() {
            item.insert(String::from(name), Value::Bool(true));
        }
        if self.rows.iter().any(|row| row.may_create) {
            item.insert(String::from("x-vault-createSupported"), Value::Bool(true));
        }
        for (method, rows) in [
            ("get", [Verb::Read, Verb::List]),
            ("post", [Verb::Write, Verb::Login]),
            ("patch", [Verb::Patch, Verb::Patch]),
            ("delete", [Verb::Delete, Verb::Delete]),
        ] {
            let row = |verb: Verb| self.rows.iter().copied().find(|row| row.verb == verb);
            let operation = match rows.map(row) {
                [Some(read), Some(list)] if read.verb != list.verb => self.read_or_list(read, list),
                [Some(row), _] | [None, Some(row)] => self.operation(row, schemas),
                [None, None] => continue,
            };
            item.insert(String::from(method), operation);
        }
        Value::Object(item)
    }

    /// The extension that says who may use the path, if that is the same for all its rows.
    fn shared_access(&self) -> Option<&'static str> {
        let first = self.rows.first()?.access;
        if self.rows.iter().all(|row| row.access == first) { access_name(first) } else { None }
    }

    /// The parameters of the path.
    fn parameters(&self) -> Vec<Value> {
        let mut all = Vec::new();
        if self.is_generic {
            let usual = self.mount.path.trim_start_matches("auth/").trim_end_matches('/');
            all.push(json!({
                "name": self.mount_parameter(),
                "in": "path",
                "description": "The path of the mount.",
                "required": true,
                "schema": { "type": "string", "default": usual },
            }));
        }
        let fields = self.rows.first().map(|row| row.params.fields());
        for field in fields.into_iter().flatten() {
            all.push(json!({
                "name": field.name,
                "in": "path",
                "description": field.description(),
                "required": true,
                "schema": field.bare_schema(),
            }));
        }
        all
    }

    fn operation(&self, row: &RowFacts, schemas: &mut Map<String, Value>) -> Value {
        let mut operation = self.outline(row, row.help);
        if row.verb == Verb::List {
            let parameters = [vec![list_parameter(&["true"])], query(&[&row.input])].concat();
            operation.insert(String::from("parameters"), Value::Array(parameters));
        } else if !has_body(row.verb) {
            let parameters = query(&[&row.input]);
            if !parameters.is_empty() {
                operation.insert(String::from("parameters"), Value::Array(parameters));
            }
        } else if !row.input.is_empty() {
            let name = schema_name(&self.short_id(row));
            let media_type = if row.verb == Verb::Patch { "application/merge-patch+json" } else { "application/json" };
            let body = json!({
                "required": row.input.fields().any(|field| field.is_required),
                "content": { media_type: { "schema": { "$ref": format!("#/components/schemas/{name}") } } },
            });
            schemas.insert(name, row.input.as_json().clone());
            operation.insert(String::from("requestBody"), body);
        }
        Value::Object(operation)
    }

    /// The one operation of a path that can be read and listed. The query `list` decides between the two.
    fn read_or_list(&self, read: &RowFacts, list: &RowFacts) -> Value {
        let mut operation = self.outline(read, &format!("{} With `list=true`: {}", read.help, list.help));
        let parameters = [vec![list_parameter(&["true", "false"])], query(&[&read.input, &list.input])].concat();
        operation.insert(String::from("parameters"), Value::Array(parameters));
        Value::Object(operation)
    }

    fn outline(&self, row: &RowFacts, summary: &str) -> Map<String, Value> {
        let mut id = self.short_id(row);
        if self.is_repeated {
            // No short name has an `@`, so two operations never get the same name.
            id = format!("{id}@{}", self.mount.path.trim_end_matches('/'));
        }
        let tag = match self.mount.class {
            Class::Engine => "secrets",
            Class::BuiltIn if self.mount.kind == "system" => "system",
            Class::Auth | Class::BuiltIn => "auth",
        };
        let answer = json!({ "2XX": { "description": "200 with an answer, or 204 without one." } });
        let own_access = access_name(row.access).filter(|_| self.shared_access().is_none());
        let parts = [
            ("summary", Value::from(summary)),
            ("operationId", Value::from(id)),
            ("tags", json!([tag])),
            ("responses", answer),
        ];
        let access = own_access.map(|name| (name, Value::Bool(true)));
        parts.into_iter().chain(access).map(|(name, value)| (String::from(name), value)).collect()
    }

    /// The name of an operation, unique among the kinds: `kv-read-data-path` for `read data/{*path}` of kv.
    fn short_id(&self, row: &RowFacts) -> String {
        let path = row.path.as_str();
        let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let kind = self.mount.kind.replace('_', "-");
        let verb = if row.verb == Verb::Login { "write" } else { row.verb.word() };
        [&*kind, verb].into_iter().chain(words).collect::<Vec<_>>().join("-")
    }
}

/// The extension that says who may use a row, as in Vault's documents. It stands at the path if it holds for all rows
/// there, otherwise at the operation. `None` for ordinary access.
fn access_name(access: Access) -> Option<&'static str> {
    match access {
        Access::Ordinary => None,
        Access::Sudo => Some("x-vault-sudo"),
        Access::Public => Some("x-vault-unauthenticated"),
    }
}

fn has_body(verb: Verb) -> bool {
    matches!(verb, Verb::Write | Verb::Login | Verb::Patch)
}

/// The name of the schema of an operation's body: `KvReadDataPathRequest` for the operation `kv-read-data-path`.
fn schema_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len() + "Request".len());
    for word in id.split('-') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name.push_str("Request");
    name
}

fn list_parameter(values: &[&str]) -> Value {
    let is_required = values.len() == 1;
    let description = if is_required { "Must be `true`." } else { "Lists if it is `true`." };
    json!({
        "name": "list",
        "in": "query",
        "description": description,
        "required": is_required,
        "schema": { "type": "string", "enum": values },
    })
}

/// The fields of these inputs as parameters of the query. If several rows share one operation, no field is required.
fn query(inputs: &[&ObjectSchema]) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let fields = inputs.iter().flat_map(|input| input.fields()).filter(|field| seen.insert(field.name));
    let parameter = |field: crate::contract::Field<'_>| {
        json!({
            "name": field.name,
            "in": "query",
            "description": field.description(),
            "required": field.is_required && inputs.len() == 1,
            "schema": field.bare_schema(),
        })
    };
    fields.map(parameter).collect()
}

#[cfg(test)]
mod tests;
