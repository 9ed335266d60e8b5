//! Clouds, played by the simulator in this process.

use strongroom_config::{AwsConfig, KmsProviderConfig};
use strongroom_kms_sim::{Scenario, Simulator};

use super::Stand;
use crate::failure::CliError;

/// A face of the simulator: who plays, and the configuration that leads to this endpoint.
pub(super) type Face = fn(&str) -> (&'static str, KmsProviderConfig);

pub(super) fn start(face: Face) -> anyhow::Result<Stand> {
    let started = Simulator::start(Scenario::default());
    let simulator = started.map_err(|source| CliError::SimulatorNotStarted {
        source: source.into(),
    })?;
    let (played_by, provider) = face(simulator.endpoint());
    Ok(Stand {
        works: Box::new(simulator),
        played_by,
        provider,
    })
}

pub(super) fn aws(endpoint: &str) -> (&'static str, KmsProviderConfig) {
    let config = AwsConfig {
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        rehearsal: true,
        ..AwsConfig::default()
    };
    ("a simulator of AWS KMS", KmsProviderConfig::Aws(config))
}
