//! A second person: what is asked for waits until another one says yes, and is let through once.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
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

/// So many wait, or are approved, at most, and of one requester: what is asked for costs room, and anybody may ask.
const MOST: usize = 1000;
const MOST_OF_ONE: usize = 100;

/// A request is shown up to here, in bytes. One that is longer nobody can approve: he would not see all of it.
const MOST_SUMMARY: usize = 8 * 1024;

/// What a request comes to is shown by name up to here, in bytes.
const MOST_NAMES: usize = 4 * 1024;

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
    /// `bytes` are all of it. `summary` is shown to whoever approves it: one with a summary of more than 8 KiB cannot be approved.
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
            summary: summary.to_owned(),
        }
    }

    /// The same, for exactly these: what the request comes to now, where it says "all" or nothing. It is not approved for others
    /// that it would come to later. So many that nobody would read them are shown as their number, and the SHA-256 of one line
    /// for each.
    #[must_use]
    pub fn about(self, these: &[String]) -> Self {
        let mut these = these.to_vec();
        these.sort_unstable();
        let named = these.join(", ");
        let lines: String = these.iter().flat_map(|name| [name, "\n"]).collect();
        let sum = *HashBuilder::without_purpose()
            .raw(lines.as_bytes())
            .finish()
            .as_bytes();
        let named = if named.len() <= MOST_NAMES {
            named
        } else {
            format!("SHA-256 {}", HEXLOWER.encode(&sum))
        };
        let request = HashBuilder::without_purpose()
            .string("strongroom request about v1")
            .raw(&self.request)
            .raw(&sum)
            .finish();
        Self {
            request: *request.as_bytes(),
            summary: format!("{} about {}: {named}", self.summary, these.len()),
            ..self
        }
    }

    /// The same, asked for by `caller`: a yes to him is none to another one.
    fn of(&self, caller: &Caller) -> Wanted {
        let hash = HashBuilder::without_purpose()
            .raw(&self.request)
            .string(caller.name());
        Wanted {
            operation: self.operation.clone(),
            request: *hash.finish().as_bytes(),
            summary: cut(&self.summary),
        }
    }

    /// Refuses what whoever approves it would not see all of.
    fn check_length(&self) -> Result<(), ApprovalError> {
        let (bytes, most) = (self.summary.len(), MOST_SUMMARY);
        if bytes > most {
            return Err(ApprovalError::TooLong { bytes, most });
        }
        Ok(())
    }
}

/// What waits for a second person, or will.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The name of the operation.
    pub(crate) operation: String,
    /// What is compared.
    pub(crate) request: [u8; 32],
    /// The same for people.
    pub(crate) summary: String,
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
    /// Faces call it for whatever may need a second person: whether it does is a matter of the configuration, which must be the one
    /// that the vault remembers.
    ///
    /// # Errors
    /// [`ApprovalError::Required`], [`ApprovalError::Rejected`]; [`ApprovalError::Configuration`]; [`ApprovalError::TooMany`],
    /// [`ApprovalError::TooLong`]; errors of the store.
    pub async fn pass_approval(&self, caller: &Caller, ask: &Ask) -> Result<(), VaultError> {
        if !self.needs_approval(&ask.operation) {
            return self.heed_configuration().await;
        }
        let mut unit = Unit::begin(self).await?;
        self.check_configuration(unit.configuration())?;
        let wanted = ask.of(caller);
        let Some(asked) = self.asked(&wanted) else {
            ask.check_length()?;
            return Err(self.remember(unit, caller, &wanted).await?.into());
        };
        let id = asked.id;
        match asked.verdict.clone() {
            Verdict::Approved { by, .. } => {
                unit.use_approval(caller, &asked, by).await?;
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
    /// [`ApprovalError::BreakGlassOff`]; [`ApprovalError::BadReason`]; [`ApprovalError::Configuration`]; [`ApprovalError::TooMany`];
    /// errors of the store.
    pub async fn break_glass(
        &self,
        caller: &Caller,
        ask: &Ask,
        reason: &str,
    ) -> Result<(), VaultError> {
        if !self.needs_approval(&ask.operation) {
            return self.heed_configuration().await;
        }
        if !self.settings().approvals.break_glass {
            return Err(ApprovalError::BreakGlassOff.into());
        }
        let reason = good_reason(reason)?;
        let mut unit = Unit::begin(self).await?;
        self.check_configuration(unit.configuration())?;
        let wanted = ask.of(caller);
        let verdict = Verdict::Bypassed {
            reason: reason.clone(),
        };
        let bypassed = match self.asked(&wanted) {
            Some(asked) => asked.again(verdict),
            None => {
                self.new_approval(&mut unit, caller, &wanted, verdict)
                    .await?
            }
        };
        self.note_broken_glass(unit, caller, &bypassed, &reason)
            .await
    }

    /// Ends the unit in which somebody goes on alone, and lets nobody overlook it.
    pub(crate) async fn note_broken_glass(
        &self,
        mut unit: Unit<'_>,
        caller: &Caller,
        bypassed: &NewApproval,
        reason: &str,
    ) -> Result<(), VaultError> {
        unit.put_approval(bypassed).await?;
        let mut told = told(bypassed.id, &bypassed.operation);
        told.insert("reason".to_owned(), reason.to_owned());
        told.insert("summary".to_owned(), bypassed.summary.clone());
        unit.audit(caller, AuditOperation::BreakGlass, None, told)
            .await?;
        unit.commit().await?;
        tracing::error!(
            caller = caller.name(),
            operation = bypassed.operation,
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
        let asked = self.to_decide(&unit, caller, id)?;
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

    /// Says no to what was asked for, also if somebody said yes and it was not used yet. Whoever asked may do it too, and takes back what
    /// he asked for: it can be asked for again, and he bars no way that is open to others.
    ///
    /// # Errors
    /// [`StoreError::ApprovalMissing`]; [`ApprovalError`]; errors of the store.
    pub async fn reject(&self, caller: &Caller, id: ApprovalId) -> Result<Approval, VaultError> {
        let unit = Unit::begin(self).await?;
        let asked = self.to_decide(&unit, caller, id)?;
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
        if asked.requester == caller.name() {
            return self.withdraw(unit, caller, asked, verdict).await;
        }
        self.note_verdict(unit, caller, &asked, verdict, AuditOperation::Reject)
            .await
    }

    async fn withdraw(
        &self,
        mut unit: Unit<'_>,
        caller: &Caller,
        mut asked: Approval,
        verdict: Verdict,
    ) -> Result<Approval, VaultError> {
        unit.strike_approval(&asked).await?;
        let details = details(&asked, [("requester", asked.requester.clone())]);
        unit.audit(caller, AuditOperation::Reject, None, details)
            .await?;
        unit.commit().await?;
        asked.verdict = verdict;
        Ok(asked)
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
        let asked = self.to_decide(&unit, caller, id)?;
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

    /// What is known of exactly this, as long as it counts.
    pub(crate) fn asked(&self, wanted: &Wanted) -> Option<Approval> {
        let now = self.now();
        let mut known = self.approvals().into_iter();
        known.find(|asked| {
            asked.request == wanted.request && !asked.is_bypassed() && !asked.is_expired(now)
        })
    }

    /// What somebody wants to decide about, if he may and it is time. Who may stands in the configuration.
    fn to_decide(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        id: ApprovalId,
    ) -> Result<Approval, VaultError> {
        self.check_configuration(unit.configuration())?;
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
    pub(crate) async fn remember(
        &self,
        mut unit: Unit<'_>,
        caller: &Caller,
        wanted: &Wanted,
    ) -> Result<ApprovalError, VaultError> {
        let verdict = Verdict::Pending;
        let new = self
            .new_approval(&mut unit, caller, wanted, verdict)
            .await?;
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
    pub(crate) async fn new_approval(
        &self,
        unit: &mut Unit<'_>,
        caller: &Caller,
        wanted: &Wanted,
        verdict: Verdict,
    ) -> Result<NewApproval, VaultError> {
        let now = self.now();
        let (expired, mut waiting): (Vec<_>, Vec<_>) = self
            .approvals()
            .into_iter()
            .partition(|asked| asked.is_expired(now));
        for approval in &expired {
            unit.strike_approval(approval).await?;
        }
        waiting.retain(Approval::may_be_used);
        let own = waiting
            .iter()
            .filter(|asked| asked.requester == caller.name());
        let is_full = waiting.len() >= MOST || own.count() >= MOST_OF_ONE;
        // The way out shall not be closed by whoever asks for much.
        if is_full && !matches!(verdict, Verdict::Bypassed { .. }) {
            let waiting = waiting.len();
            return Err(ApprovalError::TooMany { waiting }.into());
        }
        let after = self.settings().approvals.expire_after;
        let after = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
        Ok(NewApproval {
            id: self.new_approval_id()?,
            operation: wanted.operation.clone(),
            request: wanted.request,
            summary: wanted.summary.clone(),
            requester: caller.name().to_owned(),
            requested_at: now,
            expires_at: Timestamp::from_micros(now.as_micros().saturating_add(after)),
            verdict,
        })
    }

    pub(crate) fn new_approval_id(&self) -> Result<ApprovalId, VaultError> {
        let mut id = [0; 16];
        self.random().fill(&mut id)?;
        Ok(ApprovalId::from_bytes(id))
    }
}

/// Somebody who goes on alone says why.
pub(crate) fn good_reason(reason: &str) -> Result<String, ApprovalError> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MOST_REASON {
        return Err(ApprovalError::BadReason { most: MOST_REASON });
    }
    Ok(reason.to_owned())
}

impl Unit<'_> {
    /// Uses up what was approved, on record.
    pub(crate) async fn use_approval(
        &mut self,
        caller: &Caller,
        approved: &Approval,
        by: String,
    ) -> Result<(), VaultError> {
        self.strike_approval(approved).await?;
        let details = details(approved, [("approved_by", by)]);
        self.audit(caller, AuditOperation::UseApproval, None, details)
            .await
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
