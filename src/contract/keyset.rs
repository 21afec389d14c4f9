//! Generations of a signing key.
