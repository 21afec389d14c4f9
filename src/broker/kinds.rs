//! The registry of kinds: the engines and auth methods that can be enabled.

use crate::contract::Kind;

/// The kinds that can be enabled. To add one, add a folder and a line here.
pub static KINDS: &[Kind] = &[
    Kind::engine::<crate::engines::kv::Kv>(),
    Kind::engine::<crate::engines::service_tokens::ServiceTokens>(),
    Kind::auth::<crate::auth_methods::approle::AppRole>(),
    #[cfg(test)]
    Kind::engine::<super::tests::endings::Panicking>(),
    #[cfg(test)]
    Kind::auth::<super::tests::signed::Signed>(),
];
