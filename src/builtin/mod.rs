//! The built-in mounts: every broker has them. The broker creates them and passes them the services, which no other
//! mount gets.

pub mod system;
pub mod token;
