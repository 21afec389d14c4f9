//! Finds the caller of a credential that is not a token of ours. The auth methods that recognise the credential's form
//! are asked, in the order of their paths. The first that knows the credential says who the caller is.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    barrier::Unit,
    base::limits,
    broker::{
        identity::Identity,
        input::wrong_body,
        request::{Body, Decode},
        routed::Routed,
    },
    contract::{Context, ContextParts, Credential, NeedsBody, Result, ShownCredential},
};

/// The result of [`ask`].
pub(super) struct Asked {
    /// The caller. `None` if no auth method knows the credential.
    pub identity: Option<Identity>,
    pub body: Body,
    /// The bytes of the body, with the function that decodes them. Set if an auth method needed the body.
    pub raw: Option<(Bytes, Decode)>,
}

/// Asks every auth mount that recognises the form of the credential, until one knows the credential. They read in
/// `unit`.
pub(super) async fn ask(routed: &Routed, unit: &Arc<Unit>, credential: &Credential, mut body: Body) -> Result<Asked> {
    let (context, snapshot) = (&routed.context, &routed.snapshot);
    let caller = Identity::nobody(context).caller;
    let mut raw: Option<(Bytes, Decode)> = None;
    for mount in snapshot.mounts.all() {
        let Some(engine) = &mount.engine else { continue };
        let form = credential.form();
        let Some(wanted) = engine.recognises().iter().find(|wanted| Some(wanted.form) == form) else { continue };
        if wanted.body == NeedsBody::Yes && raw.is_none() {
            let bytes = match body.source.take() {
                Some(source) => {
                    let cap = limits::BODY_ANONYMOUS_BYTES_MAX;
                    source.read(cap).await.map_err(|error| wrong_body(error, cap))?
                }
                None => Bytes::new(),
            };
            raw = Some((bytes, body.decode));
        }
        let view = Context::from(ContextParts {
            unit,
            caller: &caller,
            now: context.now,
            mount: &mount.facts,
            host: context.services().mounts.host(),
            request_id: &context.id_text,
        });
        let bytes: &[u8] = raw.as_ref().map_or(&[], |(bytes, _)| bytes);
        if let Some(login) = engine.recognise(view, ShownCredential { credential, body: bytes }).await? {
            let identity = Identity::recognised(login, mount, unit, context)?;
            return Ok(Asked { identity: Some(identity), body, raw });
        }
    }
    Ok(Asked { identity: None, body, raw })
}
