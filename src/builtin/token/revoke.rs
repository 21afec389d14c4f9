//! Revokes tokens. A token is revoked together with all its descendants, except by `revoke-orphan`.

use super::session::{ByAccessor, ByToken, Tok, own_session, session_of_accessor, session_of_token};
use crate::{
    base::limits::SWEEP_BATCH_MAX,
    contract::{Answer, Error, Result, row::Nothing},
    services::tokens::{Orphaned, Session},
};

fn revoke(call: &Tok, session: &Session) -> Result<Answer> {
    let (unit, tokens) = (call.unit(), &call.engine.tokens);
    // The store decides which token is revoked. A cached token may be out of date.
    let Some(record) = tokens.record(unit, &session.hash)? else { return Ok(Answer::done()) };
    tokens.revoke(unit, &session.hash, &record)?;
    Ok(Answer::done())
}

pub fn own(call: Tok, _: Nothing, _: Nothing) -> Result<Answer> {
    let session = own_session(&call)?;
    revoke(&call, &session)
}

pub fn by_token(call: Tok, _: Nothing, input: ByToken) -> Result<Answer> {
    match session_of_token(&call, input.token.as_ref(), "missing token ID")? {
        Some(session) => revoke(&call, &session),
        None => Ok(Answer::done()),
    }
}

pub fn by_accessor(call: Tok, _: Nothing, input: ByAccessor) -> Result<Answer> {
    match session_of_accessor(&call, input.accessor.as_ref())? {
        Some(session) => revoke(&call, &session),
        // A token that does not exist counts as revoked. As in Vault, the answer has a warning.
        None => Ok(Answer::done().warn("No token found with this accessor")),
    }
}

/// Revokes a token and makes its children orphans in the same batch. So it may have at most [`SWEEP_BATCH_MAX`]
/// children.
pub fn orphan(call: Tok, _: Nothing, input: ByToken) -> Result<Answer> {
    let (unit, tokens) = (call.unit(), &call.engine.tokens);
    let Some(session) = session_of_token(&call, input.token.as_ref(), "missing token ID")? else {
        return Err(Error::invalid("token to revoke not found"));
    };
    let Some(record) = tokens.record(unit, &session.hash)? else { return Ok(Answer::done()) };
    match tokens.revoke_orphan(unit, &session.hash, &record, SWEEP_BATCH_MAX)? {
        Orphaned::All(_) => Ok(Answer::done()),
        Orphaned::TooMany => Err(Error::invalid(format!(
            "the token has more than {SWEEP_BATCH_MAX} children: revoke some of them first"
        ))),
        Orphaned::HasGrandchildren => {
            Err(Error::invalid("a child of the token has children of its own: revoke or orphan those first"))
        }
    }
}
