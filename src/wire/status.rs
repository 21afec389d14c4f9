//! The one table from kinds of failure to HTTP codes.

use crate::contract::Fault;

pub const fn fault_code(fault: Fault) -> u16 {
    match fault {
        Fault::Invalid | Fault::Conflict => 400,
        Fault::Denied => 403,
        Fault::Missing => 404,
        Fault::Unsupported => 405,
        Fault::TooLarge => 413,
        Fault::WrongType => 415,
        Fault::Internal => 500,
        Fault::Unavailable => 503,
    }
}

/// The code of a body that is no error.
pub const fn code(body: &crate::contract::Body) -> u16 {
    match body {
        crate::contract::Body::Missing(_) => 404,
        crate::contract::Body::Done => 204,
        _ => 200,
    }
}
