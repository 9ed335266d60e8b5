//! What was done without the second person that it needs, and what waits for one.

use super::{Finding, Severity, counted, finding, moment};
use crate::{Approval, Vault, Verdict};

pub(super) fn findings(vault: &Vault) -> Vec<Finding> {
    let all = vault.approvals();
    let mut findings: Vec<_> = all.iter().filter_map(of_bypassed).collect();
    let waits = |it: &&Approval| it.verdict == Verdict::Pending && !vault.is_expired(it);
    let waiting = all.iter().filter(waits).count();
    if waiting > 0 {
        let requests = counted(waiting, "request");
        let detail = format!("{requests} for a second person: 'strongroom approvals list'");
        findings.push(finding("approvals", Severity::Ok, detail));
    }
    findings
}

fn of_bypassed(approval: &Approval) -> Option<Finding> {
    let Verdict::Bypassed { reason } = &approval.verdict else {
        return None;
    };
    let detail = format!(
        "{} did {} without a second person at {}, because: {reason}; another person acknowledges it: 'strongroom approvals acknowledge {}'",
        approval.requester,
        approval.operation,
        moment(approval.requested_at),
        approval.id
    );
    Some(finding("break-glass", Severity::Warning, detail))
}
