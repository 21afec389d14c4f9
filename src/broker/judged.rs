//! Judges whether the caller may make the request: a known request becomes a permitted one, or is refused. A refused
//! request gets both audit log lines, and takes a use off a token with limited uses.

use crate::{
    broker::{
        finish::{finish, unrecorded},
        identity::fresh_unit,
        known::Known,
        request::Reply,
        routed::Target,
        uses::take_use,
    },
    contract::{Access, Asked, Context, Error, Operation, Result, RowRef},
    services::{
        access::{self, Judged, Judgement, Permitted},
        opened::Performable,
        recorded::{Decision, Recorded},
    },
};

impl Judged for Known {
    fn path(&self) -> &str {
        &self.routed.route.full
    }

    fn operation(&self) -> Operation {
        self.routed.context.operation
    }

    fn mount_path(&self) -> Option<&str> {
        self.routed.route.mount().map(|mount| mount.record.path.as_str())
    }

    fn access(&self) -> Option<Access> {
        self.routed.route.facts().map(|facts| facts.access)
    }

    fn exists(&self) -> Result<bool> {
        let Target::Row { at, row, params, .. } = &self.routed.route.target else { return Ok(true) };
        at.engine.exists(*row, self.view(at), params.clone()).unwrap_or(Ok(true))
    }
}

impl Performable for Known {
    fn work(&self) -> Option<(RowRef, Context, Asked)> {
        let Target::Row { at, row, params, .. } = &self.routed.route.target else { return None };
        let input = self.input.as_ref().ok()?;
        Some((*row, self.view(at), Asked { params: params.clone(), fields: input.fields.clone() }))
    }
}

impl Known {
    /// Judges the request by the policies of its caller.
    pub fn judge(self: Box<Self>) -> Judgement<Self> {
        let acl = self.routed.snapshot.policies.acl(&self.identity.caller.policies);
        access::judge(self, &acl)
    }

    /// Judges the request. If it may not be performed, returns the answer to it as an error.
    pub async fn admit(mut self: Box<Self>) -> Result<Permitted<Self>, Reply> {
        loop {
            match self.judge() {
                Judgement::Permitted(permitted) => return Ok(permitted),
                Judgement::Denied(denied) => return Err(refuse(denied, Error::denied().listed()).await),
                Judgement::Failed(unjudged, _) if unjudged.inner().may_ask_again() => {
                    self = unjudged.into_inner();
                    self.unit = fresh_unit(&self.routed.context, &self.routed.snapshot);
                }
                Judgement::Failed(unjudged, error) => return Err(refuse(unjudged, error).await),
            }
        }
    }
}

/// Records a request that is not performed, and returns its answer.
async fn refuse<D: Decision<Request = Known> + Send + 'static>(decision: D, error: Error) -> Reply {
    let broker = decision.request().routed.context.broker.clone();
    let mut recorded = match Recorded::record(&broker.services.audit, decision) {
        Ok(recorded) => recorded,
        Err(refused) => return unrecorded(refused),
    };
    let error = take_use(&mut recorded).await.err().unwrap_or(error);
    finish(recorded, Err(error), None).await
}
