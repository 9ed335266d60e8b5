//! A second person for what needs one.

use std::sync::Arc;

use strongroom_crypto::Timestamp;
use strongroom_store::ApprovalId;
use strongroom_vault::{
    Approval as Known, ConfigurationGuard, ConfigurationMark, ConfigurationProposal, Vault, Verdict,
};

use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{
        AcknowledgeBreakGlassRequest, AcknowledgeBreakGlassResponse, Approval, ApproveRequest,
        ApproveResponse, ListApprovalsRequest, ListApprovalsResponse, ProposeConfigurationRequest,
        ProposeConfigurationResponse, RejectRequest, RejectResponse,
    },
    failure::Failure,
};

pub(super) async fn list(
    vault: Arc<Vault>,
    _context: Context,
    _message: ListApprovalsRequest,
) -> Result<ListApprovalsResponse, Failure> {
    let all = vault.approvals().into_iter();
    Ok(ListApprovalsResponse {
        approvals: all.map(|approval| view(&vault, approval)).collect(),
    })
}

pub(super) async fn approve(
    vault: Arc<Vault>,
    context: Context,
    message: ApproveRequest,
) -> Result<ApproveResponse, Failure> {
    let approved = vault.approve(&context.caller(), id(&message.id)?).await?;
    Ok(ApproveResponse {
        approval: Some(view(&vault, approved)),
    })
}

pub(super) async fn reject(
    vault: Arc<Vault>,
    context: Context,
    message: RejectRequest,
) -> Result<RejectResponse, Failure> {
    let rejected = vault.reject(&context.caller(), id(&message.id)?).await?;
    Ok(RejectResponse {
        approval: Some(view(&vault, rejected)),
    })
}

pub(super) async fn acknowledge(
    vault: Arc<Vault>,
    context: Context,
    message: AcknowledgeBreakGlassRequest,
) -> Result<AcknowledgeBreakGlassResponse, Failure> {
    let caller = context.caller();
    let seen = vault
        .acknowledge_break_glass(&caller, id(&message.id)?)
        .await?;
    Ok(AcknowledgeBreakGlassResponse {
        approval: Some(view(&vault, seen)),
    })
}

/// It is what somebody asks for, so consent to it is asked for in here.
pub(super) async fn propose(
    vault: Arc<Vault>,
    context: Context,
    message: ProposeConfigurationRequest,
) -> Result<ProposeConfigurationResponse, Failure> {
    let reason = context.call.break_glass.as_deref();
    if reason.is_some() {
        context.check(Operation::BreakGlass)?;
    }
    let (caller, mark) = (context.caller(), mark(&message)?);
    // Who may break the glass was told by this server's file: one that is good no more may name somebody who is let in no more.
    vault.heed_configuration().await?;
    let proposed = vault.propose_configuration(&caller, &mark, reason).await?;
    let unchanged = proposed == ConfigurationProposal::Unchanged;
    let approval = match proposed {
        ConfigurationProposal::Asked(approval) => Some(view(&vault, *approval)),
        ConfigurationProposal::Unchanged | ConfigurationProposal::Free => None,
    };
    Ok(ProposeConfigurationResponse {
        approval,
        unchanged,
    })
}

fn mark(message: &ProposeConfigurationRequest) -> Result<ConfigurationMark, Failure> {
    let hash = |field: &str, bytes: &[u8]| {
        bytes.try_into().map_err(|_short| {
            Failure::unreadable(format!("Field `{field}`: not a hash of 32 bytes"))
        })
    };
    let hashes = [
        hash("access", &message.access)?,
        hash("approvals", &message.approvals)?,
        hash("audit", &message.audit)?,
    ];
    let mut guards = ConfigurationGuard::ALL.into_iter();
    let guard = guards.find(|guard| guard.name() == message.guard);
    let guard = guard.ok_or_else(|| {
        Failure::unreadable("Field `guard`: none that a configuration can have".to_owned())
    })?;
    Ok(ConfigurationMark::of_hashes(hashes, guard))
}

fn id(text: &str) -> Result<ApprovalId, Failure> {
    text.parse()
        .map_err(|error| Failure::unreadable(format!("Field `id`: {error}")))
}

fn view(vault: &Vault, approval: Known) -> Approval {
    let (state, expired) = (approval.verdict.name(), vault.is_expired(&approval));
    let (decided_by, decided_at, reason) = match approval.verdict {
        Verdict::Pending => (String::new(), None, String::new()),
        Verdict::Approved { by, at } | Verdict::Rejected { by, at } => {
            (by, Some(at), String::new())
        }
        Verdict::Bypassed { reason } => (String::new(), None, reason),
    };
    Approval {
        id: approval.id.to_string(),
        operation: approval.operation,
        summary: approval.summary,
        requester: approval.requester,
        requested_at: approval.requested_at.as_micros(),
        expires_at: approval.expires_at.as_micros(),
        state: state.to_owned(),
        decided_by,
        decided_at: decided_at.map(Timestamp::as_micros),
        reason,
        expired,
    }
}
