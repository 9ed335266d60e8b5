//! `grpc.health.v1`: which services can do their work now (reference: operations, section 4).
//!
//! The empty name stands for the node: a replica that does not write is not serving, so that whoever balances load finds the
//! one that writes. Signing goes on at every replica that is in touch, and says so under its own name; where each use of a key is
//! to be on record, only the one that writes signs.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use strongroom_vault::{Role, Standing, Vault};
use tonic::server::NamedService;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    contract::{
        strongroom::{
            key_service_server::KeyServiceServer,
            operations_service_server::OperationsServiceServer,
            signing_service_server::SigningServiceServer,
            topology_service_server::TopologyServiceServer,
        },
        topology::{
            identity_initialization_service_server::IdentityInitializationServiceServer,
            topology_aggregation_service_server::TopologyAggregationServiceServer,
            topology_manager_read_service_server::TopologyManagerReadServiceServer,
            topology_manager_write_service_server::TopologyManagerWriteServiceServer,
        },
        vault::vault_service_server::VaultServiceServer,
    },
    identity::IdentityFace,
    key_service::KeyFace,
    operations_service::OperationsFace,
    rpc::Rpc,
    scheduled_backups::ScheduledBackups,
    signing_service::SigningFace,
    status::{self, Condition},
    topology::{
        aggregation::TopologyAggregationFace, read::TopologyReadFace, write::TopologyWriteFace,
    },
    topology_service::TopologyFace,
    vault_service::VaultFace,
};

/// How often it is looked; nobody is asked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The whole node.
const NODE: &str = "";
/// Serves as long as the process does.
const LIVENESS: &str = "liveness";

/// Every service of ours, as the contract names them.
fn services() -> BTreeSet<&'static str> {
    let paths = Rpc::ALL.into_iter().map(Rpc::path);
    let names = paths.filter_map(|path| path.strip_prefix('/')?.split_once('/'));
    names.map(|(service, _method)| service).collect()
}

/// What a service needs to do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Nothing: it tells how things are.
    Nothing,
    /// What was read of the vault, which is in memory.
    Vault,
    /// Keys that can be used.
    Keys,
    /// A vault that can be changed here.
    Change,
}

fn needs(service: &str) -> Needs {
    match service {
        SigningServiceServer::<SigningFace>::NAME => Needs::Keys,
        VaultServiceServer::<VaultFace>::NAME
        | KeyServiceServer::<KeyFace>::NAME
        | TopologyServiceServer::<TopologyFace>::NAME
        | TopologyManagerWriteServiceServer::<TopologyWriteFace>::NAME
        | IdentityInitializationServiceServer::<IdentityFace>::NAME => Needs::Change,
        TopologyManagerReadServiceServer::<TopologyReadFace>::NAME
        | TopologyAggregationServiceServer::<TopologyAggregationFace>::NAME
        | OperationsServiceServer::<OperationsFace>::NAME => Needs::Vault,
        _ => Needs::Nothing,
    }
}

/// Keeps what is told in step with the vault. Never ends.
pub(crate) async fn keep(
    vault: &Vault,
    scheduled: Option<&ScheduledBackups>,
    reporter: &HealthReporter,
) -> Infallible {
    let services = services();
    reporter
        .set_service_status(LIVENESS, ServingStatus::Serving)
        .await;
    loop {
        let standing = vault.standing().await;
        let (signs, changes) = (can_sign(vault, &standing), can_administer(vault, &standing));
        tell(reporter, NODE, changes).await;
        for service in &services {
            let serves = match needs(service) {
                Needs::Nothing => true,
                Needs::Vault => standing.in_touch,
                Needs::Keys => signs,
                Needs::Change => changes,
            };
            tell(reporter, service, serves).await;
        }
        for part in status::parts(vault, scheduled) {
            let works = !matches!(part.condition, Condition::Failed(_));
            tell(reporter, &part.name, works).await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Says that nothing is served any more, so that nobody comes who would be refused.
pub(crate) async fn end(reporter: &HealthReporter) {
    for service in services().into_iter().chain([NODE]) {
        tell(reporter, service, false).await;
    }
}

async fn tell(reporter: &HealthReporter, name: &str, serves: bool) {
    let status = if serves {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    reporter.set_service_status(name, status).await;
}

fn can_sign(vault: &Vault, standing: &Standing) -> bool {
    standing.in_touch
        && !vault.is_quarantined()
        && vault.keeps_use_records()
        && vault.readiness().keys_waiting == 0
}

fn can_administer(vault: &Vault, standing: &Standing) -> bool {
    standing.in_touch
        && standing.role != Role::Replica
        && standing.degraded.is_none()
        && vault.readiness().ready
}
