//! Roles: the properties of the tokens and SecretIDs that they issue. A property that is not supported (address limits,
//! logins without a SecretID, batch tokens) is refused with the name of the field.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    auth_methods::approle::{
        AppRole,
        records::{ROLE_NAMES, ROLES, Role},
        role_storage::{self, RolePath},
        secret_id_storage,
    },
    base::{limits::NUM_USES_MAX, path, ttl::Ttl},
    contract::{Answer, Call, EndedLogins, Error, Flag, Int, ListPage, Names, Result, bounds, given, row::Nothing},
};

// A null list, number or flag is the empty one, as in Vault; a null duration leaves what there is.
#[derive(Deserialize, JsonSchema)]
pub struct Input {
    /// The RoleID. If absent, a new role gets a random RoleID.
    #[serde(default, deserialize_with = "given")]
    role_id: Option<String>,
    /// Whether a login needs a SecretID. Only true is supported.
    #[schemars(extend("plain" = true))]
    #[serde(default, deserialize_with = "given")]
    bind_secret_id: Option<Flag>,
    /// How many logins each SecretID is good for. 0 means no limit.
    #[schemars(extend("plain" = true))]
    #[serde(default, deserialize_with = "given")]
    secret_id_num_uses: Option<Int>,
    /// How long each SecretID is valid. 0 means until it is destroyed.
    #[schemars(extend("plain" = true))]
    secret_id_ttl: Option<Ttl>,
    /// The policies of the tokens.
    #[schemars(extend("plain" = true))]
    #[serde(default, deserialize_with = "given")]
    token_policies: Option<Names>,
    /// The old name of token_policies.
    #[schemars(extend("plain" = true))]
    #[serde(default, deserialize_with = "given")]
    policies: Option<Names>,
    /// How long a token is valid at first, and how long after each renewal.
    #[schemars(extend("plain" = true))]
    token_ttl: Option<Ttl>,
    /// The age after which a token cannot be renewed.
    #[schemars(extend("plain" = true))]
    token_max_ttl: Option<Ttl>,
    /// The age after which a token cannot be renewed. Later changes to the role do not affect tokens that exist.
    #[schemars(extend("plain" = true))]
    token_explicit_max_ttl: Option<Ttl>,
    /// If not 0, the tokens are periodic: they can be renewed for ever, for this long each time.
    #[schemars(extend("plain" = true))]
    token_period: Option<Ttl>,
    /// The old name of token_period.
    #[schemars(extend("plain" = true))]
    period: Option<Ttl>,
    /// How many requests a token is good for. 0 means no limit.
    #[schemars(extend("plain" = true))]
    #[serde(default, deserialize_with = "given")]
    token_num_uses: Option<Int>,
    /// If true, tokens of this role do not get the policy `default`.
    #[schemars(extend("plain" = true))]
    #[serde(default, deserialize_with = "given")]
    token_no_default_policy: Option<Flag>,
    /// `default` or `service`, which mean the same. Batch tokens are not supported.
    #[schemars(extend("plain" = true))]
    token_type: Option<String>,
    /// Only false is supported.
    #[schemars(extend("plain" = true))]
    local_secret_ids: Option<Flag>,
    /// Only an empty list is supported.
    #[schemars(extend("plain" = true))]
    secret_id_bound_cidrs: Option<Names>,
    /// The old name of secret_id_bound_cidrs.
    #[schemars(extend("plain" = true))]
    bound_cidr_list: Option<Names>,
    /// Only an empty list is supported.
    #[schemars(extend("plain" = true))]
    token_bound_cidrs: Option<Names>,
    /// Only false is supported.
    #[schemars(extend("plain" = true))]
    token_strictly_bind_ip: Option<Flag>,
}

#[derive(Serialize)]
struct Shown {
    bind_secret_id: bool,
    local_secret_ids: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<Ttl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Vec<String>>,
    secret_id_bound_cidrs: Option<Vec<String>>,
    secret_id_num_uses: u32,
    secret_id_ttl: Ttl,
    token_bound_cidrs: [String; 0],
    token_explicit_max_ttl: Ttl,
    token_max_ttl: Ttl,
    token_no_default_policy: bool,
    token_num_uses: u32,
    token_period: Ttl,
    token_policies: Vec<String>,
    token_strictly_bind_ip: bool,
    token_ttl: Ttl,
    token_type: &'static str,
}

pub async fn list(call: Call<AppRole>, _: Nothing, page: ListPage) -> Result<Answer> {
    call.list(&ROLE_NAMES, "", page).await
}

pub fn exists(call: Call<AppRole>, path: RolePath) -> Result<bool> {
    call.store.has(&ROLE_NAMES, &path.role_name.0)
}

pub fn read(call: Call<AppRole>, path: RolePath, _: Nothing) -> Result<Answer> {
    let (_, role) = role_storage::find(&call.store, &path.role_name.0)?.ok_or_else(Error::missing)?;
    Answer::data(&Shown {
        bind_secret_id: true,
        local_secret_ids: false,
        // A field under its old name is shown only if it was set under that name and says something.
        period: (role.has_old_period && !role.token_period.is_zero()).then_some(role.token_period),
        policies: (role.has_old_policies && !role.token_policies.is_empty()).then(|| role.token_policies.clone()),
        secret_id_bound_cidrs: None,
        secret_id_num_uses: role.secret_id_num_uses,
        secret_id_ttl: role.secret_id_ttl,
        token_bound_cidrs: [],
        token_explicit_max_ttl: role.token_explicit_max_ttl,
        token_max_ttl: role.token_max_ttl,
        token_no_default_policy: role.has_no_default_policy,
        token_num_uses: role.token_num_uses,
        token_period: role.token_period,
        token_policies: role.token_policies,
        token_strictly_bind_ip: false,
        token_ttl: role.token_ttl,
        token_type: if role.is_service { "service" } else { "default" },
    })
}

/// Creates a role, or changes the fields that the request contains.
pub fn write(call: Call<AppRole>, path: RolePath, input: Input) -> Result<Answer> {
    refuse_unbuilt(&input)?;
    let (key, mut role) = match role_storage::find(&call.store, &path.role_name.0)? {
        Some((key, role)) => (Some(key), role),
        None => (None, new_role(&call, path.role_name.0)),
    };
    let mut answer = Answer::done();
    if let Some(warning) = set_token_type(&mut role, input.token_type.as_deref())? {
        answer = answer.warn(warning);
    }
    apply(&mut role, input)?;
    if role.token_max_ttl > call.mount.max_ttl {
        answer = answer.warn(
            "token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' max TTL value will be \
             truncated",
        );
    }
    role_storage::put(&call.store, key, &role)?;
    secret_id_storage::sweep(&call.store)?;
    Ok(answer)
}

pub fn delete(call: Call<AppRole>, path: RolePath, _: Nothing) -> Result<Answer> {
    secret_id_storage::sweep(&call.store)?;
    if let Some((key, role)) = role_storage::find(&call.store, &path.role_name.0)? {
        call.store.delete(&ROLE_NAMES, &role.name)?;
        call.store.delete_raw(&ROLES, &key)?;
        secret_id_storage::delete_all(&call.store, &role)?;
        return Ok(Answer::done().ending(EndedLogins::OfPrincipal(role.incarnation)));
    }
    Ok(Answer::done())
}

fn new_role(call: &Call<AppRole>, name: String) -> Role {
    let random = &call.host.random;
    Role { name, role_id: random.uuid().to_string(), incarnation: random.bytes(), ..Role::default() }
}

fn refuse_unbuilt(input: &Input) -> Result<()> {
    if input.bind_secret_id == Some(Flag(false)) {
        return Err(Error::invalid("at least one constraint should be enabled on the role").listed());
    }
    let lists = [
        ("secret_id_bound_cidrs", &input.secret_id_bound_cidrs),
        ("bound_cidr_list", &input.bound_cidr_list),
        ("token_bound_cidrs", &input.token_bound_cidrs),
    ];
    let flags =
        [("local_secret_ids", input.local_secret_ids), ("token_strictly_bind_ip", input.token_strictly_bind_ip)];
    let lists = lists.iter().filter(|(_, list)| list.as_ref().is_some_and(|list| !list.0.is_empty()));
    let flags = flags.iter().filter(|(_, flag)| *flag == Some(Flag(true)));
    match lists.map(|(name, _)| *name).chain(flags.map(|(name, _)| *name)).next() {
        Some(name) => Err(Error::invalid(format!("`{name}` is not supported: leave it out"))),
        None => Ok(()),
    }
}

/// Sets the token type. Returns the warning that Vault gives for some types, otherwise `None`.
fn set_token_type(role: &mut Role, asked: Option<&str>) -> Result<Option<&'static str>> {
    let Some(asked) = asked else { return Ok(None) };
    role.is_service = match asked {
        "" | "default" => false,
        "service" | "default-service" => true,
        "batch" | "default-batch" => {
            return Err(Error::invalid("'token_type' cannot be 'batch': batch tokens are not supported"));
        }
        _ => return Err(Error::invalid("invalid 'token_type' value")),
    };
    Ok((asked == "default-service").then_some("default-service has no useful meaning; adjusting to service"))
}

fn apply(role: &mut Role, input: Input) -> Result<()> {
    if let Some(role_id) = input.role_id {
        if role_id.is_empty() {
            return Err(Error::invalid("role_id is empty: leave it out to keep the RoleID, or to get a random one"));
        }
        role.role_id = role_id;
    }
    if let Some(uses) = input.secret_id_num_uses {
        role.secret_id_num_uses = num_uses(uses, "secret_id_num_uses")?;
    }
    if let Some(uses) = input.token_num_uses {
        role.token_num_uses = num_uses(uses, "'token_num_uses'")?;
    }
    // If a field is given under its old and its new name, the value under the new name counts and is shown under both.
    let has_old_policies = input.policies.is_some();
    let is_old_value = input.token_policies.is_none();
    if let Some(policies) = input.token_policies.or(input.policies) {
        role.token_policies = policy_names(&policies)?;
        if is_old_value {
            // As in Vault, the old name keeps them in order and each one once.
            role.token_policies.sort_unstable();
            role.token_policies.dedup();
        }
        role.has_old_policies = has_old_policies;
    }
    let has_old_period = input.period.is_some();
    if let Some(period) = input.token_period.or(input.period) {
        role.token_period = period;
        role.has_old_period = has_old_period;
    }
    set(&mut role.secret_id_ttl, input.secret_id_ttl);
    set(&mut role.token_ttl, input.token_ttl);
    set(&mut role.token_max_ttl, input.token_max_ttl);
    set(&mut role.token_explicit_max_ttl, input.token_explicit_max_ttl);
    set(&mut role.has_no_default_policy, input.token_no_default_policy.map(|flag| flag.0));
    if !role.token_max_ttl.is_zero() && role.token_ttl > role.token_max_ttl {
        return Err(Error::invalid("'token_ttl' cannot be greater than 'token_max_ttl'"));
    }
    Ok(())
}

fn set<T>(field: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *field = value;
    }
}

/// Checks a number of uses. `field` is the name that Vault uses for the field in the error message.
pub fn num_uses(given: Int, field: &str) -> Result<u32> {
    if given.0 < 0 {
        return Err(Error::invalid(format!("{field} cannot be negative")));
    }
    match u32::try_from(given.0) {
        Ok(uses) if uses <= NUM_USES_MAX => Ok(uses),
        _ => Err(Error::invalid(format!("{field} cannot be greater than {NUM_USES_MAX}"))),
    }
}

/// Checks the policy names that a token may have. `root` in any spelling is refused.
fn policy_names(names: &Names) -> Result<Vec<String>> {
    bounds::policies("token_policies", &names.0)?;
    let name =
        |name: &String| path::policy_name(name).map_err(|error| Error::invalid(format!("token_policies: {error}")));
    names.0.iter().map(name).collect()
}
