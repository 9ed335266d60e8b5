//! What waits for a second person.

use strongroom_store::ApprovalId;
use strongroom_vault::{ConfigurationMark, ConfigurationProposal};

use super::Client;
use crate::commands::approvals::view::ApprovalView;

/// What became of a configuration that was proposed.
pub(crate) enum Proposed {
    /// The vault remembers it.
    Unchanged,
    /// Nobody has to approve it.
    Free,
    /// It waits, or was approved.
    Asked(Box<ApprovalView>),
}

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

    /// Asks for another person's approval of a configuration.
    pub(crate) async fn propose_configuration(
        &self,
        mark: &ConfigurationMark,
    ) -> anyhow::Result<Proposed> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                let reason = session.break_glass.as_deref();
                let proposed = vault.propose_configuration(caller, mark, reason).await?;
                Ok(match proposed {
                    ConfigurationProposal::Unchanged => Proposed::Unchanged,
                    ConfigurationProposal::Free => Proposed::Free,
                    ConfigurationProposal::Asked(asked) => {
                        Proposed::Asked(Box::new(ApprovalView::of(vault, &asked)))
                    }
                })
            }
            Self::There(server) => server.propose_configuration(mark).await,
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
