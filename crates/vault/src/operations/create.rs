//! Making a vault.

use std::{collections::BTreeMap, sync::Arc};

use strongroom_crypto::{DataKey, KeyName};
use strongroom_kms::{KmsKeyId, WrapContext, WrapperKeyRequest};
use strongroom_store::{DataKeyId, DataKeyRecord, DataKeyState, VaultId, VaultRecord, WrapRecord};

use crate::{
    anchor::{Anchor, AnchorRecord},
    anchor_tag::{ConfiguredTag, TagBefore},
    approvals::Approvals,
    audit::{AuditEntry, AuditHead, AuditOperation, ChainPosition},
    backups::Backups,
    caller::Caller,
    committed::Committed,
    data_keys::{DataKeys, OpenedBy, OpenedDataKey},
    directory::{Entries, KeyDirectory},
    environment::Environment,
    error::VaultError,
    journal::Journal,
    kms_watch::KmsWatch,
    node::Node,
    rows,
    settings::Settings,
    state::VaultState,
    vault::{Parts, Vault},
    wraps::Wraps,
};

/// What a new vault shall be.
#[derive(Debug)]
pub struct NewVault {
    /// The vault's identity; it binds every row and every wrap.
    pub id: VaultId,
    /// The wrapper key to use, in the first KMS of the environment; none makes a new one there.
    pub wrapper_key: Option<KmsKeyId>,
}

impl Vault {
    /// Makes a vault in an empty store: one data key, wrapped by the first KMS, and the first audit record.
    ///
    /// One commit makes it: a crash before leaves no vault, and creating it may simply be repeated.
    ///
    /// # Errors
    /// [`VaultError::AlreadyExists`] when there is one; [`VaultError::AnchorOfOtherVault`] and
    /// [`VaultError::RolledBack`] when the anchor remembers another vault, or this one from a time when it was there;
    /// [`VaultError::NoWrapper`] without a KMS; errors of the KMS and the store.
    pub async fn create(
        environment: Environment,
        settings: Settings,
        caller: &Caller,
        new: NewVault,
    ) -> Result<Self, VaultError> {
        // Nobody could open it again whose only wrap is for a key in a safe.
        let named = environment.wrappers.iter().find(|it| it.wrapper.unwraps());
        let named = named.ok_or(VaultError::NoWrapper)?;
        if environment.store.read().await?.vault().await?.is_some() {
            return Err(VaultError::AlreadyExists);
        }
        check_unused_anchor(environment.anchor.as_ref(), new.id)?;
        let configured_tag = ConfiguredTag::of(&environment, &settings)?;
        let now = environment.clock.now();
        let random = environment.random.as_ref();

        let wrapper_key = match new.wrapper_key {
            Some(id) => id,
            None => {
                named
                    .wrapper
                    .generate_wrapper_key(&wrapper_key_request(new.id, false))
                    .await?
            }
        };
        let mut data_key_id = [0; 16];
        random.fill(&mut data_key_id)?;
        let data_key_id = DataKeyId::from_bytes(data_key_id);
        let data_key = DataKey::generate(random)?;
        let context = WrapContext::for_data_key(new.id.as_bytes(), data_key_id.as_bytes());
        // EXPOSE: the KMS wraps it.
        let wrapped = named
            .wrapper
            .wrap_key(&wrapper_key, &context, data_key.expose())
            .await?;
        let wrap = WrapRecord {
            data_key_id,
            kms: named.name.clone(),
            wrapper_key_id: wrapped.wrapper_key_id.as_str().to_owned(),
            ciphertext: wrapped.ciphertext,
            created_at: now,
        };
        let current = OpenedDataKey::new(data_key_id, data_key, OpenedBy::new(&wrap));
        let tag = match configured_tag {
            Some(tag) => {
                let key = (wrap.kms.as_str(), wrap.wrapper_key_id.as_str());
                TagBefore::of_new(&tag, new.id, key, &current).await?
            }
            None => None,
        };
        let mut data_key_record = DataKeyRecord {
            id: data_key_id,
            commitment: current.key.commitment(),
            state: DataKeyState::Active,
            created_at: now,
            mac: [0; 32],
        };
        let mut vault_record = VaultRecord {
            id: new.id,
            created_at: now,
            current_data_key: data_key_id,
            state: Vec::new(),
        };

        data_key_record.mac = rows::tag_data_key(&data_key_record, &current);
        let details = BTreeMap::from([
            ("kms".to_owned(), wrap.kms.clone()),
            ("wrapper_key_id".to_owned(), wrap.wrapper_key_id.clone()),
        ]);
        let mut transaction = environment.store.begin().await?;
        let position = ChainPosition::after(AuditHead::default(), transaction.lease_token());
        let operation = AuditOperation::CreateVault;
        let audit =
            AuditEntry::new(position, now, caller, operation, None, details).to_row(&[0; 32])?;
        let mut state = VaultState {
            generation: 1,
            audit_records: 1,
            audit_head: audit.hash,
            anchored: environment.anchor.location().is_some(),
            tagged: tag.is_some(),
            ..VaultState::default()
        };
        let tags = [
            data_key_record.mac,
            rows::tag_wrap(&wrap, &current),
            rows::tag_vault(&vault_record, &current),
        ];
        for tag in &tags {
            state.digest.add(&current.element(tag));
            state.entries += 1;
        }
        vault_record.state = state.seal(new.id, &current, random)?;

        // Whoever is told that there is an anchor finds out now if it cannot be written.
        if let Some(tag) = &tag {
            tag.prepare().await?;
        }
        transaction.insert_data_key(data_key_record.clone()).await?;
        transaction.insert_wrap(wrap.clone()).await?;
        transaction.insert_vault(vault_record.clone()).await?;
        transaction.append_audit(audit).await?;

        let data_keys = Arc::new(DataKeys::new(
            Arc::new(current),
            None,
            vec![data_key_record],
        ));
        let looked_at = environment.clock.elapsed();
        let vault = Self::new(Parts {
            id: new.id,
            created_at: now,
            environment,
            settings,
            failed_before: Vec::new(),
            wraps: Wraps::new(vec![wrap], &data_keys),
            data_keys: Arc::clone(&data_keys),
            kms_watch: KmsWatch::default(),
            directory: KeyDirectory::new(Entries::default()),
            node: Node::default(),
            journal: Journal::default(),
            backups: Backups::default(),
            approvals: Approvals::default(),
            committed: Committed::new(state.clone(), vault_record.state.clone()),
            tag: tag.map(TagBefore::into_keeper),
            looked_at,
        });
        let checkpoint = vault.checkpoint(&state, &data_keys);
        let pending = vault.anchor_record(None, Some(checkpoint), &data_keys);
        vault.environment().anchor.store(&pending)?;
        if let Err(error) = transaction.commit().await {
            // The answer may have been lost after the work was done: what the store holds decides.
            match vault.state_record_after_lost_answer().await {
                Ok(stored) if stored == vault_record.state => {}
                _ => return Err(error.into()),
            }
        }
        vault.confirm(&state, &data_keys);
        vault.note_for_tag(&state);
        vault.write_tag().await;
        tracing::info!(vault = %vault.id(), "made a vault");
        Ok(vault)
    }
}

/// An anchor is not taken from another vault; and when this one was there before, its store was lost.
fn check_unused_anchor(anchor: &dyn Anchor, vault: VaultId) -> Result<(), VaultError> {
    match anchor.load()? {
        Some(record) if record.vault_id != vault.to_string() => Err(VaultError::AnchorOfOtherVault),
        Some(AnchorRecord {
            confirmed: Some(checkpoint),
            ..
        }) => Err(VaultError::RolledBack {
            remembered: checkpoint.generation,
            found: 0,
        }),
        // A creation that was interrupted before its commit.
        Some(_) | None => Ok(()),
    }
}

/// The tag of a wrapper key whose value is the id of the vault that it was made for: by it a key is found again whose maker
/// was interrupted.
pub const VAULT_TAG: &str = "strongroom-vault";

/// The new wrapper key carries the vault's id, so that it can be traced from within the KMS.
pub(crate) fn wrapper_key_request(vault: VaultId, multi_region: bool) -> WrapperKeyRequest {
    WrapperKeyRequest {
        label: KeyName::try_new("strongroom wrapper key").ok(),
        tags: vec![(VAULT_TAG.to_owned(), vault.to_string())],
        multi_region,
    }
}
