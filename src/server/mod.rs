//! Listeners, TLS, configuration and signals: everything between a socket and the broker, and between an operator's
//! configuration and a running process. Start reading at `run`. A connection goes through `listener` → `connection` →
//! `strict_stream` → `exchange`.

pub mod run;

mod banner;
mod config;
mod error;
mod logging;
mod options;
mod panics;
mod private_file;
mod exposed;
mod run_files;
mod machine;
mod backend;
mod settings;
mod signals;

mod body_rate;
mod client_address;
mod connection;
mod connection_counts;
mod connections;
mod exchange;
mod framing;
mod limits;
mod listener;
mod refusals;
mod serving;
mod strict_stream;
mod telemetry;

mod certificate;
mod client_certificate;
mod certificates;
mod binding;
mod own_ca;
mod tls;

#[cfg(test)]
mod tests;
