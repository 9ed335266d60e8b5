//! How Google Cloud KMS is reached.

use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_kms_v1::client::KeyManagementService;
use google_cloud_kms_v1::model::ProtectionLevel as GcpLevel;
use strongroom_kms::{KmsError, is_loopback};

use crate::error::GcpKmsError;

/// How Google Cloud KMS is reached, and what new keys look like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by callers, with a struct update for what they do not care about"
)]
pub struct GcpKmsSettings {
    /// The project of the key ring.
    pub project: String,
    /// The location of the key ring: `europe-west3`, `europe`, `global`.
    pub location: String,
    /// The key ring in which keys are made, and in which names are that are not full. Google never deletes one, so none is
    /// made here.
    pub key_ring: String,
    /// Where new keys compute.
    pub protection_level: ProtectionLevel,
    /// The URL of a proxy, a private endpoint or a simulator. `None`: that of Google.
    pub endpoint: Option<String>,
    /// Labels of new keys, beside `created-by=strongroom` and those of each request, which win.
    pub labels: Vec<(String, String)>,
    /// Who we are.
    pub credentials: Credentials,
}

impl GcpKmsSettings {
    /// A key ring at Google, reached with the Application Default Credentials; new keys are in hardware.
    #[must_use]
    pub fn new(
        project: impl Into<String>,
        location: impl Into<String>,
        key_ring: impl Into<String>,
    ) -> Self {
        Self {
            project: project.into(),
            location: location.into(),
            key_ring: key_ring.into(),
            protection_level: ProtectionLevel::default(),
            endpoint: None,
            labels: Vec::new(),
            credentials: Credentials::default(),
        }
    }
}

/// Where keys compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtectionLevel {
    /// In a hardware security module.
    #[default]
    Hsm,
    /// In software of Google.
    Software,
}

impl ProtectionLevel {
    pub(crate) const fn name(self) -> GcpLevel {
        match self {
            Self::Hsm => GcpLevel::Hsm,
            Self::Software => GcpLevel::Software,
        }
    }
}

/// Where credentials come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// The Application Default Credentials of Google: a file that the environment names, that of `gcloud`, or the service
    /// account of the machine. Tokens are fetched when first needed, and renewed.
    #[default]
    ApplicationDefault,
    /// None, for a simulator on this machine: every other endpoint is refused. The client goes there through a proxy if the
    /// environment names one for `http`, and `NO_PROXY` does not except this machine.
    Rehearsal,
}

impl GcpKmsSettings {
    /// The client. Reads the environment and the credentials' file, and may ask the machine it runs on who it is.
    pub(crate) async fn client(&self) -> Result<KeyManagementService, KmsError> {
        self.check_endpoint()?;
        // Whoever surrounds a provider repeats, and says how often.
        let mut client = KeyManagementService::builder().with_retry_policy(NeverRetry);
        if let Some(endpoint) = &self.endpoint {
            client = client.with_endpoint(endpoint);
        }
        if self.credentials == Credentials::Rehearsal {
            client = client.with_credentials(anonymous::Builder::new().build());
        }
        client.build().await.map_err(|error| {
            let reason = in_one_line(&error);
            if error.is_default_credentials() {
                let source = reason.into();
                return KmsError::CredentialsRejected { source };
            }
            GcpKmsError::ClientUnusable { reason }.into()
        })
    }

    fn check_endpoint(&self) -> Result<(), GcpKmsError> {
        let is_near = self.endpoint.as_deref().is_some_and(is_loopback);
        if is_near {
            return Ok(());
        }
        let endpoint = self.endpoint.as_deref().unwrap_or("Google");
        if self.credentials == Credentials::Rehearsal {
            let endpoint = endpoint.to_owned();
            return Err(GcpKmsError::RehearsalElsewhere { endpoint });
        }
        if self.endpoint.is_some() && !endpoint.starts_with("https://") {
            let endpoint = endpoint.to_owned();
            return Err(GcpKmsError::EndpointInsecure { endpoint });
        }
        Ok(())
    }
}

/// What an error and its causes say, each thing once: errors of the client repeat their causes.
pub(crate) fn in_one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut said: Vec<String> = Vec::new();
    for cause in causes {
        let text = cause.to_string();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let text = lines.join(" ");
        if !said.iter().any(|said| said.contains(&text)) {
            said.push(text);
        }
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoint: Option<&str>, credentials: Credentials) -> GcpKmsSettings {
        GcpKmsSettings {
            endpoint: endpoint.map(str::to_owned),
            credentials,
            ..GcpKmsSettings::new("p", "global", "r")
        }
    }

    #[test]
    fn what_a_cause_says_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("no token: {0}")]
        struct Outer(#[source] std::io::Error);

        let outer = Outer(std::io::Error::other("no\nnetwork"));
        assert_eq!(in_one_line(&outer), "no token: no network");
    }

    #[tokio::test]
    async fn nobody_else_is_talked_to_without_credentials() {
        for endpoint in [None, Some("https://kms.example"), Some("http://10.0.0.1:9")] {
            let refused = settings(endpoint, Credentials::Rehearsal).check_endpoint();
            assert!(matches!(
                refused,
                Err(GcpKmsError::RehearsalElsewhere { .. })
            ));
        }
        let near = settings(Some("http://127.0.0.1:9"), Credentials::Rehearsal);
        assert!(near.client().await.is_ok());
    }

    #[test]
    fn access_tokens_leave_this_machine_inside_of_tls_only() {
        let check = |endpoint| settings(endpoint, Credentials::ApplicationDefault).check_endpoint();
        for endpoint in ["http://kms.example", "http://localhost:80", "kms.example"] {
            let refused = check(Some(endpoint));
            assert!(
                matches!(refused, Err(GcpKmsError::EndpointInsecure { .. })),
                "{endpoint}"
            );
        }
        for endpoint in [
            None,
            Some("https://kms.example"),
            Some("http://127.0.0.1:9"),
        ] {
            assert!(check(endpoint).is_ok(), "{endpoint:?}");
        }
    }
}
