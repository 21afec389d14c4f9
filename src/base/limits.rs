//! Every limit of the product, with its unit and its reason. A number that bounds what a caller may ask for stands
//! here and nowhere else.

/// Bytes of a request path before decoding: Vault's clients stay far below.
pub const PATH_BYTES_MAX: usize = 4_096;
/// Segments of a path: deeper trees are a mistake, and each segment is sealed on its own.
pub const PATH_SEGMENTS_MAX: usize = 64;
/// Bytes of one decoded segment: one length byte per 16 on disk.
pub const SEGMENT_BYTES_MAX: usize = 512;
/// Bytes of the name of a mount, policy, role or key: one segment, and room for an address.
pub const NAME_BYTES_MAX: usize = 128;

/// Nesting of a JSON body: serde recurses, and no API of ours needs more.
pub const JSON_DEPTH_MAX: usize = 32;
/// Tokens of a JSON body: bounds the work of hashing a body for the audit log.
pub const JSON_TOKENS_MAX: usize = 10_000;
/// Bytes of a number's text: a double written out in full has 309 digits before the point.
pub const NUMBER_BYTES_MAX: usize = 400;

/// Bytes of a body whose caller is not known yet.
pub const BODY_ANONYMOUS_BYTES_MAX: usize = 64 << 10;
/// Bytes of a login's body.
pub const BODY_LOGIN_BYTES_MAX: usize = 16 << 10;
/// Bytes of a body in general.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Bytes of a policy's text.
pub const POLICY_BYTES_MAX: usize = 256 << 10;
/// Bytes of compiled policies that are kept: some thousand sets of ten rules.
pub const ACL_CACHE_BYTES_MAX: u64 = 8 << 20;
/// Bytes of opened tokens that are kept: some 8,000 tokens without much metadata.
pub const TOKEN_CACHE_BYTES_MAX: u64 = 12 << 20;
/// Nesting of an HCL text.
pub const HCL_DEPTH_MAX: usize = 16;
/// Items of an HCL text.
pub const HCL_ITEMS_MAX: usize = 20_000;

/// Terms of a keyring: their keys lie in locked memory, and a term a month lasts five years before a rewrap.
pub const KEY_TERMS_MAX: usize = 64;
/// Sets of the table of name keys in locked memory; one byte of a mount's id chooses the set.
pub const NAME_KEY_SETS: usize = 32;
/// Name keys of a set. With 32 sets, 128 mounts in use at once need no key derived twice; a key is 80 bytes.
pub const NAME_KEYS_PER_SET: usize = 4;

/// Batches that the committer takes into one group (DESIGN.md §5).
pub const GROUP_BATCHES_MAX: usize = 256;
/// Bytes of one group.
pub const GROUP_BYTES_MAX: usize = 4 << 20;
/// Writes that sled is handed at once; a slice blocks its readers.
pub const SLICE_WRITES_MAX: usize = 64;
/// Bytes of a value in sled before it is cut into chunks: larger ones go to files that sled never syncs.
pub const CHUNK_BYTES: usize = 4 << 10;
/// Bytes of one stored value in all.
pub const VALUE_BYTES_MAX: usize = 32 << 20;

/// Bytes of an audit line: a tile entry of a transparency log has a 16-bit length.
pub const AUDIT_LINE_BYTES_MAX: usize = 65_535;

/// Names that one LIST answers with.
pub const LIST_NAMES_MAX: usize = 100_000;
/// Ancestors of a token.
pub const TOKEN_DEPTH_MAX: usize = 32;
/// Names that a sweep deletes in one batch.
pub const SWEEP_BATCH_MAX: usize = 256;

/// Connections that are open at once, on all listeners.
pub const CONNECTIONS_MAX: usize = 4_096;
/// File descriptors that stay free for storage and audit, however many clients there are.
pub const DESCRIPTORS_RESERVED: usize = 128;
/// Bytes of a request's head: request line and headers.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// Bytes of one header line.
pub const HEADER_BYTES_MAX: usize = 8 << 10;
/// Bytes of a chunk's size line: extensions have no use here.
pub const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Time for a TLS handshake.
pub const HANDSHAKE_MILLIS_MAX: u64 = 5_000;
/// Time for a request's head, from its first byte; on a new connection from its start.
pub const HEAD_MILLIS_MAX: u64 = 10_000;
/// Time that a kept connection may stay silent between requests.
pub const IDLE_MILLIS_MAX: u64 = 75_000;
/// Time in which a body owes nothing; after it the least rate counts.
pub const BODY_GRACE_MILLIS: u64 = 5_000;
/// Bytes a second that a body must bring on average after the grace.
pub const BODY_BYTES_PER_SEC_MIN: u64 = 1_024;
/// Time for a whole request: Vault's default.
pub const REQUEST_MILLIS_MAX: u64 = 90_000;
/// Time that a client may take nothing of an answer that waits for it.
pub const WRITE_STALL_MILLIS_MAX: u64 = 15_000;
/// Time for reading away what a refused client is still sending, so that it can see the answer.
pub const LINGER_MILLIS_MAX: u64 = 2_000;
/// Time that open requests have to end when the server stops.
pub const STOP_MILLIS_MAX: u64 = 10_000;

/// Refused requests a second that one address may make in the long run.
pub const REFUSALS_PER_SEC: u32 = 200;
/// Refused requests that one address may make at once.
pub const REFUSALS_BURST: u32 = 400;
/// Addresses whose refusals are counted: 16,384 of them fill about 1 MiB.
pub const REFUSAL_ADDRESSES_MAX: usize = 16_384;

/// Bytes of one configuration file.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;

/// Pairs of a principal's metadata: it stands in each of its tokens.
pub const METADATA_PAIRS_MAX: usize = 64;
/// Bytes of a metadata key.
pub const METADATA_KEY_BYTES_MAX: usize = 128;
/// Bytes of a metadata value.
pub const METADATA_VALUE_BYTES_MAX: usize = 512;
/// Policies of one role: each of its tokens names them all.
pub const ROLE_POLICIES_MAX: usize = 256;
/// Uses of a token or of what it is asked with: the largest that every client's integer holds.
pub const NUM_USES_MAX: u32 = 0x7fff_ffff;
/// Bytes of an id that an operator chooses for a role or its secret: a login's body has 16 KiB.
pub const CHOSEN_ID_BYTES_MAX: usize = 4_096;
/// Audiences of a role of service tokens: a token may name them all.
pub const AUDIENCES_MAX: usize = 32;
/// Bytes of an audience: a URL.
pub const AUDIENCE_BYTES_MAX: usize = 256;
/// Seconds that a service token lives at most: third parties cannot be told that it was revoked.
pub const SERVICE_TOKEN_SECS_MAX: u64 = 3_600;
