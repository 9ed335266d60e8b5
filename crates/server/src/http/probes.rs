//! Is it alive, is it ready, is it the one that writes. Nobody is asked for that, no KMS and no store.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use strongroom_vault::{Role, Standing, Vault};

use super::Pages;

/// What a probe says.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    status: &'static str,
    /// What is in the way, if anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    because: Vec<String>,
}

type Answer = (StatusCode, Json<Told>);

/// `/healthz`: the process is there. A process that does not answer this needs to be started again.
pub(super) async fn alive() -> Answer {
    told("alive", Vec::new())
}

/// `/readyz`: keys can be used here. A process that is not ready gets no work. One that has lost the database goes on for a
/// while, as all replicas do then: to take them all away at once would help nobody.
pub(super) async fn ready(State(pages): State<Pages>) -> Answer {
    let mut because = against_use(&pages.vault, &pages.vault.standing().await);
    if *pages.ending.borrow() {
        because.push("the server is about to end".to_owned());
    }
    told("ready", because)
}

/// `/health`, as Canton has it: load balancers find the replica that writes by it.
pub(super) async fn writes(State(pages): State<Pages>) -> Answer {
    let standing = pages.vault.standing().await;
    let mut because = against_use(&pages.vault, &standing);
    if standing.in_touch
        && let Some(code) = &standing.degraded
    {
        because.push(format!(
            "the database did not answer, or keeps no change: {code}"
        ));
    }
    if pages.vault.readiness().in_doubt {
        because.push("it is not known whether the last change was done".to_owned());
    }
    if standing.role == Role::Replica {
        because.push("another replica writes".to_owned());
    }
    told("serving", because)
}

/// Why keys are not used here.
fn against_use(vault: &Vault, standing: &Standing) -> Vec<String> {
    let mut because = Vec::new();
    if !standing.in_touch {
        because.push("the database was out of reach for too long".to_owned());
    }
    if vault.is_quarantined() {
        because.push("the vault was restored and is in quarantine".to_owned());
    }
    if !vault.keeps_use_records() {
        let why = match vault.write_failure() {
            Some(code) => format!("no record can be kept: {code}"),
            None => "another replica keeps the records".to_owned(),
        };
        because.push(format!("uses of keys are on record, and {why}"));
    }
    let waiting = vault.readiness().keys_waiting;
    if waiting > 0 {
        because.push(format!("{waiting} private keys cannot be used now"));
    }
    because
}

fn told(status: &'static str, because: Vec<String>) -> Answer {
    if because.is_empty() {
        (StatusCode::OK, Json(Told { status, because }))
    } else {
        let status = "not serving";
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(Told { status, because }),
        )
    }
}
