//! Listeners, TLS, configuration and signals: what stands between a socket and the broker, and between an operator's
//! configuration and a running process. Start reading at `run`; a connection's way is `listener` → `connection` →
//! `guard` → `exchange`.

pub mod run;

mod announce;
mod config;
mod error;
mod logging;
pub mod panics;
mod plan;
mod private_file;
mod seam;

mod connection;
mod exchange;
mod framing;
mod guard;
pub mod limits;
pub mod listener;
mod pace;
mod refusals;

mod certificate;
mod client_certificate;
pub mod own_ca;
pub mod tls;

#[cfg(test)]
mod tests;

pub use exchange::Handler;
pub use limits::{Limits, Refusals};
