//! What waits for a second person.

use strongroom_store::ApprovalId;

use super::Client;
use crate::commands::approvals::view::ApprovalView;

impl Client {
    /// What waits for a second person, or was done without one, the oldest first.
    pub(crate) async fn approvals(&self) -> anyhow::Result<Vec<ApprovalView>> {
        match self {
            Self::Here(session) => {
                let all = session.vault.approvals();
                let views = all.iter().map(|it| ApprovalView::of(&session.vault, it));
                Ok(views.collect())
            }
            Self::There(server) => server.approvals().await,
        }
    }

    /// Says yes to what another person asked for.
    pub(crate) async fn approve(&self, id: ApprovalId) -> anyhow::Result<ApprovalView> {
        match self {
            Self::Here(session) => {
                let approved = session.vault.approve(&session.caller, id).await?;
                Ok(ApprovalView::of(&session.vault, &approved))
            }
            Self::There(server) => server.approve(id).await,
        }
    }

    /// Says no.
    pub(crate) async fn reject(&self, id: ApprovalId) -> anyhow::Result<ApprovalView> {
        match self {
            Self::Here(session) => {
                let rejected = session.vault.reject(&session.caller, id).await?;
                Ok(ApprovalView::of(&session.vault, &rejected))
            }
            Self::There(server) => server.reject(id).await,
        }
    }

    /// Says that somebody went on without a second person, and that this was seen.
    pub(crate) async fn acknowledge(&self, id: ApprovalId) -> anyhow::Result<ApprovalView> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                let seen = vault.acknowledge_break_glass(caller, id).await?;
                Ok(ApprovalView::of(vault, &seen))
            }
            Self::There(server) => server.acknowledge(id).await,
        }
    }
}
