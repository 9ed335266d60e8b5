//! What waits for a second person in a server's vault.

use strongroom_crypto::Timestamp;
use strongroom_server::contract::strongroom::{
    AcknowledgeBreakGlassRequest, Approval, ApproveRequest, ListApprovalsRequest,
    ProposeConfigurationRequest, RejectRequest,
};
use strongroom_store::ApprovalId;
use strongroom_vault::ConfigurationMark;

use super::{RemoteError, Server, known};
use crate::{client::Proposed, commands::approvals::view::ApprovalView, output};

impl Server {
    pub(crate) async fn approvals(&self) -> anyhow::Result<Vec<ApprovalView>> {
        let request = ListApprovalsRequest {};
        let listed = self.operations().list_approvals(request).await;
        let listed = listed.map_err(RemoteError::from)?.into_inner().approvals;
        Ok(listed.into_iter().map(view).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn approve(&self, id: ApprovalId) -> anyhow::Result<ApprovalView> {
        let request = ApproveRequest { id: id.to_string() };
        let approved = self.operations().approve(request).await;
        decided(approved.map_err(RemoteError::from)?.into_inner().approval)
    }

    pub(crate) async fn reject(&self, id: ApprovalId) -> anyhow::Result<ApprovalView> {
        let request = RejectRequest { id: id.to_string() };
        let rejected = self.operations().reject(request).await;
        decided(rejected.map_err(RemoteError::from)?.into_inner().approval)
    }

    pub(crate) async fn acknowledge(&self, id: ApprovalId) -> anyhow::Result<ApprovalView> {
        let request = AcknowledgeBreakGlassRequest { id: id.to_string() };
        let seen = self.operations().acknowledge_break_glass(request).await;
        decided(seen.map_err(RemoteError::from)?.into_inner().approval)
    }

    pub(crate) async fn propose_configuration(
        &self,
        mark: &ConfigurationMark,
    ) -> anyhow::Result<Proposed> {
        let [access, approvals, audit] = mark.sections().map(|(_section, hash)| hash.to_vec());
        let request = ProposeConfigurationRequest {
            access,
            approvals,
            audit,
            guard: mark.guard().name().to_owned(),
        };
        let proposed = self.operations().propose_configuration(request).await;
        let proposed = proposed.map_err(RemoteError::from)?.into_inner();
        Ok(match proposed.approval {
            Some(approval) => Proposed::Asked(Box::new(view(approval)?)),
            None if proposed.unchanged => Proposed::Unchanged,
            None => Proposed::Free,
        })
    }
}

fn decided(approval: Option<Approval>) -> anyhow::Result<ApprovalView> {
    let approval = approval.ok_or_else(|| RemoteError::without("what was decided"))?;
    Ok(view(approval)?)
}

fn view(approval: Approval) -> Result<ApprovalView, RemoteError> {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let moment = |micros| output::moment(Timestamp::from_micros(micros));
    let state = known(
        ["pending", "approved", "rejected", "bypassed"],
        &approval.state,
    )?;
    Ok(ApprovalView {
        id: approval.id,
        operation: approval.operation,
        summary: approval.summary,
        requester: approval.requester,
        requested_at: moment(approval.requested_at),
        expires_at: moment(approval.expires_at),
        state: if approval.expired { "expired" } else { state },
        decided_by: some(approval.decided_by),
        decided_at: approval.decided_at.map(moment),
        reason: some(approval.reason),
    })
}
