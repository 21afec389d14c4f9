//! A server's answer: its status and its JSON, in Vault's envelope or in an older form without one.

use super::json::Json;

/// An answer that is not an error: a 2xx, or a 404 with data to a read (a deleted version).
#[derive(Debug, Clone)]
pub(crate) struct ServerAnswer {
    pub(crate) status: u16,
    pub(crate) body: Option<Json>,
}

impl ServerAnswer {
    /// The `data` of an envelope, or the whole body if it has no envelope (health,
    /// seal-status, init). `None` if there is no data.
    pub(crate) fn data(&self) -> Option<&Json> {
        let body = self.body.as_ref()?;
        match body.at("data") {
            Some(Json::Null) => None,
            Some(data) => Some(data),
            None if body.at("request_id").is_none() => Some(body),
            None => None,
        }
    }

    /// The value found in `data` by following `keys`. `None` if there is none or it is null.
    pub(crate) fn field(&self, keys: &[&str]) -> Option<&Json> {
        self.data()?.path(keys)
    }

    pub(crate) fn text(&self, keys: &[&str]) -> Option<&str> {
        self.field(keys)?.as_str()
    }

    pub(crate) fn auth(&self) -> Option<&Json> {
        self.body.as_ref()?.path(&["auth"])
    }

    pub(crate) fn wrap_info(&self) -> Option<&Json> {
        self.body.as_ref()?.path(&["wrap_info"])
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.body.as_ref().and_then(|body| body.path(&["warnings"])).map(Json::strings).unwrap_or_default()
    }

    /// The names in the answer to a list. Empty if there are none.
    pub(crate) fn names(&self) -> Vec<String> {
        self.field(&["keys"]).map(Json::strings).unwrap_or_default()
    }
}
