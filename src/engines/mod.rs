//! Secrets engines, one folder each. An engine sees its own mount's records and who is calling, and nothing else.

#[cfg(test)]
mod example;
pub mod kv;
pub mod service_tokens;
