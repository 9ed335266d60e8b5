//! The identity of a node: who it is on the ledger, and the keys that announce it.

mod changes;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use serde::Serialize;
use strongroom_crypto::{EncryptionKeySpec, Fingerprint, PublicKey, SigningKeySpec};
use strongroom_store::KeyState;
use strongroom_topology::{
    At, Member, MemberCode, Namespace, SignedTransaction, StoreId, TopologyStore, UniqueIdentifier,
};
use strongroom_vault::{NewIdentity, Vault, VaultError};

use crate::{args::Names, containers, failure::CliError, session::Session};

/// Which identity the node shall have.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Identity of the node")]
pub(crate) struct Args {
    /// Make the identity of a node of this kind: participant, sequencer or mediator.
    #[arg(long, value_name = "KIND", value_parser = Names::of_kinds())]
    kind: Option<MemberCode>,
    /// The node's name on the ledger, in front of its namespace [default: the node's name].
    #[arg(long, value_name = "ID", requires = "kind")]
    identifier: Option<String>,
    /// Let an intermediate namespace key sign from day to day, so that the root key can rest.
    #[arg(long, requires = "kind", conflicts_with = "certificate")]
    intermediate_key: bool,
    /// The spec of the signing keys [default: ec-curve-25519, or what the KMS holds].
    #[arg(long, value_name = "SPEC", requires = "kind", value_parser = Names::of_signing_specs())]
    signing_spec: Option<SigningKeySpec>,
    /// The spec of the encryption key, which only participants have [default: ec-p-256, or what the KMS
    /// holds].
    #[arg(long, value_name = "SPEC", requires = "kind", value_parser = Names::of_encryption_specs())]
    encryption_spec: Option<EncryptionKeySpec>,
    /// A certificate of a root key that is kept offline; may be given more than once.
    #[arg(long, value_name = "FILE", requires = "kind")]
    certificate: Vec<PathBuf>,
    /// Refuse certificates of any other namespace than this one.
    #[arg(long, value_name = "FINGERPRINT", requires = "certificate")]
    namespace: Option<Namespace>,
}

impl Args {
    /// What is to be made, if anything, with everything read that there is to read.
    pub(crate) fn plan(&self) -> anyhow::Result<Option<Plan>> {
        self.plan_with(Vec::new())
    }

    /// The same with these certificates in front of those that the arguments name.
    pub(crate) fn plan_with(
        &self,
        mut certificates: Vec<SignedTransaction>,
    ) -> anyhow::Result<Option<Plan>> {
        let Some(kind) = self.kind else {
            return Ok(None);
        };
        if let Some(identifier) = &self.identifier {
            check_identifier(identifier)?;
        }
        if self.encryption_spec.is_some() && kind != MemberCode::Participant {
            return Err(CliError::NoEffect {
                option: "--encryption-spec",
                why: "only participants have an encryption key",
            }
            .into());
        }
        certificates.extend(containers::transactions(&self.certificate, None)?);
        Ok(Some(Plan {
            kind,
            identifier: self.identifier.clone(),
            intermediate_key: self.intermediate_key,
            signing_spec: self.signing_spec,
            encryption_spec: self.encryption_spec,
            certificates,
            namespace: self.namespace.clone(),
        }))
    }
}

/// Refuses an identifier before there is a namespace for it: with the longest one, which real ones are.
fn check_identifier(identifier: &str) -> anyhow::Result<()> {
    let longest = "0".repeat(68).parse()?;
    UniqueIdentifier::try_new(identifier, longest)?;
    Ok(())
}

/// An identity that is to be made, or finished.
pub(crate) struct Plan {
    pub(crate) kind: MemberCode,
    /// None for the name of the node.
    pub(crate) identifier: Option<String>,
    pub(crate) intermediate_key: bool,
    /// None for the default.
    pub(crate) signing_spec: Option<SigningKeySpec>,
    /// None for the default.
    pub(crate) encryption_spec: Option<EncryptionKeySpec>,
    /// Of a root key that is kept offline; empty for one that is made here.
    pub(crate) certificates: Vec<SignedTransaction>,
    pub(crate) namespace: Option<Namespace>,
}

impl Plan {
    /// A participant of which nothing else is said.
    pub(crate) fn participant() -> Self {
        Self {
            kind: MemberCode::Participant,
            identifier: None,
            intermediate_key: false,
            signing_spec: None,
            encryption_spec: None,
            certificates: Vec::new(),
            namespace: None,
        }
    }

    /// Makes the identity, or finishes it, and says what it did; changes nothing when it is complete.
    pub(crate) async fn make(self, session: &Session) -> anyhow::Result<Made> {
        let (vault, caller) = (&session.vault, &session.caller);
        let node = session.config.vault.node.clone();
        let new = NewIdentity {
            code: self.kind,
            identifier: self.identifier.clone().unwrap_or_else(|| node.clone()),
            node,
            intermediate_key: self.intermediate_key,
            signing_spec: self
                .signing_spec
                .unwrap_or_else(|| session.default_signing_spec()),
            encryption_spec: self
                .encryption_spec
                .unwrap_or_else(|| session.default_encryption_spec()),
        };
        check_identifier(&new.identifier)?;
        let before = changes::before(vault).await?;
        if let Some(before) = &before {
            changes::refuse_idle_options(before, &self)?;
        }
        if !self.certificates.is_empty() {
            let namespace = self.namespace.as_ref();
            vault
                .initialize_from_certificates(caller, &new, namespace, self.certificates)
                .await?;
        } else if must_be_made(vault, &new).await? {
            vault.initialize(caller, &new).await?;
        }
        let view = IdentityView::of(vault).await?;
        let changes = changes::between(before.as_ref(), &view);
        for key in &view.keys {
            // Of an identity that was finished before, a key may have been deleted by force since.
            if let Ok(entry) = vault.key(&key.fingerprint.parse()?) {
                crate::commands::keys::warn_if_clear(&entry);
            }
        }
        Ok(Made { view, changes })
    }

    /// Refuses the name that the node gets if nothing else is said, before there is a vault.
    pub(crate) fn check_name(&self, node: &str) -> anyhow::Result<()> {
        check_identifier(self.identifier.as_deref().unwrap_or(node))
    }
}

/// An identity as it is now, and what was done for it.
pub(crate) struct Made {
    pub(crate) view: IdentityView,
    /// In words; empty if it was complete.
    pub(crate) changes: Vec<String>,
}

/// Whether there is something to do without certificates.
///
/// The namespace key is who the node is: one that is gone, or retired, is not replaced in passing. One that was never here
/// is not missed as long as it has let a key of this vault sign.
async fn must_be_made(vault: &Vault, new: &NewIdentity) -> anyhow::Result<bool> {
    let Some(identity) = vault.identity() else {
        return Ok(true);
    };
    let namespace = identity.member.uid.namespace();
    let wanted = Member {
        code: new.code,
        uid: UniqueIdentifier::try_new(&new.identifier, namespace.clone())?,
    };
    if wanted != identity.member {
        return Err(VaultError::OtherIdentity {
            found: Box::new(identity.member),
            wanted: Box::new(wanted),
        }
        .into());
    }
    let root = namespace.fingerprint();
    if root.is_some_and(|root| is_active(vault, &root)) {
        return Ok(true);
    }
    let view = IdentityView::of(vault).await?;
    if view.namespace_signer.is_some() && !view.keys.is_empty() {
        return Ok(false);
    }
    Err(CliError::NamespaceKeyGone {
        name: format!("{}-namespace", new.node),
    }
    .into())
}

/// Whether the private half of a key is here, and may sign.
fn is_active(vault: &Vault, key: &Fingerprint) -> bool {
    vault.key(key).is_ok_and(|entry| {
        let private = entry.private.as_ref();
        private.is_some_and(|private| private.state == KeyState::Active)
    })
}

/// Who the node is, with the stable names of JSON documents.
#[derive(Debug, Serialize)]
pub(crate) struct IdentityView {
    pub(crate) member: String,
    pub(crate) namespace: String,
    /// Whether the root key of the namespace is in this vault.
    pub(crate) root_key_here: bool,
    /// The key of this vault that signs for the namespace: the one that was let sign last.
    pub(crate) namespace_signer: Option<String>,
    /// The announced keys, in the order of the mapping.
    pub(crate) keys: Vec<AnnouncedKey>,
}

/// A key that the node announces.
#[derive(Debug, Serialize)]
pub(crate) struct AnnouncedKey {
    pub(crate) fingerprint: String,
    pub(crate) purpose: &'static str,
    pub(crate) usage: Vec<&'static str>,
    pub(crate) spec: &'static str,
}

impl AnnouncedKey {
    pub(crate) fn of(key: &PublicKey) -> Self {
        let usages = match key {
            PublicKey::Signing(key) => Some(key.usages()),
            PublicKey::Encryption(_) => None,
        };
        Self {
            fingerprint: key.fingerprint().to_string(),
            purpose: key.spec().purpose().name(),
            usage: usages
                .map(|usages| usages.iter().map(|usage| usage.label()).collect())
                .unwrap_or_default(),
            spec: key.spec().name(),
        }
    }
}

impl IdentityView {
    /// As the vault has it now.
    ///
    /// # Errors
    /// [`VaultError::NotIdentified`]; errors of the store.
    pub(crate) async fn of(vault: &Vault) -> Result<Self, VaultError> {
        let member = vault.identity().ok_or(VaultError::NotIdentified)?.member;
        let store = vault.topology(&StoreId::Authorized).await?;
        Ok(Self::in_store(&member, &store, |key| is_active(vault, key)))
    }

    /// As the store has it, where `is_active` says whether the private half of a key is in the vault, and may sign.
    pub(crate) fn in_store(
        member: &Member,
        store: &TopologyStore,
        is_active: impl Fn(&Fingerprint) -> bool,
    ) -> Self {
        let namespace = member.uid.namespace();
        let signer = store
            .namespace_delegations(namespace, At::Head)
            .map(|(row, delegation)| (row.ordinal, delegation.target().fingerprint()))
            .filter(|(_, target)| is_active(target))
            .max_by_key(|(ordinal, _)| *ordinal);
        let announced = store.owner_to_key(member, At::Head);
        let keys = announced.map_or(&[][..], |mapping| mapping.keys());
        let root = namespace.fingerprint();
        Self {
            member: member.to_string(),
            namespace: namespace.to_string(),
            root_key_here: root.is_some_and(|root| is_active(&root)),
            namespace_signer: signer.map(|(_, key)| key.to_string()),
            keys: keys.iter().map(AnnouncedKey::of).collect(),
        }
    }

    /// Prints it as the continuation of what `init` says.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "  node           {}", self.member)?;
        let root = if self.root_key_here {
            "in this vault"
        } else {
            "offline"
        };
        writeln!(out, "  root key       {} ({root})", self.namespace)?;
        if let Some(signer) = &self.namespace_signer {
            writeln!(out, "  signs with     {signer}")?;
        }
        let mut label = "announces";
        for key in &self.keys {
            let usage = if key.usage.is_empty() {
                key.purpose.to_owned()
            } else {
                key.usage.join(", ")
            };
            writeln!(
                out,
                "  {label:<14} {}  {} ({usage})",
                key.fingerprint, key.spec
            )?;
            label = "";
        }
        Ok(())
    }
}
