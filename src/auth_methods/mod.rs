//! Ways to log in, one folder each. An auth method says who a caller is; the broker makes the token.

pub mod approle;
