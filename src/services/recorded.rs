//! The states of recording a request. [`Recorded`] owns the decided request whose line it wrote, so that the receipt of
//! one request cannot stand for another. Only this file makes a [`Recorded`].

use crate::{
    contract::{Error, Recording, WhenUnrecordable},
    services::{
        access::{Denied, Permitted, Ruling, Unjudged},
        audit::{Audit, AuditError, CountedAs, DraftLine, HowRecorded, PlainFacts, Receipt, Urgency},
    },
    store::Sequence,
};

/// A request whose audit log lines can be written.
pub(crate) trait Recordable {
    fn request_id(&self) -> &str;
    fn recording(&self) -> Recording;
    fn when_unrecordable(&self) -> WhenUnrecordable;
    /// Whether the store is sealed. Then only lines without a key can be written.
    fn is_sealed(&self) -> bool;
    fn urgency(&self) -> Urgency;
    /// What the request is counted as if it is a stranger's and gets no lines. `None` if the caller is known: then it
    /// always has its lines.
    fn as_strangers(&self) -> Option<StrangersRequest>;
    /// The audit log line of the request.
    fn line(&self, decision: Decided<'_>) -> DraftLine;
    /// The audit log line of the request, made without a key. The line of the outcome is made from it too.
    fn plain_line(&self) -> PlainFacts<'_>;
    /// Warns in the operator's log that the request is performed without an audit log line.
    fn warn_unrecorded(&self, error: &AuditError);
}

/// A stranger's request, by what it asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StrangersRequest {
    Login,
    /// Something else that everybody may ask for.
    Public,
}

impl StrangersRequest {
    fn counted_as(self, outcome: &Outcome) -> CountedAs {
        match (self, outcome.is_success) {
            (Self::Login, false) => CountedAs::Refused("login refused"),
            (Self::Public, false) => CountedAs::Refused("public request refused"),
            (Self::Login, true) => CountedAs::Answered("login"),
            (Self::Public, true) => CountedAs::Answered("public request"),
        }
    }
}

/// A request together with what was decided about it.
pub(crate) trait Decision {
    type Request: Recordable;
    fn request(&self) -> &Self::Request;
    fn decided(&self) -> Decided<'_>;
}

/// The decision about a request, for its audit log lines.
#[derive(Clone, Copy)]
pub(crate) enum Decided<'a> {
    Allowed(&'a Ruling),
    Refused(&'a Ruling),
}

impl<R: Recordable> Decision for Permitted<R> {
    type Request = R;

    fn request(&self) -> &R {
        self.inner()
    }

    fn decided(&self) -> Decided<'_> {
        Decided::Allowed(self.ruling())
    }
}

impl<R: Recordable> Decision for Denied<R> {
    type Request = R;

    fn request(&self) -> &R {
        self.inner()
    }

    fn decided(&self) -> Decided<'_> {
        Decided::Refused(self.ruling())
    }
}

impl<R: Recordable> Decision for Unjudged<R> {
    type Request = R;

    fn request(&self) -> &R {
        self.inner()
    }

    fn decided(&self) -> Decided<'_> {
        Decided::Refused(self.ruling())
    }
}

/// A request that was recorded, or that needs no audit log line.
pub(crate) struct Recorded<D> {
    decision: D,
    proof: Proof,
}

/// The audit log lines of a request that is being judged again.
pub(crate) struct Proof(Lines);

enum Lines {
    /// The API row leaves no lines.
    None,
    /// The line was written without a key.
    Plain,
    /// Strangers sent too many requests: the line is written before the request changes something, and not at all if it
    /// changes nothing.
    Postponed(StrangersRequest),
    Sealed {
        receipt: Receipt,
        /// The request's line as a note for the store. `None` once a commit has carried it.
        note: Option<DraftLine>,
    },
}

impl<D: Decision> Recorded<D> {
    /// Writes the audit log line of the request. If no device takes it, the request is returned
    /// with the error, and must not be performed.
    pub fn record(audit: &Audit, decision: D) -> Result<Self, (D, Error)> {
        let lines = if decision.request().recording() == Recording::Unrecorded {
            Ok(Lines::None)
        } else if let Some(request) = postponed(audit, decision.request()) {
            request.map(Lines::Postponed)
        } else {
            written(audit, &decision)
        };
        match lines {
            Ok(lines) => Ok(Self { decision, proof: Proof(lines) }),
            Err(error) => Err((decision, error)),
        }
    }

    /// Writes the request's line if it was postponed. Must be called before the request changes something; after an
    /// error it must change nothing.
    pub fn write_postponed(&mut self, audit: &Audit) -> Result<(), Error> {
        if matches!(self.proof.0, Lines::Postponed(_)) {
            self.proof.0 = written(audit, &self.decision)?;
        }
        Ok(())
    }

    /// The same request after it was judged again. Its audit log line is already written.
    pub fn again(decision: D, proof: Proof) -> Result<Self, Error> {
        match &proof.0 {
            Lines::Sealed { receipt, .. } if receipt.request_id() != decision.request().request_id() => {
                Err(Error::internal("the receipt of another request"))
            }
            _ => Ok(Self { decision, proof }),
        }
    }

    pub fn inner(&self) -> &D {
        &self.decision
    }

    /// Separates the decision from the audit log lines, so that the decision can be replaced.
    pub fn take_apart(self) -> (D, Proof) {
        (self.decision, self.proof)
    }

    pub fn request(&self) -> &D::Request {
        self.decision.request()
    }

    pub fn decided(&self) -> Decided<'_> {
        self.decision.decided()
    }

    /// Whether the lines are made with the keys of the audit log, so that they can be stored with a commit.
    pub fn has_sealed_lines(&self) -> bool {
        matches!(self.proof.0, Lines::Sealed { .. })
    }

    /// The request's line for the first batch that the request commits. `None` if
    /// a batch has carried it or there is none.
    pub fn note_for_batch(&self) -> Option<&DraftLine> {
        match &self.proof.0 {
            Lines::Sealed { note, .. } => note.as_ref(),
            Lines::None | Lines::Plain | Lines::Postponed(_) => None,
        }
    }

    /// Notes that a batch has carried the request's line.
    pub fn note_was_carried(&mut self) {
        if let Lines::Sealed { note, .. } = &mut self.proof.0 {
            *note = None;
        }
    }

    /// Writes the line of the outcome, with the sequence number of the request's commit. After an error, nothing that
    /// was read may be sent to the caller.
    pub async fn finish(self, audit: &Audit, outcome: Outcome) -> (D, Result<(), AuditError>) {
        let Self { decision, proof } = self;
        let written = match proof.0 {
            Lines::None => Ok(()),
            Lines::Postponed(request) => {
                audit.count_stranger(request.counted_as(&outcome));
                Ok(())
            }
            Lines::Plain => {
                let word = if outcome.is_success { "done" } else { "refused" };
                let line = decision.request().plain_line();
                let line = PlainFacts { is_response: true, status: outcome.status, outcome: Some(word), ..line };
                audit.record_plain_outcome(line).await;
                Ok(())
            }
            Lines::Sealed { receipt, .. } => match outcome.note {
                Some(note) => audit.record_outcome(receipt, note, outcome.sequence).await,
                // Without a draft the receipt closes the request by itself.
                None => Err(AuditError::Sealed),
            },
        };
        (decision, written)
    }
}

/// How a request ended.
pub(crate) struct Outcome {
    /// The draft of the outcome's line. `None` if [`Recorded::has_sealed_lines`] is false.
    pub note: Option<DraftLine>,
    pub status: u16,
    pub is_success: bool,
    pub sequence: Option<Sequence>,
}

/// Decides whether the line of a stranger's request is postponed. `None` if it is written now.
fn postponed(audit: &Audit, request: &impl Recordable) -> Option<Result<StrangersRequest, Error>> {
    let asked = request.as_strangers()?;
    match audit.admit_stranger() {
        Ok(HowRecorded::InFull) => None,
        Ok(HowRecorded::Counted) => Some(Ok(asked)),
        // The lines without a key of a sealed store hold nothing up.
        Err(_) if request.is_sealed() => None,
        Err(error) => Some(Err(unrecordable(&error))),
    }
}

fn written<D: Decision>(audit: &Audit, decision: &D) -> Result<Lines, Error> {
    let request = decision.request();
    if request.is_sealed() {
        audit.record_plain(request.plain_line());
        return Ok(Lines::Plain);
    }
    let note = request.line(decision.decided());
    let receipt = receipt(audit, request, &note)?;
    Ok(Lines::Sealed { receipt, note: Some(note) })
}

fn receipt(audit: &Audit, request: &impl Recordable, note: &DraftLine) -> Result<Receipt, Error> {
    if request.when_unrecordable() == WhenUnrecordable::Proceeds {
        let (receipt, error) = audit.record_always(note);
        if let Some(error) = error {
            request.warn_unrecorded(&error);
        }
        return Ok(receipt);
    }
    audit.record(note, request.urgency()).map_err(|error| unrecordable(&error))
}

fn unrecordable(error: &AuditError) -> Error {
    tracing::error!(%error, "a request cannot be recorded and is refused");
    Error::unavailable("the audit log cannot be written: nothing was done")
}
