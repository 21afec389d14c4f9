//! The lives that `approle create` gives a new role where the operator names none. The server's own defaults are those
//! of Vault: tokens for 768 hours, and secret ids for ever.

use crate::{
    base::ttl::Ttl,
    cli::{attempt::Attempt, diagnosis::diagnose, error::CliError, explain::may, invocation::Invocation},
    client::{Client, RefusalKind, json::Json},
};

/// The life of a token, which can be renewed.
const TOKEN_TTL: Ttl = Ttl::from_hours(1);
/// The life of a secret id: a deployment is rolled out within a day.
const SECRET_ID_TTL: Ttl = Ttl::from_hours(24);
/// The logins of a secret id: enough for the restarts of a day.
const SECRET_ID_NUM_USES: u32 = 40;

/// What an operator may name of a role's lives: the field that is set otherwise, the names that count for it, and the flag.
struct Life {
    field: &'static str,
    names: &'static [&'static str],
    flag: &'static str,
}

const LIVES: [Life; 3] = [
    // A periodic token lives for its period.
    Life { field: "token_ttl", names: &["token_ttl", "token_period", "period"], flag: "-token-ttl" },
    Life { field: "secret_id_ttl", names: &["secret_id_ttl"], flag: "-secret-id-ttl" },
    Life { field: "secret_id_num_uses", names: &["secret_id_num_uses"], flag: "-secret-id-num-uses" },
];

/// Sets the lives that `body` leaves open, if the role at `path` is a new one. Returns what to tell the operator: one
/// sentence, or `None` if nothing was set. A role that exists keeps what it has.
pub(super) async fn fill(
    invocation: &Invocation,
    client: &Client,
    path: &str,
    body: &mut Json,
) -> Result<Option<String>, CliError> {
    let open: Vec<&Life> = LIVES.iter().filter(|life| life.names.iter().all(|name| body.at(name).is_none())).collect();
    if open.is_empty() || exists(invocation, client, path, &open).await? {
        return Ok(None);
    }
    let said: Vec<String> = open.iter().map(|life| life.set(body)).collect();
    let flags: Vec<&str> = open.iter().map(|life| life.flag).collect();
    Ok(Some(format!("{} (to change that: {})", said.join(", "), flags.join(", "))))
}

impl Life {
    /// Sets the field, and says what that means.
    fn set(&self, body: &mut Json) -> String {
        match self.field {
            "token_ttl" => {
                // The server refuses a life that is longer than the longest.
                let longest = body.at("token_max_ttl").and_then(duration_of).filter(|ttl| !ttl.is_zero());
                let ttl = longest.map_or(TOKEN_TTL, |longest| longest.min(TOKEN_TTL));
                body.set(self.field, Json::text(seconds(ttl)));
                format!("a token lives {} and can be renewed", shown(ttl))
            }
            "secret_id_ttl" => {
                body.set(self.field, Json::text(seconds(SECRET_ID_TTL)));
                format!("a secret id lives {}", shown(SECRET_ID_TTL))
            }
            _ => {
                body.set(self.field, Json::number(SECRET_ID_NUM_USES));
                format!("a secret id is good for {SECRET_ID_NUM_USES} logins")
            }
        }
    }
}

/// Whether there is a role already.
async fn exists(invocation: &Invocation, client: &Client, path: &str, open: &[&Life]) -> Result<bool, CliError> {
    let unknown = || {
        let flags: Vec<String> = open.iter().map(|life| format!("{}=…", life.flag)).collect();
        CliError::usage("no role was written: you may not read this one, so it is unknown whether it is a new one")
            .why("a new role gets short lives, and one that exists keeps its own")
            .fix(format!("name them: {}", flags.join(" ")))
    };
    if !may(client, "read", path).await {
        return Err(unknown());
    }
    let Err(error) = client.read(path).await else { return Ok(true) };
    match error.kind() {
        Some(RefusalKind::NotFound) => Ok(false),
        Some(RefusalKind::Denied) => Err(unknown()),
        _ => Err(diagnose(invocation, client, &Attempt::new("read", path, &["read"]), error).await),
    }
}

fn duration_of(value: &Json) -> Option<Ttl> {
    value.as_str().and_then(|text| Ttl::parse(text).ok()).or_else(|| value.as_u64().map(Ttl::from_secs))
}

fn seconds(ttl: Ttl) -> String {
    format!("{}s", ttl.as_secs())
}

/// A duration in its largest whole unit.
fn shown(ttl: Ttl) -> String {
    let secs = ttl.as_secs();
    for (unit, size) in [("h", 3600), ("m", 60)] {
        if secs.is_multiple_of(size) {
            return format!("{}{unit}", secs / size);
        }
    }
    format!("{secs}s")
}
