//! RoleIDs: each names the role of a login. A RoleID is not a secret, but it must be hard to guess.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    auth_methods::approle::{
        AppRole,
        role_storage::{self, RolePath},
    },
    contract::{Answer, Call, Error, Fault, Result, row::Nothing},
};

#[derive(Deserialize, JsonSchema)]
pub struct Input {
    /// The RoleID that the role will have.
    #[schemars(extend("needed" = true))]
    role_id: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    role_id: String,
}

pub fn read(call: Call<AppRole>, path: RolePath, _: Nothing) -> Result<Answer> {
    let (_, role) = role_storage::find(&call.store, &path.role_name.0)?.ok_or_else(Error::missing)?;
    Answer::data(&Shown { role_id: role.role_id })
}

pub fn write(call: Call<AppRole>, path: RolePath, input: Input) -> Result<Answer> {
    let Some((key, mut role)) = role_storage::find(&call.store, &path.role_name.0)? else {
        return Err(Error::new(Fault::Missing, "unsupported path").listed());
    };
    role.role_id = input.role_id.filter(|id| !id.is_empty()).ok_or_else(|| Error::invalid("missing role_id"))?;
    role_storage::put(&call.store, Some(key), &role)?;
    Ok(Answer::done())
}
