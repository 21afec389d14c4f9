//! The listener as its clients see it: over raw sockets, because HTTP clients tidy up what they send. Deadlines are
//! shortened by `Limits`, and a test waits for a connection to be closed, never for a time to pass.

mod bodies;
mod heads;
mod masses;
mod metrics;
mod second_listener;
mod shares;
mod stand;
mod tls_port;
mod two_readers;
