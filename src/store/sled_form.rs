//! The form of keys and values in sled's tree. The first byte of a key separates records, chunks and the head record,
//! so a scan of records meets nothing else.
//!
//! A value above 4 KiB is cut into chunks, because sled puts large pages into files of their own that it never syncs.
//! Chunks are named after the write that made them and never change. A reader that misses a chunk reads the record
//! again.

use ::sled::IVec;

use super::{
    batch::Sequence,
    change::{Summary, WriteId},
    tag::{TAG_BYTES, Tag, tag_of},
};
use crate::base::{limits::CHUNK_BYTES, time::Time};

/// A record as it lies in the tree.
pub(super) enum Stored {
    /// The record holds the value itself.
    Inline(IVec),
    /// The value lies in chunks.
    Chunked(Summary),
}

/// The head record: which commit is the last in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub sequence: Sequence,
    pub time: Time,
}

pub(super) fn record_key(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(RECORD);
    bytes.extend(key);
    bytes
}

/// The caller's key that a key of the tree holds. `None` if it is not the key of a record.
pub(super) fn key_of_record(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(&[RECORD])
}

pub(super) fn chunk_key(made_by: WriteId, index: u32) -> [u8; 17] {
    let mut bytes = [0; 17];
    let parts = [CHUNK].into_iter().chain(made_by.sequence.to_be_bytes()).chain(made_by.position.to_be_bytes());
    for (to, from) in bytes.iter_mut().zip(parts.chain(index.to_be_bytes())) {
        *to = from;
    }
    bytes
}

/// Whether a value of this length lies in chunks.
pub(super) fn is_chunked(key_bytes: usize, len_bytes: usize) -> bool {
    key_bytes + len_bytes > CHUNK_BYTES
}

pub(super) fn chunk_count(len_bytes: usize) -> u32 {
    u32::try_from(len_bytes.div_ceil(CHUNK_PART_BYTES)).unwrap_or(u32::MAX)
}

/// Cuts a value into chunks. Each chunk is `8 bytes of the value's tag | part`.
pub(super) fn chunks(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let tag = tag_of(value);
    value.chunks(CHUNK_PART_BYTES).map(move |part| tag.iter().take(CHUNK_TAG_BYTES).chain(part).copied().collect())
}

/// The part of a value that a chunk holds. `None` if the chunk belongs to a value with another tag.
pub(super) fn part_of<'a>(chunk: &'a [u8], tag: &Tag) -> Option<&'a [u8]> {
    chunk.split_at_checked(CHUNK_TAG_BYTES).filter(|(own, _)| tag.starts_with(own)).map(|(_, part)| part)
}

/// The stored form of a value that is not cut: `0 | value`.
pub(super) fn encode_inline(value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + value.len());
    bytes.push(INLINE);
    bytes.extend(value);
    bytes
}

/// The stored form of a record whose value lies in chunks: `1 | length u32 | tag 24 | sequence u64 | position u32`,
/// little endian.
pub(super) fn encode_chunked(seen: &Summary) -> Vec<u8> {
    let mut bytes = vec![CHUNKED];
    bytes.extend((seen.len_bytes as u32).to_le_bytes());
    bytes.extend(seen.tag);
    bytes.extend(seen.made_by.sequence.to_le_bytes());
    bytes.extend(seen.made_by.position.to_le_bytes());
    bytes
}

/// Reads the stored form of a record. `None` if the bytes have neither form.
pub(super) fn decode(bytes: &IVec) -> Option<Stored> {
    let (form, rest) = bytes.split_first()?;
    match *form {
        INLINE => Some(Stored::Inline(bytes.subslice(1, rest.len()))),
        CHUNKED => {
            let (len_bytes, rest) = rest.split_first_chunk::<4>()?;
            let (tag, rest) = rest.split_first_chunk::<TAG_BYTES>()?;
            let (sequence, rest) = rest.split_first_chunk::<8>()?;
            let position: &[u8; 4] = rest.try_into().ok()?;
            let made_by = WriteId { sequence: u64::from_le_bytes(*sequence), position: u32::from_le_bytes(*position) };
            Some(Stored::Chunked(Summary { tag: *tag, len_bytes: u32::from_le_bytes(*len_bytes) as usize, made_by }))
        }
        _ => None,
    }
}

impl Head {
    /// The stored form of the head record: `1 | sequence u64 | nanoseconds i64`, little endian.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = vec![HEAD_VERSION];
        bytes.extend(self.sequence.0.to_le_bytes());
        bytes.extend(self.time.unix_nanos().to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (sequence, rest) = bytes.strip_prefix(&[HEAD_VERSION])?.split_first_chunk::<8>()?;
        let nanos: &[u8; 8] = rest.try_into().ok()?;
        let time = Time::from_unix_nanos(i64::from_le_bytes(*nanos));
        Some(Self { sequence: Sequence(u64::from_le_bytes(*sequence)), time })
    }
}

/// The key of the [`Head`] record, which is rewritten with every slice.
pub(super) const HEAD_KEY: &[u8] = b"\x00head";
const RECORD: u8 = 1;
const CHUNK: u8 = 2;
const INLINE: u8 = 0;
const CHUNKED: u8 = 1;
const HEAD_VERSION: u8 = 1;
const CHUNK_TAG_BYTES: usize = 8;
const CHUNK_PART_BYTES: usize = CHUNK_BYTES - CHUNK_TAG_BYTES;
