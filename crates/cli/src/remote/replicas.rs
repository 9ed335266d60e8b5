//! The processes that share the database of a server's vault.

use std::time::Duration;

use strongroom_crypto::Timestamp;
use strongroom_server::contract::strongroom::{ListReplicasRequest, Replica, StepDownRequest};
use strongroom_store::{NotAnId, ReplicaRecord, ReplicaReport};

use super::{RemoteError, Server};

impl Server {
    /// Whether processes can share the vault, and those that do.
    pub(crate) async fn replicas(&self) -> anyhow::Result<(bool, Vec<ReplicaRecord>)> {
        let listed = self
            .operations()
            .list_replicas(ListReplicasRequest {})
            .await;
        let listed = listed.map_err(RemoteError::from)?.into_inner();
        let replicas = listed.replicas.into_iter().map(record);
        Ok((listed.shared, replicas.collect::<Result<_, _>>()?))
    }

    /// This server leaves writing to the others.
    pub(crate) async fn step_down(&self) -> anyhow::Result<()> {
        let asked = self.operations().step_down(StepDownRequest {}).await;
        asked.map_err(RemoteError::from)?;
        Ok(())
    }
}

fn record(replica: Replica) -> Result<ReplicaRecord, RemoteError> {
    let id = replica.id.parse();
    Ok(ReplicaRecord {
        id: id.map_err(|error: NotAnId| RemoteError::unreadable(&error))?,
        name: replica.name,
        version: replica.version,
        started_at: Timestamp::from_micros(replica.started_at),
        silent_for: Duration::from_micros(replica.silent_for),
        report: ReplicaReport {
            generation: replica.generation,
            degraded: Some(replica.degraded).filter(|code| !code.is_empty()),
        },
        is_writer: replica.is_writer,
    })
}
