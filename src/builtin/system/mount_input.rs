//! The input of `sys/mounts` and `sys/auth`: what a new mount should be, or what should change at one that is there.
//!
//! A field that Vault or OpenBao documents and Strongroom does not support is refused by name, so that nobody believes
//! in a setting that has no effect. A value that asks for nothing (null, an empty text or list, false, the default) is
//! accepted, because clients send such values for what their user left out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{
    base::ttl::Ttl,
    contract::{Error, Flag, Names, Result, input::or_default},
    services::mounts::MountRecord,
};

/// The input of a new mount, or of a change to one.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Wanted {
    /// The kind to enable, such as `kv` or `approle`. A new mount needs it; it cannot be changed later.
    #[serde(rename = "type", deserialize_with = "or_default")]
    #[schemars(extend("plain" = true))]
    pub(super) kind: String,
    /// A description of the mount, shown to people; the server does not interpret it.
    #[serde(deserialize_with = "given")]
    #[schemars(extend("plain" = true), with = "Option<String>")]
    pub(super) description: Option<String>,
    /// The settings of a new mount. When an existing mount is tuned, they stand beside `config`, not in it.
    pub(super) config: Option<Config>,
    /// The options of the mount. The only supported option is `version`, only for kv mounts and only with the value 2.
    pub(super) options: Option<BTreeMap<String, String>>,
    /// Only false is supported.
    local: Flag,
    /// Only false is supported.
    seal_wrap: Flag,
    /// Only false is supported.
    external_entropy_access: Flag,
    /// Another name for `type`.
    #[serde(deserialize_with = "or_default")]
    pub(super) plugin_name: String,
    /// Used only when an existing mount is tuned: how long a lease is valid if neither request nor role says. 0 or
    /// `system` means the default of the server; the empty text leaves what is set.
    #[schemars(with = "Option<Ttl>")]
    pub(super) default_lease_ttl: LeaseTime,
    /// Used only when an existing mount is tuned: the longest lease. 0 or `system` means the limit of the server; the
    /// empty text leaves what is set.
    #[schemars(with = "Option<Ttl>")]
    pub(super) max_lease_ttl: LeaseTime,
    /// Used only when an existing mount is tuned: `hidden`, or the empty text for none. Mounts are shown only to
    /// callers who may use them.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) listing_visibility: Option<String>,
    /// Used only when an existing auth method is tuned: `default-service` or `service`. Both make service tokens.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) token_type: Option<String>,
    /// Only the empty text is supported.
    #[schemars(with = "Option<String>")]
    plugin_version: Unsupported,
    /// Only false is supported.
    #[schemars(with = "Option<Flag>")]
    force_no_cache: Unsupported,
    /// Only an empty list is supported: the audit log always hashes values.
    #[schemars(with = "Option<Names>")]
    audit_non_hmac_request_keys: Unsupported,
    /// Only an empty list is supported: the audit log always hashes values.
    #[schemars(with = "Option<Names>")]
    audit_non_hmac_response_keys: Unsupported,
    /// Only an empty list is supported.
    #[schemars(with = "Option<Names>")]
    passthrough_request_headers: Unsupported,
    /// Only an empty list is supported.
    #[schemars(with = "Option<Names>")]
    allowed_response_headers: Unsupported,
    /// Only an empty list is supported.
    #[schemars(with = "Option<Names>")]
    allowed_managed_keys: Unsupported,
    /// Only an empty list is supported.
    #[schemars(with = "Option<Names>")]
    delegated_auth_accessors: Unsupported,
    /// Only `default` and the empty text are supported.
    #[schemars(with = "Option<String>")]
    identity_token_key: Unsupported,
    /// Only an empty object is supported.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    user_lockout_config: Unsupported,
    /// Only false is supported.
    #[schemars(with = "Option<Flag>")]
    trim_request_trailing_slashes: Unsupported,
}

/// The settings of a new mount.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Config {
    /// How long a lease is valid if neither request nor role says. 0, `system` or absent means the default of the
    /// server.
    #[schemars(with = "Ttl")]
    pub(super) default_lease_ttl: LeaseTime,
    /// The longest lease. 0, `system` or absent means the limit of the server.
    #[schemars(with = "Ttl")]
    pub(super) max_lease_ttl: LeaseTime,
    /// `hidden`, or the empty text for none. Mounts are shown only to callers who may use them.
    #[serde(deserialize_with = "or_default")]
    pub(super) listing_visibility: String,
    /// Only for auth methods: `default-service` or `service`. Both make service tokens.
    #[serde(deserialize_with = "or_default")]
    pub(super) token_type: String,
    /// Not supported here: give it beside `config`.
    #[schemars(with = "Option<String>")]
    description: Unsupported,
    /// Not supported here: give them beside `config`.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    options: Unsupported,
    /// Only false is supported.
    #[schemars(with = "Option<Flag>")]
    force_no_cache: Unsupported,
    /// Only the empty text is supported.
    #[schemars(with = "Option<String>")]
    plugin_version: Unsupported,
    /// Only an empty list is supported: the audit log always hashes values.
    #[schemars(with = "Option<Names>")]
    audit_non_hmac_request_keys: Unsupported,
    /// Only an empty list is supported: the audit log always hashes values.
    #[schemars(with = "Option<Names>")]
    audit_non_hmac_response_keys: Unsupported,
    /// Only an empty list is supported.
    #[schemars(with = "Option<Names>")]
    passthrough_request_headers: Unsupported,
    /// Only an empty list is supported.
    #[schemars(with = "Option<Names>")]
    allowed_response_headers: Unsupported,
    /// Only an empty list is supported.
    #[schemars(with = "Option<Names>")]
    allowed_managed_keys: Unsupported,
    /// Only an empty list is supported.
    #[schemars(with = "Option<Names>")]
    delegated_auth_accessors: Unsupported,
    /// Only `default` and the empty text are supported.
    #[schemars(with = "Option<String>")]
    identity_token_key: Unsupported,
    /// Only an empty object is supported.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    user_lockout_config: Unsupported,
    /// Only false is supported.
    #[schemars(with = "Option<Flag>")]
    trim_request_trailing_slashes: Unsupported,
}

impl Wanted {
    /// Refuses what is not supported, whether a mount is made or tuned.
    pub(super) fn refuse_unsupported(&self) -> Result<()> {
        for (name, flag) in [
            ("local", self.local),
            ("seal_wrap", self.seal_wrap),
            ("external_entropy_access", self.external_entropy_access),
        ] {
            if flag.0 {
                return Err(unsupported(name));
            }
        }
        refuse_asked(&[
            ("plugin_version", &self.plugin_version),
            ("force_no_cache", &self.force_no_cache),
            ("audit_non_hmac_request_keys", &self.audit_non_hmac_request_keys),
            ("audit_non_hmac_response_keys", &self.audit_non_hmac_response_keys),
            ("passthrough_request_headers", &self.passthrough_request_headers),
            ("allowed_response_headers", &self.allowed_response_headers),
            ("allowed_managed_keys", &self.allowed_managed_keys),
            ("delegated_auth_accessors", &self.delegated_auth_accessors),
            ("identity_token_key", &self.identity_token_key),
            ("user_lockout_config", &self.user_lockout_config),
            ("trim_request_trailing_slashes", &self.trim_request_trailing_slashes),
        ])?;
        self.config.as_ref().map_or(Ok(()), Config::refuse_unsupported)
    }

    /// Refuses the fields that only tuning reads: a new mount has them in `config`.
    pub(super) fn refuse_tuning(&self) -> Result<()> {
        let is_given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        for (name, asked) in [
            ("default_lease_ttl", self.default_lease_ttl.asks()),
            ("max_lease_ttl", self.max_lease_ttl.asks()),
            ("listing_visibility", is_given(&self.listing_visibility)),
            ("token_type", is_given(&self.token_type)),
        ] {
            if asked {
                return Err(Error::invalid(format!("{name}: a new mount reads it in `config` only: put it there")));
            }
        }
        Ok(())
    }

    /// Refuses the fields that only a new mount reads.
    pub(super) fn refuse_enabling(&self, kind: &str) -> Result<()> {
        if self.config.as_ref().is_some_and(Config::asks) {
            return Err(Error::invalid("config: tuning reads its fields beside it, not in it: put them there"));
        }
        let is_other = |given: &str| !given.is_empty() && given != kind && !(kind == "kv" && given == "kv-v2");
        for (name, given) in [("type", &self.kind), ("plugin_name", &self.plugin_name)] {
            if is_other(given) {
                return Err(Error::invalid(format!("{name}: the kind of a mount cannot be changed: enable another")));
            }
        }
        Ok(())
    }
}

impl Config {
    fn refuse_unsupported(&self) -> Result<()> {
        for (name, field) in [("description", &self.description), ("options", &self.options)] {
            if field.asks() {
                return Err(Error::invalid(format!("{name}: it is not read in `config`: put it beside `config`")));
            }
        }
        refuse_asked(&[
            ("force_no_cache", &self.force_no_cache),
            ("plugin_version", &self.plugin_version),
            ("audit_non_hmac_request_keys", &self.audit_non_hmac_request_keys),
            ("audit_non_hmac_response_keys", &self.audit_non_hmac_response_keys),
            ("passthrough_request_headers", &self.passthrough_request_headers),
            ("allowed_response_headers", &self.allowed_response_headers),
            ("allowed_managed_keys", &self.allowed_managed_keys),
            ("delegated_auth_accessors", &self.delegated_auth_accessors),
            ("identity_token_key", &self.identity_token_key),
            ("user_lockout_config", &self.user_lockout_config),
            ("trim_request_trailing_slashes", &self.trim_request_trailing_slashes),
        ])
    }

    fn asks(&self) -> bool {
        self.default_lease_ttl.asks()
            || self.max_lease_ttl.asks()
            || !self.listing_visibility.is_empty()
            || !self.token_type.is_empty()
    }
}

/// What a request says of a lease time.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum LeaseTime {
    /// Leaves what is set. Absent, null and the empty text say so; Go's client sends the last.
    #[default]
    Kept,
    /// Sets it. Zero, also written `system`, means the lease time of the server.
    Set(Ttl),
}

impl LeaseTime {
    pub(super) fn or(self, old: Ttl) -> Ttl {
        match self {
            Self::Kept => old,
            Self::Set(ttl) => ttl,
        }
    }

    fn asks(self) -> bool {
        !self.or(Ttl::ZERO).is_zero()
    }
}

impl<'de> Deserialize<'de> for LeaseTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(from)? {
            serde_json::Value::Null => Ok(Self::Kept),
            serde_json::Value::String(text) if text.is_empty() => Ok(Self::Kept),
            serde_json::Value::String(text) if text == "system" => Ok(Self::Set(Ttl::ZERO)),
            value => Ttl::deserialize(value)
                .map(Self::Set)
                .map_err(|_| serde::de::Error::custom("expected a duration such as 300, \"5m\" or \"1h30m\"")),
        }
    }
}

/// A field that is not supported. Only a value that asks for nothing is accepted.
#[derive(Deserialize, Default)]
struct Unsupported(Option<Box<RawValue>>);

impl Unsupported {
    fn asks(&self) -> bool {
        let value = self.0.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok());
        value.is_some_and(|value| asks_for_something(&value))
    }
}

fn asks_for_something(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => false,
        serde_json::Value::Bool(flag) => *flag,
        serde_json::Value::Number(number) => number.as_f64() != Some(0.0),
        serde_json::Value::String(text) => !["", "0", "false"].contains(&text.as_str()),
        serde_json::Value::Array(items) => items.iter().any(asks_for_something),
        serde_json::Value::Object(fields) => fields.values().any(asks_for_something),
    }
}

fn refuse_asked(fields: &[(&str, &Unsupported)]) -> Result<()> {
    let is_default = |name: &str, field: &Unsupported| {
        name == "identity_token_key" && field.0.as_ref().is_some_and(|raw| raw.get() == "\"default\"")
    };
    match fields.iter().find(|(name, field)| field.asks() && !is_default(name, field)) {
        Some((name, _)) => Err(unsupported(name)),
        None => Ok(()),
    }
}

fn unsupported(name: &str) -> Error {
    Error::invalid(format!("{name} is not supported: leave it out"))
}

/// Reads null as the empty text, as OpenBao does for a text that is given.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    or_default(from).map(Some)
}

/// The listing visibility to keep. `None` for the empty text.
pub(super) fn listing_visibility(text: &str) -> Result<Option<String>> {
    match text {
        "" => Ok(None),
        "hidden" => Ok(Some(String::from(text))),
        "unauth" => Err(Error::invalid(
            "listing_visibility: `unauth` is not supported, because it would show the mount to strangers: use `hidden`",
        )),
        _ => Err(Error::invalid("listing_visibility: expected `hidden` or the empty text")),
    }
}

/// The token type to keep in this record. `None` for the default.
pub(super) fn token_type(text: &str, record: &MountRecord) -> Result<Option<String>> {
    match text {
        "" => Ok(None),
        _ if !record.path.starts_with("auth/") => {
            Err(Error::invalid("'token_type' can only be modified on auth mounts"))
        }
        _ if record.kind == "token" => {
            Err(Error::invalid("'token_type' cannot be set for 'token' or 'ns_token' auth mounts"))
        }
        "default-service" => Ok(None),
        "service" => Ok(Some(String::from(text))),
        "batch" | "default-batch" => {
            Err(Error::invalid("token_type: batch tokens are not supported: use `service` or `default-service`"))
        }
        _ => Err(Error::invalid("invalid value for 'token_type'")),
    }
}
