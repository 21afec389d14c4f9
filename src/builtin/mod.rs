//! The mounts that every broker has. They are made by the broker and handed the services; nobody else is.

pub mod system;
pub mod token;
