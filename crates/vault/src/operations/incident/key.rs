//! One key of the vault in wrong hands.

use strongroom_crypto::{Fingerprint, KeyName, KeyPurpose, KeySpec, KeyUsages, Timestamp};
use strongroom_store::{Custody, KeyState, Sealing};

use super::{Act, AffectedBackup, Condition, Loss, Step};
use crate::{audit::AuditOperation, error::VaultError, vault::Vault};

/// What topology lets a key do; the gravest is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyRole {
    /// The root key of a namespace.
    Root,
    /// It may sign for a namespace.
    Delegate,
    /// This node announces it.
    Node,
    /// A party signs with it.
    Party,
    /// Another node announces it.
    OtherNode,
    /// No topology refers to it.
    Unannounced,
}

impl KeyRole {
    /// The stable name, for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Delegate => "delegate",
            Self::Node => "node",
            Self::Party => "party",
            Self::OtherNode => "other_node",
            Self::Unannounced => "unannounced",
        }
    }
}

/// A key in wrong hands, as far as the vault knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedKey {
    /// The key.
    pub fingerprint: Fingerprint,
    /// The operator's label.
    pub name: Option<KeyName>,
    /// Curve or size.
    pub spec: KeySpec,
    /// What it signs; none: it decrypts.
    pub usages: Option<KeyUsages>,
    /// What topology lets it do.
    pub role: KeyRole,
    /// Where topology refers to it, for people.
    pub announced: Vec<String>,
    /// Since when the vault knows it.
    pub since: Timestamp,
    /// Its private half; none if it is not here.
    pub private: Option<AffectedPrivateKey>,
    /// Backups that hold its private half.
    pub backups: Vec<AffectedBackup>,
    /// Each time its private half left the vault by export, the oldest first.
    pub exports: Vec<Export>,
    /// Whether a rotation to another key is under way, or one to this key.
    pub rotating: bool,
    /// Whether the root key of the node's namespace can be used here.
    pub root_is_here: bool,
    /// Whether the vault was restored and signs nothing yet.
    pub quarantined: bool,
}

/// The private half of a key in wrong hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedPrivateKey {
    /// Where it is.
    pub custody: Custody,
    /// How it is sealed.
    pub sealing: Sealing,
    /// What it may still do.
    pub state: KeyState,
    /// Whether it was ever stored readable.
    pub exposed: bool,
    /// The configured name of the KMS that holds it.
    pub kms: Option<String>,
    /// The wrapper key that opens it, if it is sealed here.
    pub wrapper_key_id: Option<String>,
}

/// An export, as the audit log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub caller: String,
}

impl AffectedKey {
    fn is_active(&self) -> bool {
        let half = self.private.as_ref();
        half.is_some_and(|half| half.state == KeyState::Active)
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::from(Act::ReadAudit)];
        let Some(half) = &self.private else {
            steps.push(Act::GoWhereTheKeyIs.into());
            return steps;
        };
        if half.custody == Custody::Clear {
            steps.push(Act::SealClearKeys.into());
        }
        if half.custody == Custody::External {
            steps.extend(half.kms.clone().map(|kms| Act::SecureKms(kms).into()));
        } else if half.wrapper_key_id.is_some() {
            // Whoever opened this row could open the others.
            steps.push(Step::only_if(
                Condition::CauseNotKnown,
                Act::LookAtWrapperKey,
            ));
        }
        if self.role == KeyRole::Root {
            steps.push(Act::LookAtRoot.into());
            return steps;
        }
        if self.quarantined {
            steps.push(Act::LeaveQuarantine.into());
        }
        steps.extend(self.replacement());
        if !self.backups.is_empty() {
            let ids = self.backups.iter().map(|backup| backup.id).collect();
            steps.push(Act::DestroyBackups(ids).into());
        }
        if let Some(kms) = &half.kms {
            let destroyed = Act::DestroyInKms {
                key: self.fingerprint,
                kms: kms.clone(),
            };
            steps.push(if self.spec.purpose() == KeyPurpose::Encryption {
                // As long as there is anything old to read.
                Step::only_if(Condition::NothingOldToRead, destroyed)
            } else {
                destroyed.into()
            });
        }
        steps
    }

    /// Another key in its place, durable and backed up before anybody hears of it, and this one gone.
    fn replacement(&self) -> Vec<Step> {
        let (key, root_is_here) = (self.fingerprint, self.root_is_here);
        let acts = match self.role {
            KeyRole::Root => Vec::new(),
            KeyRole::Delegate => vec![
                Act::ReplaceDelegate { root_is_here },
                Act::BackUp,
                Act::Revoke { key, root_is_here },
                Act::ReviewStatements(key),
                Act::Retire(key),
            ],
            KeyRole::Node if self.rotating => {
                vec![Act::BackUp, Act::FinishRotation, Act::LookAtKeys(vec![key])]
            }
            KeyRole::Node if self.is_active() => vec![
                Act::BeginRotation(Some(key)),
                Act::BackUp,
                Act::FinishRotation,
                Act::ReviewUse(key),
            ],
            // A rotation retires a key when it is announced no more: this one came back with a backup, or by hand.
            KeyRole::Node => vec![Act::ReviewUse(key)],
            KeyRole::Party => vec![
                Act::ReplacePartyKey(key),
                Act::BackUp,
                Act::ReviewUse(key),
                Act::Retire(key),
            ],
            KeyRole::OtherNode | KeyRole::Unannounced if self.is_active() => {
                vec![Act::Retire(key)]
            }
            KeyRole::OtherNode | KeyRole::Unannounced => Vec::new(),
        };
        let acts = acts.into_iter();
        let encrypts = self.spec.purpose() == KeyPurpose::Encryption;
        // What is retired is not retired again, and what decrypts signed nothing.
        acts.filter(|act| self.is_active() || !matches!(act, Act::Retire(_)))
            .filter(|act| !(encrypts && matches!(act, Act::ReviewUse(_))))
            .map(Step::from)
            .collect()
    }

    pub(super) fn losses(&self) -> Vec<Loss> {
        let mut losses = Vec::new();
        let encrypts = self.spec.purpose() == KeyPurpose::Encryption;
        losses.push(if encrypts {
            Loss::HistoryReadable
        } else {
            Loss::SignaturesStay
        });
        match self.role {
            KeyRole::Root => losses.push(Loss::RootForEver),
            KeyRole::Delegate => losses.push(Loss::RevokedForEver),
            _ => {}
        }
        if self.private.as_ref().is_some_and(|half| half.exposed) {
            losses.push(Loss::WasReadable);
        }
        if !self.exports.is_empty() {
            losses.push(Loss::WasExported);
        }
        if !self.backups.is_empty() {
            losses.push(Loss::InBackups);
        }
        losses
    }
}

/// It is here still.
const FOREVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// What the audit log says of one key.
#[derive(Default)]
struct History {
    exports: Vec<Export>,
    /// When a KMS took it in.
    brought_at: Option<Timestamp>,
    /// When the copy beside the key in the KMS was given up.
    dropped_at: Option<Timestamp>,
}

impl Vault {
    pub(super) async fn affected_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<AffectedKey, VaultError> {
        let entry = self.key(fingerprint)?;
        let history = self.history(fingerprint).await?;
        let half = entry.private.as_ref();
        let since = half.map_or(entry.created_at, |half| {
            entry.created_at.min(half.created_at)
        });
        let until = match half {
            None => None,
            Some(half) if half.external.is_none() || half.has_copy() => Some(FOREVER),
            // A KMS made it, or it was registered: no backup ever held it.
            Some(_) => history.brought_at.and(history.dropped_at),
        };
        let backups = self.backups();
        let holds = backups.iter().filter(|backup| {
            let made = backup.created_at;
            until.is_some_and(|until| since <= made && made < until)
        });
        let mut announced = self.announced_keys().await?;
        let rotations = self.rotations();
        let rotating = rotations
            .iter()
            .any(|rotation| [rotation.old, rotation.new].contains(fingerprint));
        Ok(AffectedKey {
            fingerprint: *fingerprint,
            name: entry.name.clone(),
            spec: entry.spec(),
            usages: entry.usages(),
            role: self.role(fingerprint).await?,
            announced: announced.remove(fingerprint).unwrap_or_default(),
            since,
            private: half.map(|half| AffectedPrivateKey {
                custody: half.custody,
                sealing: half.sealing,
                state: half.state,
                exposed: half.exposed,
                kms: half.external.as_ref().map(|held| held.kms.clone()),
                wrapper_key_id: half.wrapper_key_id.as_deref().map(str::to_owned),
            }),
            backups: holds.map(AffectedBackup::of).collect(),
            exports: history.exports,
            rotating,
            root_is_here: self.root_is_here(),
            quarantined: self.is_quarantined(),
        })
    }

    /// Whether the root key of the node's namespace signs here.
    pub(super) fn root_is_here(&self) -> bool {
        let identity = self.identity();
        let root = identity.and_then(|identity| identity.member.uid.namespace().fingerprint());
        root.is_some_and(|root| self.may_sign(&root))
    }

    async fn history(&self, key: &Fingerprint) -> Result<History, VaultError> {
        let (mut history, key) = (History::default(), key.to_string());
        self.walk_audit(|entry| {
            if entry.key.as_ref() != Some(&key) {
                return;
            }
            let at = Timestamp::from_micros(entry.time_micros);
            match entry.operation {
                AuditOperation::ExportKey => history.exports.push(Export {
                    at,
                    caller: entry.caller,
                }),
                AuditOperation::BringKey => history.brought_at = Some(at),
                AuditOperation::DropCopy => history.dropped_at = Some(at),
                _ => {}
            }
        })
        .await?;
        Ok(history)
    }
}
