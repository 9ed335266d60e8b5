//! What opens the vault.

use strongroom_vault::{RotationProgress, RotationRequest};

use super::Client;
use crate::{
    commands::wrapper_key::{WrapperKeyView, rotate::sections_to_change, show::WrapperKeys},
    session::Session,
};

/// A rotation that is finished.
pub(crate) struct RotatedKeys {
    pub(crate) comes: Vec<WrapperKeyView>,
    pub(crate) goes: Vec<WrapperKeyView>,
    pub(crate) data_key_id: String,
    pub(crate) retired_data_key_id: String,
    pub(crate) moved: u64,
    /// What it took; a server does not tell it.
    pub(crate) kms_calls: Option<u64>,
    /// The sections of the configuration that name a key which is not needed any more, if the configuration is here.
    pub(crate) sections_to_change: Option<Vec<String>>,
}

impl Client {
    pub(crate) async fn wrapper_keys(&self) -> anyhow::Result<WrapperKeys> {
        match self {
            Self::Here(session) => Ok(WrapperKeys::of(&session.vault)),
            Self::There(server) => server.wrapper_keys().await,
        }
    }

    /// Begins the rotation that is asked for, or, if none is, goes on with one that was begun.
    pub(crate) async fn rotate_wrapper_key(
        &self,
        request: Option<RotationRequest>,
        tell: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> anyhow::Result<RotatedKeys> {
        match self {
            Self::Here(session) => rotate(session, request, tell).await,
            Self::There(server) => server.rotate_wrapper_key(request, tell).await,
        }
    }
}

async fn rotate(
    session: &Session,
    request: Option<RotationRequest>,
    tell: &(dyn Fn(u64, u64) + Send + Sync),
) -> anyhow::Result<RotatedKeys> {
    let (vault, caller) = (&session.vault, &session.caller);
    let calls_before = session.kms.total_calls();
    let tell = |progress: RotationProgress| tell(progress.moved, progress.of);
    let rotated = match request {
        Some(request) => vault.rotate_wrapper_key(caller, &request, &tell).await?,
        None => vault.resume_wrapper_key_rotation(caller, &tell).await?,
    };
    let rotation = &rotated.rotation;
    let goes: Vec<_> = rotation.goes.iter().map(WrapperKeyView::of).collect();
    Ok(RotatedKeys {
        comes: rotation.comes.iter().map(WrapperKeyView::of).collect(),
        sections_to_change: Some(sections_to_change(&session.config, &goes)),
        goes,
        data_key_id: rotation.data_key_id.to_string(),
        retired_data_key_id: rotation.old_data_key_id.to_string(),
        moved: rotated.moved,
        kms_calls: Some(session.kms.total_calls() - calls_before),
    })
}
