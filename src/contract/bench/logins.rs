//! The part of the conformance suite that every auth method must pass besides the rows: a token is bound to the principal
//! who logged in, and ends when somebody deletes the principal or destroys the credential.

use serde_json::Value;

use crate::contract::{EndedLogins, Login, Operation, bench::Bench};

/// A request that ends logins.
pub struct Ending<'a> {
    pub operation: Operation,
    pub path: &'a str,
    pub of: EndingOf,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndingOf {
    Principal,
    Credential,
}

/// Checks what every auth method must guarantee about its logins. Returns the guarantees that do not hold, one sentence
/// each. `log_in` makes the principal unless it exists, gives it a new credential and logs in with that; it returns the
/// login and the fields of the requests in `endings`.
pub async fn conformance_of_logins(
    bench: &Bench,
    log_in: impl AsyncFn(&Bench) -> (Login, Value),
    endings: &[Ending<'_>],
) -> Vec<String> {
    let mut broken = Vec::new();
    for facts in bench.mounted().rows() {
        let is_tested = |ending: &Ending<'_>| bench.leads_to(ending.operation, ending.path, facts);
        if facts.verb.operation() == Operation::Delete && !endings.iter().any(is_tested) {
            broken.push(format!("delete {}: the suite is not told what it ends", facts.path));
        }
    }
    for ending in endings {
        let name = format!("{} {}", ending.operation.word(), ending.path);
        let (beside, _) = log_in(bench).await;
        let (login, fields) = log_in(bench).await;
        if let Err(error) = bench.renew(&login).await {
            broken.push(format!("{name}: the login before it cannot be renewed: {}", error.message));
        }
        if !login.origin.names_a_principal() || login.origin.principal != beside.origin.principal {
            broken.push(format!("{name}: two logins of one principal have no principal in common"));
        }
        let wanted = match ending.of {
            EndingOf::Principal => EndedLogins::OfPrincipal(login.origin.principal),
            EndingOf::Credential => EndedLogins::OfCredential(login.origin),
        };
        match bench.ask(ending.operation, ending.path, fields).await {
            Ok(answer) if answer.ended == Some(wanted) => {}
            Ok(answer) => broken.push(format!("{name}: it ends {:?} and not {wanted:?}", answer.ended)),
            Err(error) => broken.push(format!("{name}: it fails: {}", error.message)),
        }
        let may_renew = bench.renew(&beside).await.is_ok();
        if may_renew != (ending.of == EndingOf::Credential) {
            broken.push(format!("{name}: the other login of the principal has the wrong right to be renewed"));
        }
        let (later, _) = log_in(bench).await;
        if later.origin.ended_by().contains(&wanted) {
            broken.push(format!("{name}: a later login has an origin that was ended"));
        }
        if ending.of == EndingOf::Principal && bench.renew(&login).await.is_ok() {
            broken.push(format!("{name}: a later principal of the same name renews the token of the deleted one"));
        }
    }
    broken
}
