//! How tokens end.

use super::{ByAccessor, ByToken, INVALID_ACCESSOR, Tok, own_session, session_of_accessor, session_of_token};
use crate::{
    base::limits::SWEEP_BATCH_MAX,
    contract::{Answer, Error, Result, row::Nothing},
    services::{
        tables::{CHILDREN, CORE, TOKENS},
        tokens::{self, Session},
    },
};

fn revoke(call: &Tok, session: &Session) -> Result<Answer> {
    let services = &call.engine.services;
    let unit = call.store.unit();
    // What is revoked is what the store holds now, not what a cache remembers.
    let Some(record) = unit.get(&CORE, &TOKENS, &session.hash)? else { return Ok(Answer::done()) };
    if tokens::revoke(unit, &session.hash, &record)? {
        services.marks_change(unit);
    }
    services.session_changes(unit, session.hash);
    Ok(Answer::done())
}

pub async fn own(call: Tok, _: Nothing, _: Nothing) -> Result<Answer> {
    let session = own_session(&call)?;
    revoke(&call, &session)
}

pub async fn by_token(call: Tok, _: Nothing, input: ByToken) -> Result<Answer> {
    match session_of_token(&call, input.token.as_ref(), "missing token ID")? {
        Some(session) => revoke(&call, &session),
        None => Ok(Answer::done()),
    }
}

pub async fn by_accessor(call: Tok, _: Nothing, input: ByAccessor) -> Result<Answer> {
    match session_of_accessor(&call, input.accessor.as_ref()) {
        Ok(session) => revoke(&call, &session),
        // What is not there is revoked: Vault says so with a warning.
        Err(error) if error.message == INVALID_ACCESSOR => Ok(Answer::done().warn("No token found with this accessor")),
        Err(error) => Err(error),
    }
}

/// The children become orphans in the same batch, so there may be no more than a batch holds.
pub async fn orphan(call: Tok, _: Nothing, input: ByToken) -> Result<Answer> {
    let services = &call.engine.services;
    let Some(session) = session_of_token(&call, input.token.as_ref(), "missing token ID")? else {
        return Err(Error::invalid("token to revoke not found"));
    };
    let unit = call.store.unit();
    let Some(record) = unit.get(&CORE, &TOKENS, &session.hash)? else { return Ok(Answer::done()) };
    let children = unit.scan(&CORE, &CHILDREN, &session.hash, &session.hash, SWEEP_BATCH_MAX + 1)?;
    if children.len() > SWEEP_BATCH_MAX {
        return Err(Error::invalid(format!(
            "the token has more than {SWEEP_BATCH_MAX} children: revoke some of them first"
        )));
    }
    for (pair, _) in children {
        let Some(child) = pair.get(32..).and_then(|child| <[u8; 32]>::try_from(child).ok()) else { continue };
        let Some(mut orphaned) = unit.get(&CORE, &TOKENS, &child)? else { continue };
        if orphaned.has_children {
            return Err(Error::invalid("a child of the token has children of its own: revoke or orphan those first"));
        }
        orphaned.ancestors.clear();
        unit.put(&CORE, &TOKENS, &child, &orphaned)?;
        unit.delete(&CORE, &CHILDREN, &pair)?;
        services.session_changes(unit, child);
    }
    tokens::erase(unit, &session.hash, &record)?;
    services.session_changes(unit, session.hash);
    Ok(Answer::done())
}
