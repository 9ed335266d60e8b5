use std::sync::Arc;

use strongroom_config::{GcpConfig, ProtectionLevel as Configured};
use strongroom_crypto::SystemRandom;
use strongroom_kms::KmsError;
use strongroom_kms_gcp::{Credentials, GcpKms, GcpKmsSettings, ProtectionLevel};

pub(super) async fn connect(config: &GcpConfig) -> Result<GcpKms, KmsError> {
    let labels = config.labels.iter();
    let settings = GcpKmsSettings {
        protection_level: match config.protection_level {
            Configured::Hsm => ProtectionLevel::Hsm,
            Configured::Software => ProtectionLevel::Software,
        },
        endpoint: config.endpoint.clone(),
        labels: labels
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        credentials: if config.rehearsal {
            Credentials::Rehearsal
        } else {
            Credentials::ApplicationDefault
        },
        ..GcpKmsSettings::new(&config.project, &config.location, &config.key_ring)
    };
    GcpKms::connect(settings, Arc::new(SystemRandom)).await
}
