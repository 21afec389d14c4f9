//! The tag of a value, which tells two values of one key apart without comparing them as a whole.

/// The first 24 bytes of a value; a shorter value is filled up with zeros. Sealed values begin with their nonce, so a
/// new value has a new tag.
pub type Tag = [u8; TAG_BYTES];

pub(super) const TAG_BYTES: usize = 24;

/// The tag of a value that consists of `bytes`.
pub(crate) fn tag_of(bytes: &[u8]) -> Tag {
    let mut tag = [0; TAG_BYTES];
    for (to, from) in tag.iter_mut().zip(bytes) {
        *to = *from;
    }
    tag
}
