//! What a row reads, as a JSON schema: the fields of its input, or the parameters of its path. The schema is made once,
//! from the type that the handler gets; help, the OpenAPI document, the reference and the fuzz tests are views on it.
//!
//! A schema says how a client should write a field. What is read beside that (a number as text, a list as one text with
//! commas) is the same for all fields and stands in `weak.rs`.

use std::collections::BTreeSet;

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform as _},
};
use serde_json::{Map, Value};

/// The schema of one object that a row reads, and the names of its fields.
#[derive(Clone, Debug)]
pub struct ObjectSchema {
    /// The schema in the form of OpenAPI 3.0, with nested types in place.
    schema: Value,
    names: Vec<String>,
    plain: Vec<String>,
}

/// One field of an input, or one parameter of a path.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub name: &'a str,
    pub schema: &'a Map<String, Value>,
    /// Whether a request without the field is refused.
    pub is_required: bool,
}

impl ObjectSchema {
    /// The schema of `T`. A field that is marked `#[schemars(extend("plain" = true))]` is plain (see
    /// [`ObjectSchema::plain`]). A field that is marked `#[schemars(extend("needed" = true))]` is required, although
    /// its type is an `Option`: the handler itself refuses a request without it, in words of its own.
    pub fn of<T: JsonSchema>() -> Self {
        let settings = SchemaSettings::openapi3().with(|settings| {
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        });
        let mut schema = settings.into_generator().into_root_schema_for::<T>();
        let marked = |mark: Option<&str>| -> Vec<String> {
            let fields = properties(schema.as_value()).into_iter().flatten();
            let chosen = fields.filter(|(_, field)| mark.is_none_or(|mark| field.get(mark).is_some()));
            chosen.map(|(name, _)| name.clone()).collect()
        };
        let (names, plain, needed) = (marked(None), marked(Some("plain")), marked(Some("needed")));
        if !needed.is_empty() {
            let by_type = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            let by_type = by_type.filter_map(Value::as_str).map(str::to_owned);
            let required: BTreeSet<String> = by_type.chain(needed).collect();
            schema.insert(String::from("required"), required.into_iter().collect());
        }
        schema.remove("description");
        RecursiveTransform(tidy).transform(&mut schema);
        Self { schema: schema.to_value(), names, plain }
    }

    pub fn as_json(&self) -> &Value {
        &self.schema
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether there is a field of this name. Each request asks this for each of its fields.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The plain fields: their numbers, booleans and texts appear in audit log lines unhashed.
    pub fn plain(&self) -> &[String] {
        &self.plain
    }

    /// The fields in the order of their names.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.schema.as_object().into_iter().flat_map(fields_of)
    }
}

/// The fields of the object that a schema describes.
fn fields_of(schema: &Map<String, Value>) -> impl Iterator<Item = Field<'_>> {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = move |name: &str| required.is_some_and(|all| all.iter().any(|known| known == name));
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(move |(name, schema)| {
        Some(Field { name, schema: schema.as_object()?, is_required: is_required(name) })
    })
}

impl<'a> Field<'a> {
    /// The fields inside this field, if it is an object with known fields; otherwise none.
    pub fn inner(&self) -> impl Iterator<Item = Field<'a>> {
        fields_of(self.schema)
    }

    /// The help text of the field, which is its doc comment. Empty if there is none.
    pub fn description(&self) -> &str {
        self.schema.get("description").and_then(Value::as_str).unwrap_or("")
    }

    /// The schema without the description, for documents that have the description beside the schema.
    pub fn bare_schema(&self) -> Value {
        let mut schema = self.schema.clone();
        schema.remove("description");
        Value::Object(schema)
    }

    /// The type in words.
    pub fn type_words(&self) -> String {
        words_of(self.schema)
    }
}

fn words_of(schema: &Map<String, Value>) -> String {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    let word = match (text("type"), text("format")) {
        (Some("integer"), Some("seconds")) => "duration",
        (Some("integer"), _) => "whole number",
        (Some("boolean"), _) => "true or false",
        (Some("string"), Some("password")) => "secret text",
        (Some("string"), _) => "text",
        (Some("object"), _) => "object",
        (Some("array"), _) => {
            let items = schema.get("items").and_then(Value::as_object).map(words_of);
            return items.map_or_else(|| String::from("list"), |items| format!("list of {items}s"));
        }
        _ => "anything",
    };
    String::from(word)
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// Removes what says nothing to a client: names of Rust types, marks for the audit log, and that null is accepted,
/// which holds for every field.
fn tidy(schema: &mut Schema) {
    for key in ["title", "plain", "needed", "nullable"] {
        schema.remove(key);
    }
    // A doc comment has line breaks where its lines were full; a description has none.
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        let text = text.replace('\n', " ");
        schema.insert(String::from("description"), Value::from(text));
    }
    // An absent field is read as an empty one. The description of the field says what that means.
    if schema.get("default").is_some_and(|default| default.is_null() || *default == "" || *default == 0) {
        schema.remove("default");
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;
    use crate::{
        base::{secret::Secret, ttl::Ttl},
        contract::{Flag, Int, Names},
    };

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its shape counts")]
    struct Input {
        /// How many.
        #[schemars(extend("plain" = true))]
        count: Option<Int>,
        /// How long.
        ttl: Option<Ttl>,
        /// Which of them,
        /// in any order.
        names: Option<Names>,
        /// Whether.
        title: Option<Flag>,
        /// The key.
        #[schemars(extend("needed" = true))]
        key: Option<Secret<String>>,
    }

    #[test]
    fn a_schema_says_names_types_and_descriptions_once() {
        let schema = ObjectSchema::of::<Input>();
        let expected = json!({
            "type": "object",
            "properties": {
                "count": { "type": "integer", "description": "How many." },
                "ttl": { "type": "integer", "format": "seconds", "description": "How long." },
                "names": { "type": "array", "items": { "type": "string" }, "description": "Which of them, in any order." },
                "title": { "type": "boolean", "description": "Whether." },
                "key": { "type": "string", "format": "password", "description": "The key." },
            },
            "required": ["key"],
        });
        assert_eq!(*schema.as_json(), expected);
        assert_eq!(
            (schema.names(), schema.plain()),
            (&["count", "key", "names", "title", "ttl"].map(String::from)[..], &[String::from("count")][..])
        );
        assert!(schema.has("ttl") && !schema.has("plain"));
        let words: Vec<String> = schema.fields().map(|field| field.type_words()).collect();
        assert_eq!(words, ["whole number", "secret text", "list of texts", "true or false", "duration"]);
    }
}
