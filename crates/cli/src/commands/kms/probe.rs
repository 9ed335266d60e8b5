//! Asks a KMS about the wrapper key of this vault, to see how it answers.

use serde::Serialize;
use strongroom_config::Config;
use strongroom_errors::Coded;
use strongroom_kms::{KeyState, KmsError, KmsKeyId};

use crate::{failure, open_kms::OpenedKms, output};

/// What a KMS said of the wrapper key of this vault.
#[derive(Serialize)]
pub(crate) struct Probe {
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapper_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The code of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

impl Probe {
    /// Asks so many times, one after the other, and tells the last answer.
    pub(super) async fn of(config: &Config, kms: &OpenedKms, calls: u16) -> Self {
        let key = match wrapper_key(config, kms).await {
            Ok(Some(key)) => key,
            Ok(None) => return Self::failed(None, "it has no wrapper key of this vault", None),
            Err(error) => {
                let code = failure::code_of(&error).map(|code| code.name());
                return Self::failed(None, &error.to_string(), code);
            }
        };
        let mut last = None;
        for _call in 0..calls {
            last = Some(ask(kms, &key).await);
        }
        let id = Some(key.to_string());
        match last {
            Some(Ok(state)) => Self {
                wrapper_key: id,
                state: Some(state.to_string()),
                error: None,
                code: None,
            },
            Some(Err(error)) => Self::failed(id, &error.to_string(), Some(error.code().name())),
            None => Self::failed(id, "it was not asked", None),
        }
    }

    fn failed(wrapper_key: Option<String>, error: &str, code: Option<&'static str>) -> Self {
        Self {
            wrapper_key,
            state: None,
            error: Some(error.to_owned()),
            code,
        }
    }

    pub(super) fn answered(&self) -> bool {
        self.error.is_none()
    }

    /// In a line, for people.
    pub(super) fn line(&self) -> String {
        let key = self.wrapper_key.as_deref().unwrap_or("wrapper key");
        match (&self.state, &self.error, self.code) {
            (Some(state), ..) => format!("wrapper key {key}: {state}"),
            (None, error, code) => {
                let error = error.as_deref().unwrap_or_default();
                let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
                output::printable(&format!("{key}: {error}{code}")).into_owned()
            }
        }
    }
}

/// The configured one, or the one that was made for the vault.
async fn wrapper_key(config: &Config, kms: &OpenedKms) -> anyhow::Result<Option<KmsKeyId>> {
    let mut sections = config.kms.iter();
    let section = sections.find(|section| section.name == kms.name);
    match section.and_then(|section| section.wrapper_key_id.as_deref()) {
        Some(id) => Ok(Some(KmsKeyId::try_new(id)?)),
        None => kms.find_wrapper_key(&config.vault.id).await,
    }
}

async fn ask(kms: &OpenedKms, key: &KmsKeyId) -> Result<KeyState, KmsError> {
    match kms.provider().key_wrapper() {
        Some(wrapper) => wrapper.wrapper_key_state(key).await,
        None => Err(KmsError::KeyNotFound { id: key.clone() }),
    }
}
