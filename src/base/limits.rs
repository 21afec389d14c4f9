//! Every limit of the product, with its unit, its reason and what happens beyond it. A number that bounds what a caller
//! may ask for is defined here and nowhere else.

// Paths and names.

/// Maximum number of bytes of a request path before decoding; a longer path is refused with 400. Vault's clients stay
/// far below.
pub(crate) const PATH_BYTES_MAX: usize = 4_096;
/// Maximum number of segments of a path; a path with more is refused with 400. Each segment is sealed on its own, and a
/// deeper tree is a mistake.
pub(crate) const PATH_SEGMENTS_MAX: usize = 64;
/// Maximum number of bytes of one decoded segment; a path with a longer one is refused with 400. On disk one byte
/// counts a segment's blocks of 16 bytes.
pub(crate) const SEGMENT_BYTES_MAX: usize = 512;
/// Maximum number of bytes of the name of a mount, policy, role or key; a longer name is refused with 400. Such a name
/// is one segment, and an e-mail address fits.
pub(crate) const NAME_BYTES_MAX: usize = 128;

// Bodies.

/// Maximum number of levels of nesting in a JSON body; a deeper body is refused with 400. serde recurses, and no API of
/// ours needs more.
pub(crate) const JSON_DEPTH_MAX: usize = 32;
/// Maximum number of values and keys in a JSON body, or fields in a form; a body with more is refused with 400. Bounds
/// the work of hashing a body for the audit log.
pub(crate) const JSON_TOKENS_MAX: usize = 10_000;
/// Maximum number of bytes of a number in a JSON text; a text with a longer one is refused. A double written out in
/// full has 309 digits before the point.
pub(crate) const NUMBER_BYTES_MAX: usize = 400;

/// Maximum number of bytes of a request body whose caller is not known yet; a longer body is refused with 413.
pub(crate) const BODY_ANONYMOUS_BYTES_MAX: usize = 64 << 10;
/// Maximum number of bytes of the body of a login; a longer body is refused with 413.
pub(crate) const BODY_LOGIN_BYTES_MAX: usize = 16 << 10;
/// Maximum number of bytes of any other request body; a longer body is refused with 413.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

// Policies and configuration.

/// Maximum number of bytes of a policy's text; a longer policy is refused with 400.
pub(crate) const POLICY_BYTES_MAX: usize = 256 << 10;

// The server's own work.

/// Maximum number of bytes of compiled policies in the cache, then old entries are evicted. Some thousand sets of ten
/// rules fit.
pub(crate) const ACL_CACHE_BYTES_MAX: u64 = 8 << 20;
/// Maximum number of bytes of opened token records in the cache, then old entries are evicted. Some 8,000 tokens
/// without much metadata fit.
pub(crate) const TOKEN_CACHE_BYTES_MAX: u64 = 12 << 20;

// Policies and configuration.

/// Maximum number of levels of nesting in an HCL text (a policy or a configuration file); a deeper text is refused.
pub(crate) const HCL_DEPTH_MAX: usize = 16;
/// Maximum number of keys, labels and list values in an HCL text; a text with more is refused.
pub(crate) const HCL_ITEMS_MAX: usize = 20_000;

// The server's own work.

/// Maximum number of terms of a keyring; a keyring with more does not open. The keys of all terms lie in locked memory.
/// With a new term each month, 64 terms last five years before a rewrap.
pub(crate) const KEY_TERMS_MAX: usize = 64;
/// Sets in the table of name keys, which lies in locked memory. One byte of a mount's id chooses the set.
pub(crate) const NAME_KEY_SETS: usize = 32;
/// Name keys of one set; a further key replaces the oldest, which is derived again when it is needed. With 32 sets, 128
/// mounts can be in use at once without that. A key is 80 bytes.
pub(crate) const NAME_KEYS_PER_SET: usize = 4;

// Unsealing.

/// Time without a right share after which anybody may reset an unseal that is under way; before that, a reset needs a
/// share. Key holders may have to be called one after another; they come back sooner than this.
pub(crate) const UNSEAL_IDLE_SECS: u64 = 600;

// The server's own work.

/// Maximum number of batches that the committer takes into one group ; the others wait for the next
/// group.
pub(crate) const GROUP_BATCHES_MAX: usize = 256;
/// A group that has reached this many bytes takes no further batch.
pub(crate) const GROUP_BYTES_MAX: usize = 4 << 20;
/// Maximum number of writes that sled is handed at once, because a slice blocks sled's readers. A batch with more
/// writes is a slice of its own.
pub(crate) const SLICE_WRITES_MAX: usize = 64;
/// Maximum number of bytes of a key and its value in sled; a larger value is cut into chunks. sled puts larger ones
/// into files that it never syncs.
pub(crate) const CHUNK_BYTES: usize = 4 << 10;
/// Maximum number of bytes of one stored value; a batch with a larger value is refused as a whole.
pub(crate) const VALUE_BYTES_MAX: usize = 32 << 20;

// The audit log.

/// Number of bytes of an audit file if the configuration says nothing else; then it is rotated. It holds some 500,000 lines.
pub(crate) const AUDIT_FILE_BYTES: u64 = 256 << 20;
/// Minimum number of bytes at which an audit file may be rotated; the server does not start with a smaller number. The
/// lines that each file begins and ends with must be few beside the others.
pub(crate) const AUDIT_FILE_BYTES_MIN: u64 = 64 << 10;
/// Maximum number of bytes of an audit log line; the texts in a line are cut so that it fits. A tile entry of a
/// transparency log has a 16-bit length.
pub(crate) const AUDIT_LINE_BYTES_MAX: usize = 65_535;

/// Minimum number of free bytes on the file system of an audit file, or a tenth of a small file system; below that,
/// requests of callers without a token leave no lines but are counted. So they cannot fill the disk. It is more than the
/// store's reserve of 256 MiB.
pub(crate) const STRANGERS_ROOM_BYTES: u64 = 512 << 20;
/// Maximum number of refused requests of callers without a token, and as many answered ones, that get audit lines of
/// their own in a second; further ones are only counted, unless they change something. A program that guesses must not
/// fill the log.
pub(crate) const STRANGERS_LINES_PER_SEC: u32 = 100;

// Lists and tokens.

/// Maximum number of names in the answer to one LIST; a LIST of more, without `limit`, is refused with 413.
pub(crate) const LIST_NAMES_MAX: usize = 100_000;
/// Maximum number of accessors in the answer to one LIST of them; further ones are left out. As many as a LIST may name.
pub(crate) const ACCESSORS_MAX: usize = 100_000;
/// Maximum number of paths about whose capabilities one request may ask; a request with more is refused with 400. A
/// user interface asks about some dozens.
pub(crate) const CAPABILITIES_PATHS_MAX: usize = 1_000;
/// Maximum number of ancestors of a token; creating a child below that depth is refused with 400.
pub(crate) const TOKEN_DEPTH_MAX: usize = 32;

// The server's own work.

/// Maximum number of names that the sweeper deletes in one batch; the others follow in later batches.
pub(crate) const SWEEP_BATCH_MAX: usize = 256;

// Connections and requests.

/// Maximum number of connections that are open at once, on all listeners; an idle one is closed to make room, or else the
/// new one is closed.
pub(crate) const CONNECTIONS_MAX: usize = 4_096;
/// Maximum number of connections of one address; a further one closes an idle one of that address, or is closed itself.
/// Half of all, because many clients can stand behind one proxy.
pub(crate) const CONNECTIONS_PER_ADDRESS_MAX: usize = 2_048;
/// Connections that only clients on this machine may take; others find the server full a little earlier. So an operator
/// can log in under an attack.
pub(crate) const CONNECTIONS_LOOPBACK_RESERVED: usize = 16;
/// File descriptors that stay free for storage and audit; fewer connections are allowed if the process may open few
/// files.
pub(crate) const DESCRIPTORS_RESERVED: usize = 128;
/// Maximum number of bytes of a request head (request line and headers); a request with a longer head is refused with
/// 431.
pub(crate) const HEAD_BYTES_MAX: usize = 16 << 10;
/// Maximum number of bytes of one header, name and value together; a request with a longer header is refused with 400.
pub(crate) const HEADER_BYTES_MAX: usize = 8 << 10;
/// Maximum number of headers of a request; a request with more is refused with 431. This is also hyper's default.
pub(crate) const HEADERS_MAX: usize = 100;
/// Maximum number of bytes of the size line of a chunk in a chunked body; a longer line makes the body invalid. Chunk
/// extensions, which would need more, have no use here.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 256;

// Times.

/// Maximum time for a TLS handshake; then the connection is closed.
pub(crate) const HANDSHAKE_MILLIS_MAX: u64 = 5_000;
/// Maximum time for a request head, counted from its first byte, or on a new connection from the start of the
/// connection; then the connection is closed.
pub(crate) const HEAD_MILLIS_MAX: u64 = 10_000;
/// Maximum time that a kept connection may stay silent between requests; then it is closed.
pub(crate) const IDLE_MILLIS_MAX: u64 = 75_000;
/// Time that a client has to send its body; then the minimum rate counts.
pub(crate) const BODY_GRACE_MILLIS: u64 = 5_000;
/// Minimum number of bytes a second that a client must send of its body, on average and after the grace; a slower
/// request is refused with 400.
pub(crate) const BODY_BYTES_PER_SEC_MIN: u64 = 1_024;
/// Maximum time for answering a request; then the client gets 503. This is Vault's default.
pub(crate) const REQUEST_MILLIS_MAX: u64 = 90_000;
/// Maximum time that a client may read nothing of a waiting answer; then the connection is closed.
pub(crate) const WRITE_STALL_MILLIS_MAX: u64 = 15_000;
/// Maximum time for reading what a refused client still sends; then the connection is closed. Closing at once would
/// keep the client from reading the answer.
pub(crate) const LINGER_MILLIS_MAX: u64 = 2_000;
/// Maximum time that open requests have to end when the server stops; then their connections are cut.
pub(crate) const STOP_MILLIS_MAX: u64 = 10_000;

// Refused requests.

/// Average number of refused requests from one address; above it, strangers from that address get 429. A caller with a
/// live token is never refused for its neighbours.
pub(crate) const REFUSALS_PER_SEC: u32 = 200;
/// Refused requests that one address may make at once; then the average counts.
pub(crate) const REFUSALS_BURST: u32 = 400;
/// Maximum number of client addresses for which refused requests are counted at once; further addresses are neither
/// counted nor limited. 16,384 addresses fill about 1 MiB.
pub(crate) const REFUSAL_ADDRESSES_MAX: usize = 16_384;

// Policies and configuration.

/// Maximum number of bytes of one configuration file; the server does not start with a longer one.
pub(crate) const CONFIG_BYTES_MAX: usize = 1 << 20;

// Principals, roles and tokens.

/// Maximum number of pairs in the metadata of a principal or a token; more are refused with 400. Each of the principal's
/// tokens holds all of them.
pub(crate) const METADATA_PAIRS_MAX: usize = 64;
/// Maximum number of pairs that an auth method itself adds to the metadata of a token, such as the name of the role; a
/// login with more is refused with 400.
pub(crate) const METADATA_OWN_PAIRS_MAX: usize = 8;
/// Maximum number of bytes of a metadata key; a longer key is refused with 400.
pub(crate) const METADATA_KEY_BYTES_MAX: usize = 128;
/// Maximum number of bytes of a metadata value; a longer value is refused with 400.
pub(crate) const METADATA_VALUE_BYTES_MAX: usize = 512;
/// Maximum number of policies of one role or token; more are refused with 400. Each token of the role names all of them.
pub(crate) const POLICIES_MAX: usize = 256;
/// Maximum number of bytes of a display name; a longer one is refused with 400. It stands in every audit log line of its
/// token, and an e-mail address fits.
pub(crate) const DISPLAY_NAME_BYTES_MAX: usize = 256;
/// Maximum number of bytes of the name under which an auth method knows a principal; a login with a longer one is
/// refused with 400. A RoleID fits.
pub(crate) const ALIAS_BYTES_MAX: usize = CHOSEN_ID_BYTES_MAX;
/// Maximum number of uses that an AppRole role gives its tokens or SecretIDs; a larger number is refused with 400. The
/// largest number that an integer of every client holds.
pub(crate) const NUM_USES_MAX: u32 = 0x7fff_ffff;
/// Maximum number of bytes of a RoleID or SecretID that an operator chooses; a longer one is refused with 400. Both
/// must fit the body of a login, which has 16 KiB.
pub(crate) const CHOSEN_ID_BYTES_MAX: usize = 4_096;
/// Maximum number of audiences of a role of service tokens; more are refused with 400. A token may name all of them.
pub(crate) const AUDIENCES_MAX: usize = 32;
/// Maximum number of bytes of an audience, which is usually a URL; a longer one is refused with 400.
pub(crate) const AUDIENCE_BYTES_MAX: usize = 256;
/// Maximum life of a service token in seconds; a role with a longer one is refused with 400. Third parties cannot be
/// told that a token was revoked.
pub(crate) const SERVICE_TOKEN_SECS_MAX: u64 = 3_600;

// The command line.

/// Files that are read of a folder of CAs; a folder with more is refused. The folder of an operating system has some
/// hundred.
pub(crate) const CA_FOLDER_FILES_MAX: usize = 10_000;
/// Folders within each other that are searched for CAs; a deeper one is refused. No search is without an end.
pub(crate) const CA_FOLDER_DEPTH_MAX: usize = 16;
