//! How token holders create tokens. A child token never has more policies than its parent, unless the parent has
//! `sudo`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::session::{Tok, TokenMount, own_session};
use crate::{
    base::{path, secret::Secret, time::Time, ttl::Ttl},
    contract::{Access, Answer, Body, Error, Fault, Flag, Int, Opaque, Result, bounds, given, row::Nothing},
    services::{
        policies::Wanted,
        tokens::{LeaseTerms, Plan, Session, lease},
    },
};

/// The properties of the new token.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Create {
    /// The text of the token: 1 to 512 printable ASCII characters without a dot. Only a root token may choose it. If
    /// absent, the text is random.
    id: Option<Secret<String>>,
    /// The names of the token's policies, at most 256. If absent, the token gets the policies of the calling token. A single text is
    /// one name.
    #[schemars(with = "Option<Vec<String>>", extend("plain" = true))]
    policies: Option<Value>,
    /// Texts under names, shown with the token and recorded in the audit log: at most 64, with names of up to 128 bytes and
    /// texts of up to 512.
    meta: Option<BTreeMap<String, String>>,
    /// Whether the token outlives the calling token. Needs `sudo`.
    #[schemars(extend("plain" = true))]
    no_parent: Flag,
    /// If true, the token does not get the policy `default`.
    #[schemars(extend("plain" = true))]
    no_default_policy: Flag,
    /// Whether the token can be renewed. True if absent.
    #[serde(default, deserialize_with = "given")]
    #[schemars(extend("plain" = true))]
    renewable: Option<Flag>,
    /// The old name of `ttl`.
    lease: Option<Ttl>,
    /// How long the token is valid at first. 0 or absent means the default of the mount.
    ttl: Option<Ttl>,
    /// Only `service` is supported, which is also the default.
    #[serde(rename = "type")]
    #[schemars(extend("plain" = true))]
    kind: Option<String>,
    /// The age after which the token cannot be renewed. 0 or absent means the limit of the mount.
    explicit_max_ttl: Option<Ttl>,
    /// A name for the audit log, of at most 256 bytes. `token-` is put before it.
    #[schemars(extend("plain" = true))]
    display_name: Option<String>,
    /// How many requests the token allows. 0 or absent means no limit.
    num_uses: Int,
    /// If not 0, the token is periodic: it can be renewed for ever, for this long each time. Needs `sudo`.
    period: Option<Ttl>,
    /// Not supported: leave it out.
    entity_alias: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
pub struct AtRole {
    /// The name of a token role.
    #[serde(rename = "role")]
    _role: Opaque,
}

/// Whether the new token is revoked together with its creator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parentage {
    Child,
    Orphan,
}

/// Whether the creator's policies grant `sudo` at the path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Privilege {
    Ordinary,
    Sudo,
}

pub fn by_role(_: Tok, _: AtRole, _: Nothing) -> Result<Answer> {
    Err(Error::invalid("token roles are not supported: use auth/token/create"))
}

pub fn child(call: Tok, _: Nothing, input: Create) -> Result<Answer> {
    let parentage = if input.no_parent.0 { Parentage::Orphan } else { Parentage::Child };
    create(&call, &input, parentage, "auth/token/create")
}

pub fn orphan(call: Tok, _: Nothing, input: Create) -> Result<Answer> {
    create(&call, &input, Parentage::Orphan, "auth/token/create-orphan")
}

fn create(call: &Tok, input: &Create, parentage: Parentage, path: &str) -> Result<Answer> {
    let TokenMount { policies: known_policies, revocations, tokens, .. } = &*call.engine;
    let parent = own_session(call)?;
    let acl = known_policies.snapshot().acl(&parent.record.policies);
    // The request may count as an update or as a create, so `sudo` with either is enough.
    let has_sudo = [Wanted::Update, Wanted::Create].iter().any(|&wanted| acl.judge(path, wanted, Access::Sudo).allowed);
    let privilege = if has_sudo { Privilege::Sudo } else { Privilege::Ordinary };
    refuse_unbuilt(input)?;
    if let Some(meta) = &input.meta {
        bounds::metadata("meta", meta)?;
    }
    if parent.record.num_uses != 0 {
        return Err(Error::invalid("restricted use token cannot generate child tokens"));
    }
    let is_orphan = parentage == Parentage::Orphan;
    if privilege == Privilege::Ordinary && path == "auth/token/create" && is_orphan {
        return Err(Error::invalid("root or sudo privileges required to create orphan token"));
    }
    let id = custom_id(input, &parent)?;
    let mut warnings = Vec::new();
    if id.is_some() {
        warnings.push(String::from(
            "Supplying a custom ID for the token uses a text that may be guessed; leave id out for a random one",
        ));
    }
    let policies = policies(input, &parent, privilege)?;
    for policy in policies.iter().filter(|policy| *policy != "root") {
        if known_policies.snapshot().policy(policy).is_none() {
            warnings.push(format!("Policy \"{policy}\" does not exist"));
        }
    }
    if privilege == Privilege::Ordinary && input.period.is_some_and(|period| !period.is_zero()) {
        return Err(Error::invalid("root or sudo privileges required to create periodic token"));
    }
    let (ttl, lease_warnings) = first_lease(call, input, &parent, &policies)?;
    warnings.extend(lease_warnings);
    let plan = Plan {
        id,
        policies,
        path: path.to_owned(),
        display_name: display_name(input.display_name.as_deref())?,
        metadata: input.meta.clone().unwrap_or_default(),
        entity: if is_orphan { None } else { parent.record.entity.map(uuid::Uuid::from_bytes) },
        parent: (!is_orphan).then_some(&*parent),
        ttl,
        explicit_max_ttl: input.explicit_max_ttl.unwrap_or_default(),
        period: input.period.unwrap_or_default(),
        num_uses: num_uses(input.num_uses)?,
        is_renewable: ttl.is_some() && input.renewable.is_none_or(|renewable| renewable.0),
        stamp: revocations.snapshot().version.generation,
        ..Plan::default()
    };
    let minted = tokens.mint(call.unit(), plan, call.now)?;
    let mut answer = Answer::new(Body::Auth(Box::new(minted.granted())));
    answer.warnings = warnings;
    Ok(answer)
}

/// The first lease of the new token. A root token does not expire unless the request asks for a lease.
fn first_lease(
    call: &Tok,
    input: &Create,
    parent: &Session,
    policies: &[String],
) -> Result<(Option<Ttl>, Vec<String>)> {
    let asked = input.ttl.or(input.lease).unwrap_or_default();
    let period = input.period.unwrap_or_default();
    let explicit_max_ttl = input.explicit_max_ttl.unwrap_or_default();
    let is_root = policies.iter().any(|policy| policy == "root");
    if is_root && asked.is_zero() && period.is_zero() && explicit_max_ttl.is_zero() {
        if parent.record.expires.is_some() {
            return Err(Error::invalid("expiring root tokens cannot create non-expiring root tokens"));
        }
        return Ok((None, Vec::new()));
    }
    let terms = LeaseTerms {
        default_ttl: call.mount.default_ttl,
        max_ttl: call.mount.max_ttl,
        explicit_max_ttl,
        period,
        asked,
        ..LeaseTerms::default()
    };
    let granted = lease(&terms, call.now, call.now);
    Ok((Some(granted.ttl), granted.warnings))
}

fn refuse_unbuilt(input: &Create) -> Result<()> {
    match input.kind.as_deref() {
        None | Some("" | "service") => {}
        Some("batch") => {
            return Err(Error::invalid("batch tokens are not supported: leave out type or ask for service"));
        }
        Some(_) => return Err(Error::invalid("invalid 'token_type' value")),
    }
    if input.entity_alias.as_deref().is_some_and(|alias| !alias.is_empty()) {
        return Err(Error::invalid("entity_alias is not supported: leave it out"));
    }
    Ok(())
}

fn custom_id(input: &Create, parent: &Session) -> Result<Option<String>> {
    let Some(id) = input.id.as_ref().filter(|id| !id.expose().is_empty()) else { return Ok(None) };
    let id = id.expose();
    if !parent.record.is_root() {
        return Err(Error::invalid("root or sudo privileges required to specify token id"));
    }
    if ["s.", "b.", "srs.", "srb.", "srw.", "hvs.", "hvb."].iter().any(|prefix| id.starts_with(prefix)) {
        return Err(Error::invalid("custom token ID cannot start with the prefix of a generated token"));
    }
    if id.len() > 512 || !id.bytes().all(|byte| byte.is_ascii_graphic()) || id.contains('.') {
        return Err(Error::invalid("a custom token ID is 1 to 512 printable ASCII characters without a dot"));
    }
    Ok(Some(id.clone()))
}

fn num_uses(asked: Int) -> Result<u32> {
    match asked.0 {
        ..0 => Err(Error::invalid("number of uses cannot be negative")),
        uses => u32::try_from(uses)
            .ok()
            .filter(|uses| *uses < u32::MAX)
            .ok_or_else(|| Error::invalid("number of uses is too large: at most 4294967294")),
    }
}

/// The policies of the new token: the requested ones, or else the parent's. `default` is added to requested ones unless
/// the request declines it, or the parent lacks it and has no `sudo` either. A request that declines `default` does not
/// get it by naming it.
fn policies(input: &Create, parent: &Session, privilege: Privilege) -> Result<Vec<String>> {
    let held = &parent.record.policies;
    let mut names = asked_policies(input.policies.as_ref())?;
    let is_inherited = names.is_empty() && !asks_for_some(input.policies.as_ref());
    if is_inherited {
        names.clone_from(held);
    } else if privilege == Privilege::Ordinary && !names.iter().all(|name| held.contains(name)) {
        return Err(Error::invalid("child policies must be subset of parent"));
    }
    if names.iter().any(|name| name == "root") {
        if !parent.record.is_root() {
            return Err(Error::invalid("root tokens may not be created without parent token being root"));
        }
        return Ok(vec![String::from("root")]);
    }
    if names.iter().any(|name| name == "response-wrapping") {
        return Err(Error::invalid("cannot assign policy \"response-wrapping\""));
    }
    if input.no_default_policy.0 {
        names.retain(|name| name != "default");
    }
    let may_have_default = privilege == Privilege::Sudo || held.iter().any(|name| name == "default");
    if may_have_default && !is_inherited && !input.no_default_policy.0 {
        names.push(String::from("default"));
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Whether the request has a list of policies that is not empty. A list of only empty names asks for no policy but
/// the `default` of the parent. Without a list, the token gets the parent's policies.
fn asks_for_some(value: Option<&Value>) -> bool {
    value.and_then(Value::as_array).is_some_and(|items| !items.is_empty())
}

fn asked_policies(value: Option<&Value>) -> Result<Vec<String>> {
    let wrong = || Error::invalid("error converting input for field \"policies\": expected a list of policy names");
    let texts: Vec<&str> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(items)) => items.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(wrong)?,
        Some(_) => return Err(wrong()),
    };
    let mut names = Vec::new();
    for text in texts.into_iter().filter(|text| !text.is_empty()) {
        // `root` is an ordinary name here. Other spellings of it are refused, because policy names have a limited
        // alphabet.
        let name = path::policy_name_or_root(text)
            .map_err(|error| Error::new(Fault::Invalid, format!("policies: {error}")))?;
        names.push(name);
    }
    bounds::policies("policies", &names)?;
    Ok(names)
}

/// The display name, as Vault derives it: `token-` and the requested name, in which a dash stands for each character that
/// is no letter or digit. One dash at the end is left out. Without a requested name it is `token`.
fn display_name(asked: Option<&str>) -> Result<String> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(String::from("token")) };
    bounds::display_name(asked)?;
    let name: String = asked.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = format!("token-{name}");
    Ok(name.strip_suffix('-').map_or(name.clone(), String::from))
}

/// The time when a token was created, in whole seconds since 1970, as a look-up shows it.
pub(super) fn creation_secs(nanos: i64) -> i64 {
    Time::from_unix_nanos(nanos).unix_secs()
}
