//! Generations of a signing key. A key is published before it starts to sign, so that verifiers with a cached copy of
//! the public keys get it in time. It stays published after the next key has replaced it, until the last token that it
//! signed has expired.
//!
//! A generation stores only when it starts to sign. Its state follows from that, from the next generation, and from the
//! current time. The whole set is one record, which its owner reads, maintains and writes back.

use data_encoding::BASE64URL_NOPAD;

use crate::{
    base::{random::Random, secret::Secret, time::Time, ttl::Ttl},
    contract::{Error, Fault, Result},
    crypto::{
        ed25519::{PublicKey, SigningKey},
        kdf,
    },
};

/// The keys of one issuer, oldest first. The record contains the private keys.
#[derive(minicbor::Encode, minicbor::Decode, Default)]
pub struct Keyset {
    #[n(0)]
    generations: Vec<Generation>,
}

/// One key of a set.
#[derive(minicbor::Encode, minicbor::Decode)]
pub struct Generation {
    #[n(0)]
    kid: String,
    #[cbor(n(1), with = "seed")]
    seed: Secret<[u8; 32]>,
    #[cbor(n(2), with = "minicbor::bytes")]
    public: [u8; 32],
    /// When the key was created. All times in this record are nanoseconds since the Unix epoch.
    #[n(3)]
    created: i64,
    #[n(4)]
    signs_from: i64,
}

/// The durations that govern a set of keys.
#[derive(Clone, Copy, Debug)]
pub struct KeyTerms {
    /// How long a key is published before it signs: the longest time for which a verifier may cache the keys.
    pub ahead: Ttl,
    /// How long a key signs before the next key replaces it.
    pub lifetime: Ttl,
    /// The longest lifetime of a token that the key signs.
    pub token_life: Ttl,
}

/// The state of a key at a given time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Published, and signs later.
    Next,
    /// Signs now.
    Active,
    /// No longer signs, but tokens that it signed may still be valid.
    Retiring,
    /// All tokens that it signed have expired.
    Gone,
}

impl State {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Gone => "gone",
        }
    }
}

impl Generation {
    /// The JWK thumbprint of the public key (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub fn public(&self) -> Result<PublicKey> {
        PublicKey::from_bytes(self.public).map_err(|_| Error::internal("a stored public key is not a valid key"))
    }

    /// The private key, prepared for signing. Preparing it takes as long as a signature, so a caller should keep the
    /// result, by its key id.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.seed)
    }

    pub const fn created(&self) -> Time {
        Time::from_unix_nanos(self.created)
    }

    pub const fn signs_from(&self) -> Time {
        Time::from_unix_nanos(self.signs_from)
    }

    fn draw(now: Time, signs_from: Time, random: &Random) -> Self {
        let seed: Secret<[u8; 32]> = random.secret();
        let public = SigningKey::from_seed(&seed).public();
        Self {
            kid: thumbprint(&public),
            seed,
            public: *public.as_bytes(),
            created: now.unix_nanos(),
            signs_from: signs_from.unix_nanos(),
        }
    }
}

impl Keyset {
    /// Brings the set up to date: creates the first key, publishes the next key when the newest one is about to expire,
    /// and removes keys that are no longer needed. Returns whether the set changed and must be stored.
    pub fn maintain(&mut self, now: Time, terms: &KeyTerms, random: &Random) -> bool {
        let before = self.generations.len();
        let states: Vec<State> = self.states(now, terms).map(|(_, state)| state).collect();
        let mut states = states.into_iter();
        self.generations.retain(|_| states.next() != Some(State::Gone));
        let is_changed = self.generations.len() != before;
        let signs_from = match self.generations.last() {
            // No verifier can hold an old copy of an empty set, so the first key signs at once.
            None => now,
            Some(newest) => {
                let end = newest.signs_from().plus(terms.lifetime);
                let soonest = now.plus(terms.ahead);
                if end > soonest {
                    return is_changed;
                }
                soonest
            }
        };
        self.generations.push(Generation::draw(now, signs_from, random));
        true
    }

    /// Publishes the next key early. Fails while a published key has not begun to sign, because that key would never
    /// sign.
    pub fn rotate(&mut self, now: Time, terms: &KeyTerms, random: &Random) -> Result<()> {
        let count = self.generations.len();
        self.maintain(now, terms, random);
        if let Some(next) = self.generations.last().filter(|newest| newest.signs_from() > now) {
            if self.generations.len() > count {
                return Ok(());
            }
            let message = format!("the next key is published already and signs from {}", next.signs_from().rfc3339());
            return Err(Error::new(Fault::Conflict, message));
        }
        if count > 0 {
            self.generations.push(Generation::draw(now, now.plus(terms.ahead), random));
        }
        Ok(())
    }

    /// Removes a key at once, with the tokens that it signed: it was stolen. If it was the key that signs, the next key
    /// signs from now on, or a new one if none is published yet; a verifier must then fetch the keys anew. Returns whether
    /// there was such a key.
    pub fn retire(&mut self, kid: &str, now: Time, random: &Random) -> bool {
        let Some(index) = self.generations.iter().position(|generation| generation.kid == kid) else { return false };
        let removed = self.generations.remove(index);
        if removed.signs_from() <= now {
            // A key ends when the next one begins. So the next one takes over the beginning too: otherwise the key before
            // the removed one would live on, or come back.
            match self.generations.get_mut(index) {
                Some(next) => next.signs_from = removed.signs_from,
                None => self.generations.push(Generation::draw(now, removed.signs_from(), random)),
            }
        }
        true
    }

    /// The key that signs now. `None` if no key signs yet.
    pub fn signing(&self, now: Time) -> Option<&Generation> {
        self.generations.iter().rev().find(|generation| generation.signs_from() <= now)
    }

    /// The keys whose signatures are accepted, with their states.
    pub fn published(&self, now: Time, terms: &KeyTerms) -> impl Iterator<Item = (&Generation, State)> {
        self.states(now, terms).filter(|(_, state)| *state != State::Gone)
    }

    fn states(&self, now: Time, terms: &KeyTerms) -> impl Iterator<Item = (&Generation, State)> {
        let after = self.generations.iter().skip(1).map(Some).chain([None]);
        let token_life = terms.token_life;
        self.generations.iter().zip(after).map(move |(generation, after)| {
            let state = match after.map(Generation::signs_from) {
                Some(end) if now >= end.plus(token_life) => State::Gone,
                Some(end) if now >= end => State::Retiring,
                _ if now >= generation.signs_from() => State::Active,
                _ => State::Next,
            };
            (generation, state)
        })
    }
}

/// The JWK thumbprint of an Ed25519 key (RFC 7638 §3, RFC 8037 §2): the hash of its required members in order.
fn thumbprint(key: &PublicKey) -> String {
    let x = BASE64URL_NOPAD.encode(key.as_bytes());
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    BASE64URL_NOPAD.encode(&kdf::sha256(&[members.as_bytes()]))
}

/// The encoding of the private key in a record.
mod seed {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as Unreadable,
        encode::{Error as Unwritable, Write},
    };

    use crate::base::secret::Secret;

    pub(super) fn encode<C, W: Write>(
        seed: &Secret<[u8; 32]>,
        to: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), Unwritable<W::Error>> {
        let bytes = seed.expose();
        to.bytes(bytes)?.ok()
    }

    pub(super) fn decode<C>(from: &mut Decoder<'_>, _: &mut C) -> Result<Secret<[u8; 32]>, Unreadable> {
        let bytes = from.bytes()?.try_into().map_err(|_| Unreadable::message("a seed has 32 bytes"))?;
        Ok(Secret::new(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: KeyTerms =
        KeyTerms { ahead: Ttl::from_hours(1), lifetime: Ttl::from_hours(100), token_life: Ttl::from_hours(2) };

    fn at(hours: i64) -> Time {
        Time::from_unix_secs(1_800_000_000 + hours * 3600)
    }

    fn states(set: &Keyset, hours: i64) -> Vec<State> {
        set.published(at(hours), &TERMS).map(|(_, state)| state).collect()
    }

    fn begun() -> (Keyset, Random) {
        let (mut set, random) = (Keyset::default(), Random::seeded(1));
        assert!(set.maintain(at(0), &TERMS, &random));
        (set, random)
    }

    #[test]
    fn the_first_key_signs_at_once() {
        let (mut set, random) = begun();
        assert_eq!(states(&set, 0), [State::Active]);
        assert!(set.signing(at(0)).is_some() && set.signing(at(-1)).is_none());
        assert!(!set.maintain(at(0), &TERMS, &random), "and is enough for now");
    }

    #[test]
    fn the_next_key_is_published_ahead_of_its_use_and_the_last_one_stays_for_its_tokens() {
        let (mut set, random) = begun();
        assert!(!set.maintain(at(98), &TERMS, &random));
        assert!(set.maintain(at(99), &TERMS, &random));
        let first = set.signing(at(99)).unwrap().kid().to_owned();
        assert_eq!(states(&set, 99), [State::Active, State::Next]);
        assert_eq!(states(&set, 100), [State::Retiring, State::Active]);
        assert_ne!(set.signing(at(100)).unwrap().kid(), first);
        assert_eq!(states(&set, 101), [State::Retiring, State::Active]);
        assert_eq!(states(&set, 102), [State::Active], "its last token has ended");
        assert!(set.maintain(at(102), &TERMS, &random), "and then it is dropped");
        assert!(!set.maintain(at(102), &TERMS, &random));
    }

    #[test]
    fn a_neglected_set_still_publishes_a_key_before_it_signs() {
        let (mut set, random) = begun();
        assert_eq!(states(&set, 5000), [State::Active], "the old key signs on");
        assert!(set.maintain(at(5000), &TERMS, &random));
        assert_eq!(states(&set, 5000), [State::Active, State::Next]);
        assert_eq!(states(&set, 5001), [State::Retiring, State::Active]);
    }

    #[test]
    fn a_rotation_is_published_first_and_does_not_pile_up() {
        let (mut set, random) = begun();
        set.rotate(at(5), &TERMS, &random).unwrap();
        assert_eq!(states(&set, 5), [State::Active, State::Next]);
        let error = set.rotate(at(5), &TERMS, &random).unwrap_err();
        assert_eq!(
            (error.fault, error.message.as_str()),
            (Fault::Conflict, "the next key is published already and signs from 2027-01-15T14:00:00Z")
        );
        set.rotate(at(6), &TERMS, &random).unwrap();
        assert_eq!(states(&set, 6), [State::Retiring, State::Active, State::Next]);
        assert_eq!(states(&set, 9), [State::Active]);
    }

    #[test]
    fn a_rotation_of_an_empty_or_overdue_set_adds_one_key() {
        let (mut set, random) = (Keyset::default(), Random::seeded(1));
        set.rotate(at(0), &TERMS, &random).unwrap();
        assert_eq!(states(&set, 0), [State::Active]);
        set.rotate(at(500), &TERMS, &random).unwrap();
        assert_eq!(states(&set, 500), [State::Active, State::Next]);
    }

    /// The ids of the keys whose signatures are accepted.
    fn kids(set: &Keyset, hours: i64) -> Vec<String> {
        set.published(at(hours), &TERMS).map(|(generation, _)| generation.kid().to_owned()).collect()
    }

    /// S26: a stolen key signed on for an hour, and its tokens were accepted for an hour more.
    #[test]
    fn s26_a_retired_key_is_gone_and_another_signs_at_once() {
        // Retiring, active and next, in this order.
        let three = || {
            let (mut set, random) = begun();
            set.rotate(at(5), &TERMS, &random).unwrap();
            set.rotate(at(6), &TERMS, &random).unwrap();
            (set, random)
        };
        for (stolen, after) in [
            (0, &[State::Active, State::Next][..]),
            (1, &[State::Retiring, State::Active]),
            (2, &[State::Retiring, State::Active]),
        ] {
            let (mut set, random) = three();
            let before = kids(&set, 6);
            assert!(set.retire(&before[stolen], at(6), &random));
            assert_eq!(states(&set, 6), after, "{stolen}");
            assert!(!kids(&set, 6).contains(&before[stolen]));
            assert!(!set.retire(&before[stolen], at(6), &random), "it is gone");
        }
        let (mut set, random) = begun();
        let only = kids(&set, 3)[0].clone();
        assert!(set.retire(&only, at(3), &random));
        assert_eq!(states(&set, 3), [State::Active], "a new one");
        assert_ne!(kids(&set, 3)[0], only);
        set.rotate(at(3), &TERMS, &random).unwrap();
        assert_eq!(states(&set, 3), [State::Active, State::Next], "and a rotation is not refused");
    }

    /// A key whose time is over stays gone, and one that is retiring lives no longer, whichever later key is retired.
    #[test]
    fn s26_no_older_key_comes_back_when_a_key_is_retired() {
        let (mut set, random) = begun();
        let first = kids(&set, 5)[0].clone();
        set.rotate(at(5), &TERMS, &random).unwrap();
        let second = kids(&set, 8);
        assert!(second.len() == 1 && second[0] != first, "the first key is gone");
        assert!(set.retire(&second[0], at(8), &random));
        let third = kids(&set, 8);
        assert!(third.len() == 1 && third[0] != first && third[0] != second[0], "{third:?}");

        let (mut set, random) = begun();
        let first = kids(&set, 5)[0].clone();
        set.rotate(at(5), &TERMS, &random).unwrap();
        let second = set.signing(at(6)).unwrap().kid().to_owned();
        assert!(kids(&set, 6).contains(&first), "retiring");
        assert!(set.retire(&second, at(6), &random));
        assert!(!kids(&set, 8).contains(&first), "and gone when it would have been");
    }

    #[test]
    fn at_every_moment_one_key_signs_and_it_was_published_in_time() {
        let (mut set, random) = begun();
        let mut seen: Vec<(String, i64)> = Vec::new();
        for hour in 0..1000 {
            set.maintain(at(hour), &TERMS, &random);
            for (generation, _) in set.published(at(hour), &TERMS) {
                if !seen.iter().any(|(kid, _)| kid == generation.kid()) {
                    seen.push((generation.kid().to_owned(), hour));
                }
            }
            let active: Vec<_> = set.published(at(hour), &TERMS).filter(|(_, state)| *state == State::Active).collect();
            assert_eq!(active.len(), 1);
            assert_eq!(active[0].0.kid(), set.signing(at(hour)).unwrap().kid());
            let since = seen.iter().find(|(kid, _)| kid == active[0].0.kid()).unwrap().1;
            assert!(hour == 0 || since == 0 || hour - since >= 1, "published an hour before");
        }
        assert_eq!(seen.len(), 11);
    }

    #[test]
    fn a_set_reads_back_from_its_record() {
        let (mut set, random) = begun();
        set.rotate(at(5), &TERMS, &random).unwrap();
        let record = minicbor::to_vec(&set).unwrap();
        let read: Keyset = minicbor::decode(&record).unwrap();
        for (one, other) in set.generations.iter().zip(&read.generations) {
            assert_eq!(
                (one.kid(), one.created(), one.signs_from()),
                (other.kid(), other.created(), other.signs_from())
            );
            let signature = other.signing_key().sign(b"message");
            assert_eq!(one.public().unwrap().verify(b"message", &signature), Ok(()));
        }
        assert_eq!(read.generations.len(), 2);
    }

    /// RFC 8037, appendix A.3.
    #[test]
    fn a_kid_is_the_thumbprint_of_its_key() {
        let x = BASE64URL_NOPAD.decode(b"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = PublicKey::from_bytes(x.try_into().unwrap()).unwrap();
        assert_eq!(thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
