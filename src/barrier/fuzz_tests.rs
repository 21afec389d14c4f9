//! Fuzz targets of the form on disk: whatever bytes stand in a store or a boot file, reading them gives an error or
//! what was written there, and never a panic or another plaintext.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{
    boot::BootDocument,
    keyring::{Keyring, Term},
    keys::Keys,
    record_key::RecordKey,
    table::NameForm,
};
use crate::base::{fuzz, random::Random, secret::Secret, time::Time};

const MOUNT: [u8; 16] = [3; 16];

/// Keys of two terms, so that the term in a value's head chooses between keys that exist.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let random = Random::seeded(1);
    let mut ring = Keyring::generate(&random, Time::EPOCH);
    ring.terms.push(Term { number: 2, key: random.bytes(), created: 1 });
    Keys::new([1; 16], &ring, random)
});

fn key_of(name: u8) -> RecordKey {
    KEYS.record_key(&MOUNT, 1, NameForm::Plain, &(&[name]).into()).unwrap()
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn bytes_that_nobody_sealed_never_open(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(KEYS.open_record(&key_of(1), &bytes).is_err());
        // With a right head, so that a key is found and the cipher is asked.
        let mut headed = bytes;
        if headed.len() >= 30 {
            headed[24..30].copy_from_slice(&[1, 1, 0, 0, 0, 2]);
            prop_assert!(KEYS.open_record(&key_of(1), &headed).is_err());
        }
    }

    #[test]
    fn a_changed_cut_or_joined_value_never_opens(
        plain in prop::collection::vec(any::<u8>(), 0..200),
        other in prop::collection::vec(any::<u8>(), 0..200),
        at: prop::sample::Index,
        flip in 1_u8..,
    ) {
        let value = KEYS.seal_record(&key_of(1), &plain).unwrap();
        prop_assert_eq!(&KEYS.open_record(&key_of(1), &value).unwrap()[..], &plain[..]);
        let stranger = KEYS.seal_record(&key_of(2), &other).unwrap();
        let cut = at.index(value.len());
        let mut flipped = value.clone();
        flipped[cut] ^= flip;
        let joined = [&value[..cut], &stranger[cut.min(stranger.len())..]].concat();
        let longer = [&value[..], &[flip]].concat();
        for bytes in [&value[..cut], &flipped, &joined, &longer, &stranger] {
            prop_assert!(bytes == value || KEYS.open_record(&key_of(1), bytes).is_err());
        }
    }

    #[test]
    fn a_changed_key_gives_its_own_name_or_none(
        folder in "[a-c]{1,3}", name in "[a-zé/ ]{0,40}", at: prop::sample::Index, flip in 1_u8..,
    ) {
        let parent = KEYS.sealed_key(&MOUNT, 1, [folder.as_str()]).unwrap();
        let full = KEYS.sealed_key(&MOUNT, 1, [folder.as_str(), &name]).unwrap();
        let open = |bytes: &[u8]| parent.child(bytes).and_then(|child| KEYS.with_names(&MOUNT, |key| child.open(key)));
        prop_assert_eq!(open(full.as_bytes()).unwrap(), name);
        let tail = parent.as_bytes().len();
        let mut changed = full.as_bytes().to_vec();
        let at = tail + at.index(changed.len() - tail);
        changed[at] ^= flip;
        prop_assert!(open(&changed).is_err());
        prop_assert!(open(&full.as_bytes()[..at]).is_err());
        let noise: Vec<u8> = parent.as_bytes().iter().chain(&full.as_bytes()[at..]).copied().collect();
        prop_assert!(noise == full.as_bytes() || open(&noise).is_err());
    }

    #[test]
    fn no_bytes_are_a_boot_document_that_opens(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(document) = BootDocument::decode(&bytes) {
            prop_assert!(document.open_keyring(&Secret::new([0; 32])).is_err());
        }
    }
}
