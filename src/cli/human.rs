//! Formats values for people: durations with units, an empty value as `n/a`, nested values as JSON. When the program is
//! called as `vault`, nested values are printed as Go prints them.

use super::persona::Persona;
use crate::client::json::Json;

/// The text of a value in a table cell.
pub(crate) fn value(key: &str, value: &Json, persona: Persona) -> String {
    if let Some(secs) = value.as_u64().filter(|_| is_duration(key)) {
        return duration(secs);
    }
    match value {
        Json::String(text) if text.is_empty() => "n/a".to_owned(),
        other => plain(other, persona),
    }
}

/// The text of a value without quotes or units, for `-field`.
pub(crate) fn plain(value: &Json, persona: Persona) -> String {
    match (value, persona) {
        (Json::String(text), _) => text.clone(),
        (Json::Number(digits), _) => digits.clone(),
        (Json::Bool(is), _) => is.to_string(),
        (Json::Null, Persona::Strongroom) => "n/a".to_owned(),
        (other, Persona::Strongroom) => other.to_string(),
        (other, Persona::Vault) => go(other),
    }
}

/// The text that Go's `%v` gives to a JSON value.
fn go(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".to_owned(),
        Json::String(text) => text.clone(),
        Json::List(items) => format!("[{}]", items.iter().map(go).collect::<Vec<_>>().join(" ")),
        Json::Object(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}:{}", go(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

/// The text of a list of names. When called as `vault`: `["default" "app"]`, as Vault prints policies.
pub(crate) fn names(names: &[String], persona: Persona) -> String {
    if persona.is_vault() {
        let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        return format!("[{}]", quoted.join(" "));
    }
    if names.is_empty() { "n/a".to_owned() } else { names.join(", ") }
}

fn is_duration(key: &str) -> bool {
    let ends = |end: &str| key == end || key.strip_suffix(end).is_some_and(|start| start.ends_with('_'));
    ends("ttl") || ends("period") || ends("duration") || key == "lease_max" || key == "ttl_max"
}

/// A duration such as `768h`, `1h30m`, `5m` or `0s`: Go's form without its zero parts.
pub(crate) fn duration(secs: u64) -> String {
    let text = crate::base::ttl::Ttl::from_secs(secs).go_format();
    let text = text.strip_suffix("m0s").map_or(text.clone(), |start| format!("{start}m"));
    text.strip_suffix("h0m").map_or(text.clone(), |start| format!("{start}h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_lose_their_zero_parts() {
        for (secs, text) in [
            (0, "0s"),
            (600, "10m"),
            (3600, "1h"),
            (2_764_800, "768h"),
            (5_400, "1h30m"),
            (3_661, "1h1m1s"),
            (61, "1m1s"),
        ] {
            assert_eq!(duration(secs), text);
        }
    }

    #[test]
    fn only_keys_that_name_a_duration_have_units() {
        let secs = Json::number(600);
        for (key, text) in [
            ("token_ttl", "10m"),
            ("ttl", "10m"),
            ("period", "10m"),
            ("lease_duration", "10m"),
            ("subtotal", "600"),
            ("throttl", "600"),
        ] {
            assert_eq!(value(key, &secs, Persona::Vault), text);
        }
    }

    #[test]
    fn nested_values_are_json_and_for_vault_go() {
        let tree = Json::parse(r#"[1,2,{"d":true,"c":null}]"#).unwrap();
        assert_eq!(plain(&tree, Persona::Strongroom), r#"[1,2,{"d":true,"c":null}]"#);
        assert_eq!(plain(&tree, Persona::Vault), "[1 2 map[c:<nil> d:true]]");
        assert_eq!(names(&["default".to_owned(), "p1".to_owned()], Persona::Vault), r#"["default" "p1"]"#);
        assert_eq!(names(&["default".to_owned(), "p1".to_owned()], Persona::Strongroom), "default, p1");
    }
}
