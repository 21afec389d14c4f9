//! Finds the caller of a request. A token is looked up by its keyed hash; expiry, revocation and use counts are checked
//! at each use. Any other credential is shown to the auth methods that recognise its form.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::OwnedMutexGuard;

use crate::{
    barrier::{BarrierError, Keys, Unit},
    base::{secret::Secret, ttl::Ttl},
    broker::{
        context::RequestContext,
        identity::{Identity, Standing, fresh_unit},
        input::{self, Input},
        recognise,
        request::Body,
        routed::{MountPoint, Routed, Stopped},
        strangers,
    },
    contract::{Context, ContextParts, Credential, Error, Fields, OwnToken, Recording, Result},
    services::tokens::Session,
};

/// A request that meets conflicts is tried again for at most this long. After that it fails.
const CONFLICT_DEADLINE: Ttl = Ttl::from_secs(60);

/// A request whose caller was looked up, and whose body was read.
pub(super) struct Known {
    pub routed: Routed,
    pub identity: Identity,
    pub unit: Arc<Unit>,
    /// The input. An error is told only to a caller who may use the API row.
    pub input: Result<Input>,
    /// The bytes of the body, kept if an auth method needed them to recognise the caller: it is asked again after a
    /// conflict. Empty otherwise.
    shown: Bytes,
    /// A lock, held while the request uses a token with limited uses, so that uses are counted one by one.
    #[expect(dead_code, reason = "held until the request ends")]
    turn: Option<OwnedMutexGuard<()>>,
    /// The caller's token after this request has taken a use off it. Unset if it has taken none.
    pub after_use: OnceLock<Arc<Session>>,
}

/// What happened to the store and to the caller while a request met conflicts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StillThere {
    Yes,
    /// The store was sealed meanwhile.
    Sealed,
    /// The caller's token has ended meanwhile, or no auth method recognises the credential any more.
    CallerGone,
    /// What the auth method read has changed once more, so it has to be asked again.
    Unclear,
}

impl Routed {
    /// Finds the caller and reads the body. A stranger gets no further than a public row, and not even there once its
    /// address was refused too often.
    pub async fn identify(self, body: Body) -> Result<Box<Known>, Box<Stopped>> {
        let found = match Found::caller(&self, body).await {
            Ok(found) => found,
            Err(error) => return Err(Stopped::of(self, error)),
        };
        if let Err(error) = admit_stranger(&self, &found.identity) {
            return Err(Stopped::of(self, error));
        }
        let (identity, turn) = match take_turn(&self, found.identity).await {
            Ok(held) => held,
            Err(error) => return Err(Stopped::of(self, error)),
        };
        let (input, shown) = match found.body {
            BodyRead::No(body) => (input::read(&self, &identity, body).await, Bytes::new()),
            BodyRead::Yes(input, shown) => (input, shown),
        };
        if let (false, Err(error)) = (identity.is_known(), &input) {
            let error = error.clone();
            return Err(Stopped::of(self, error));
        }
        let unit = match found.unit {
            Some(unit) => unit,
            None => fresh_unit(&self.context, &self.snapshot),
        };
        Ok(Box::new(Known { routed: self, identity, unit, input, shown, turn, after_use: OnceLock::new() }))
    }
}

/// A caller, and what was used up to find it.
struct Found {
    identity: Identity,
    body: BodyRead,
    /// The unit of work in which an auth method read. The request goes on with it.
    unit: Option<Arc<Unit>>,
}

enum BodyRead {
    No(Body),
    /// The input, and the bytes that it was made of.
    Yes(Result<Input>, Bytes),
}

impl Found {
    async fn caller(routed: &Routed, body: Body) -> Result<Self> {
        let context = &routed.context;
        let Some(keys) = &routed.snapshot.keys else { return Ok(Self::nobody(context, body)) };
        match &context.credential {
            None => Ok(Self::nobody(context, body)),
            Some(Credential::Token(token)) => {
                let identity = by_token(routed, keys, token)?.unwrap_or_else(|| Identity::nobody(context));
                Ok(Self { identity, body: BodyRead::No(body), unit: None })
            }
            Some(other) => {
                let unit = fresh_unit(context, &routed.snapshot);
                let asked = recognise::ask(routed, &unit, other, body).await?;
                let body = match asked.raw {
                    Some((bytes, decode)) => BodyRead::Yes(input::decoded(routed, decode, &bytes), bytes),
                    None => BodyRead::No(asked.body),
                };
                let identity = asked.identity.unwrap_or_else(|| Identity::nobody(context));
                Ok(Self { identity, body, unit: Some(unit) })
            }
        }
    }

    fn nobody(context: &RequestContext, body: Body) -> Self {
        Self { identity: Identity::nobody(context), body: BodyRead::No(body), unit: None }
    }
}

/// The caller to whom the token belongs. `None` if the token is not alive.
fn by_token(routed: &Routed, keys: &Arc<Keys>, token: &Secret<String>) -> Result<Option<Identity>> {
    let (context, services) = (&routed.context, routed.context.services());
    let hash = keys.token_hash(token.expose())?;
    let unit = || services.barrier.unit_with(Arc::clone(keys), [0; 16]);
    let Some(session) = services.tokens.find(&hash, unit)? else { return Ok(None) };
    if !services.tokens.is_alive(&session, &routed.snapshot.markers, context.now, unit)? {
        return Ok(None);
    }
    let own = OwnToken { token: Secret::text(token.expose().as_str()), hash };
    Ok(Some(Identity::of_token(session, own, context)))
}

/// Refuses a stranger whose address was refused too often, and every stranger on a row that is not public.
fn admit_stranger(routed: &Routed, identity: &Identity) -> Result<()> {
    if identity.is_known() && !routed.route.is_login() {
        return Ok(());
    }
    if !routed.is_exempt() {
        strangers::check(&routed.context.broker.refusal_limit, routed.context.peer.address.ip())?;
    }
    if routed.route.is_public() { Ok(()) } else { Err(Error::denied()) }
}

impl Routed {
    /// Whether the request is answered even if its address was refused too often. While the store is sealed nobody can
    /// be known, and an operator who unseals may share an address with clients that keep asking. So the API rows that
    /// answer then are exempt. So are health and seal status, which load balancers ask for.
    pub fn is_exempt(&self) -> bool {
        let facts = self.route.facts();
        facts.is_some_and(|facts| self.snapshot.is_sealed() || facts.recording == Recording::Unrecorded)
    }
}

/// Waits for the caller's turn if its token has limited uses. Then looks the token up again: its last use may be gone.
async fn take_turn(routed: &Routed, identity: Identity) -> Result<(Identity, Option<OwnedMutexGuard<()>>)> {
    let Some(session) = identity.session().filter(|session| session.record.num_uses > 0) else {
        return Ok((identity, None));
    };
    let context = &routed.context;
    let turn = context.broker.use_turns.hold(&session.hash).await;
    let (Some(keys), Some(Credential::Token(token))) = (&routed.snapshot.keys, &context.credential) else {
        return Err(BarrierError::Sealed.into());
    };
    match by_token(routed, keys, token)? {
        Some(identity) => Ok((identity, turn)),
        None => Err(Error::denied()),
    }
}

impl Known {
    /// A request whose caller is known from the login before it in a chain.
    pub async fn of_caller(routed: Routed, identity: Identity, unit: Arc<Unit>, body: Body) -> Box<Self> {
        let input = input::read(&routed, &identity, body).await;
        Self::with_input(routed, identity, unit, input)
    }

    /// The same as [`Known::of_caller`], with an input that was read already.
    pub fn with_input(routed: Routed, identity: Identity, unit: Arc<Unit>, input: Result<Input>) -> Box<Self> {
        Box::new(Self { routed, identity, unit, input, shown: Bytes::new(), turn: None, after_use: OnceLock::new() })
    }

    /// The same request with a new route and a fresh unit of work, to be judged
    /// again. Also says whether that makes sense.
    pub async fn again(mut self: Box<Self>) -> (Box<Self>, StillThere) {
        self.routed = self.routed.again();
        self.unit = fresh_unit(&self.routed.context, &self.routed.snapshot);
        if self.routed.snapshot.is_sealed() {
            return (self, StillThere::Sealed);
        }
        let looked_up = match self.after_use.get() {
            Some(used) => still_standing(&self.routed, &self.identity, used, &self.unit),
            None => self.looked_up_again().await,
        };
        match looked_up {
            // The token that was found names the uses that are left. This request does not take a second use.
            Ok(Some(identity)) => {
                self.after_use = match (self.after_use.get(), identity.session()) {
                    (Some(_), Some(session)) => OnceLock::from(Arc::clone(session)),
                    _ => OnceLock::new(),
                };
                self.identity = identity;
                (self, StillThere::Yes)
            }
            Err(_) if self.may_ask_again() => (self, StillThere::Unclear),
            _ => (self, StillThere::CallerGone),
        }
    }

    /// The caller as it is now. `None` if nobody knows it any more.
    async fn looked_up_again(&self) -> Result<Option<Identity>> {
        let routed = &self.routed;
        match (&self.identity.standing, &routed.context.credential, &routed.snapshot.keys) {
            (Standing::Nobody, ..) => Ok(Some(self.identity.clone())),
            (Standing::Token { .. }, Some(Credential::Token(token)), Some(keys)) => by_token(routed, keys, token),
            // What the auth method read the first time may have changed: the principal may be gone. It reads in the new
            // unit of work, so its reads are preconditions of the commit again.
            (Standing::Recognised, Some(credential), _) => {
                let body = Body::bytes(self.shown.clone());
                Ok(recognise::ask(routed, &self.unit, credential, body).await?.identity)
            }
            _ => Ok(None),
        }
    }

    pub fn is_past_deadline(&self) -> bool {
        let context = &self.routed.context;
        context.services().clock.now() > context.now.plus(CONFLICT_DEADLINE)
    }

    /// Whether `exists` failed only because another request changed what it had read.
    pub fn may_ask_again(&self) -> bool {
        self.unit.is_stale() && !self.is_past_deadline()
    }

    /// The caller's token as it is now. `None` if the caller has no token.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.after_use.get().or_else(|| self.identity.session())
    }

    /// Whether the caller counts as a stranger: because nobody knows it, or because it is logging in.
    pub fn is_stranger(&self) -> bool {
        self.routed.route.is_login() || !self.identity.is_known()
    }

    /// The request's context as the mount's handler gets it.
    pub fn view(&self, at: &MountPoint) -> Context {
        let context = &self.routed.context;
        let parts = ContextParts {
            unit: &self.unit,
            caller: &self.identity.caller,
            now: context.now,
            mount: &at.mount.facts,
            host: context.services().mounts.host(),
            request_id: &context.id_text,
        };
        Context::from(parts).with_own_token(self.identity.own_token().cloned())
    }

    /// The fields of the request. Empty if the input could not be read.
    pub fn fields(&self) -> Fields {
        self.input.as_ref().map(|input| input.fields.clone()).unwrap_or_default()
    }
}

/// The identity of a caller whose use this request has taken already. It may go on even if that was the last use.
/// `None` if the token has expired or was revoked.
fn still_standing(routed: &Routed, before: &Identity, used: &Session, unit: &Unit) -> Result<Option<Identity>> {
    let (context, markers) = (&routed.context, &routed.snapshot.markers);
    let services = context.services();
    let Some((session, own)) = services.tokens.read(unit, &used.hash)?.zip(before.own_token()) else { return Ok(None) };
    let fresh = || services.barrier.unit_with(Arc::clone(unit.keys()), [0; 16]);
    let stands = services.tokens.stands(&session, markers, context.now, fresh)?;
    let standing = Standing::Token { session, own: Arc::clone(own) };
    Ok(stands.then(|| Identity { caller: before.caller.clone(), standing }))
}
