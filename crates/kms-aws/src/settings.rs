//! How AWS KMS is reached.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::config::{Credentials as Keys, StalledStreamProtectionConfig, retry::RetryConfig};
use strongroom_kms::is_loopback;

use crate::{error::AwsKmsError, plain_text::RefusePlainText, request_id::ReportRequestId};

/// How AWS KMS is reached, and what new keys look like. The default takes everything from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by callers, with a struct update for what they do not care about"
)]
pub struct AwsKmsSettings {
    /// The region. `None`: the one of the environment or profile.
    pub region: Option<String>,
    /// The URL of a proxy, a private endpoint or a simulator. `None`: that of AWS for the region.
    pub endpoint: Option<String>,
    /// Tags of new keys, beside `CreatedBy=Strongroom` and those of each request, which win.
    pub tags: Vec<(String, String)>,
    /// Whether new keys, wrapping, signing and decrypting ones, can be replicated to other regions.
    pub multi_region: bool,
    /// Who we are.
    pub credentials: Credentials,
    /// Who sends again what failed.
    pub repetitions: Repetitions,
}

/// Who sends again what failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repetitions {
    /// Whoever surrounds a provider: repeats, and says how often.
    #[default]
    OfSurroundings,
    /// The client itself, as AWS has it by default. For comparisons: what is around it does not see those calls.
    OfClient,
}

/// Where credentials come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// The standard chain of AWS: environment, profile, web identity, container, instance. Fetched when first needed, and
    /// renewed.
    #[default]
    StandardChain,
    /// Made up, for a simulator on this machine: every other endpoint is refused.
    Rehearsal,
}

impl AwsKmsSettings {
    /// The configuration of the client. Asks the environment, and nobody on the network unless it must for the region.
    pub(crate) async fn load(&self) -> Result<aws_sdk_kms::Config, AwsKmsError> {
        self.check_endpoint()?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(match self.repetitions {
                Repetitions::OfSurroundings => RetryConfig::disabled(),
                Repetitions::OfClient => RetryConfig::standard(),
            })
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if self.credentials == Credentials::Rehearsal {
            let keys = Keys::new("rehearsal", "rehearsal", None, None, "rehearsal");
            loader = loader.credentials_provider(keys);
        }
        let shared: SdkConfig = loader.load().await;
        if shared.region().is_none() {
            return Err(AwsKmsError::NoRegion);
        }
        let config = aws_sdk_kms::config::Builder::from(&shared)
            .interceptor(ReportRequestId)
            .interceptor(RefusePlainText);
        Ok(match &self.endpoint {
            Some(endpoint) => config.endpoint_url(endpoint).build(),
            None => config.build(),
        })
    }

    /// Those that the environment names are checked with each request.
    fn check_endpoint(&self) -> Result<(), AwsKmsError> {
        let endpoint = self.endpoint.as_deref().unwrap_or("AWS");
        if is_loopback(endpoint) {
            return Ok(());
        }
        let named = endpoint.to_owned();
        if self.credentials == Credentials::Rehearsal {
            return Err(AwsKmsError::RehearsalElsewhere { endpoint: named });
        }
        if self.endpoint.is_some() && !is_encrypted(endpoint) {
            return Err(AwsKmsError::EndpointInsecure { endpoint: named });
        }
        Ok(())
    }
}

/// Whether what is sent to a URL is encrypted on its way.
pub(crate) fn is_encrypted(url: &str) -> bool {
    url.get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn data_keys_travel_encrypted_or_not_at_all() {
        let at = |endpoint: &str| AwsKmsSettings {
            region: Some("eu-central-1".to_owned()),
            endpoint: Some(endpoint.to_owned()),
            ..AwsKmsSettings::default()
        };
        for readable in [
            "http://kms.example",
            "http://10.0.0.1:80",
            "kms.example",
            "",
        ] {
            let refused = at(readable).load().await;
            let is_it = matches!(refused, Err(AwsKmsError::EndpointInsecure { .. }));
            assert!(is_it, "{readable}");
        }
        for fine in [
            "https://kms.example",
            "HTTPS://kms.example",
            "http://127.0.0.1:9",
        ] {
            assert!(at(fine).load().await.is_ok(), "{fine}");
        }
    }

    #[tokio::test]
    async fn made_up_credentials_are_shown_to_nobody_else() {
        let rehearsal = |endpoint: Option<&str>| AwsKmsSettings {
            region: Some("eu-central-1".to_owned()),
            endpoint: endpoint.map(str::to_owned),
            credentials: Credentials::Rehearsal,
            ..AwsKmsSettings::default()
        };
        for endpoint in [None, Some("https://kms.example")] {
            let refused = rehearsal(endpoint).load().await;
            assert!(matches!(
                refused,
                Err(AwsKmsError::RehearsalElsewhere { .. })
            ));
        }
        assert!(rehearsal(Some("http://127.0.0.1:9")).load().await.is_ok());
    }
}
