//! What opens the vault.

use strongroom_kms::KmsKeyId;
use strongroom_server::access::Operation;
use strongroom_vault::{NewWrapperKey, RotationProgress, RotationRequest, VaultError};

use super::Client;
use crate::{
    commands::wrapper_key::{
        OpeningView, WrapperKeyView, check, rotate::sections_to_change, show::WrapperKeys,
    },
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

/// A wrap that took the place of another one, while the data key stayed.
pub(crate) struct Rewrapped {
    pub(crate) comes: Vec<WrapperKeyView>,
    pub(crate) goes: Vec<WrapperKeyView>,
    pub(crate) kms_calls: Option<u64>,
    pub(crate) sections_to_change: Option<Vec<String>>,
}

impl Client {
    /// Puts a new wrapper key in the place of one, and leaves the data key as it is.
    pub(crate) async fn rewrap_data_key(
        &self,
        request: RotationRequest,
    ) -> anyhow::Result<Rewrapped> {
        match self {
            Self::Here(session) => rewrap(session, &request).await,
            Self::There(server) => server.rewrap_data_key(request).await,
        }
    }

    /// Lets another wrapper key open the vault; answers which.
    pub(crate) async fn add_wrap(
        &self,
        kms: &str,
        wrapper_key: Option<KmsKeyId>,
    ) -> anyhow::Result<String> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => return server.add_wrap(kms, wrapper_key).await,
        };
        let request = format!(
            "wrapper-key add kms={kms} wrapper-key={}",
            wrapper_key.as_ref().map_or("new", KmsKeyId::as_str)
        );
        session
            .approved(Operation::WrapperKeysAdd, &request)
            .await?;
        let (vault, caller) = (&session.vault, &session.caller);
        let added = vault.add_wrap(caller, kms, wrapper_key).await?;
        Ok(added.as_str().to_owned())
    }

    /// Tries every wrap, and asks for the state of every wrapper key.
    pub(crate) async fn check_wraps(&self) -> anyhow::Result<check::Report> {
        match self {
            Self::Here(session) => {
                let vault = &session.vault;
                let opening = OpeningView::of(&vault.opening());
                let wraps = vault.check_wraps().await;
                let keys = vault.check_wrapper_keys().await;
                Ok(check::Report::of(opening, &wraps, &keys))
            }
            Self::There(server) => server.check_wraps().await,
        }
    }

    pub(crate) async fn remove_wrap(&self, kms: &str, id: &str) -> anyhow::Result<()> {
        match self {
            Self::Here(session) => {
                let request = format!("wrapper-key remove kms={kms} wrapper-key={id}");
                session
                    .approved(Operation::WrapperKeysRemove, &request)
                    .await?;
                let (vault, caller) = (&session.vault, &session.caller);
                Ok(vault.remove_wrap(caller, kms, id).await?)
            }
            Self::There(server) => server.remove_wrap(kms, id).await,
        }
    }

    /// Removes retired data keys; answers which.
    pub(crate) async fn prune_data_keys(
        &self,
        even_if_backups_need_them: bool,
    ) -> anyhow::Result<Vec<String>> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => return server.prune_data_keys(even_if_backups_need_them).await,
        };
        let request = format!(
            "wrapper-key prune danger-backups-become-worthless={even_if_backups_need_them}"
        );
        let (vault, caller) = (&session.vault, &session.caller);
        let pruned = vault.retired_data_keys();
        session
            .approved_about(Operation::WrapperKeysPrune, &request, &pruned)
            .await?;
        vault
            .prune_exactly(caller, &pruned, even_if_backups_need_them)
            .await?;
        Ok(pruned.iter().map(ToString::to_string).collect())
    }
}

/// The narrower operation counts, where it needs a second person.
async fn approved_rotation(
    session: &Session,
    request: &RotationRequest,
    rewrap_only: bool,
) -> Result<(), VaultError> {
    let (to, multi_region) = match &request.to {
        NewWrapperKey::Existing(id) => (Some(id.as_str()), false),
        NewWrapperKey::Generated { multi_region } => (None, *multi_region),
    };
    // In another KMS it may be one that nobody else commands.
    let is_chosen = to.is_some() || session.vault.rotates_elsewhere(request);
    let operation = if is_chosen && session.needs(Operation::WrapperKeysRotateTo) {
        Operation::WrapperKeysRotateTo
    } else {
        Operation::WrapperKeysRotate
    };
    let words = format!(
        "wrapper-key rotate kms={} from={} to={} multi-region={multi_region} rewrap-only={rewrap_only}",
        request.kms.as_deref().unwrap_or("-"),
        request.from.as_deref().unwrap_or("-"),
        to.unwrap_or("-"),
    );
    session.approved(operation, &words).await
}

async fn rewrap(session: &Session, request: &RotationRequest) -> anyhow::Result<Rewrapped> {
    approved_rotation(session, request, true).await?;
    let (vault, caller) = (&session.vault, &session.caller);
    let wraps = || {
        let wraps = vault.wraps().into_iter();
        let names = wraps.map(|wrap| (wrap.kms, wrap.wrapper_key_id));
        names.collect::<Vec<_>>()
    };
    let (before, calls_before) = (wraps(), session.kms.total_calls());
    vault.rewrap_data_key(caller, request).await?;
    let after = wraps();
    let without = |wraps: &[(String, String)], others: &[(String, String)]| {
        let missing = wraps.iter().filter(|wrap| !others.contains(wrap));
        missing.map(WrapperKeyView::of).collect::<Vec<_>>()
    };
    let goes = without(&before, &after);
    Ok(Rewrapped {
        comes: without(&after, &before),
        sections_to_change: Some(sections_to_change(&session.config, &goes)),
        goes,
        kms_calls: Some(session.kms.total_calls() - calls_before),
    })
}

async fn rotate(
    session: &Session,
    request: Option<RotationRequest>,
    tell: &(dyn Fn(u64, u64) + Send + Sync),
) -> anyhow::Result<RotatedKeys> {
    // To go on with what was begun needs no second yes.
    if let Some(request) = &request {
        approved_rotation(session, request, false).await?;
    }
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
