//! Renews tokens. For a token from a login, the auth method is asked first, so that a token of a deleted identity is
//! not renewed.

use super::session::{ByAccessor, ByToken, Tok, invalid_accessor, own_session, session_of_accessor, session_of_token};
use crate::{
    base::ttl::Ttl,
    contract::{Answer, Body, Error, Granted, IssuedToken, Result, row::Nothing},
    services::tokens::{LeaseTerms, Session},
};

/// Whether the answer shows the text of the token: only for the caller's own token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ShowToken {
    Own,
    No,
}

async fn renew(call: &Tok, session: &Session, asked: Option<Ttl>, shown: ShowToken) -> Result<Answer> {
    let record = &session.record;
    let mut terms = LeaseTerms {
        // Without an increment, the token gets its first duration again.
        default_ttl: record.creation_ttl.or(call.mount.default_ttl),
        max_ttl: call.mount.max_ttl,
        explicit_max_ttl: record.explicit_max_ttl,
        period: record.period,
        asked: asked.unwrap_or_default(),
        ..LeaseTerms::default()
    };
    if let Some(id) = &record.login_mount {
        let table = call.engine.mounts.snapshot();
        let gone = || Error::invalid("the auth method of this token is no longer mounted");
        let mount = table.by_id(id).ok_or_else(gone)?;
        let engine = mount.engine.as_ref().ok_or_else(gone)?;
        let issued = IssuedToken { metadata: record.metadata.clone(), origin: record.origin };
        let renewal = engine.renew(call.context_at(&mount.facts), issued).await?;
        terms.default_ttl = renewal.ttl.or(mount.facts.default_ttl);
        terms.max_ttl = mount.facts.max_ttl;
        terms.role_max_ttl = renewal.max_ttl;
        terms.period = renewal.period;
    }
    let (lease, record) = call.engine.tokens.renew(call.unit(), &session.hash, &terms, call.now)?;
    let own = call.own_token().filter(|_| shown == ShowToken::Own);
    let token = own.map_or("", |own| own.token.expose().as_str());
    let granted = Granted {
        token: crate::base::secret::Secret::text(token),
        accessor: record.accessor.clone(),
        display_name: record.display_name.clone(),
        token_policies: record.policies.clone(),
        identity_policies: Vec::new(),
        metadata: record.metadata.clone(),
        lease: lease.ttl,
        is_renewable: record.is_renewable,
        entity_id: record.entity_id(),
        kind: "service",
        is_orphan: record.is_orphan(),
        num_uses: record.num_uses,
        policies: record.policies,
    };
    let mut answer = Answer::new(Body::Auth(Box::new(granted)));
    answer.warnings = lease.warnings;
    Ok(answer)
}

pub async fn own(call: Tok, _: Nothing, input: ByToken) -> Result<Answer> {
    let session = own_session(&call)?;
    renew(&call, &session, input.increment, ShowToken::Own).await
}

pub async fn by_token(call: Tok, _: Nothing, input: ByToken) -> Result<Answer> {
    let found = session_of_token(&call, input.token.as_ref(), "missing token ID")?;
    let session = found.ok_or_else(|| Error::invalid("token not found"))?;
    let mut answer = renew(&call, &session, input.increment, ShowToken::No).await?;
    if let (Body::Auth(granted), Some(token)) = (&mut answer.body, input.token) {
        granted.token = token;
    }
    Ok(answer)
}

pub async fn by_accessor(call: Tok, _: Nothing, input: ByAccessor) -> Result<Answer> {
    let session = session_of_accessor(&call, input.accessor.as_ref())?.ok_or_else(invalid_accessor)?;
    renew(&call, &session, input.increment, ShowToken::No).await
}
