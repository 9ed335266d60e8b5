//! `InitId`: the node gets its identity by hand. Everything that is wrong is told without an id, as Canton does.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_crypto::{KeyUsage, KeyUsages, PublicKey, SigningPublicKey};
use strongroom_proto::topology::{encode_transaction, read_signed_message, topology_signature};
use strongroom_topology::{
    Covers, Draft, Mapping, MemberCode, Namespace, NamespaceDelegation, Operation, Restriction,
    Serial, SignedTransaction, UniqueIdentifier,
};
use strongroom_vault::{NewIdentity, Role, Vault, VaultError};

use crate::{
    context::Context,
    contract::topology::{InitIdRequest, InitIdResponse},
    failure::{Failure, in_words},
    vault_service::DefaultSpecs,
};

pub(super) async fn init_id(
    vault: Arc<Vault>,
    context: Context,
    message: InitIdRequest,
    enabled: bool,
    code: MemberCode,
    specs: DefaultSpecs,
) -> Result<InitIdResponse, Failure> {
    if !enabled {
        return Err(Failure::plain_precondition(
            "Node configuration does not allow for a manual node initialization via API",
        ));
    }
    check_free(&vault).await?;
    let certificates = certificates(&message)?;
    let named = Some(message.namespace.as_str()).filter(|text| !text.is_empty());
    let named: Option<Namespace> = named.map(str::parse).transpose().map_err(refused)?;
    let (namespace, certificates) = match (certified(&certificates)?, named) {
        (None, None) => {
            return Err(Failure::plain_precondition(
                "No namespace or certificate provided",
            ));
        }
        (None, Some(namespace)) => {
            let root = own_root_certificate(&vault, &context, &namespace).await?;
            (namespace, vec![root])
        }
        (Some(certified), Some(named)) if certified != named => {
            return Err(Failure::plain_precondition(format!(
                "Provided namespace '{named}' does not match the certificate {certified} '"
            )));
        }
        (Some(certified), _) => (certified, certificates),
    };
    UniqueIdentifier::try_new(&message.identifier, namespace.clone()).map_err(refused)?;
    let new = NewIdentity {
        code,
        identifier: message.identifier.clone(),
        node: message.identifier,
        intermediate_key: false,
        signing_spec: specs.signing,
        encryption_spec: specs.encryption,
    };
    let targets = targets(&certificates);
    let made = vault
        .initialize_from_certificates(&context.caller(), &new, Some(&namespace), certificates)
        .await;
    match made {
        Ok(_keys) => Ok(InitIdResponse {}),
        Err(VaultError::NoNamespaceSigner { .. }) => Err(no_signing_key(&targets)),
        Err(error) => Err(refused(error)),
    }
}

/// Once, and by the replica that writes.
async fn check_free(vault: &Vault) -> Result<(), Failure> {
    if let Some(identity) = vault.identity() {
        return Err(Failure::plain_precondition(format!(
            "Node is already initialised with {}",
            identity.member.uid
        )));
    }
    if vault.standing().await.role == Role::Replica {
        return Err(Failure::plain_precondition("Node is passive"));
    }
    Ok(())
}

fn certificates(message: &InitIdRequest) -> Result<Vec<SignedTransaction>, Failure> {
    let read = message
        .namespace_delegations
        .iter()
        .map(read_signed_message);
    let certificates = read.collect::<Result<Vec<_>, _>>()?;
    let is_removal =
        |signed: &SignedTransaction| signed.transaction().operation() == Operation::Remove;
    if certificates.iter().any(is_removal) {
        return Err(Failure::unreadable(
            "Invalid operation Remove: a certificate states something",
        ));
    }
    Ok(certificates)
}

/// The one namespace that certificates speak of; none without certificates.
fn certified(certificates: &[SignedTransaction]) -> Result<Option<Namespace>, Failure> {
    let mut namespaces = BTreeSet::new();
    for signed in certificates {
        match signed.transaction().mapping() {
            Mapping::NamespaceDelegation(delegation) => {
                namespaces.insert(delegation.namespace().clone());
            }
            other => {
                return Err(Failure::plain_precondition(format!(
                    "Expected only namespace delegations, found {}",
                    other.code().name()
                )));
            }
        }
    }
    if namespaces.len() > 1 {
        return Err(Failure::plain_precondition(format!(
            "Expected only one namespace in the certificates, found {}",
            namespaces.len()
        )));
    }
    Ok(namespaces.pop_first())
}

/// The keys that certificates speak of, for people.
fn targets(certificates: &[SignedTransaction]) -> String {
    let targets = certificates
        .iter()
        .filter_map(|signed| match signed.transaction().mapping() {
            Mapping::NamespaceDelegation(delegation) => {
                Some(delegation.target().fingerprint().to_string())
            }
            _ => None,
        });
    targets.collect::<Vec<_>>().join(", ")
}

/// Whoever names a namespace without a certificate has its root key here: it certifies itself.
async fn own_root_certificate(
    vault: &Vault,
    context: &Context,
    namespace: &Namespace,
) -> Result<SignedTransaction, Failure> {
    let target = root_key(vault, namespace).ok_or_else(|| no_signing_key(""))?;
    let root = target.fingerprint();
    let delegation =
        NamespaceDelegation::try_new(namespace.clone(), target, Restriction::AllMappings);
    let transaction = encode_transaction(Draft {
        operation: Operation::AddReplace,
        serial: Serial::FIRST,
        mapping: Mapping::NamespaceDelegation(delegation.map_err(refused)?),
    });
    let hash = transaction.hash().to_multihash();
    let usages = KeyUsages::only(KeyUsage::Namespace);
    let caller = context.caller();
    let signature = vault.sign_for(&caller, &root, &hash, usages).await;
    let signature = signature.map_err(refused)?;
    let signatures = vec![topology_signature(signature, Covers::This)];
    SignedTransaction::received(transaction, signatures, false).map_err(refused)
}

fn root_key(vault: &Vault, namespace: &Namespace) -> Option<SigningPublicKey> {
    let entry = vault.key(&namespace.fingerprint()?).ok()?;
    match (&entry.public, &entry.private) {
        (PublicKey::Signing(public), Some(_half)) => Some(public.clone()),
        _ => None,
    }
}

fn no_signing_key(targets: &str) -> Failure {
    Failure::plain_precondition(format!(
        "No signing key found locally for the provided namespace. The certificates are for: {targets}"
    ))
}

fn refused(error: impl std::error::Error + 'static) -> Failure {
    Failure::plain_precondition(in_words(&error))
}
