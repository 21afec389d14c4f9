//! Makes a token: its record and all its entries, gathered in the caller's unit of work.

use std::collections::BTreeMap;

use crate::{
    barrier::{BarrierError, Unit},
    base::{limits::TOKEN_DEPTH_MAX, random::Random, secret::Secret, time::Time, token_text, ttl::Ttl},
    contract::{Error, Granted, LoginOrigin, MountFacts, Result},
    services::{
        revocations::Ancestor,
        table_ids::CORE,
        tokens::{
            cache::Session,
            record::{
                ACCESSORS, AccessorEntry, CHILDREN, EXPIRIES, LOGINS, TOKENS, TokenEntry, TokenRecord, expiry_key,
                login_key, pair_key,
            },
        },
    },
};

/// The properties of a new token.
#[derive(Default)]
pub struct Plan<'a> {
    /// The text of the token, if the caller chooses it. Only the root policy may do that.
    pub id: Option<String>,
    pub policies: Vec<String>,
    pub path: String,
    pub display_name: String,
    pub metadata: BTreeMap<String, String>,
    pub entity: Option<uuid::Uuid>,
    pub parent: Option<&'a Session>,
    /// The time to live. `None`: the token never expires.
    pub ttl: Option<Ttl>,
    pub explicit_max_ttl: Ttl,
    pub period: Ttl,
    pub num_uses: u32,
    pub is_renewable: bool,
    /// The login that makes the token. `None` if no login does.
    pub login: Option<PlannedLogin<'a>>,
    pub is_initial_root: bool,
    /// The generation of revocation markers under which the request was judged.
    pub stamp: u64,
}

/// The login that makes a token.
#[derive(Clone, Copy)]
pub struct PlannedLogin<'a> {
    pub mount: &'a MountFacts,
    pub origin: LoginOrigin,
}

/// A token that exists once the unit of work is committed.
pub struct Minted {
    pub token: Secret<String>,
    pub record: TokenRecord,
}

impl Minted {
    /// The token as the answer shows it.
    pub fn granted(self) -> Granted {
        let record = self.record;
        Granted {
            token: self.token,
            accessor: record.accessor.clone(),
            display_name: record.display_name.clone(),
            policies: record.policies.clone(),
            token_policies: record.policies.clone(),
            identity_policies: Vec::new(),
            lease: record.creation_ttl,
            is_renewable: record.is_renewable,
            entity_id: record.entity_id(),
            kind: "service",
            is_orphan: record.is_orphan(),
            num_uses: record.num_uses,
            metadata: record.metadata,
        }
    }
}

/// Makes a token. It exists once the unit of work is committed.
pub(super) fn mint(unit: &Unit, plan: Plan<'_>, now: Time, random: &Random) -> Result<Minted> {
    let token = plan.id.map_or_else(|| token_text::make("srs.", random), Secret::new);
    let hash = unit.keys().token_hash(token.expose())?;
    let accessor = accessor(random);
    let ancestors = ancestors(plan.parent)?;
    let record = TokenRecord {
        accessor: accessor.clone(),
        policies: plan.policies,
        path: plan.path,
        display_name: plan.display_name,
        metadata: plan.metadata,
        entity: plan.entity.map(uuid::Uuid::into_bytes),
        created: now.unix_nanos(),
        expires: plan.ttl.map(|ttl| now.plus(ttl).unix_secs()),
        creation_ttl: plan.ttl.unwrap_or_default(),
        explicit_max_ttl: plan.explicit_max_ttl,
        period: plan.period,
        num_uses: plan.num_uses,
        is_renewable: plan.is_renewable,
        ancestors,
        stamp: plan.stamp,
        login_mount: plan.login.map(|login| login.mount.id),
        renewed: None,
        has_children: false,
        is_initial_root: plan.is_initial_root,
        origin: plan.login.map(|login| login.origin),
        login_path: plan.login.map(|login| login.mount.path.clone()),
    };
    if let Some(parent) = plan.parent {
        flag_parent(unit, parent)?;
        unit.create(&CORE, &CHILDREN, &pair_key(&parent.hash, &hash), &TokenEntry {})?;
    }
    if unit.has(&CORE, &TOKENS, &hash)? {
        return Err(Error::invalid("cannot create a token with a duplicate ID"));
    }
    unit.create(&CORE, &TOKENS, &hash, &record)?;
    let accessor_hash = unit.keys().accessor_hash(&accessor)?;
    unit.create(&CORE, &ACCESSORS, &accessor_hash, &AccessorEntry { token: hash, accessor })?;
    if let Some(expires) = record.expires {
        unit.create(&CORE, &EXPIRIES, &expiry_key(expires, &hash), &TokenEntry {})?;
    }
    if let Some(key) = login_key(&record, &hash) {
        unit.create(&CORE, &LOGINS, &key, &TokenEntry {})?;
    }
    Ok(Minted { token, record })
}

/// The properties of the root token of a new store.
pub(crate) struct RootPlan {
    /// The text of the token, if the caller chooses it. Only development servers do; as in Vault, the token is then
    /// shown as one that was created.
    pub chosen: Option<String>,
    /// The time to live. `None`: the token never expires.
    pub ttl: Option<Ttl>,
}

/// Makes the root token of a new store.
pub(crate) fn seed_root(unit: &Unit, root: RootPlan, now: Time, random: &Random) -> Result<Secret<String>> {
    let is_chosen = root.chosen.is_some();
    let plan = Plan {
        id: root.chosen,
        policies: vec![String::from("root")],
        path: String::from(if is_chosen { "auth/token/create" } else { "auth/token/root" }),
        display_name: String::from(if is_chosen { "token" } else { "root" }),
        ttl: root.ttl,
        is_initial_root: !is_chosen,
        ..Plan::default()
    };
    Ok(mint(unit, plan, now, random)?.token)
}

/// Sets in the parent's record that it has children, if this is the first child.
fn flag_parent(unit: &Unit, parent: &Session) -> Result<(), BarrierError> {
    if parent.record.has_children {
        return Ok(());
    }
    let Some(mut record) = unit.get(&CORE, &TOKENS, &parent.hash)? else { return Err(unit.conflict()) };
    record.has_children = true;
    unit.put(&CORE, &TOKENS, &parent.hash, &record)?;
    Ok(())
}

fn ancestors(parent: Option<&Session>) -> Result<Vec<Ancestor>> {
    let Some(parent) = parent else { return Ok(Vec::new()) };
    if parent.record.ancestors.len() >= TOKEN_DEPTH_MAX {
        return Err(Error::invalid(format!("a token tree is at most {TOKEN_DEPTH_MAX} deep: create an orphan token")));
    }
    let mut line = Vec::with_capacity(parent.record.ancestors.len() + 1);
    line.push(Ancestor(parent.hash));
    line.extend_from_slice(&parent.record.ancestors);
    Ok(line)
}

/// A random accessor: 24 letters and digits, as in Vault (143 bits).
fn accessor(random: &Random) -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(24);
    while text.len() < 24 {
        // Bytes beyond the last whole multiple of the alphabet's length are dropped,
        // so that each character is equally likely.
        for byte in random.bytes::<32>() {
            let index = usize::from(byte);
            if index < ALPHABET.len() * 4 && text.len() < 24 {
                text.push(char::from(ALPHABET.get(index % ALPHABET.len()).copied().unwrap_or(b'0')));
            }
        }
    }
    text
}
