//! The door to the offline audit tools of `services::audit`.

use std::path::PathBuf;

use super::fault::Fault;
use crate::client::json::Json;

/// Which lines are wanted; what is `None` is not asked.
#[derive(Default, Debug)]
pub struct Query {
    pub since: Option<crate::base::time::Time>,
    pub until: Option<crate::base::time::Time>,
    pub path: Option<String>,
    pub caller: Option<String>,
    pub operation: Option<String>,
    pub refused: bool,
}

pub fn verify(_files: &[PathBuf], _key: &str) -> Result<Json, Fault> {
    Err(Fault::usage("the audit tools are not part of this build"))
}

pub fn search(_files: &[PathBuf], _query: &Query) -> Result<Vec<Json>, Fault> {
    Err(Fault::usage("the audit tools are not part of this build"))
}
