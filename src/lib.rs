//! Strongroom: a broker of secrets and service credentials.
//!
//! The order of the `mod` lines below is the law of the house: a module uses only modules that stand above it.
//! `tests/house.rs` holds the project to it. Only the program uses this library, so its modules are private: the compiler
//! then finds what nobody calls. Start reading at `broker/pipeline.rs`.

pub mod base;
mod crypto;
mod stripes;
mod blocking;
mod store;
mod barrier;
mod contract;
mod services;
mod engines;
mod auth_methods;
mod builtin;
mod broker;
mod dialects;
mod server;
mod client;
pub mod cli;

// For the tests in its documentation, which show what does not compile.
#[doc(hidden)]
pub use services::access;
// For examples/api_documents.rs, which writes what is made from the rows and from the command line.
#[doc(hidden)]
pub use broker::documents::files as api_documents;
#[doc(hidden)]
pub use cli::documents::files as program_documents;
