//! Taking a state that the anchor does not know as the right one, after a restore.

use std::collections::BTreeMap;

use strongroom_store::{StoreError, VaultId};

use crate::{
    anchor::AnchorRecord,
    audit::AuditOperation,
    caller::Caller,
    environment::Environment,
    error::VaultError,
    operations::open::{AnchorRule, open},
    settings::Settings,
    unit::Unit,
    vault::Vault,
};

impl Vault {
    /// Opens the vault although the anchor contradicts it, and makes its state the anchored one.
    ///
    /// For an operator who restored a backup, or lost the anchor, and knows that this store is the right one. Every
    /// row is authenticated as ever, and a readable anchor must belong to this vault and data key; only the question "is
    /// this the latest?" is answered by the operator. The tag of a wrapper key is written anew as well, and its
    /// generation is left behind. The act is written into the audit log, with both generations.
    ///
    /// A state that the anchor or the tag contradicts lacks what was done since: keys that were retired are active in it. So the
    /// vault is in quarantine afterwards, as after the restoring of a backup, until [`Vault::release`]. Where nothing was
    /// remembered, nothing is contradicted.
    ///
    /// # Errors
    /// Every error of [`Vault::open`] but those about the anchor; [`VaultError::OtherVault`] when the store holds another
    /// vault than `id`.
    pub async fn danger_accept_state(
        environment: Environment,
        settings: Settings,
        caller: &Caller,
        id: VaultId,
    ) -> Result<Self, VaultError> {
        let anchored = environment.anchor.load();
        let is_new = matches!(anchored, Ok(None));
        let overruled = anchored.ok().flatten();
        let vault = open(environment, settings, AnchorRule::Accept).await?;
        vault.expect_id(id)?;
        match vault.write_acceptance(caller, overruled).await {
            // A new process among others: it overrules nobody, so that its anchor begins here is no act of the vault's.
            Err(VaultError::Store(StoreError::NotWriter { .. })) if is_new => {
                vault.begin_anchor().await?;
            }
            written => written?,
        }
        Ok(vault)
    }

    async fn write_acceptance(
        &self,
        caller: &Caller,
        overruled: Option<AnchorRecord>,
    ) -> Result<(), VaultError> {
        let remembered = overruled
            .as_ref()
            .and_then(|record| record.confirmed.as_ref())
            .map_or_else(
                || "none".to_owned(),
                |checkpoint| checkpoint.generation.to_string(),
            );
        let state = self.committed().lock().await.state.clone();
        let generation = state.generation;
        let tag = self.anchor_tag().await;
        let tagged = tag.and_then(|tag| tag.remembered);
        let here = self.checkpoint(&state, &self.data_keys());
        let contradicted = overruled
            .as_ref()
            .is_some_and(|record| !record.accepts(&here))
            || tagged.is_some_and(|tagged| tagged > generation);
        let is_forgotten = overruled.is_none();
        let mut unit = Unit::begin(self).await?;
        if contradicted {
            unit.set_quarantine(true);
        }
        // A tag never goes back: states of the time that is given up would pass for later ones.
        unit.raise_generation(tagged.unwrap_or_default());
        unit.overrule(overruled);
        let mut details = BTreeMap::from([
            ("generation".to_owned(), generation.to_string()),
            ("anchored_generation".to_owned(), remembered),
        ]);
        if let Some(tagged) = tagged {
            details.insert("tagged_generation".to_owned(), tagged.to_string());
        }
        if contradicted || is_forgotten {
            // A yes of the state that is taken as the right one may have been used in the one that is given up, also where nothing is left
            // that remembers that one. That the glass was broken lets nothing through, and whoever broke it shall not sweep it away by this.
            for approval in self.approvals().iter().filter(|it| !it.is_bypassed()) {
                unit.strike_approval(approval).await?;
            }
        }
        unit.audit(caller, AuditOperation::AcceptState, None, details)
            .await?;
        unit.commit().await?;
        if let Some(keeper) = self.tag() {
            keeper.replace_by_plan().await?;
        }
        Ok(())
    }

    async fn begin_anchor(&self) -> Result<(), VaultError> {
        let committed = self.committed().lock().await;
        let data_keys = self.data_keys();
        let here = self.checkpoint(&committed.state, &data_keys);
        let record = self.anchor_record(Some(here), None, &data_keys);
        Ok(self.environment().anchor.store(&record)?)
    }
}
