//! Strongroom: a broker of secrets and service credentials.
//!
//! The order of the `mod` lines below is the law of the house: a module uses only modules that stand above it.
//! `tests/house.rs` holds the project to it. Start reading at `broker/pipeline.rs`.

pub mod base;
pub mod crypto;
pub mod blocking;
pub mod store;
pub mod barrier;
pub mod contract;
pub mod services;
pub mod engines;
pub mod auth_methods;
pub mod builtin;
pub mod broker;
pub mod dialects;
pub mod server;
pub mod client;
pub mod cli;
