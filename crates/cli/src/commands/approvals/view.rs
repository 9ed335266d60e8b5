//! How approvals are shown.

use serde::Serialize;
use strongroom_vault::{Approval, Vault, Verdict};

use crate::output;

/// Something that was asked for and needs a second person.
#[derive(Serialize)]
pub(crate) struct ApprovalView {
    pub(crate) id: String,
    pub(crate) operation: String,
    pub(crate) summary: String,
    pub(crate) requester: String,
    pub(crate) requested_at: String,
    pub(crate) expires_at: String,
    /// `pending`, `approved`, `rejected`, `bypassed` or `expired`.
    pub(crate) state: &'static str,
    pub(crate) decided_by: Option<String>,
    pub(crate) decided_at: Option<String>,
    /// Why it was done without a second person.
    pub(crate) reason: Option<String>,
}

impl ApprovalView {
    pub(crate) fn of(vault: &Vault, approval: &Approval) -> Self {
        let (decided_by, decided_at, reason) = match &approval.verdict {
            Verdict::Pending => (None, None, None),
            Verdict::Approved { by, at } | Verdict::Rejected { by, at } => {
                (Some(by.clone()), Some(output::moment(*at)), None)
            }
            Verdict::Bypassed { reason } => (None, None, Some(reason.clone())),
        };
        Self {
            id: approval.id.to_string(),
            operation: approval.operation.clone(),
            summary: approval.summary.clone(),
            requester: approval.requester.clone(),
            requested_at: output::moment(approval.requested_at),
            expires_at: output::moment(approval.expires_at),
            state: if vault.is_expired(approval) {
                "expired"
            } else {
                approval.verdict.name()
            },
            decided_by,
            decided_at,
            reason,
        }
    }

    pub(crate) fn row(&self) -> [String; 6] {
        [
            self.id.clone(),
            self.state.to_owned(),
            self.requester.clone(),
            self.expires_at.clone(),
            self.operation.clone(),
            match &self.reason {
                Some(reason) => format!("{} (because: {reason})", self.summary),
                None => self.summary.clone(),
            },
        ]
    }
}
