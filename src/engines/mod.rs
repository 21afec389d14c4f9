//! Secrets engines, one folder each. An engine can reach the records of its own mount and the caller, and nothing else.

#[cfg(test)]
mod example;
pub mod kv;
pub mod service_tokens;
