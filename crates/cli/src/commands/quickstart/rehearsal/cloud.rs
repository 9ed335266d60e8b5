//! Clouds, played by the simulator in this process.

use strongroom_config::KmsProviderConfig;
use strongroom_kms_sim::{Scenario, Simulator};

use super::Stand;
use crate::failure::CliError;

/// A face of the simulator: who plays, and the configuration that leads there.
pub(super) type Face = fn(&Simulator) -> anyhow::Result<(&'static str, KmsProviderConfig)>;

pub(super) fn start(face: Face) -> anyhow::Result<Stand> {
    let started = Simulator::start(Scenario::default());
    let simulator = started.map_err(|source| CliError::SimulatorNotStarted {
        source: source.into(),
    })?;
    let (played_by, provider) = face(&simulator)?;
    Ok(Stand {
        works: Box::new(simulator),
        played_by,
        provider,
    })
}

#[cfg(feature = "kms-aws")]
pub(super) fn aws(simulator: &Simulator) -> anyhow::Result<(&'static str, KmsProviderConfig)> {
    let config = strongroom_config::AwsConfig {
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(simulator.endpoint().to_owned()),
        rehearsal: true,
        ..strongroom_config::AwsConfig::default()
    };
    let provider = KmsProviderConfig::Aws(config);
    Ok(("a simulator of AWS KMS", provider))
}

#[cfg(feature = "kms-gcp")]
pub(super) fn gcp(simulator: &Simulator) -> anyhow::Result<(&'static str, KmsProviderConfig)> {
    let (project, location, key_ring) = ("rehearsal", "europe-west3", "vaults");
    simulator
        .administrator(location)
        .create_key_ring(project, key_ring)?;
    let config = strongroom_config::GcpConfig {
        project: project.to_owned(),
        location: location.to_owned(),
        key_ring: key_ring.to_owned(),
        protection_level: strongroom_config::ProtectionLevel::Hsm,
        endpoint: Some(simulator.endpoint().to_owned()),
        rehearsal: true,
        labels: std::collections::BTreeMap::new(),
    };
    let provider = KmsProviderConfig::Gcp(config);
    Ok(("a simulator of Google Cloud KMS", provider))
}
