//! Finds the caller of a request. A token is looked up by its keyed hash; expiry, revocation and use counts are checked
//! at each use. Any other credential is shown to the auth methods that recognise its form.

use std::sync::{Arc, OnceLock};

use tokio::sync::OwnedMutexGuard;

use crate::{
    barrier::{BarrierError, Keys, Unit},
    base::{secret::Secret, ttl::Ttl},
    broker::{
        context::RequestContext,
        identity::{Identity, Standing, caller, fresh_unit},
        input::{self, Input},
        recognise,
        request::Body,
        routed::{MountPoint, Routed, Stopped},
        strangers,
    },
    contract::{Context, ContextParts, Credential, Error, Fields, OwnToken, Principal, Recording, Result},
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
    /// A lock, held while the request uses a token with limited uses, so that uses are counted one by one.
    pub turn: Option<OwnedMutexGuard<()>>,
    /// The caller's token after this request has taken a use off it. Unset if it has taken none.
    pub after_use: OnceLock<Arc<Session>>,
}

/// What happened to the store and to the caller while a request met conflicts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StillThere {
    Yes,
    /// The store was sealed meanwhile.
    Sealed,
    /// The caller's token has ended meanwhile.
    TokenEnded,
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
        let input = match found.body {
            BodyRead::No(body) => input::read(&self, &identity, body).await,
            BodyRead::Yes(input) => input,
        };
        if let (false, Err(error)) = (identity.is_known(), &input) {
            let error = error.clone();
            return Err(Stopped::of(self, error));
        }
        let unit = match found.unit {
            Some(unit) => unit,
            None => fresh_unit(&self.context, &self.snapshot),
        };
        Ok(Box::new(Known { routed: self, identity, unit, input, turn, after_use: OnceLock::new() }))
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
    Yes(Result<Input>),
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
                let asked = recognise::ask(routed, other, body).await?;
                let body = match asked.raw {
                    Some((bytes, decode)) => BodyRead::Yes(input::decoded(routed, decode, &bytes)),
                    None => BodyRead::No(asked.body),
                };
                let identity = asked.identity.unwrap_or_else(|| Identity::nobody(context));
                Ok(Self { identity, body, unit: Some(asked.unit) })
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
        Box::new(Self { routed, identity, unit, input, turn: None, after_use: OnceLock::new() })
    }

    /// The same request with a new route and a fresh unit of work, to be judged
    /// again. Also says whether that makes sense.
    pub fn again(self: Box<Self>) -> (Box<Self>, StillThere) {
        let Self { routed, identity, input, turn, after_use, .. } = *self;
        let routed = routed.again();
        let unit = fresh_unit(&routed.context, &routed.snapshot);
        if routed.snapshot.is_sealed() {
            return (Box::new(Self { routed, identity, unit, input, turn, after_use }), StillThere::Sealed);
        }
        let looked_up = match after_use.get() {
            Some(used) => still_standing(&routed, &identity, used, &unit),
            None => looked_up_again(&routed, &identity, &unit),
        };
        match looked_up {
            // The token that was found names the uses that are left. This request does not take a second use.
            Ok(Some(identity)) => {
                let after_use = match (after_use.get(), identity.session()) {
                    (Some(_), Some(session)) => OnceLock::from(Arc::clone(session)),
                    _ => OnceLock::new(),
                };
                (Box::new(Self { routed, identity, unit, input, turn, after_use }), StillThere::Yes)
            }
            _ => (Box::new(Self { routed, identity, unit, input, turn, after_use }), StillThere::TokenEnded),
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

fn looked_up_again(routed: &Routed, before: &Identity, unit: &Unit) -> Result<Option<Identity>> {
    let context = &routed.context;
    match (&before.standing, &context.credential, &routed.snapshot.keys) {
        (Standing::Token { .. }, Some(Credential::Token(token)), Some(keys)) => by_token(routed, keys, token),
        (Standing::Recognised(recognised), ..) => {
            // The unit of work that created the entity was given up; the new one finds or creates it again.
            let principal = Principal {
                entity_id: recognised.entity(unit, context)?,
                display_name: before.caller.display_name.clone(),
                policies: before.caller.policies.clone(),
                metadata: before.caller.metadata.clone(),
                login_mount: before.caller.login_mount.clone(),
            };
            let standing = before.standing.clone();
            Ok(Some(Identity { caller: Arc::new(caller(Arc::new(principal), context)), standing }))
        }
        _ => Ok(Some(before.clone())),
    }
}
