//! What opens the vault of a server.

use std::collections::BTreeMap;

use strongroom_crypto::Timestamp;
use strongroom_kms::KmsKeyId;
use strongroom_server::contract::strongroom::{
    AddWrapRequest, FailedWrap, PlanWrapperKeyRotationRequest, PlanWrapperKeyRotationResponse,
    PruneDataKeysRequest, RemoveWrapRequest, ResumeWrapperKeyRotationRequest, RewrapDataKeyRequest,
    RotateWrapperKeyRequest, Rotation, ShowWrapperKeysRequest, Wrap, WrapperKeyName,
    rotate_wrapper_key_event::{Done, Event},
};
use strongroom_vault::{NewWrapperKey, RotationRequest};

use super::{RemoteError, Server};
use crate::{
    client::{Rewrapped, RotatedKeys},
    commands::wrapper_key::{
        AttemptView, OpeningView, WrapperKeyView,
        rotate::plan::{CallsView, Report, RowsView},
        show::{RotationView, WrapView, WrapperKeys},
    },
    output,
};

impl Server {
    pub(crate) async fn wrapper_keys(&self) -> anyhow::Result<WrapperKeys> {
        let shown = self
            .operations()
            .show_wrapper_keys(ShowWrapperKeysRequest {})
            .await;
        let shown = shown.map_err(RemoteError::from)?.into_inner();
        let opened_by = shown.wraps.iter().find(|wrap| wrap.opened_the_vault);
        let opened_by = opened_by.map(|wrap| WrapperKeyView {
            kms: wrap.kms.clone(),
            wrapper_key_id: wrap.wrapper_key_id.clone(),
        });
        Ok(WrapperKeys {
            vault_id: shown.vault_id,
            opening: OpeningView {
                opened_by: opened_by
                    .ok_or_else(|| RemoteError::without("what opened the vault"))?,
                failed_before: shown.failed.into_iter().map(failed).collect(),
            },
            wraps: shown.wraps.into_iter().map(wrap).collect(),
            without_wrap: shown.without_wrap,
            rotation: shown.rotation.map(|rotation| {
                let (comes, goes) = sides(rotation);
                RotationView { comes, goes }
            }),
            retired_data_key_ids: shown.retired_data_key_ids,
        })
    }

    pub(crate) async fn rotate_wrapper_key(
        &self,
        request: Option<RotationRequest>,
        tell: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> anyhow::Result<RotatedKeys> {
        let mut operations = self.operations();
        let begun = match request {
            Some(request) => operations.rotate_wrapper_key(message(request)).await,
            None => {
                let request = ResumeWrapperKeyRotationRequest {};
                operations.resume_wrapper_key_rotation(request).await
            }
        };
        let mut events = begun.map_err(RemoteError::from)?.into_inner();
        while let Some(told) = events.message().await.map_err(RemoteError::from)? {
            match told.event {
                Some(Event::Progress(progress)) => tell(progress.moved, progress.of),
                Some(Event::Done(done)) => return Ok(rotated(done)),
                None => {}
            }
        }
        let reason = "it ended without saying how the rotation did".to_owned();
        Err(RemoteError::Gone { reason }.into())
    }
}

impl Server {
    pub(crate) async fn rewrap_data_key(
        &self,
        request: RotationRequest,
    ) -> anyhow::Result<Rewrapped> {
        let rotation = Some(message(request));
        let request = RewrapDataKeyRequest { rotation };
        let rewrapped = self.operations().rewrap_data_key(request).await;
        let rewrapped = rewrapped.map_err(RemoteError::from)?.into_inner();
        Ok(Rewrapped {
            comes: rewrapped.comes.into_iter().map(named).collect(),
            goes: rewrapped.goes.into_iter().map(named).collect(),
            kms_calls: None,
            sections_to_change: None,
        })
    }

    pub(crate) async fn plan_wrapper_key_rotation(
        &self,
        request: RotationRequest,
    ) -> anyhow::Result<Report> {
        let rotation = Some(message(request));
        let request = PlanWrapperKeyRotationRequest { rotation };
        let planned = self.operations().plan_wrapper_key_rotation(request).await;
        Ok(report(planned.map_err(RemoteError::from)?.into_inner())?)
    }

    pub(crate) async fn add_wrap(
        &self,
        kms: &str,
        wrapper_key: Option<KmsKeyId>,
    ) -> anyhow::Result<String> {
        let wrapper_key = wrapper_key.map(|id| id.as_str().to_owned());
        let request = AddWrapRequest {
            kms: kms.to_owned(),
            wrapper_key_id: wrapper_key.unwrap_or_default(),
        };
        let added = self.operations().add_wrap(request).await;
        Ok(added
            .map_err(RemoteError::from)?
            .into_inner()
            .wrapper_key_id)
    }

    pub(crate) async fn remove_wrap(&self, kms: &str, id: &str) -> anyhow::Result<()> {
        let request = RemoveWrapRequest {
            kms: kms.to_owned(),
            wrapper_key_id: id.to_owned(),
        };
        let removed = self.operations().remove_wrap(request).await;
        removed.map_err(RemoteError::from)?;
        Ok(())
    }

    pub(crate) async fn prune_data_keys(
        &self,
        even_if_backups_need_them: bool,
    ) -> anyhow::Result<Vec<String>> {
        let request = PruneDataKeysRequest {
            even_if_backups_need_them,
        };
        let pruned = self.operations().prune_data_keys(request).await;
        Ok(pruned.map_err(RemoteError::from)?.into_inner().data_key_ids)
    }
}

fn message(request: RotationRequest) -> RotateWrapperKeyRequest {
    let (to, multi_region) = match request.to {
        NewWrapperKey::Existing(id) => (id.as_str().to_owned(), false),
        NewWrapperKey::Generated { multi_region } => (String::new(), multi_region),
    };
    RotateWrapperKeyRequest {
        kms: request.kms.unwrap_or_default(),
        from: request.from.unwrap_or_default(),
        to,
        multi_region,
    }
}

fn report(plan: PlanWrapperKeyRotationResponse) -> Result<Report, RemoteError> {
    let rows = plan.rows.ok_or_else(|| RemoteError::without("rows"))?;
    let mut by_kms: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for calls in plan.calls {
        let operations = by_kms.entry(calls.kms).or_default();
        *operations.entry(calls.operation).or_default() += calls.calls;
    }
    let calls = by_kms.into_iter().map(|(kms, operations)| CallsView {
        kms,
        calls: operations.values().sum(),
        operations,
        // Prices stand in the configuration of the server.
        estimated_cost_usd: None,
    });
    let calls: Vec<_> = calls.collect();
    Ok(Report {
        dry_run: true,
        kms: plan.kms,
        wrapper_key_id: Some(plan.wrapper_key_id).filter(|id| !id.is_empty()),
        replaces: named(plan.replaces.unwrap_or_default()),
        renews: plan.renews.into_iter().map(named).collect(),
        rows: RowsView {
            total: rows.total,
            sealed: rows.sealed,
            sealed_by_the_kms: rows.sealed_by_the_kms,
            only_tagged: rows.only_tagged,
            node: rows.node,
            topology: rows.topology,
        },
        kms_calls: calls.iter().map(|calls| calls.calls).sum(),
        calls,
    })
}

fn rotated(done: Done) -> RotatedKeys {
    let mut rotation = done.rotation.unwrap_or_default();
    let data_key_id = std::mem::take(&mut rotation.data_key_id);
    let retired_data_key_id = std::mem::take(&mut rotation.old_data_key_id);
    let (comes, goes) = sides(rotation);
    RotatedKeys {
        comes,
        goes,
        data_key_id,
        retired_data_key_id,
        moved: done.moved,
        kms_calls: None,
        sections_to_change: None,
    }
}

pub(super) fn named(name: WrapperKeyName) -> WrapperKeyView {
    WrapperKeyView {
        kms: name.kms,
        wrapper_key_id: name.wrapper_key_id,
    }
}

fn sides(rotation: Rotation) -> (Vec<WrapperKeyView>, Vec<WrapperKeyView>) {
    let comes = rotation.comes.into_iter().map(named).collect();
    let goes = rotation.goes.into_iter().map(named).collect();
    (comes, goes)
}

fn failed(failed: FailedWrap) -> AttemptView {
    let wrapper_key = failed.wrapper_key.unwrap_or_default();
    AttemptView {
        kms: wrapper_key.kms,
        wrapper_key_id: wrapper_key.wrapper_key_id,
        code: failed.code,
        reason: failed.reason,
    }
}

fn wrap(wrap: Wrap) -> WrapView {
    WrapView {
        kms: wrap.kms,
        wrapper_key_id: wrap.wrapper_key_id,
        created_at: output::moment(Timestamp::from_micros(wrap.created_at)),
        configured: wrap.configured,
        opened_the_vault: wrap.opened_the_vault,
        direct_keys: wrap.direct_keys,
    }
}
