//! The settings of a mount, which apply to its keys together with the keys' own settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Kv, input::Count, records, records::Lapse};
use crate::{
    base::ttl::Ttl,
    contract::{Answer, Call, Flag, Int, Result, given, row::Nothing},
};

/// The settings of a mount. A field that is absent stays unchanged.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// How many versions a key keeps, unless the key has a number of its own. 0 means 10.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Int>")]
    max_versions: Option<Count>,
    /// Whether all writes of data must name the current version.
    #[serde(default, deserialize_with = "given")]
    cas_required: Option<Flag>,
    /// New versions are deleted after this time, or after the key's own time if that is shorter. A negative value means
    /// never.
    #[serde(default)]
    #[schemars(with = "Option<Ttl>")]
    delete_version_after: Option<Lapse>,
    /// Whether all writes of metadata must name the current version of the metadata.
    #[serde(default, deserialize_with = "given")]
    metadata_cas_required: Option<Flag>,
}

#[derive(Serialize)]
struct Shown {
    cas_required: bool,
    delete_version_after: String,
    max_versions: u32,
    metadata_cas_required: bool,
}

pub fn read(call: Call<Kv>, _: Nothing, _: Nothing) -> Result<Answer> {
    let config = records::config(&call.store)?;
    Answer::data(&Shown {
        cas_required: config.is_cas_required,
        delete_version_after: match config.delete_version_after {
            Lapse::After(ttl) => ttl.go_format(),
            Lapse::Never => "-1s".to_owned(),
        },
        max_versions: config.max_versions,
        metadata_cas_required: config.is_metadata_cas_required,
    })
}

pub fn write(call: Call<Kv>, _: Nothing, settings: Settings) -> Result<Answer> {
    let Settings { max_versions, cas_required, delete_version_after, metadata_cas_required } = settings;
    if max_versions.is_none()
        && cas_required.is_none()
        && delete_version_after.is_none()
        && metadata_cas_required.is_none()
    {
        return Ok(Answer::done());
    }
    let mut config = records::config(&call.store)?;
    if let Some(Count(most)) = max_versions {
        config.max_versions = most;
    }
    if let Some(Flag(is_required)) = cas_required {
        config.is_cas_required = is_required;
    }
    if let Some(lapse) = delete_version_after {
        config.delete_version_after = lapse;
    }
    if let Some(Flag(is_required)) = metadata_cas_required {
        config.is_metadata_cas_required = is_required;
    }
    records::put_config(&call.store, &config)?;
    Ok(Answer::done())
}
