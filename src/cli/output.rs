//! Prints results: a table, JSON, or one raw field. The forms are those of Vault,
//! so that scripts for Vault can read them.

use std::io::{self, Write as _};

use super::{
    error::{CliError, Exit},
    human,
    persona::Persona,
    printable::printable,
    table,
    terminal::Terminal,
};
use crate::client::{ServerAnswer, json::Json};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(crate) enum Format {
    #[default]
    Table,
    Json,
}

/// How this call prints its results.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) persona: Persona,
    pub(crate) terminal: Terminal,
}

impl Output {
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Prints data on standard output.
    pub(crate) fn print(self, text: &str) {
        let text = if self.terminal.output { printable(text) } else { text.to_owned() };
        // An error means that the reader has closed the pipe and wants no more output.
        let _ = io::stdout().lock().write_all(text.as_bytes());
    }

    /// Prints JSON on standard output.
    pub(crate) fn print_json(self, json: &Json) {
        self.print(&format!("{}\n", json.pretty()));
    }

    /// Prints a hint for the user on standard error.
    #[expect(clippy::unused_self, reason = "printing to either stream goes through `Output`")]
    pub(crate) fn hint(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", printable(text));
    }

    /// Names the next command to run. Not printed for scripts (JSON) and when called as `vault`.
    pub(crate) fn next(self, command: &str) {
        if !self.is_json() && !self.persona.is_vault() {
            self.hint(&format!("next: {command}"));
        }
    }

    /// Says what was done: on standard error, or on standard output when called as `vault`. Prints nothing with JSON.
    pub(crate) fn done(self, text: &str) {
        if self.is_json() {
            return;
        }
        if self.persona.is_vault() { self.print(&format!("{text}\n")) } else { self.hint(text) }
    }

    pub(crate) fn warn(self, answer: &ServerAnswer) {
        if self.is_json() {
            return;
        }
        let warnings = answer.warnings();
        if self.persona.is_vault() && !warnings.is_empty() {
            let lines: Vec<String> = warnings.iter().map(|warning| format!("  * {warning}\n")).collect();
            self.hint(&format!("WARNING! The following warnings were returned from Vault:\n\n{}", lines.join("\n")));
            return;
        }
        for warning in warnings {
            self.hint(&format!("warning: {warning}"));
        }
    }

    /// Prints one field without quotes. Only a terminal gets a line end, so that a pipe receives the exact value.
    pub(crate) fn print_field(self, value: &Json) {
        let mut text = if self.is_json() { value.pretty() } else { human::plain(value, self.persona) };
        if self.terminal.output {
            text.push('\n');
        }
        self.print(&text);
    }

    /// Prints a table with the columns `Key` and `Value`.
    pub(crate) fn print_pairs(self, pairs: &[(String, String)]) {
        self.print(&table::pairs(pairs));
    }

    /// Prints a list of names.
    pub(crate) fn print_names(self, names: &[String]) {
        if self.is_json() {
            return self.print_json(&Json::texts(names));
        }
        let rows: Vec<Vec<String>> = names.iter().map(|name| vec![name.clone()]).collect();
        self.print(&table::columns(&["Keys"], &rows));
    }

    /// Prints an answer of the API: a table of its data, login or wrapping; or
    /// the whole envelope as JSON; or one field.
    pub(crate) fn print_answer(self, answer: &ServerAnswer, field: Option<&str>) -> Result<(), CliError> {
        if let Some(field) = field {
            let value = find_field(answer, field).ok_or_else(|| no_field(field))?;
            self.print_field(&value);
            return Ok(());
        }
        if self.is_json() {
            self.print_json(&envelope(answer));
            return Ok(());
        }
        self.warn(answer);
        let pairs = answer_pairs(answer, self.persona);
        if !pairs.is_empty() {
            self.print_pairs(&pairs);
        }
        Ok(())
    }
}

fn no_field(field: &str) -> CliError {
    CliError::new(Exit::Usage, format!("there is no field `{field}`"))
        .vault(format!("Field \"{field}\" not present in map"))
}

/// The member of `data` that `-field` names. `data` names the whole, unless there is a member of that name.
pub(crate) fn member<'a>(data: &'a Json, field: &str) -> Result<&'a Json, CliError> {
    data.at(field).or((field == "data").then_some(data)).ok_or_else(|| no_field(field))
}

/// The envelope of an answer, in the order in which Vault's tools print it. A
/// body without an envelope becomes its `data`.
pub(crate) fn envelope(answer: &ServerAnswer) -> Json {
    let body = answer.body.clone().unwrap_or(Json::Object(Vec::new()));
    let part = |name: &str, absent: Json| body.at(name).cloned().unwrap_or(absent);
    let is_bare = body.at("request_id").is_none() && body.at("data").is_none();
    let data = if is_bare { body.clone() } else { part("data", Json::Null) };
    let mut out = Json::object([
        ("request_id", part("request_id", Json::text(""))),
        ("lease_id", part("lease_id", Json::text(""))),
        ("lease_duration", part("lease_duration", Json::number(0))),
        ("renewable", part("renewable", Json::Bool(false))),
        ("data", data),
        ("warnings", if is_bare { Json::Null } else { part("warnings", Json::Null) }),
    ]);
    for name in ["auth", "wrap_info", "mount_type"] {
        if let Some(value) = body.path(&[name]).filter(|_| !is_bare) {
            out.set(name, value.clone());
        }
    }
    out
}

fn answer_pairs(answer: &ServerAnswer, persona: Persona) -> Vec<(String, String)> {
    if let Some(auth) = answer.auth() {
        return auth_pairs(auth, persona);
    }
    if let Some(wrap) = answer.wrap_info() {
        return wrap_pairs(wrap, persona);
    }
    let mut pairs = Vec::new();
    let body = answer.body.as_ref();
    if let Some(lease) = body.and_then(|body| body.path(&["lease_id"])).filter(|id| id.as_str() != Some("")) {
        let part = |name: &str| body.and_then(|body| body.at(name)).cloned().unwrap_or(Json::Null);
        pairs.push(("lease_id".to_owned(), human::plain(lease, persona)));
        pairs.push(("lease_duration".to_owned(), human::value("lease_duration", &part("lease_duration"), persona)));
        pairs.push(("lease_renewable".to_owned(), human::plain(&part("renewable"), persona)));
    }
    if let Some(data) = answer.data() {
        pairs.extend(data_pairs(data, persona));
    }
    pairs
}

/// The members of an object, sorted by name, for a table.
pub(crate) fn data_pairs(data: &Json, persona: Persona) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> =
        data.as_object().iter().map(|(key, value)| (key.clone(), human::value(key, value, persona))).collect();
    pairs.sort();
    pairs
}

/// The rows of the table for a login.
pub(crate) fn auth_pairs(auth: &Json, persona: Persona) -> Vec<(String, String)> {
    let text = |name: &str| auth.at(name).map_or_else(|| "n/a".to_owned(), |value| human::value(name, value, persona));
    let list = |name: &str| human::names(&auth.at(name).map(Json::strings).unwrap_or_default(), persona);
    let duration = match auth.at("lease_duration").and_then(Json::as_u64) {
        Some(0) | None => "∞".to_owned(),
        Some(secs) => human::duration(secs),
    };
    let mut pairs = vec![
        ("token".to_owned(), text("client_token")),
        ("token_accessor".to_owned(), text("accessor")),
        ("token_duration".to_owned(), duration),
        ("token_renewable".to_owned(), text("renewable")),
        ("token_policies".to_owned(), list("token_policies")),
        ("identity_policies".to_owned(), list("identity_policies")),
        ("policies".to_owned(), list("policies")),
    ];
    for (key, value) in auth.at("metadata").map(Json::as_object).unwrap_or_default() {
        pairs.push((format!("token_meta_{key}"), human::value(key, value, persona)));
    }
    pairs
}

fn wrap_pairs(wrap: &Json, persona: Persona) -> Vec<(String, String)> {
    let names = [
        ("wrapping_token", "token"),
        ("wrapping_accessor", "accessor"),
        ("wrapping_token_ttl", "ttl"),
        ("wrapping_token_creation_time", "creation_time"),
        ("wrapping_token_creation_path", "creation_path"),
    ];
    let rows = names
        .into_iter()
        .filter_map(|(shown, name)| Some((shown.to_owned(), human::value(name, wrap.at(name)?, persona))));
    rows.collect()
}

/// The value that `-field` names: as in Vault, a login and a wrapping token have names of their own; else the names at
/// the top of the answer come first, and then those within its data.
fn find_field(answer: &ServerAnswer, field: &str) -> Option<Json> {
    let data = answer.data();
    let inner = || data.and_then(|data| data.at(field));
    let found = if let Some(auth) = answer.auth() {
        auth_field(auth, field).or_else(inner)
    } else if let Some(wrap) = answer.wrap_info() {
        wrap_field(wrap, field).or_else(inner)
    } else {
        let top = match field {
            "request_id" | "lease_id" | "lease_duration" | "renewable" => Some(field),
            "lease_renewable" => Some("renewable"),
            _ => None,
        };
        let body = answer.body.as_ref();
        let whole = || data.filter(|_| field == "data");
        top.and_then(|name| body?.at(name)).or_else(inner).or_else(whole)
    };
    found.cloned()
}

fn auth_field<'a>(auth: &'a Json, field: &str) -> Option<&'a Json> {
    let name = match field {
        "token" => "client_token",
        "token_accessor" => "accessor",
        "token_duration" => "lease_duration",
        "token_renewable" => "renewable",
        "token_policies" | "identity_policies" | "policies" => field,
        _ => return auth.path(&["metadata", field.strip_prefix("token_meta_")?]),
    };
    auth.at(name)
}

fn wrap_field<'a>(wrap: &'a Json, field: &str) -> Option<&'a Json> {
    let name = match field {
        "wrapping_token" => "token",
        "wrapping_accessor" => "accessor",
        "wrapping_token_ttl" => "ttl",
        "wrapping_token_creation_time" => "creation_time",
        "wrapping_token_creation_path" => "creation_path",
        _ => return None,
    };
    wrap.at(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> ServerAnswer {
        ServerAnswer { status: 200, body: Some(Json::parse(text).unwrap()) }
    }

    const LOGIN: &str = r#"{"request_id":"r","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":null,
        "warnings":null,"auth":{"client_token":"srs.x","accessor":"acc","policies":["default","p1"],"token_policies":["default","p1"],
        "metadata":{"role_name":"r1"},"lease_duration":600,"renewable":true}}"#;

    #[test]
    fn a_login_is_printed_as_vault_prints_it() {
        assert_eq!(
            table::pairs(&answer_pairs(&answer(LOGIN), Persona::Vault)),
            "Key                     Value\n---                     -----\ntoken                   srs.x\n\
             token_accessor          acc\ntoken_duration          10m\ntoken_renewable         true\n\
             token_policies          [\"default\" \"p1\"]\nidentity_policies       []\n\
             policies                [\"default\" \"p1\"]\ntoken_meta_role_name    r1\n"
        );
    }

    #[test]
    fn json_is_the_whole_envelope_in_vaults_order() {
        let body = r#"{"request_id":"r","lease_id":"","renewable":false,"lease_duration":0,"data":{"n":1.50},"wrap_info":null,"warnings":null,"auth":null}"#;
        assert_eq!(
            envelope(&answer(body)).to_string(),
            r#"{"request_id":"r","lease_id":"","lease_duration":0,"renewable":false,"data":{"n":1.50},"warnings":null}"#
        );
        let bare = envelope(&answer(r#"{"sealed":false}"#));
        assert_eq!(
            bare.to_string(),
            r#"{"request_id":"","lease_id":"","lease_duration":0,"renewable":false,"data":{"sealed":false},"warnings":null}"#
        );
    }

    #[test]
    fn a_field_is_found_where_vault_finds_it() {
        let login = answer(LOGIN);
        for (field, value) in [("token", r#""srs.x""#), ("token_duration", "600"), ("token_meta_role_name", r#""r1""#)]
        {
            assert_eq!(find_field(&login, field).unwrap().to_string(), value);
        }
        assert_eq!(find_field(&login, "nope"), None);
        assert_eq!(find_field(&answer(r#"{"request_id":"r","data":{"x":"1"}}"#), "x"), Some(Json::text("1")));
    }

    /// C5: `-field=data` found nothing where the data has no member of that name. The answers are those of `bao`.
    #[test]
    fn c5_names_of_the_answer_come_first_and_then_those_within_its_data() {
        let found = |text: &str, field: &str| find_field(&answer(text), field).map(|value| value.to_string());
        let read = r#"{"request_id":"r","lease_id":"","renewable":false,"lease_duration":0,"data":{"x":"1","request_id":"mine","auth":"a"}}"#;
        for (field, value) in [
            ("data", Some(r#"{"x":"1","request_id":"mine","auth":"a"}"#)),
            ("x", Some(r#""1""#)),
            ("request_id", Some(r#""r""#)),
            ("lease_id", Some(r#""""#)),
            ("lease_duration", Some("0")),
            ("renewable", Some("false")),
            ("auth", Some(r#""a""#)),
            ("warnings", None),
        ] {
            assert_eq!(found(read, field).as_deref(), value, "{field}");
        }
        assert_eq!(found(r#"{"request_id":"r","data":{"data":{"n":1}}}"#, "data").as_deref(), Some(r#"{"n":1}"#));
        for field in ["data", "auth", "client_token", "request_id"] {
            assert_eq!(found(LOGIN, field), None, "{field}");
        }
        let data = Json::parse(r#"{"x":"1"}"#).unwrap();
        assert_eq!((member(&data, "x").unwrap(), member(&data, "data").unwrap()), (&Json::text("1"), &data));
        let data = Json::parse(r#"{"data":"inner"}"#).unwrap();
        assert_eq!(member(&data, "data").unwrap(), &Json::text("inner"));
        assert_eq!(member(&data, "x").unwrap_err().what(), "there is no field `x`");
    }

    #[test]
    fn data_is_sorted_and_has_units() {
        let data = Json::parse(r#"{"token_ttl":600,"b":"","a":[1,"x"]}"#).unwrap();
        assert_eq!(
            table::pairs(&data_pairs(&data, Persona::Vault)),
            "Key          Value\n---          -----\na            [1 x]\nb            n/a\ntoken_ttl    10m\n"
        );
    }
}
