//! The vocabulary of all floors: moments, lengths of time, randomness, secrets, paths, limits and text forms. Nothing
//! here opens a file or a socket.

#[cfg(test)]
pub mod fuzz;
pub mod hcl;
pub mod host;
pub mod json;
pub mod limits;
pub mod path;
pub mod pem;
pub mod random;
pub mod secret;
pub mod share_text;
pub mod suggest;
pub mod sys;
pub mod time;
pub mod token_text;
pub mod ttl;
pub mod unicode;
