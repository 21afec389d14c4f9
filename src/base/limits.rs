//! Every limit of the product, with its unit and its reason. A number that bounds what a caller may ask for is defined
//! here and nowhere else.

/// Bytes of a request path before decoding: Vault's clients stay far below.
pub(crate) const PATH_BYTES_MAX: usize = 4_096;
/// Segments of a path: deeper trees are a mistake, and each segment is sealed on its own.
pub(crate) const PATH_SEGMENTS_MAX: usize = 64;
/// Bytes of one decoded segment: one length byte per 16 on disk.
pub(crate) const SEGMENT_BYTES_MAX: usize = 512;
/// Bytes of the name of a mount, policy, role or key: one segment, and room for an address.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// Nesting of a JSON body: serde recurses, and no API of ours needs more.
pub(crate) const JSON_DEPTH_MAX: usize = 32;
/// Tokens of a JSON body: bounds the work of hashing a body for the audit log.
pub(crate) const JSON_TOKENS_MAX: usize = 10_000;
/// Bytes of a number's text: a double written out in full has 309 digits before the point.
pub(crate) const NUMBER_BYTES_MAX: usize = 400;

/// Bytes of a body whose caller is not known yet.
pub(crate) const BODY_ANONYMOUS_BYTES_MAX: usize = 64 << 10;
/// Bytes of a login's body.
pub(crate) const BODY_LOGIN_BYTES_MAX: usize = 16 << 10;
/// Bytes of a body in general.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// Bytes of a policy's text.
pub(crate) const POLICY_BYTES_MAX: usize = 256 << 10;
/// Bytes of compiled policies that are kept: some thousand sets of ten rules.
pub(crate) const ACL_CACHE_BYTES_MAX: u64 = 8 << 20;
/// Bytes of opened tokens that are kept: some 8,000 tokens without much metadata.
pub(crate) const TOKEN_CACHE_BYTES_MAX: u64 = 12 << 20;
/// Nesting of an HCL text.
pub(crate) const HCL_DEPTH_MAX: usize = 16;
/// Items of an HCL text.
pub(crate) const HCL_ITEMS_MAX: usize = 20_000;

/// Terms of a keyring: their keys lie in locked memory, and a term a month lasts five years before a rewrap.
pub(crate) const KEY_TERMS_MAX: usize = 64;
/// Sets of the table of name keys in locked memory; one byte of a mount's id chooses the set.
pub(crate) const NAME_KEY_SETS: usize = 32;
/// Name keys of a set. With 32 sets, 128 mounts in use at once need no key derived twice; a key is 80 bytes.
pub(crate) const NAME_KEYS_PER_SET: usize = 4;

/// Batches that the committer takes into one group (DESIGN.md §5).
pub(crate) const GROUP_BATCHES_MAX: usize = 256;
/// Bytes of one group.
pub(crate) const GROUP_BYTES_MAX: usize = 4 << 20;
/// Writes that sled is handed at once; a slice blocks its readers.
pub(crate) const SLICE_WRITES_MAX: usize = 64;
/// Bytes of a value in sled before it is cut into chunks: sled puts larger ones into files that it never syncs.
pub(crate) const CHUNK_BYTES: usize = 4 << 10;
/// Bytes of one stored value in all.
pub(crate) const VALUE_BYTES_MAX: usize = 32 << 20;

/// Bytes of an audit line: a tile entry of a transparency log has a 16-bit length.
pub(crate) const AUDIT_LINE_BYTES_MAX: usize = 65_535;

/// Names in the answer to one LIST.
pub(crate) const LIST_NAMES_MAX: usize = 100_000;
/// Ancestors of a token.
pub(crate) const TOKEN_DEPTH_MAX: usize = 32;
/// Names that a sweep deletes in one batch.
pub(crate) const SWEEP_BATCH_MAX: usize = 256;

/// Connections that are open at once, on all listeners.
pub(crate) const CONNECTIONS_MAX: usize = 4_096;
/// Connections that one address may hold: half of all, because many clients can stand behind one proxy.
pub(crate) const CONNECTIONS_PER_ADDRESS_MAX: usize = 2_048;
/// Connections that only clients on this machine may take, so that an operator can log in under an attack.
pub(crate) const CONNECTIONS_LOOPBACK_RESERVED: usize = 16;
/// File descriptors that stay free for storage and audit, however many clients there are.
pub(crate) const DESCRIPTORS_RESERVED: usize = 128;
/// Bytes of a request's head: request line and headers.
pub(crate) const HEAD_BYTES_MAX: usize = 16 << 10;
/// Bytes of one header: name and value.
pub(crate) const HEADER_BYTES_MAX: usize = 8 << 10;
/// Headers of a request. This is also hyper's default.
pub(crate) const HEADERS_MAX: usize = 100;
/// Bytes of a chunk's size line: extensions have no use here.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Time for a TLS handshake.
pub(crate) const HANDSHAKE_MILLIS_MAX: u64 = 5_000;
/// Time for a request's head, from its first byte; on a new connection from its start.
pub(crate) const HEAD_MILLIS_MAX: u64 = 10_000;
/// Time that a kept connection may stay silent between requests.
pub(crate) const IDLE_MILLIS_MAX: u64 = 75_000;
/// Time before the least rate of a body is enforced.
pub(crate) const BODY_GRACE_MILLIS: u64 = 5_000;
/// Bytes a second that a body must bring on average after that time.
pub(crate) const BODY_BYTES_PER_SEC_MIN: u64 = 1_024;
/// Time for a whole request: Vault's default.
pub(crate) const REQUEST_MILLIS_MAX: u64 = 90_000;
/// Time that a client may leave a waiting answer unread.
pub(crate) const WRITE_STALL_MILLIS_MAX: u64 = 15_000;
/// Time for reading what a refused client is still sending: closing at once would keep it from reading the answer.
pub(crate) const LINGER_MILLIS_MAX: u64 = 2_000;
/// Time that open requests have to end when the server stops.
pub(crate) const STOP_MILLIS_MAX: u64 = 10_000;

/// Refused requests a second that one address may make on average.
pub(crate) const REFUSALS_PER_SEC: u32 = 200;
/// Refused requests that one address may make at once.
pub(crate) const REFUSALS_BURST: u32 = 400;
/// Addresses whose refusals are counted: 16,384 of them fill about 1 MiB.
pub(crate) const REFUSAL_ADDRESSES_MAX: usize = 16_384;

/// Bytes of one configuration file.
pub(crate) const CONFIG_BYTES_MAX: usize = 1 << 20;

/// Pairs of a principal's metadata: it stands in each of its tokens.
pub(crate) const METADATA_PAIRS_MAX: usize = 64;
/// Bytes of a metadata key.
pub(crate) const METADATA_KEY_BYTES_MAX: usize = 128;
/// Bytes of a metadata value.
pub(crate) const METADATA_VALUE_BYTES_MAX: usize = 512;
/// Policies of one role: each of its tokens names them all.
pub(crate) const ROLE_POLICIES_MAX: usize = 256;
/// Uses of a token or of a SecretID: the largest number that every client's integer holds.
pub(crate) const NUM_USES_MAX: u32 = 0x7fff_ffff;
/// Bytes of an id that an operator chooses for a role or its secret: a login's body has 16 KiB.
pub(crate) const CHOSEN_ID_BYTES_MAX: usize = 4_096;
/// Audiences of a role of service tokens: a token may name them all.
pub(crate) const AUDIENCES_MAX: usize = 32;
/// Bytes of an audience: a URL.
pub(crate) const AUDIENCE_BYTES_MAX: usize = 256;
/// Seconds that a service token lives at most: third parties cannot be told that it was revoked.
pub(crate) const SERVICE_TOKEN_SECS_MAX: u64 = 3_600;
