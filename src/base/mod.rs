//! The words every floor speaks: moments, lengths of time, randomness, secrets, paths, limits and text forms.
//! Pure vocabulary: nothing here opens a file or a socket.

pub mod limits;
pub mod random;
pub mod secret;
pub mod time;
pub mod ttl;
