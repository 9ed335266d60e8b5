//! A second person: what is asked for waits until another one says yes, and is let through once.

use std::collections::BTreeMap;

use strongroom_crypto::{HashBuilder, Timestamp};
use strongroom_store::{ApprovalId, StoreError};

use crate::{
    approvals::{Approval, NewApproval, Verdict},
    audit::AuditOperation,
    caller::Caller,
    error::{ApprovalError, VaultError},
    unit::Unit,
    vault::Vault,
};

/// So many wait at most, and of one requester: what is asked for costs room, and anybody may ask.
const MOST: usize = 1000;
const MOST_OF_ONE: usize = 100;

/// A request is shown up to here, in bytes.
const MOST_SUMMARY: usize = 8 * 1024;

/// A reason has so many characters at most.
const MOST_REASON: usize = 1000;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    operation: String,
    request: [u8; 32],
    summary: String,
}

impl Ask {
    /// The operation with this stable name, with exactly this request: `way` says how it came, such as the path of an rpc, and
    /// `bytes` are all of it. `summary` is shown to whoever approves it.
    #[must_use]
    pub fn new(operation: &str, way: &str, bytes: &[u8], summary: &str) -> Self {
        let request = HashBuilder::without_purpose()
            .string("strongroom request v1")
            .string(operation)
            .string(way)
            .bytes(bytes)
            .finish();
        Self {
            operation: operation.to_owned(),
            request: *request.as_bytes(),
            summary: cut(summary),
        }
    }

    /// What is compared: the request, and who makes it.
    fn of(&self, caller: &Caller) -> [u8; 32] {
        let hash = HashBuilder::without_purpose()
            .raw(&self.request)
            .string(caller.name());
        *hash.finish().as_bytes()
    }
}

/// As much of a text as is kept; that something is missing is said.
fn cut(text: &str) -> String {
    if text.len() <= MOST_SUMMARY {
        return text.to_owned();
    }
    let end = (0..=MOST_SUMMARY)
        .rev()
        .find(|at| text.is_char_boundary(*at));
    let beginning = text.get(..end.unwrap_or_default()).unwrap_or_default();
    format!("{beginning}… (cut; {} bytes in all)", text.len())
}

impl Vault {
    /// What waits for a second person, or was done without one, the oldest first.
    #[must_use]
    pub fn approvals(&self) -> Vec<Approval> {
        self.approval_records().all()
    }

    /// Whether it counts for nothing any more, since nobody used it in time.
    #[must_use]
    pub fn is_expired(&self, approval: &Approval) -> bool {
        approval.is_expired(self.now())
    }

    /// Whether this operation needs a second person.
    #[must_use]
    pub fn needs_approval(&self, operation: &str) -> bool {
        self.settings().approvals.operations.contains(operation)
    }

    /// Lets a request through that needs no second person, or that another person has approved: this once, durably, before it
    /// is done. One that nobody has approved is remembered, so that somebody can.
    ///
    /// # Errors
    /// [`ApprovalError::Required`], [`ApprovalError::Rejected`]; [`ApprovalError::TooMany`]; errors of the store.
    pub async fn pass_approval(&self, caller: &Caller, ask: &Ask) -> Result<(), VaultError> {
        if !self.needs_approval(&ask.operation) {
            return Ok(());
        }
        let mut unit = Unit::begin(self).await?;
        let Some(asked) = self.asked(caller, ask) else {
            return Err(self.remember(unit, caller, ask).await?.into());
        };
        let id = asked.id;
        match asked.verdict.clone() {
            Verdict::Approved { by, .. } => {
                unit.strike_approval(&asked).await?;
                let details = details(&asked, [("approved_by", by)]);
                unit.audit(caller, AuditOperation::UseApproval, None, details)
                    .await?;
                unit.commit().await
            }
            Verdict::Rejected { by, .. } => Err(ApprovalError::Rejected { id, by }.into()),
            Verdict::Pending | Verdict::Bypassed { .. } => {
                let operation = asked.operation;
                Err(ApprovalError::Required { id, operation }.into())
            }
        }
    }

    /// Lets a request through without a second person, for a reason. It is told loudly: a record of its own in the audit log, an
    /// event at level error, and a warning of `doctor` until another person has acknowledged it.
    ///
    /// # Errors
    /// [`ApprovalError::BreakGlassOff`]; [`ApprovalError::BadReason`]; [`ApprovalError::TooMany`]; errors of the store.
    pub async fn break_glass(
        &self,
        caller: &Caller,
        ask: &Ask,
        reason: &str,
    ) -> Result<(), VaultError> {
        if !self.needs_approval(&ask.operation) {
            return Ok(());
        }
        if !self.settings().approvals.break_glass {
            return Err(ApprovalError::BreakGlassOff.into());
        }
        let reason = reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MOST_REASON {
            return Err(ApprovalError::BadReason { most: MOST_REASON }.into());
        }
        let mut unit = Unit::begin(self).await?;
        let verdict = Verdict::Bypassed {
            reason: reason.clone(),
        };
        let bypassed = match self.asked(caller, ask) {
            Some(asked) => asked.again(verdict),
            None => self.new_approval(&mut unit, caller, ask, verdict).await?,
        };
        unit.put_approval(&bypassed).await?;
        let mut told = told(bypassed.id, &bypassed.operation);
        told.insert("reason".to_owned(), reason.clone());
        told.insert("summary".to_owned(), bypassed.summary);
        unit.audit(caller, AuditOperation::BreakGlass, None, told)
            .await?;
        unit.commit().await?;
        tracing::error!(
            caller = caller.name(),
            operation = ask.operation,
            approval = %bypassed.id,
            reason = ?reason,
            "the glass was broken: something that needs a second person is done without one"
        );
        Ok(())
    }

    /// Says yes to what another person asked for.
    ///
    /// # Errors
    /// [`StoreError::ApprovalMissing`]; [`ApprovalError`]; errors of the store.
    pub async fn approve(&self, caller: &Caller, id: ApprovalId) -> Result<Approval, VaultError> {
        let unit = Unit::begin(self).await?;
        let asked = self.to_decide(caller, id)?;
        check_other(caller, &asked)?;
        if asked.verdict != Verdict::Pending {
            let state = asked.verdict.name();
            return Err(ApprovalError::Decided { id, state }.into());
        }
        let verdict = Verdict::Approved {
            by: caller.name().to_owned(),
            at: self.now(),
        };
        self.note_verdict(unit, caller, &asked, verdict, AuditOperation::Approve)
            .await
    }

    /// Says no to what was asked for, also if somebody said yes and it was not used yet. Whoever asked may do it too.
    ///
    /// # Errors
    /// [`StoreError::ApprovalMissing`]; [`ApprovalError`]; errors of the store.
    pub async fn reject(&self, caller: &Caller, id: ApprovalId) -> Result<Approval, VaultError> {
        let unit = Unit::begin(self).await?;
        let asked = self.to_decide(caller, id)?;
        match asked.verdict {
            Verdict::Pending | Verdict::Approved { .. } => {}
            Verdict::Rejected { .. } | Verdict::Bypassed { .. } => {
                let state = asked.verdict.name();
                return Err(ApprovalError::Decided { id, state }.into());
            }
        }
        let verdict = Verdict::Rejected {
            by: caller.name().to_owned(),
            at: self.now(),
        };
        self.note_verdict(unit, caller, &asked, verdict, AuditOperation::Reject)
            .await
    }

    /// Says that somebody broke the glass and that this was seen, by another person.
    ///
    /// # Errors
    /// [`StoreError::ApprovalMissing`]; [`ApprovalError`]; errors of the store.
    pub async fn acknowledge_break_glass(
        &self,
        caller: &Caller,
        id: ApprovalId,
    ) -> Result<Approval, VaultError> {
        let mut unit = Unit::begin(self).await?;
        let asked = self.to_decide(caller, id)?;
        if !asked.is_bypassed() {
            return Err(ApprovalError::NotBypassed { id }.into());
        }
        check_other(caller, &asked)?;
        unit.strike_approval(&asked).await?;
        let operation = AuditOperation::AcknowledgeBreakGlass;
        unit.audit(caller, operation, None, details(&asked, []))
            .await?;
        unit.commit().await?;
        Ok(asked)
    }

    /// What is known of exactly this request of this caller, as long as it counts.
    fn asked(&self, caller: &Caller, ask: &Ask) -> Option<Approval> {
        let (request, now) = (ask.of(caller), self.now());
        let mut known = self.approvals().into_iter();
        known.find(|asked| {
            asked.request == request && !asked.is_bypassed() && !asked.is_expired(now)
        })
    }

    /// What somebody wants to decide about, if he may and it is time.
    fn to_decide(&self, caller: &Caller, id: ApprovalId) -> Result<Approval, VaultError> {
        let asked = self.approval_records().of(id);
        let asked = asked.ok_or(StoreError::ApprovalMissing { id })?;
        let approvers = &self.settings().approvals.approvers;
        let is_own = asked.requester == caller.name();
        if !is_own && !approvers.is_empty() && !approvers.contains(caller.name()) {
            let caller = caller.name().to_owned();
            return Err(ApprovalError::NoApprover { caller }.into());
        }
        if asked.is_expired(self.now()) {
            return Err(ApprovalError::Expired { id }.into());
        }
        Ok(asked)
    }

    async fn note_verdict(
        &self,
        mut unit: Unit<'_>,
        caller: &Caller,
        asked: &Approval,
        verdict: Verdict,
        operation: AuditOperation,
    ) -> Result<Approval, VaultError> {
        unit.put_approval(&asked.again(verdict)).await?;
        let details = details(asked, [("requester", asked.requester.clone())]);
        unit.audit(caller, operation, None, details).await?;
        unit.commit().await?;
        let decided = self.approval_records().of(asked.id);
        Ok(decided.ok_or(StoreError::ApprovalMissing { id: asked.id })?)
    }

    /// Remembers that something was asked for, durably.
    async fn remember(
        &self,
        mut unit: Unit<'_>,
        caller: &Caller,
        ask: &Ask,
    ) -> Result<ApprovalError, VaultError> {
        let verdict = Verdict::Pending;
        let new = self.new_approval(&mut unit, caller, ask, verdict).await?;
        unit.put_approval(&new).await?;
        let mut told = told(new.id, &new.operation);
        told.insert("summary".to_owned(), new.summary.clone());
        unit.audit(caller, AuditOperation::RequestApproval, None, told)
            .await?;
        unit.commit().await?;
        let (id, operation) = (new.id, new.operation);
        Ok(ApprovalError::Required { id, operation })
    }

    /// A new approval, for which there is room once what has expired is struck.
    async fn new_approval(
        &self,
        unit: &mut Unit<'_>,
        caller: &Caller,
        ask: &Ask,
        verdict: Verdict,
    ) -> Result<NewApproval, VaultError> {
        let now = self.now();
        let (expired, waiting): (Vec<_>, Vec<_>) = self
            .approvals()
            .into_iter()
            .partition(|asked| asked.is_expired(now));
        for approval in &expired {
            unit.strike_approval(approval).await?;
        }
        let own = waiting
            .iter()
            .filter(|asked| asked.requester == caller.name());
        if waiting.len() >= MOST || own.count() >= MOST_OF_ONE {
            let waiting = waiting.len();
            return Err(ApprovalError::TooMany { waiting }.into());
        }
        let mut id = [0; 16];
        self.random().fill(&mut id)?;
        let after = self.settings().approvals.expire_after;
        let after = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
        Ok(NewApproval {
            id: ApprovalId::from_bytes(id),
            operation: ask.operation.clone(),
            request: ask.of(caller),
            summary: ask.summary.clone(),
            requester: caller.name().to_owned(),
            requested_at: now,
            expires_at: Timestamp::from_micros(now.as_micros().saturating_add(after)),
            verdict,
        })
    }
}

fn check_other(caller: &Caller, asked: &Approval) -> Result<(), ApprovalError> {
    if asked.requester == caller.name() {
        return Err(ApprovalError::Own {
            id: asked.id,
            requester: asked.requester.clone(),
        });
    }
    Ok(())
}

fn told(id: ApprovalId, operation: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("approval".to_owned(), id.to_string()),
        ("operation".to_owned(), operation.to_owned()),
    ])
}

fn details<const N: usize>(
    asked: &Approval,
    more: [(&str, String); N],
) -> BTreeMap<String, String> {
    let mut details = told(asked.id, &asked.operation);
    let more = more.into_iter();
    details.extend(more.map(|(name, value)| (name.to_owned(), value)));
    details
}
