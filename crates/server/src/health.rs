//! `grpc.health.v1`: which services can do their work now (reference: operations, section 4).
//!
//! The empty name stands for the node: a replica that does not write is not serving, so that whoever balances load finds the
//! one that writes. Signing goes on at every replica that is in touch, and says so under its own name.

use std::{sync::Arc, time::Duration};

use strongroom_vault::{Role, Standing, Vault};
use tonic::server::NamedService;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    contract::{
        strongroom::signing_service_server::SigningServiceServer,
        vault::vault_service_server::VaultServiceServer,
    },
    signing_service::SigningFace,
    vault_service::VaultFace,
};

/// How often it is looked; nobody is asked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The whole node.
const NODE: &str = "";
/// Serves as long as the process does.
const LIVENESS: &str = "liveness";

const SIGNING: &str = SigningServiceServer::<SigningFace>::NAME;
const ADMINISTRATION: &str = VaultServiceServer::<VaultFace>::NAME;

/// Keeps what is told in step with the vault. Never ends.
pub(crate) async fn keep(vault: Arc<Vault>, reporter: HealthReporter) {
    reporter
        .set_service_status(LIVENESS, ServingStatus::Serving)
        .await;
    loop {
        let standing = vault.standing().await;
        let node = serving(can_administer(&vault, &standing));
        reporter.set_service_status(NODE, node).await;
        reporter.set_service_status(ADMINISTRATION, node).await;
        let signing = serving(can_sign(&vault, &standing));
        reporter.set_service_status(SIGNING, signing).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Says that nothing is served any more, so that nobody comes who would be refused.
pub(crate) async fn end(reporter: &HealthReporter) {
    for name in [NODE, ADMINISTRATION, SIGNING] {
        reporter
            .set_service_status(name, ServingStatus::NotServing)
            .await;
    }
}

const fn serving(serves: bool) -> ServingStatus {
    if serves {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

fn can_sign(vault: &Vault, standing: &Standing) -> bool {
    standing.in_touch && !vault.is_quarantined() && vault.readiness().keys_waiting == 0
}

fn can_administer(vault: &Vault, standing: &Standing) -> bool {
    standing.in_touch
        && standing.role != Role::Replica
        && standing.degraded.is_none()
        && vault.readiness().ready
}
