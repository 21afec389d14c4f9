//! `kv delete`, `kv undelete` and `kv destroy`: delete versions of a secret,
//! bring them back, or destroy them permanently.

use super::{answers::print_written, kv_path::SecretArgs};
use crate::{
    cli::{diagnosis::diagnose, error::CliError, invocation::Invocation},
    client::json::Json,
};

/// What to do with the named versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Delete,
    Undelete,
    Destroy,
}

impl Change {
    /// The name of the command. The path of the API has the same name.
    const fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Undelete => "undelete",
            Self::Destroy => "destroy",
        }
    }

    /// The verb of the attempt. Deleting named versions is an update of the secret.
    const fn verb(self) -> &'static str {
        match self {
            Self::Delete => "update",
            Self::Undelete => "undelete",
            Self::Destroy => "destroy",
        }
    }
}

/// Deletes the newest version. In KV version 1 that deletes the secret.
pub(super) async fn delete_newest(secret: SecretArgs, invocation: &mut Invocation) -> Result<(), CliError> {
    let (client, secret, attempt) = secret.open(invocation, "delete", "data").await?;
    match client.delete(&attempt.api_path).await {
        Ok(_) => {
            invocation.out.done(&format!("Success! Data deleted (if it existed) at: {}", attempt.api_path));
            if secret.is_v2() {
                let user_path = secret.user_path();
                invocation.out.next(&format!("to bring it back: strongroom kv undelete -versions=N {user_path}"));
            }
            Ok(())
        }
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}

/// Deletes, undeletes or destroys the named versions.
pub(super) async fn change(
    change: Change,
    secret: SecretArgs,
    versions: Vec<u64>,
    invocation: &mut Invocation,
) -> Result<(), CliError> {
    let name = change.name();
    if versions.is_empty() {
        return Err(CliError::usage(format!("kv {name} needs version numbers"))
            .fix(format!("strongroom kv {name} -versions=1,2 {}", secret.path))
            .vault("No versions provided, use the \"-versions\" flag to specify the version to undelete."));
    }
    let (client, secret, attempt) = secret.open(invocation, change.verb(), name).await?;
    secret.require_v2("versions")?;
    let body = Json::object([("versions", Json::List(versions.iter().map(Json::number).collect()))]);
    match client.write(&attempt.api_path, body).await {
        Ok(_) if change == Change::Delete => {
            invocation.out.done(&format!("Success! Data deleted (if it existed) at: {}", secret.api_path("data")));
            Ok(())
        }
        Ok(answer) => print_written(invocation, &answer, &attempt.api_path, None),
        Err(error) => Err(diagnose(invocation, &client, &attempt, error).await),
    }
}
