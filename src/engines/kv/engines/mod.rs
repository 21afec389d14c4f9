//! The secrets engines: each keeps or makes secrets behind the contract, and knows nothing of the others.

pub mod kv;
