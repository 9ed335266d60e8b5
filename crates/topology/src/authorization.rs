//! Whether a transaction is signed by those who must sign it.
//!
//! Source: reference, topology rules, sections 3 to 5.

mod authority;
mod changes;
mod required;
mod usage;

use std::{borrow::Cow, collections::BTreeSet};

use strongroom_crypto::{Fingerprint, SigningPublicKey, VerifyError};

use crate::{
    graph::is_root,
    identifier::Namespace,
    mapping::Mapping,
    rejection::Rejection,
    rules::Rules,
    signed::{SignedTransaction, TransactionSignature},
    store::{StoredTransaction, TopologyStore},
    store_id::StoreId,
    transaction::{Operation, Transaction},
};

pub(crate) use authority::Authority;
pub(crate) use required::{References, Required};

use required::Provided;
pub(crate) use usage::{signs_as, verifies_as};

/// What the signatures of a transaction amount to.
pub(crate) struct Authorization {
    /// The keys whose signatures count, at least one; all of them are valid.
    pub(crate) counting: BTreeSet<Fingerprint>,
    /// Whose signatures are missing.
    pub(crate) missing: References,
}

/// Whose signatures a transaction needs, as the store is now.
pub(crate) fn required(
    store: &TopologyStore,
    transaction: &Transaction,
    rules: &Rules,
) -> Required {
    let row = store.in_store(&transaction.unique_key());
    let previous = match transaction.mapping() {
        // Nobody speaks for a decentralized namespace that was removed, not even its owners.
        Mapping::DecentralizedNamespaceDefinition(_) => {
            row.map(|row| row.signed.transaction().mapping())
        }
        _ => row.and_then(StoredTransaction::stated),
    };
    let instead = match (transaction.operation(), store.id()) {
        // Whoever owns a synchronizer may remove anything from it.
        (Operation::Remove, StoreId::Synchronizer(id)) => Some(id.synchronizer.namespace().clone()),
        _ => None,
    };
    Required {
        needed: changes::needed(transaction.mapping(), previous, rules.relaxed),
        instead,
    }
}

/// Everybody whose signature can mean anything: those that are needed, and those that would be if nothing were there.
fn permissible<'r>(
    store: &TopologyStore,
    transaction: &Transaction,
    required: &'r Required,
    rules: &Rules,
) -> Cow<'r, References> {
    let mut references = required.referenced();
    // Mostly nothing is there.
    if store.in_store(&transaction.unique_key()).is_some() {
        let from_nothing = changes::needed(transaction.mapping(), None, rules.relaxed);
        references.to_mut().extend(&from_nothing.referenced());
    }
    references
}

/// Passes over signatures that mean nothing, verifies the others, and says which are missing.
pub(crate) fn authorize(
    store: &TopologyStore,
    signed: &SignedTransaction,
    rules: &Rules,
) -> Result<Authorization, Rejection> {
    let hash = signed.hash();
    if signed
        .signatures()
        .iter()
        .any(|signature| !signature.covers_hash(&hash))
    {
        return Err(Rejection::MultiTransactionHashMismatch { expected: hash });
    }
    if is_root(signed) {
        return authorize_root(signed, rules);
    }
    let required = required(store, signed.transaction(), rules);
    let permissible = permissible(store, signed.transaction(), &required, rules);
    let signers = Signers::of(store, signed, &permissible)?;
    // Keys of namespaces first: whoever floods us with transactions must have one before we compute much.
    signers.verify(signed, rules)?;
    let counting = signers.fingerprints();
    let provided = signers.provided(&counting);
    let mut missing = required.missing(&provided);
    if rules.relaxed
        && matches!(
            signed.transaction().mapping(),
            Mapping::OwnerToKeyMapping(_)
        )
    {
        // There was a time when new keys did not have to prove themselves.
        missing.keys.clear();
    }
    Ok(Authorization { counting, missing })
}

/// A root certificate, or its removal, needs nothing but the key's own signature.
fn authorize_root(signed: &SignedTransaction, rules: &Rules) -> Result<Authorization, Rejection> {
    if let Mapping::NamespaceDelegation(delegation) = signed.transaction().mapping() {
        for signature in signed.signatures() {
            verify(signed, signature, delegation.target(), rules)?;
        }
    }
    Ok(Authorization {
        counting: signed.signed_by().collect(),
        missing: References::default(),
    })
}

fn verify(
    signed: &SignedTransaction,
    signature: &TransactionSignature,
    key: &SigningPublicKey,
    rules: &Rules,
) -> Result<(), Rejection> {
    let failed = |reason| Rejection::SignatureCheckFailed {
        key: key.fingerprint(),
        reason,
    };
    if !rules.specs.signing().any(|spec| spec == key.spec()) {
        return Err(failed(VerifyError::UnsupportedAlgorithm {
            algorithm: key.spec().algorithm(),
        }));
    }
    let usages = verifies_as(signed.transaction().mapping(), &key.fingerprint());
    signed
        .verify_signature(signature, key, usages)
        .map_err(failed)
}

/// A signature, and the key that should have made it.
type Signed<'s> = (&'s TransactionSignature, &'s SigningPublicKey);

/// The signatures that count.
struct Signers<'s> {
    /// By namespace.
    authorities: Vec<(&'s Namespace, Authority<'s>)>,
    of_namespaces: Vec<Signed<'s>>,
    /// Those of keys that sign for themselves.
    of_themselves: Vec<Signed<'s>>,
}

impl<'s> Signers<'s> {
    fn of(
        store: &'s TopologyStore,
        signed: &'s SignedTransaction,
        permissible: &'s References,
    ) -> Result<Self, Rejection> {
        let mapping = signed.transaction().mapping();
        let authorities: Vec<_> = permissible
            .namespaces
            .iter()
            .map(|namespace| (namespace, Authority::over(store, namespace, mapping)))
            // Whoever names a great many namespaces that nobody knows does not make us look for each key in each.
            .filter(|(_, authority)| !authority.is_empty())
            .collect();
        let is_stated = signed.transaction().operation() == Operation::AddReplace;
        let (mut of_namespaces, mut of_themselves) = (Vec::new(), Vec::new());
        for signature in signed.signatures() {
            let signer = signature.signed_by();
            let key = authorities
                .iter()
                .find_map(|(_, authority)| authority.key(&signer, mapping.code()));
            of_namespaces.extend(key.map(|key| (signature, key)));
            // A key that is taken back has nothing to prove.
            if is_stated && permissible.keys.contains(&signer) {
                let key = mapping.signing_key(&signer);
                of_themselves.extend(key.map(|key| (signature, key)));
            }
        }
        if of_namespaces.is_empty() && of_themselves.is_empty() {
            return Err(Rejection::NoDelegationFoundForKeys {
                keys: signed.signed_by().collect(),
            });
        }
        if of_namespaces.is_empty() {
            return Err(Rejection::NotAuthorizedByNamespaceKey);
        }
        Ok(Self {
            authorities,
            of_namespaces,
            of_themselves,
        })
    }

    fn verify(&self, signed: &SignedTransaction, rules: &Rules) -> Result<(), Rejection> {
        let mut keys = self.of_namespaces.iter().chain(&self.of_themselves);
        keys.try_for_each(|(signature, key)| verify(signed, signature, key, rules))
    }

    /// Whose signatures are there.
    fn provided<'p>(&'p self, counting: &'p BTreeSet<Fingerprint>) -> Provided<'p> {
        let agreeing = self.authorities.iter();
        let agreeing = agreeing.filter(|(_, authority)| authority.agrees(counting));
        Provided {
            namespaces: agreeing.map(|(namespace, _)| *namespace).collect(),
            keys: counting,
        }
    }

    fn fingerprints(&self) -> BTreeSet<Fingerprint> {
        let keys = self.of_namespaces.iter().chain(&self.of_themselves);
        keys.map(|(_, key)| key.fingerprint()).collect()
    }
}
