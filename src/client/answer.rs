//! What a server answered: the status and the JSON, in Vault's envelope or one of the older bare forms.

use super::json::Json;

/// An answer that is no error: a 2xx, or a 404 that carries data (a deleted version).
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Option<Json>,
}

impl Answer {
    /// The `data` of an envelope; the whole body of the bare forms (health, seal-status, init).
    pub fn data(&self) -> Option<&Json> {
        let body = self.body.as_ref()?;
        match body.at("data") {
            Some(Json::Null) => None,
            Some(data) => Some(data),
            None if body.at("request_id").is_none() => Some(body),
            None => None,
        }
    }

    /// The value found in `data` by walking `keys`; null counts as absent.
    pub fn field(&self, keys: &[&str]) -> Option<&Json> {
        self.data()?.path(keys)
    }

    pub fn text(&self, keys: &[&str]) -> Option<&str> {
        self.field(keys)?.as_str()
    }

    pub fn auth(&self) -> Option<&Json> {
        self.body.as_ref()?.path(&["auth"])
    }

    pub fn wrap_info(&self) -> Option<&Json> {
        self.body.as_ref()?.path(&["wrap_info"])
    }

    pub fn warnings(&self) -> Vec<String> {
        self.body.as_ref().and_then(|body| body.path(&["warnings"])).map(Json::strings).unwrap_or_default()
    }

    pub fn request_id(&self) -> Option<&str> {
        self.body.as_ref()?.path(&["request_id"])?.as_str().filter(|id| !id.is_empty())
    }

    /// The names of a LIST.
    pub fn names(&self) -> Vec<String> {
        self.field(&["keys"]).map(Json::strings).unwrap_or_default()
    }
}
