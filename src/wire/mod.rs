//! HTTP words to our words and back. A codec: it knows Vault's spelling of requests, envelopes and errors, and neither
//! services nor sockets.

mod ask;
mod envelope;
mod fields;
mod request;
mod response;
mod status;

pub use ask::{Ask, Refused};
pub use envelope::{auth_json, render, render_error};
pub use fields::{BodyFields, read_fields};
pub use request::{Body, BodyError, Failure, Peer, Request, Slow, Stream};
pub use response::Response;
pub use status::{code, fault_code};
