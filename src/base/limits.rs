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
/// Nesting of an HCL text.
pub const HCL_DEPTH_MAX: usize = 16;
/// Items of an HCL text.
pub const HCL_ITEMS_MAX: usize = 20_000;

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
