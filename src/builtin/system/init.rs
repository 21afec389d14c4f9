//! `sys/init`: tells whether the store is initialised, and creates it.

use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::{Sys, sender};
use crate::{
    barrier::{Barrier, ShamirPlan},
    base::{share_text, ttl::Ttl},
    contract::{AfterAnswer, Answer, Delivered, Delivery, Error, Int, Result, row::Nothing},
    services::{
        lifecycle::{Lifecycle, NewStore},
        tokens::RootPlan,
    },
};

#[derive(Serialize)]
struct Status {
    initialized: bool,
}

pub fn status(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    Answer::bare(&Status { initialized: call.engine.barrier.status().is_initialised })
}

/// How to seal the new store.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Make {
    /// How many shares the key is split into: 1 to 255.
    #[schemars(extend("plain" = true))]
    secret_shares: Int,
    /// How many shares are needed to open the store: at least 2 if there is more than one share.
    #[schemars(extend("plain" = true))]
    secret_threshold: Int,
    /// How long the first root token is valid. 0 or absent means that the token does not expire.
    root_token_ttl: Option<Ttl>,
    /// Not supported: leave it out.
    pgp_keys: Option<serde_json::Value>,
    /// Not supported: leave it out.
    root_token_pgp_key: Option<serde_json::Value>,
    /// Only 0 is supported: there is nothing that recovery shares would authorise. With `seal "static"`, `secret_shares`
    /// open the store when the configuration's key is lost.
    recovery_shares: Int,
    /// Only 0 is supported, as for `recovery_shares`.
    recovery_threshold: Int,
    /// Not supported: leave it out.
    recovery_pgp_keys: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct Made {
    keys: Vec<String>,
    keys_base64: Vec<String>,
    root_token: String,
    /// The same shares in their text form, each with its set, number and checksum.
    share_texts: Vec<String>,
    /// The Ed25519 key that signs the audit log, in base64.
    audit_public_key: String,
}

pub async fn make(call: Sys, _: Nothing, input: Make) -> Result<Answer> {
    let lifecycle = &call.engine.lifecycle;
    refuse_unbuilt(&input)?;
    if call.engine.barrier.status().is_initialised {
        return Err(Error::invalid("Vault is already initialized"));
    }
    let shamir = if lifecycle.has_static_key() && input.secret_shares.0 == 0 { None } else { Some(plan(&input)?) };
    let root = RootPlan { chosen: None, ttl: input.root_token_ttl.filter(|ttl| !ttl.is_zero()) };
    let made = lifecycle.initialise(NewStore { shamir, root })?;
    let delivery = promotion(Arc::clone(&call.engine.barrier));
    if lifecycle.has_static_key() {
        tracing::info!(from = sender(&call), "a store was made: the configuration's key opens it");
        open_at_once(lifecycle).await;
    } else {
        tracing::info!(from = sender(&call), "a store was made: it is sealed until enough shares are given");
    }
    let mut answer = Made {
        keys: Vec::new(),
        keys_base64: Vec::new(),
        root_token: made.root_token.expose().clone(),
        share_texts: Vec::new(),
        audit_public_key: made.initialised.audit_public_key.to_base64(),
    };
    for (index, share) in made.initialised.shares.iter().enumerate() {
        let bytes = share.expose();
        answer.keys.push(HEXLOWER.encode(bytes));
        answer.keys_base64.push(BASE64.encode(bytes));
        // A single share is the key itself, without an x. Its text form has 1 in the place of the x.
        let mut whole = [1; 33];
        whole.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let text = share_text::write(&made.initialised.set, u8::try_from(index + 1).unwrap_or(u8::MAX), &whole);
        answer.share_texts.push(text.expose().clone());
    }
    Ok(Answer { after: AfterAnswer::Tell(delivery), ..Answer::bare(&answer)? })
}

/// Opens the new store with the key of `seal "static"`, as OpenBao does. If that fails, the caller still has to get the
/// root token, which is shown only once; the next start tries again.
///
/// From here on the store is in force, although the answer has not been sent: if that is lost, so is the root token.
async fn open_at_once(lifecycle: &Lifecycle) {
    if let Err(error) = lifecycle.open_static().await {
        let why = error.cause.unwrap_or(error.message);
        tracing::error!(why, "the new store could not be opened: restart the server to try again");
    }
}

/// Puts the boot document of the new store in force once the answer with the shares was sent. If the answer is lost, or
/// the server stops before that, the store can still be opened with the shares, and a new init may replace it. A store
/// that is open by then is in force already, and stays so.
fn promotion(barrier: Arc<Barrier>) -> Delivery {
    Delivery::new(move |delivered| match delivered {
        Delivered::Yes => {
            if let Err(error) = barrier.promote() {
                tracing::error!(%error, "the boot file cannot be put in force: after a restart a new init could replace the store");
            }
        }
        Delivered::No => {
            if barrier.withdraw() {
                tracing::warn!("the answer with the shares of the new store was not sent: init can be repeated");
            } else {
                tracing::error!("the answer with the root token of the new store was not sent: nobody has that token");
            }
        }
    })
}

fn plan(input: &Make) -> Result<ShamirPlan> {
    let refuse = |text| Err(Error::invalid(format!("invalid seal configuration: {text}")));
    let (shares, threshold) = (input.secret_shares.0, input.secret_threshold.0);
    match (shares, threshold) {
        (..=0, _) => refuse("shares must be at least one"),
        (256.., _) => refuse("shares must be less than 256"),
        (_, ..=0) => refuse("threshold must be at least one"),
        _ if threshold > shares => refuse("threshold cannot be larger than shares"),
        (2.., 1) => refuse("threshold must be greater than one for multiple shares"),
        _ => Ok(ShamirPlan {
            shares: u8::try_from(shares).unwrap_or(u8::MAX),
            threshold: u8::try_from(threshold).unwrap_or(u8::MAX),
        }),
    }
}

fn refuse_unbuilt(input: &Make) -> Result<()> {
    let is_asked = |value: &Option<serde_json::Value>| match value {
        None | Some(serde_json::Value::Null) => false,
        Some(serde_json::Value::Array(items)) => !items.is_empty(),
        Some(serde_json::Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    for (name, asked) in [
        ("pgp_keys", is_asked(&input.pgp_keys)),
        ("root_token_pgp_key", is_asked(&input.root_token_pgp_key)),
        ("recovery_pgp_keys", is_asked(&input.recovery_pgp_keys)),
    ] {
        if asked {
            return Err(Error::invalid(format!("{name} is not supported: leave it out")));
        }
    }
    for (name, number) in [("recovery_shares", input.recovery_shares), ("recovery_threshold", input.recovery_threshold)]
    {
        if number.0 != 0 {
            return Err(Error::invalid(format!(
                "{name} is not supported, because there is nothing here that recovery shares would authorise: leave it \
                 out; with a static seal, secret_shares and secret_threshold make shares that open the store when the \
                 configuration's key is lost"
            )));
        }
    }
    Ok(())
}
