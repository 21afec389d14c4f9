//! SecretIDs: each proves, together with a RoleID, the identity of a service. A SecretID is shown once, when it is
//! created. Later requests use its accessor. A SecretID or accessor of another role gets the same answer as a SecretID
//! or accessor that does not exist.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    auth_methods::approle::{
        AppRole, metadata,
        records::{Role, SecretId},
        role_storage::{self, RolePath},
        roles,
        secret_id_storage::{self, Found},
    },
    base::{
        limits::{CHOSEN_ID_BYTES_MAX, LIST_NAMES_MAX},
        secret::Secret,
        time::Time,
        ttl::Ttl,
    },
    contract::{Answer, Call, EndedLogins, Error, Fault, Int, ListPage, Names, Result},
};

#[derive(Deserialize, JsonSchema)]
pub struct SecretIdTerms {
    /// A JSON object of texts, encoded as a text. Copied into the metadata of the tokens.
    metadata: Option<String>,
    /// How many logins the SecretID is good for, up to the role's limit. 0 means no limit.
    #[schemars(extend("plain" = true))]
    num_uses: Option<Int>,
    /// How long the SecretID is valid, up to the role's limit. 0 means until it is destroyed.
    #[schemars(extend("plain" = true))]
    ttl: Option<Ttl>,
    /// Only an empty list is supported.
    #[schemars(extend("plain" = true))]
    cidr_list: Option<Names>,
    /// Only an empty list is supported.
    #[schemars(extend("plain" = true))]
    token_bound_cidrs: Option<Names>,
}

#[derive(Deserialize, JsonSchema)]
pub struct Chosen {
    /// The SecretID to register.
    #[schemars(extend("needed" = true))]
    secret_id: Option<Secret<String>>,
    /// A JSON object of texts, encoded as a text. Copied into the metadata of the tokens.
    metadata: Option<String>,
    /// How many logins the SecretID is good for, up to the role's limit. 0 means no limit.
    #[schemars(extend("plain" = true))]
    num_uses: Option<Int>,
    /// How long the SecretID is valid, up to the role's limit. 0 means until it is destroyed.
    #[schemars(extend("plain" = true))]
    ttl: Option<Ttl>,
    /// Only an empty list is supported.
    #[schemars(extend("plain" = true))]
    cidr_list: Option<Names>,
    /// Only an empty list is supported.
    #[schemars(extend("plain" = true))]
    token_bound_cidrs: Option<Names>,
}

#[derive(Deserialize, JsonSchema)]
pub struct BySecret {
    /// The SecretID.
    #[schemars(extend("needed" = true))]
    secret_id: Option<Secret<String>>,
}

#[derive(Deserialize, JsonSchema)]
pub struct ByAccessor {
    /// The accessor of the SecretID.
    #[schemars(extend("needed" = true))]
    secret_id_accessor: Option<String>,
}

#[expect(clippy::struct_field_names, reason = "the names on the wire")]
#[derive(Serialize)]
struct Made<'a> {
    secret_id: &'a str,
    secret_id_accessor: &'a str,
    secret_id_num_uses: u32,
    secret_id_ttl: Ttl,
}

#[derive(Serialize)]
struct Shown {
    cidr_list: [String; 0],
    creation_time: String,
    expiration_time: String,
    last_updated_time: String,
    metadata: BTreeMap<String, String>,
    secret_id_accessor: String,
    secret_id_num_uses: u32,
    secret_id_ttl: Ttl,
    token_bound_cidrs: [String; 0],
}

pub fn make(call: Call<AppRole>, path: RolePath, terms: SecretIdTerms) -> Result<Answer> {
    let role = role(&call, &path, Fault::Missing)?;
    let secret = Secret::text(call.host.random.uuid().to_string());
    store_secret_id(&call, &role, &secret, terms)
}

pub fn register(call: Call<AppRole>, path: RolePath, input: Chosen) -> Result<Answer> {
    let Chosen { secret_id, metadata, num_uses, ttl, cidr_list, token_bound_cidrs } = input;
    let secret = given(secret_id)?;
    let role = role(&call, &path, Fault::Missing)?;
    store_secret_id(&call, &role, &secret, SecretIdTerms { metadata, num_uses, ttl, cidr_list, token_bound_cidrs })
}

/// Lists the accessors of a role's SecretIDs.
pub async fn list(call: Call<AppRole>, path: RolePath, page: ListPage) -> Result<Answer> {
    let (role, now) = (role(&call, &path, Fault::Invalid)?, call.now);
    call.long_read(move |store| {
        let found = secret_id_storage::all(store, &role, LIST_NAMES_MAX + 1)?;
        if found.len() > LIST_NAMES_MAX {
            return Err(Error::new(Fault::TooLarge, "the role has too many SecretIDs to list: at most 100,000"));
        }
        let live = found.into_iter().filter(|found| !found.secret.has_expired(now));
        let mut accessors: Vec<String> = live.map(|found| found.secret.accessor).collect();
        accessors.sort_unstable();
        Answer::names(page.of(accessors))
    })
    .await
}

/// Shows a SecretID without its text. As in Vault, the answer is empty (204) if the role does not have the SecretID.
pub fn look_up(call: Call<AppRole>, path: RolePath, input: BySecret) -> Result<Answer> {
    match by_secret(&call, &path, input)? {
        (_, Some(found)) if !found.secret.has_expired(call.now) => shown(found),
        _ => Ok(Answer::done()),
    }
}

/// Destroys a SecretID, also an expired one, and ends the tokens of its logins. Also succeeds if the role does not have
/// the SecretID.
pub fn destroy(call: Call<AppRole>, path: RolePath, input: BySecret) -> Result<Answer> {
    match by_secret(&call, &path, input)? {
        (role, Some(found)) => destroyed(&call, &role, &found),
        (_, None) => Ok(Answer::done()),
    }
}

/// Like [`look_up`], but by accessor. As in Vault, an unknown accessor gets 404 with data.
pub fn look_up_accessor(call: Call<AppRole>, path: RolePath, input: ByAccessor) -> Result<Answer> {
    match by_accessor(&call, &path, input)? {
        (_, Some(found)) if !found.secret.has_expired(call.now) => shown(found),
        _ => Answer::missing(&BTreeMap::from([("error", NO_ACCESSOR)])),
    }
}

pub fn destroy_accessor(call: Call<AppRole>, path: RolePath, input: ByAccessor) -> Result<Answer> {
    match by_accessor(&call, &path, input)? {
        (role, Some(found)) => destroyed(&call, &role, &found),
        (_, None) => Err(Error::new(Fault::Missing, NO_ACCESSOR).listed()),
    }
}

/// Deletes a SecretID because somebody asks for it. Only then do the tokens of its logins end: they outlive a SecretID
/// that was used up or has expired.
fn destroyed(call: &Call<AppRole>, role: &Role, found: &Found) -> Result<Answer> {
    secret_id_storage::remove(&call.store, role, found)?;
    let origin = secret_id_storage::origin(&call.store, role, &found.secret)?;
    Ok(Answer::done().ending(EndedLogins::OfCredential(origin)))
}

const NO_ACCESSOR: &str = "failed to find accessor entry for secret_id_accessor";

/// The role that the path names. `fault` is the kind of error for a role that does not exist: Vault's paths differ in
/// it.
fn role(call: &Call<AppRole>, path: &RolePath, fault: Fault) -> Result<Role> {
    let name = &path.role_name.0;
    let found = role_storage::find(&call.store, name)?;
    found.map(|(_, role)| role).ok_or_else(|| Error::new(fault, format!("role \"{name}\" does not exist")))
}

fn by_secret(call: &Call<AppRole>, path: &RolePath, input: BySecret) -> Result<(Role, Option<Found>)> {
    let secret = given(input.secret_id)?;
    let role = role(call, path, Fault::Missing).map_err(Error::listed)?;
    let secret = secret.expose();
    let hash = secret_id_storage::hash_of(&call.store, &role, secret)?;
    let found = secret_id_storage::stored(&call.store, &role, hash)?;
    Ok((role, found))
}

fn by_accessor(call: &Call<AppRole>, path: &RolePath, input: ByAccessor) -> Result<(Role, Option<Found>)> {
    let accessor = input.secret_id_accessor.filter(|accessor| !accessor.is_empty());
    let accessor = accessor.ok_or_else(|| Error::invalid("missing secret_id_accessor"))?;
    let role = role(call, path, Fault::Missing).map_err(Error::listed)?;
    let found = secret_id_storage::stored_by_accessor(&call.store, &role, &accessor)?;
    Ok((role, found))
}

fn given(secret: Option<Secret<String>>) -> Result<Secret<String>> {
    let secret = secret.ok_or_else(|| Error::invalid("missing secret_id"))?;
    let text = secret.expose();
    match text.len() {
        0 => Err(Error::invalid("missing secret_id")),
        bytes if bytes > CHOSEN_ID_BYTES_MAX => {
            Err(Error::invalid(format!("secret_id is longer than {CHOSEN_ID_BYTES_MAX} bytes")))
        }
        _ => Ok(secret),
    }
}

/// Stores a SecretID and answers with its text, which is never shown again.
fn store_secret_id(call: &Call<AppRole>, role: &Role, secret: &Secret<String>, terms: SecretIdTerms) -> Result<Answer> {
    let record = record(call, role, terms)?;
    let text = secret.expose();
    let hash = secret_id_storage::hash_of(&call.store, role, text)?;
    secret_id_storage::add(&call.store, call.now, role, hash, &record)?;
    Answer::data(&Made {
        secret_id: text,
        secret_id_accessor: &record.accessor,
        secret_id_num_uses: record.uses,
        secret_id_ttl: record.ttl,
    })
}

/// The record of a new SecretID: what the request asks for, within the limits of the role and of the mount.
fn record(call: &Call<AppRole>, role: &Role, terms: SecretIdTerms) -> Result<SecretId> {
    for (name, list) in [("cidr_list", &terms.cidr_list), ("token_bound_cidrs", &terms.token_bound_cidrs)] {
        if list.as_ref().is_some_and(|list| !list.0.is_empty()) {
            return Err(Error::invalid(format!("`{name}` is not supported: leave it out")));
        }
    }
    let uses = match terms.num_uses {
        None => role.secret_id_num_uses,
        Some(asked) => roles::num_uses(asked, "num_uses")?,
    };
    if role.secret_id_num_uses > 0 && (uses == 0 || uses > role.secret_id_num_uses) {
        return Err(Error::invalid("num_uses cannot be higher than the role's secret_id_num_uses"));
    }
    let ttl = terms.ttl.unwrap_or(role.secret_id_ttl);
    if !role.secret_id_ttl.is_zero() && (ttl.is_zero() || ttl > role.secret_id_ttl) {
        return Err(Error::invalid("ttl cannot be longer than the role's secret_id_ttl"));
    }
    let ttl = ttl.min(call.mount.max_ttl);
    let now = call.now.unix_nanos();
    Ok(SecretId {
        accessor: call.host.random.uuid().to_string(),
        created: now,
        updated: now,
        expires: (!ttl.is_zero()).then(|| call.now.plus(ttl).unix_nanos()),
        ttl,
        uses,
        metadata: metadata::parse(terms.metadata.as_deref().unwrap_or_default())?,
    })
}

fn shown(found: Found) -> Result<Answer> {
    let SecretId { accessor, created, updated, expires, ttl, uses, metadata } = found.secret;
    Answer::data(&Shown {
        cidr_list: [],
        creation_time: Time::from_unix_nanos(created).rfc3339(),
        expiration_time: expires.map_or_else(|| NEVER.to_owned(), |at| Time::from_unix_nanos(at).rfc3339()),
        last_updated_time: Time::from_unix_nanos(updated).rfc3339(),
        metadata,
        secret_id_accessor: accessor,
        secret_id_num_uses: uses,
        secret_id_ttl: ttl,
        token_bound_cidrs: [],
    })
}

/// Go's zero time, which Vault shows for something that does not expire.
const NEVER: &str = "0001-01-01T00:00:00Z";
