//! What a server is told to do: noting it, and having a change of it approved.

use crate::{
    approvals::{Approval, NewApproval, Verdict},
    audit::AuditOperation,
    caller::Caller,
    configuration::{CHANGE_OF_CONFIGURATION, ConfigurationGuard, ConfigurationMark},
    error::{ApprovalError, VaultError},
    operations::approvals::{Wanted, good_reason},
    unit::Unit,
    vault::Vault,
};

/// What becomes of a configuration that somebody proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigurationProposal {
    /// It is what the vault remembers.
    Unchanged,
    /// Nobody has to approve it: a server may begin with it, on record.
    Free,
    /// It was asked for, and this is what is known of it.
    Asked(Box<Approval>),
}

impl Vault {
    /// What the configuration of the last server said, as far as it is remembered; none: no server has begun.
    pub async fn remembered_configuration(&self) -> Option<ConfigurationMark> {
        self.committed().lock().await.state.configuration
    }

    /// Remembers the configuration that the settings come from, with an audit record if another one is remembered. If a change
    /// needs a second person, the approval of exactly this one is used up, in the same unit of work. If it says otherwise who may do what,
    /// or what needs a second person, every other approval that was asked for or given counts for nothing any more. Call it before a server does what
    /// the configuration says. Answers whether it has changed.
    ///
    /// # Errors
    /// [`ApprovalError::Configuration`]; those of every act that writes. What is remembered already is never an error.
    pub async fn note_configuration(&self, caller: &Caller) -> Result<bool, VaultError> {
        let remembered = self.remembered_configuration().await;
        // Also at a process that cannot write: it must not begin with what nobody approved.
        self.check_configuration(remembered)?;
        let own = self.settings().configuration;
        let Some(own) = own.filter(|own| remembered != Some(*own)) else {
            return Ok(false);
        };
        let mut unit = Unit::begin(self).await?;
        let before = unit.configuration();
        let mut asked = self.approvals();
        if let Some(before) = guarded(before)
            && before != own
        {
            let approved = self.approved_change(&before, &own);
            let (approved, by) = approved.ok_or_else(|| self.differs_from(&before))?;
            unit.use_approval(caller, &approved, by).await?;
            asked.retain(|it| it.id != approved.id);
        }
        let Some(mut details) = unit.set_configuration(own) else {
            return Ok(false);
        };
        let is_guarded = guarded(before).is_some() || own.is_guarded();
        if is_guarded && own.has_other_rules_than(before.as_ref()) {
            // Who may ask and who may say yes is another question from now on: what was asked for is asked for anew. Where nothing
            // guards the rules whoever writes the file changes them anyway, and replicas whose files differ would strike it each time that
            // another one writes.
            asked.retain(Approval::may_be_used);
            for asked in &asked {
                unit.strike_approval(asked).await?;
            }
            details.insert("approvals_struck".to_owned(), asked.len().to_string());
        }
        let operation = AuditOperation::ChangeConfiguration;
        unit.audit(caller, operation, None, details).await?;
        unit.commit().await?;
        Ok(true)
    }

    /// Whether the vault remembers the very configuration that it was opened with.
    pub async fn goes_by_remembered_configuration(&self) -> bool {
        let own = self.settings().configuration;
        own.is_some() && self.remembered_configuration().await == own
    }

    /// Asks for another person's approval of a configuration that a server is to begin with. It is let through once, whoever starts that
    /// server. With a reason it needs nobody, if the remembered configuration lets people go on alone: also for one whose file is
    /// lost, so it is not asked which one this vault was opened with.
    ///
    /// # Errors
    /// [`ApprovalError`]; errors of the store.
    pub async fn propose_configuration(
        &self,
        caller: &Caller,
        after: &ConfigurationMark,
        reason: Option<&str>,
    ) -> Result<ConfigurationProposal, VaultError> {
        let unit = Unit::begin(self).await?;
        let remembered = unit.configuration();
        if remembered == Some(*after) {
            return Ok(ConfigurationProposal::Unchanged);
        }
        let Some(before) = guarded(remembered) else {
            return Ok(ConfigurationProposal::Free);
        };
        let wanted = Wanted {
            operation: CHANGE_OF_CONFIGURATION.to_owned(),
            request: before.change_to(after),
            summary: before.change_in_words(after),
        };
        match (self.asked(&wanted), reason) {
            (Some(asked), _) if matches!(asked.verdict, Verdict::Approved { .. }) => {
                return Ok(ConfigurationProposal::Asked(Box::new(asked)));
            }
            (_, Some(reason)) => {
                if before.guard() != ConfigurationGuard::PersonOrReason {
                    return Err(ApprovalError::BreakGlassOff.into());
                }
                self.change_alone(unit, caller, &wanted, reason).await?;
            }
            (Some(asked), None) => {
                return match asked.verdict {
                    Verdict::Rejected { by, .. } => {
                        let id = asked.id;
                        Err(ApprovalError::Rejected { id, by }.into())
                    }
                    _ => Ok(ConfigurationProposal::Asked(Box::new(asked))),
                };
            }
            (None, None) => {
                self.check_configuration(remembered)?;
                self.remember(unit, caller, &wanted).await?;
            }
        }
        let asked = self.asked(&wanted).ok_or(VaultError::ChangedUnderneath)?;
        Ok(ConfigurationProposal::Asked(Box::new(asked)))
    }

    /// Lets a change through that nobody else has approved: it is let through as if it were, once, and that it was not stays to be
    /// acknowledged.
    async fn change_alone(
        &self,
        mut unit: Unit<'_>,
        caller: &Caller,
        wanted: &Wanted,
        reason: &str,
    ) -> Result<(), VaultError> {
        let reason = good_reason(reason)?;
        let verdict = Verdict::Bypassed {
            reason: reason.clone(),
        };
        let bypassed = self
            .new_approval(&mut unit, caller, wanted, verdict)
            .await?;
        let id = match self.asked(wanted) {
            Some(asked) => asked.id,
            None => self.new_approval_id()?,
        };
        let through = NewApproval {
            id,
            verdict: Verdict::Approved {
                by: caller.name().to_owned(),
                at: self.now(),
            },
            ..bypassed.clone()
        };
        unit.put_approval(&through).await?;
        self.note_broken_glass(unit, caller, &bypassed, &reason)
            .await
    }

    /// Refuses where a change of the configuration needs a second person, and this vault was opened with another one than it
    /// remembers: what else needs a second person, and whose word counts, would be told by that one.
    ///
    /// # Errors
    /// [`ApprovalError::Configuration`].
    pub async fn heed_configuration(&self) -> Result<(), VaultError> {
        let remembered = self.remembered_configuration().await;
        Ok(self.check_configuration(remembered)?)
    }

    /// The same, of the configuration that a unit of work finds remembered. One that was approved and that no server has begun with is as
    /// good as the remembered one.
    pub(crate) fn check_configuration(
        &self,
        remembered: Option<ConfigurationMark>,
    ) -> Result<(), ApprovalError> {
        let Some(before) = guarded(remembered) else {
            return Ok(());
        };
        match self.settings().configuration {
            Some(own) if own == before || self.approved_change(&before, &own).is_some() => Ok(()),
            _ => Err(self.differs_from(&before)),
        }
    }

    /// Whether what the settings say of the audit log is the word of a file that nobody approved, where the vault remembers that it takes
    /// somebody.
    pub(crate) fn audits_unapproved(&self) -> bool {
        let guarded = self.guarded().load();
        let Some(before) = guarded.as_deref() else {
            return false;
        };
        let own = self.settings().configuration;
        own.is_none_or(|own| {
            !own.audits_like(before) && self.approved_change(before, &own).is_none()
        })
    }

    fn differs_from(&self, before: &ConfigurationMark) -> ApprovalError {
        let own = self.settings().configuration;
        let differs = own.map_or_else(
            || "none was given".to_owned(),
            |own| own.differs_from(before).join(", "),
        );
        ApprovalError::Configuration { differs }
    }

    /// What lets this change through, and who approved it.
    fn approved_change(
        &self,
        before: &ConfigurationMark,
        after: &ConfigurationMark,
    ) -> Option<(Approval, String)> {
        let (request, now) = (before.change_to(after), self.now());
        let mut known = self.approvals().into_iter();
        known.find_map(|known| match &known.verdict {
            Verdict::Approved { by, .. } if known.request == request && !known.is_expired(now) => {
                let by = by.clone();
                Some((known, by))
            }
            _ => None,
        })
    }
}

/// The configuration that it takes more than a record to leave.
pub(crate) fn guarded(remembered: Option<ConfigurationMark>) -> Option<ConfigurationMark> {
    remembered.filter(ConfigurationMark::is_guarded)
}
