//! What to do when a key may be in wrong hands: a plan, from what the vault knows. Nothing is changed.

pub(crate) mod key;
pub(crate) mod root;
mod step;
#[cfg(test)]
mod tests;
pub(crate) mod wrapper_key;

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::BackupId;
use strongroom_topology::{Namespace, Reference};

pub use self::{
    key::{AffectedKey, AffectedPrivateKey, Export, KeyRole},
    root::AffectedRoot,
    step::{Act, Condition, Loss, Step},
    wrapper_key::{AffectedWrap, AffectedWrapperKey, SealedUnder},
};
use crate::{backups::Backup, error::VaultError, vault::Vault};

/// What may be in wrong hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspect {
    /// A key of the vault.
    Key(Fingerprint),
    /// A wrapper key; none: the only one there is.
    WrapperKey(Option<String>),
    /// The root key of the node's namespace.
    Root,
}

/// What an incident affects, what to do about it, and what nothing can be done about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncidentPlan {
    /// What is affected.
    pub affected: Affected,
    /// What to do, in this order.
    pub steps: Vec<Step>,
    /// What no step brings back.
    pub losses: Vec<Loss>,
}

/// What an incident affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affected {
    /// One key of the vault.
    Key(AffectedKey),
    /// A wrapper key, and with it every key that it opens.
    WrapperKey(AffectedWrapperKey),
    /// The namespace itself.
    Root(AffectedRoot),
}

/// A backup that an incident concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AffectedBackup {
    /// Its id.
    pub id: BackupId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last verified; none if it never was.
    pub verified_at: Option<Timestamp>,
}

impl AffectedBackup {
    fn of(backup: &Backup) -> Self {
        Self {
            id: backup.id,
            created_at: backup.created_at,
            verified_at: backup.verified_at,
        }
    }
}

impl Vault {
    /// What to do when this key may be in wrong hands: what is affected, the steps in their order, and what is lost for good.
    ///
    /// Reads the vault, its topology and its audit log; no KMS is asked and nothing is changed.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`]; [`VaultError::WrapNotFound`] for a wrapper key that wraps nothing here;
    /// [`WrapperKeyError::WhichWrap`](crate::WrapperKeyError) when several could be meant; [`VaultError::NotIdentified`] for the root
    /// key of no namespace; [`VaultError::AuditBroken`] and errors of the store.
    pub async fn incident(&self, suspect: &Suspect) -> Result<IncidentPlan, VaultError> {
        Ok(match suspect {
            Suspect::Key(key) => {
                let key = self.affected_key(key).await?;
                IncidentPlan {
                    steps: key.steps(),
                    losses: key.losses(),
                    affected: Affected::Key(key),
                }
            }
            Suspect::WrapperKey(id) => {
                let key = self.affected_wrapper_key(id.as_deref()).await?;
                IncidentPlan {
                    steps: key.steps(),
                    losses: key.losses(),
                    affected: Affected::WrapperKey(key),
                }
            }
            Suspect::Root => {
                let root = self.affected_root().await?;
                IncidentPlan {
                    steps: root.steps(),
                    losses: root.losses(),
                    affected: Affected::Root(root),
                }
            }
        })
    }

    /// What topology lets this key do, the gravest first.
    async fn role(&self, key: &Fingerprint) -> Result<KeyRole, VaultError> {
        let us = self.identity().map(|identity| identity.member);
        let own_root = us
            .as_ref()
            .is_some_and(|us| us.uid.namespace().is_root(key));
        let mut role = if own_root {
            KeyRole::Root
        } else {
            KeyRole::Unannounced
        };
        for id in self.topology_stores().await? {
            let found = self.topology(&id).await?.refers_to(key, self.now());
            for place in found {
                role = role.min(match place {
                    Reference::Delegation(namespace) if is_root(&namespace, key) => KeyRole::Root,
                    Reference::Delegation(_) => KeyRole::Delegate,
                    Reference::Node(member) if us.as_ref() == Some(&member) => KeyRole::Node,
                    Reference::Node(_) => KeyRole::OtherNode,
                    // What else may come is announced too.
                    _ => KeyRole::Party,
                });
            }
        }
        Ok(role)
    }
}

fn is_root(namespace: &Namespace, key: &Fingerprint) -> bool {
    namespace.is_root(key)
}
