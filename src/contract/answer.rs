//! What a handler returns. A dialect turns it into the bytes of its protocol.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::{
    base::{secret::Secret, ttl::Ttl},
    contract::{EndedLogins, Error, LoginOrigin, Result},
};

/// The answer to a request, with warnings for the caller.
pub struct Answer {
    pub body: Body,
    pub warnings: Vec<String>,
    /// Overrides the status that follows from the body. `None` for all rows but `sys/health`.
    pub status: Option<u16>,
    pub after: AfterAnswer,
    /// The logins of this mount whose tokens end with the commit of this request. Only an auth method may name some.
    pub ended: Option<EndedLogins>,
}

/// What follows an answer.
pub enum AfterAnswer {
    Nothing,
    /// The pipeline seals the store, after it has recorded the outcome and before it sends the answer. Only `sys/seal`
    /// uses this.
    Seal,
    /// The row wants to know whether its answer was sent. Only `sys/init` uses this.
    Tell(Delivery),
}

/// Tells the row that made an answer what became of it. A dialect calls [`Delivery::sent`] once the connection has taken
/// the whole answer. If the answer is dropped before that, it was not sent.
pub struct Delivery(Option<Box<dyn FnOnce(Delivered) + Send + Sync>>);

/// Whether an answer was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivered {
    Yes,
    No,
}

impl Delivery {
    /// `told` is called once. It may write files.
    pub fn new(told: impl FnOnce(Delivered) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(told)))
    }

    pub fn sent(mut self) {
        self.tell(Delivered::Yes);
    }

    fn tell(&mut self, delivered: Delivered) {
        if let Some(told) = self.0.take() {
            told(delivered);
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.tell(Delivered::No);
    }
}

pub enum Body {
    /// Status 200 with the `data` of an envelope (Vault's common frame of an answer), as JSON text.
    Data(String),
    /// Status 404 with the `data` of an envelope, as JSON text: for a deleted version.
    Missing(String),
    /// The `data` of an envelope, with its keys repeated at the top level, as in the older system answers.
    Flat(String),
    /// A JSON document without an envelope.
    Bare(String),
    /// Bytes with their own content type.
    Raw { content_type: &'static str, bytes: Vec<u8> },
    /// Asks the broker to issue a token. Only a login row returns this.
    Login(Box<Login>),
    /// A token that was created or renewed. Only the built-in token mount returns this.
    Auth(Box<Granted>),
    /// Status 204, without a body.
    Done,
}

/// The identity that a login has proved, and the properties of the token that the broker issues for it.
#[derive(Default)]
pub struct Login {
    /// The principal who logged in, and the credential that it showed. The broker finds or creates the entity of the
    /// principal.
    pub origin: LoginOrigin,
    /// The name of the identity within this mount, as its entity shows it.
    pub alias: String,
    pub display_name: String,
    pub policies: Vec<String>,
    /// The metadata of the token, shown with the token and recorded in the audit log.
    pub metadata: BTreeMap<String, String>,
    pub ttl: Ttl,
    pub max_ttl: Ttl,
    pub explicit_max_ttl: Ttl,
    pub period: Ttl,
    /// How many requests the token allows. Zero means no limit.
    pub num_uses: u32,
    /// If true, the token does not get the policy `default`.
    pub has_no_default_policy: bool,
}

impl Login {
    /// The policies of the token. They include `default` unless the login declines it. A login with the policy `root`
    /// is refused.
    pub fn token_policies(&self) -> Result<Vec<String>> {
        let mut policies = self.policies.clone();
        if !self.has_no_default_policy {
            policies.push(String::from("default"));
        }
        policies.sort_unstable();
        policies.dedup();
        if policies.iter().any(|policy| policy == "root") {
            return Err(Error::internal("login refused: a login cannot grant the policy `root`"));
        }
        Ok(policies)
    }
}

/// A live token, as it is shown to its holder.
pub struct Granted {
    pub token: Secret<String>,
    pub accessor: String,
    pub display_name: String,
    pub policies: Vec<String>,
    pub token_policies: Vec<String>,
    pub identity_policies: Vec<String>,
    pub metadata: BTreeMap<String, String>,
    pub lease: Ttl,
    pub is_renewable: bool,
    pub entity_id: String,
    pub kind: &'static str,
    pub is_orphan: bool,
    pub num_uses: u32,
}

/// A token that an auth method issued and that somebody wants to renew.
pub struct IssuedToken {
    /// The metadata of the login.
    pub metadata: BTreeMap<String, String>,
    /// The origin of the login. `None` for a token from before origins were kept.
    pub origin: Option<LoginOrigin>,
}

/// How a token that an auth method issued is to be renewed, as the auth method wants it.
pub struct Renewal {
    pub ttl: Ttl,
    pub max_ttl: Ttl,
    pub period: Ttl,
}

impl Body {
    /// The status of an answer with this body, unless the answer sets another.
    const fn status(&self) -> u16 {
        match self {
            Self::Missing(_) => 404,
            Self::Done => 204,
            _ => 200,
        }
    }

    /// How many bytes of JSON text the body holds. 0 if the body is not JSON text.
    pub const fn json_bytes(&self) -> usize {
        match self {
            Self::Data(text) | Self::Missing(text) | Self::Flat(text) | Self::Bare(text) => text.len(),
            Self::Raw { .. } | Self::Login(_) | Self::Auth(_) | Self::Done => 0,
        }
    }
}

impl Granted {
    /// The `auth` object of a Vault answer. The audit log records the same fields.
    pub fn to_json(&self) -> String {
        let metadata = if self.metadata.is_empty() { serde_json::Value::Null } else { json!(self.metadata) };
        let mut auth = json!({
            "accessor": self.accessor,
            "policies": self.policies,
            "metadata": metadata,
            "lease_duration": self.lease,
            "renewable": self.is_renewable,
            "entity_id": self.entity_id,
            "token_type": self.kind,
            "orphan": self.is_orphan,
            "mfa_requirement": null,
            "num_uses": self.num_uses,
        });
        if let Some(fields) = auth.as_object_mut() {
            // As in Vault, a list without names is left out.
            for (name, list) in
                [("token_policies", &self.token_policies), ("identity_policies", &self.identity_policies)]
            {
                if !list.is_empty() {
                    fields.insert(name.to_owned(), json!(list));
                }
            }
            let token = self.token.expose();
            fields.insert(String::from("client_token"), json!(token));
        }
        auth.to_string()
    }
}

impl Answer {
    pub fn new(body: Body) -> Self {
        Self { body, warnings: Vec::new(), status: None, after: AfterAnswer::Nothing, ended: None }
    }

    pub fn data(data: &impl Serialize) -> Result<Self> {
        text_of(data).map(|text| Self::new(Body::Data(text)))
    }

    pub fn missing(data: &impl Serialize) -> Result<Self> {
        text_of(data).map(|text| Self::new(Body::Missing(text)))
    }

    pub fn flat(data: &impl Serialize) -> Result<Self> {
        text_of(data).map(|text| Self::new(Body::Flat(text)))
    }

    pub fn bare(data: &impl Serialize) -> Result<Self> {
        text_of(data).map(|text| Self::new(Body::Bare(text)))
    }

    /// A list of names, or Vault's 404 if the list is empty.
    pub fn names(names: Vec<String>) -> Result<Self> {
        #[derive(Serialize)]
        struct Keys {
            keys: Vec<String>,
        }
        if names.is_empty() {
            return Err(Error::missing());
        }
        Self::data(&Keys { keys: names })
    }

    pub fn done() -> Self {
        Self::new(Body::Done)
    }

    pub fn login(login: Login) -> Self {
        Self::new(Body::Login(Box::new(login)))
    }

    pub fn status(&self) -> u16 {
        self.status.unwrap_or(self.body.status())
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Ends the tokens of these logins, and all descendants of the tokens, in the same commit as the rest of the request.
    pub fn ending(mut self, ended: EndedLogins) -> Self {
        self.ended = Some(ended);
        self
    }

    pub fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }
}

fn text_of(data: &impl Serialize) -> Result<String> {
    serde_json::to_string(data).map_err(|error| Error::internal(format!("an answer cannot be serialized: {error}")))
}
