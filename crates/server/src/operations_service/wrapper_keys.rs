//! Wrapper keys: which there are, and rotating them while the vault is served.

use std::sync::Arc;

use strongroom_vault::{
    NewWrapperKey, RotatedWrapperKey, RotationProgress, RotationRequest, Vault, WrapperKeyRotation,
};

use super::fields::{kms_key_id, some, wrapper_key, wrapper_keys};
use crate::{
    access::Operation,
    context::{Checked, Context},
    contract::strongroom::{
        FailedWrap, PlanWrapperKeyRotationRequest, PlanWrapperKeyRotationResponse,
        ResumeWrapperKeyRotationRequest, RewrapDataKeyRequest, RewrapDataKeyResponse,
        RotateWrapperKeyEvent, RotateWrapperKeyRequest, Rotation, ShowWrapperKeysRequest,
        ShowWrapperKeysResponse, Wrap,
        plan_wrapper_key_rotation_response::{Calls, Rows},
        rotate_wrapper_key_event::{Done, Event, Progress},
    },
    failure::Failure,
    long_work::{Doing, Telling},
    rotation::check_may_finish,
};

pub(super) async fn show(
    vault: Arc<Vault>,
    _context: Context,
    _message: ShowWrapperKeysRequest,
) -> Result<ShowWrapperKeysResponse, Failure> {
    let wraps = vault.wraps().into_iter().map(|wrap| Wrap {
        kms: wrap.kms,
        wrapper_key_id: wrap.wrapper_key_id,
        created_at: wrap.created_at.as_micros(),
        configured: wrap.configured,
        opened_the_vault: wrap.opened_the_vault,
        direct_keys: wrap.direct_keys as u64,
    });
    let failed = vault
        .opening()
        .failed
        .into_iter()
        .map(|attempt| FailedWrap {
            wrapper_key: Some(wrapper_key((attempt.kms, attempt.wrapper_key_id))),
            code: attempt.code.to_owned(),
            reason: attempt.reason,
        });
    let retired = vault.retired_data_keys();
    Ok(ShowWrapperKeysResponse {
        wraps: wraps.collect(),
        rotation: vault.wrapper_key_rotation().map(rotation),
        vault_id: vault.id().to_string(),
        failed: failed.collect(),
        without_wrap: vault.kms_without_wrap(),
        retired_data_key_ids: retired.iter().map(ToString::to_string).collect(),
    })
}

pub(super) async fn rotate(
    vault: Arc<Vault>,
    context: Context,
    message: RotateWrapperKeyRequest,
    telling: Arc<Telling<RotateWrapperKeyEvent>>,
) -> Result<impl Doing<RotateWrapperKeyEvent>, Failure> {
    let request = read(&vault, &context, message)?;
    Ok(async move {
        let tell = |progress| telling.tell(progressed(progress));
        let rotated = vault
            .rotate_wrapper_key(&context.caller(), &request, &tell)
            .await?;
        Ok(done(rotated))
    })
}

pub(super) async fn resume(
    vault: Arc<Vault>,
    context: Context,
    _message: ResumeWrapperKeyRotationRequest,
    telling: Arc<Telling<RotateWrapperKeyEvent>>,
) -> Result<impl Doing<RotateWrapperKeyEvent>, Failure> {
    check_may_finish(&vault, &context).await?;
    Ok(async move {
        let tell = |progress| telling.tell(progressed(progress));
        let rotated = vault
            .resume_wrapper_key_rotation(&context.caller(), &tell)
            .await?;
        Ok(done(rotated))
    })
}

pub(super) async fn plan(
    vault: Arc<Vault>,
    context: Context,
    message: PlanWrapperKeyRotationRequest,
) -> Result<PlanWrapperKeyRotationResponse, Failure> {
    let request = read(&vault, &context, message.rotation.unwrap_or_default())?;
    let plan = vault.plan_wrapper_key_rotation(&request).await?;
    let calls = plan.calls.into_iter().map(|calls| Calls {
        kms: calls.kms,
        operation: calls.operation.name().to_owned(),
        calls: calls.calls,
    });
    Ok(PlanWrapperKeyRotationResponse {
        kms: plan.kms,
        wrapper_key_id: plan.wrapper_key_id.unwrap_or_default(),
        replaces: Some(wrapper_key(plan.replaces)),
        renews: wrapper_keys(plan.renews),
        rows: Some(Rows {
            total: plan.rows.total(),
            sealed: plan.rows.sealed,
            sealed_by_the_kms: plan.rows.direct,
            only_tagged: plan.rows.tagged,
            node: plan.rows.node,
            topology: plan.rows.topology,
        }),
        calls: calls.collect(),
    })
}

pub(super) async fn rewrap(
    vault: Arc<Vault>,
    context: Context,
    message: RewrapDataKeyRequest,
) -> Result<Checked<RewrapDataKeyResponse>, Failure> {
    let request = read(&vault, &context, message.rotation.unwrap_or_default())?;
    let names = |vault: &Vault| {
        let wraps = vault.wraps().into_iter();
        let names = wraps.map(|wrap| (wrap.kms, wrap.wrapper_key_id));
        names.collect::<Vec<_>>()
    };
    Ok(Checked::of(async move {
        let before = names(&vault);
        let (kms, id) = vault.rewrap_data_key(&context.caller(), &request).await?;
        let after = names(&vault);
        let mut goes = before.into_iter().filter(|name| !after.contains(name));
        Ok(RewrapDataKeyResponse {
            comes: Some(wrapper_key((kms, id.as_str().to_owned()))),
            goes: goes.next().map(wrapper_key),
        })
    }))
}

fn read(
    vault: &Vault,
    context: &Context,
    message: RotateWrapperKeyRequest,
) -> Result<RotationRequest, Failure> {
    let to = match kms_key_id(message.to)? {
        Some(_) if message.multi_region => {
            return Err(Failure::unreadable(
                "Field `multi_region` is about a new wrapper key, and `to` names one that is there",
            ));
        }
        Some(id) => NewWrapperKey::Existing(id),
        None => NewWrapperKey::Generated {
            multi_region: message.multi_region,
        },
    };
    let request = RotationRequest {
        kms: some(message.kms),
        from: some(message.from),
        to,
    };
    if matches!(request.to, NewWrapperKey::Existing(_)) || vault.rotates_elsewhere(&request) {
        context.check(Operation::WrapperKeysRotateTo)?;
    }
    Ok(request)
}

pub(crate) const fn progressed(progress: RotationProgress) -> RotateWrapperKeyEvent {
    RotateWrapperKeyEvent {
        event: Some(Event::Progress(Progress {
            moved: progress.moved,
            of: progress.of,
        })),
    }
}

pub(crate) fn done(rotated: RotatedWrapperKey) -> RotateWrapperKeyEvent {
    RotateWrapperKeyEvent {
        event: Some(Event::Done(Done {
            moved: rotated.moved,
            rotation: Some(rotation(rotated.rotation)),
        })),
    }
}

fn rotation(rotation: WrapperKeyRotation) -> Rotation {
    Rotation {
        comes: wrapper_keys(rotation.comes),
        goes: wrapper_keys(rotation.goes),
        data_key_id: rotation.data_key_id.to_string(),
        old_data_key_id: rotation.old_data_key_id.to_string(),
    }
}
