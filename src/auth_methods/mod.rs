//! Auth methods: ways to log in, one folder each. An auth method says who the caller is. The broker issues the token.

pub mod approle;
