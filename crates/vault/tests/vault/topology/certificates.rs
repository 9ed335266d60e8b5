//! An identity whose root key was never here.

use std::{fs, path::Path};

use strongroom_crypto::{Fingerprint, SigningPublicKey};
use strongroom_proto::topology::{decode_signed_transaction, encode_signed_transaction};
use strongroom_topology::{
    MappingCode, MemberCode, Namespace, Operation, Restriction, SignedTransaction, StoreId,
};
use strongroom_vault::{NewIdentity, NodeKeys, Proposal, Vault, VaultError};

use super::{
    participant,
    picture::{TopologyPicture, look},
    rotate_all,
    statements::{authorize, delegation, namespace_key, outcomes, rows, signers},
};
use crate::house::{House, all_keys, caller, code};

/// A place that signs certificates: a vault that is no node's.
struct Offline {
    _house: House,
    vault: Vault,
    root: SigningPublicKey,
}

impl Offline {
    async fn new(number: i64) -> Self {
        let house = House::numbered(number);
        let vault = house.create().await;
        let root = namespace_key(&vault).await;
        Self {
            _house: house,
            vault,
            root,
        }
    }

    fn namespace(&self) -> Namespace {
        Namespace::from(self.root.fingerprint())
    }

    async fn certify(
        &self,
        target: &SigningPublicKey,
        restriction: Restriction,
    ) -> SignedTransaction {
        let mapping = delegation(&self.namespace(), target, restriction);
        let authorized = authorize(&self.vault, Proposal::announce(mapping)).await;
        authorized.unwrap().signed
    }

    async fn root_certificate(&self) -> SignedTransaction {
        self.certify(&self.root, Restriction::AllMappings).await
    }

    async fn intermediate_certificate(&self, target: &SigningPublicKey) -> SignedTransaction {
        self.certify(target, Restriction::AllButNamespaceDelegations)
            .await
    }
}

/// A node that waits for its identity, with the key that shall sign for it, and both certificates.
struct Waiting {
    house: House,
    vault: Vault,
    offline: Offline,
    signer: Fingerprint,
    root: SignedTransaction,
    intermediate: SignedTransaction,
}

impl Waiting {
    async fn new() -> Self {
        let house = House::new();
        let vault = house.create().await;
        let key = namespace_key(&vault).await;
        let offline = Offline::new(2).await;
        let root = offline.root_certificate().await;
        let intermediate = offline.intermediate_certificate(&key).await;
        Self {
            house,
            vault,
            offline,
            signer: key.fingerprint(),
            root,
            intermediate,
        }
    }

    async fn initialize(
        &self,
        certificates: &[&SignedTransaction],
    ) -> Result<NodeKeys, VaultError> {
        initialize(&self.vault, None, certificates).await
    }
}

async fn initialize(
    vault: &Vault,
    namespace: Option<&Namespace>,
    certificates: &[&SignedTransaction],
) -> Result<NodeKeys, VaultError> {
    let certificates = certificates.iter().map(|it| (*it).clone()).collect();
    vault
        .initialize_from_certificates(&caller(), &participant(), namespace, certificates)
        .await
}

/// The node has its identity, announced by the key that the offline root delegated to.
async fn check(waiting: &Waiting, vault: &Vault, keys: &NodeKeys) {
    assert_eq!(keys.root, None);
    assert_eq!(keys.namespace_signer, waiting.signer);
    let member = format!("PAR::alice::{}", waiting.offline.root.fingerprint());
    assert_eq!(keys.member.to_string(), member);
    assert_eq!(keys.announced.keys().len(), 3);
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    let [root, intermediate, announcement] = store.rows() else {
        panic!("{:?}", store.rows())
    };
    for (row, certificate) in [(root, &waiting.root), (intermediate, &waiting.intermediate)] {
        let bytes = encode_signed_transaction(certificate);
        assert_eq!(encode_signed_transaction(&row.signed), bytes);
    }
    assert!(signers(&announcement.signed).contains(&waiting.signer));
    drop(store);
    look(&waiting.house, vault).await;
}

#[tokio::test]
async fn a_node_is_made_from_certificates_and_its_root_key_was_never_here() {
    let waiting = Waiting::new().await;
    let keys = waiting
        .initialize(&[&waiting.root, &waiting.intermediate])
        .await
        .unwrap();
    check(&waiting, &waiting.vault, &keys).await;
    let root = waiting.offline.root.fingerprint();
    assert_eq!(code(waiting.vault.key(&root)), "KEY_NOT_FOUND");
    // It rotates its keys like any other.
    rotate_all(&waiting.vault).await;
}

#[tokio::test]
async fn a_root_key_that_is_here_needs_only_its_own_certificate() {
    let house = House::new();
    let vault = house.create().await;
    let offline = Offline::new(1).await;
    // The same key in both places: the houses draw the same numbers.
    let root = namespace_key(&vault).await;
    assert_eq!(root.fingerprint(), offline.root.fingerprint());
    let certificate = offline.root_certificate().await;
    let keys = initialize(&vault, None, &[&certificate]).await.unwrap();
    assert_eq!(keys.root, Some(root.fingerprint()));
    assert_eq!(keys.namespace_signer, root.fingerprint());
}

#[tokio::test]
async fn wrong_certificates_are_refused_with_nothing_kept_and_the_right_ones_then_do() {
    let waiting = Waiting::new().await;
    let Waiting {
        house,
        vault,
        offline,
        root,
        intermediate,
        ..
    } = &waiting;
    let other = Offline::new(3).await;
    let stranger = other.root_certificate().await;
    let announced = {
        // What is no certificate at all: the keys of a node.
        let house = House::numbered(4);
        let (vault, _) = super::node(&house).await;
        let rows = rows(&vault).await;
        rows[1].signed.as_ref().clone()
    };
    let revocation = {
        let mapping = root.transaction().mapping().clone();
        let revoked = authorize(&offline.vault, Proposal::revoke(mapping)).await;
        revoked.unwrap().signed
    };
    assert_eq!(revocation.transaction().operation(), Operation::Remove);
    let wrong_namespace = Some(other.namespace());
    let missing_root = format!(
        "No delegation found for keys {}",
        offline.root.fingerprint()
    );
    let no_signer = format!(
        "No signing key found locally for the provided namespace {}",
        offline.namespace()
    );
    let mismatch = "does not match the certificate";
    let no_certificate = "a certificate that announces a namespace delegation was expected";
    for (namespace, certificates, expected) in [
        (wrong_namespace.as_ref(), vec![root, intermediate], mismatch),
        (None, vec![root, &stranger], mismatch),
        (None, vec![intermediate], &missing_root),
        // The one that is missing is the root's own, whatever else is there.
        (None, vec![intermediate, intermediate], &missing_root),
        (None, vec![root], &no_signer),
        (None, vec![], no_certificate),
        (None, vec![root, &revocation], no_certificate),
        (None, vec![root, intermediate, &announced], no_certificate),
    ] {
        let before = look(house, vault).await;
        let keys = all_keys(vault).len();
        let error = initialize(vault, namespace, &certificates)
            .await
            .unwrap_err();
        let mut text = error.to_string();
        if let VaultError::Topology(source) = &error {
            text = source.to_string();
        }
        assert!(
            text.contains(expected),
            "{text:?} is not about {expected:?}"
        );
        assert_eq!(look(house, vault).await, before, "{expected}");
        assert_eq!(all_keys(vault).len(), keys, "{expected}");
        assert!(vault.identity().is_none());
    }
    let namespace = offline.namespace();
    let keys = initialize(vault, Some(&namespace), &[root, intermediate]).await;
    check(&waiting, vault, &keys.unwrap()).await;
}

#[tokio::test]
async fn certificates_may_be_given_in_any_order() {
    let waiting = Waiting::new().await;
    let certificates = [&waiting.intermediate, &waiting.root];
    let keys = waiting.initialize(&certificates).await.unwrap();
    check(&waiting, &waiting.vault, &keys).await;
}

/// A root certificate, a chain of two delegations behind it, and the revocation of the last one.
async fn chain() -> [SignedTransaction; 4] {
    let offline = Offline::new(2).await;
    let (first, second) = (
        namespace_key(&offline.vault).await,
        namespace_key(&offline.vault).await,
    );
    let root = offline.root_certificate().await;
    let delegated = offline.certify(&first, Restriction::AllMappings).await;
    let mapping = delegation(&offline.namespace(), &second, Restriction::AllMappings);
    let by_first = Proposal {
        signing_keys: vec![first.fingerprint()],
        ..Proposal::announce(mapping.clone())
    };
    let behind = authorize(&offline.vault, by_first).await.unwrap().signed;
    let revoked = authorize(&offline.vault, Proposal::revoke(mapping)).await;
    [root, delegated, behind, revoked.unwrap().signed]
}

#[tokio::test]
async fn a_chain_is_taken_in_whatever_its_order_and_the_answer_has_the_order_of_the_question() {
    let chain = chain().await;
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
        let house = House::new();
        let vault = house.create().await;
        let given: Vec<_> = order.iter().map(|place| chain[*place].clone()).collect();
        let hashes: Vec<_> = given.iter().map(|it| it.transaction().hash()).collect();
        let added = vault.add_certificates(&caller(), given.clone()).await;
        let added = added.unwrap();
        assert_eq!(outcomes(&added), ["accepted"; 4], "{order:?}");
        let answered: Vec<_> = added.iter().map(|added| added.hash).collect();
        assert_eq!(answered, hashes);
        // No row tells of an order that was tried in vain.
        assert_eq!(rows(&vault).await.len(), 4, "{order:?}");
        let again = vault.add_certificates(&caller(), given).await.unwrap();
        assert_eq!(outcomes(&again), ["unchanged"; 4]);
        look(&house, &vault).await;
    }
}

#[tokio::test]
async fn a_certificate_that_nothing_authorizes_is_rejected_and_the_others_are_taken_in() {
    let [root, delegated, behind, _] = chain().await;
    let house = House::new();
    let vault = house.create().await;
    let certificates = vec![behind, root];
    let added = vault.add_certificates(&caller(), certificates).await;
    assert_eq!(outcomes(&added.unwrap()), ["rejected", "accepted"]);
    let added = vault.add_certificates(&caller(), vec![delegated]).await;
    assert_eq!(outcomes(&added.unwrap()), ["accepted"]);
    look(&house, &vault).await;
}

#[tokio::test]
async fn the_root_is_revoked_after_what_it_revokes_itself() {
    let offline = Offline::new(2).await;
    let key = namespace_key(&offline.vault).await;
    let made = vec![
        offline.root_certificate().await,
        offline.certify(&key, Restriction::AllMappings).await,
    ];
    let mut revoked = Vec::new();
    for certificate in made.iter().rev() {
        let mapping = certificate.transaction().mapping().clone();
        let one = Proposal {
            signing_keys: vec![offline.root.fingerprint()],
            ..Proposal::revoke(mapping)
        };
        revoked.push(authorize(&offline.vault, one).await.unwrap().signed);
    }
    for is_reversed in [false, true] {
        let house = House::new();
        let vault = house.create().await;
        vault
            .add_certificates(&caller(), made.clone())
            .await
            .unwrap();
        let mut given = revoked.clone();
        if is_reversed {
            given.reverse();
        }
        let added = vault.add_certificates(&caller(), given).await.unwrap();
        assert_eq!(outcomes(&added), ["accepted"; 2], "{is_reversed}");
    }
}

#[tokio::test]
async fn a_long_chain_is_taken_in_from_its_far_end() {
    let offline = Offline::new(2).await;
    let mut chain = vec![offline.root_certificate().await];
    let mut signer = offline.root.fingerprint();
    for _ in 0..50 {
        let key = namespace_key(&offline.vault).await;
        let mapping = delegation(&offline.namespace(), &key, Restriction::AllMappings);
        let proposal = Proposal {
            signing_keys: vec![signer],
            ..Proposal::announce(mapping)
        };
        let authorized = authorize(&offline.vault, proposal).await.unwrap();
        chain.push(authorized.signed);
        signer = key.fingerprint();
    }
    chain.reverse();
    let house = House::new();
    let vault = house.create().await;
    let added = vault.add_certificates(&caller(), chain).await.unwrap();
    assert_eq!(outcomes(&added), ["accepted"; 51]);
    assert_eq!(rows(&vault).await.len(), 51);
}

#[tokio::test]
async fn a_key_that_comes_back_authorizes_what_the_keys_behind_it_signed() {
    let offline = Offline::new(2).await;
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(namespace_key(&offline.vault).await);
    }
    let mut chain = vec![offline.root_certificate().await];
    let mut signer = offline.root.fingerprint();
    for key in &keys {
        let mapping = delegation(&offline.namespace(), key, Restriction::AllMappings);
        let proposal = Proposal {
            signing_keys: vec![signer],
            ..Proposal::announce(mapping)
        };
        let authorized = authorize(&offline.vault, proposal).await.unwrap();
        chain.push(authorized.signed);
        signer = key.fingerprint();
    }
    let (last, before_it) = (chain.pop().unwrap(), chain.pop().unwrap());
    let mapping = chain[1].transaction().mapping().clone();
    let by_root = |proposal| Proposal {
        signing_keys: vec![offline.root.fingerprint()],
        ..proposal
    };
    let revoked = by_root(Proposal::revoke(mapping.clone()));
    chain.push(authorize(&offline.vault, revoked).await.unwrap().signed);
    let back = by_root(Proposal::announce(mapping));
    let back = authorize(&offline.vault, back).await.unwrap().signed;
    let house = House::new();
    let vault = house.create().await;
    let added = vault.add_certificates(&caller(), chain).await.unwrap();
    assert_eq!(outcomes(&added), ["accepted"; 4]);
    let given = vec![last, before_it, back];
    let added = vault.add_certificates(&caller(), given).await.unwrap();
    assert_eq!(outcomes(&added), ["accepted"; 3]);
}

#[tokio::test]
async fn what_is_about_no_delegation_is_not_added_as_a_certificate() {
    let (house, other_house) = (House::numbered(4), House::new());
    let (vault, _) = super::node(&house).await;
    let announced = rows(&vault).await[1].signed.as_ref().clone();
    let other = other_house.create().await;
    let refused = other.add_certificates(&caller(), vec![announced]).await;
    assert_eq!(code(refused), "NOT_A_CERTIFICATE");
    assert!(rows(&other).await.is_empty());
}

#[tokio::test]
async fn a_certificate_for_a_key_that_is_only_public_here_does_not_do() {
    let house = House::new();
    let vault = house.create().await;
    let offline = Offline::new(2).await;
    let elsewhere = namespace_key(&offline.vault).await;
    let import = strongroom_vault::PublicKeyImport {
        public: strongroom_crypto::PublicKey::Signing(elsewhere.clone()),
        name: None,
    };
    vault.import_public_key(&caller(), import).await.unwrap();
    let (root, intermediate) = (
        offline.root_certificate().await,
        offline.intermediate_certificate(&elsewhere).await,
    );
    let refused = initialize(&vault, None, &[&root, &intermediate]).await;
    assert_eq!(code(refused), "NO_NAMESPACE_SIGNER");
    assert_eq!(
        TopologyPicture::of(&vault).await.stores[&StoreId::Authorized],
        []
    );
}

#[tokio::test]
async fn a_forged_certificate_is_refused() {
    let waiting = Waiting::new().await;
    let Waiting {
        root, intermediate, ..
    } = &waiting;
    // The root's signature over its own certificate, under the delegation.
    let forged = SignedTransaction::received(
        intermediate.transaction().clone(),
        root.signatures().to_vec(),
        false,
    );
    let refused = waiting.initialize(&[root, &forged.unwrap()]).await;
    assert_eq!(code(refused), "TOPOLOGY_INVALID_TX_SIGNATURE");
    assert!(waiting.vault.identity().is_none());
    assert_eq!(rows(&waiting.vault).await.len(), 0);
}

#[tokio::test]
async fn certificates_of_another_node_are_not_kept() {
    let waiting = Waiting::new().await;
    let right = [&waiting.root, &waiting.intermediate];
    waiting.initialize(&right).await.unwrap();
    let other = Offline::new(3).await;
    let key = namespace_key(&waiting.vault).await;
    let (root, intermediate) = (
        other.root_certificate().await,
        other.intermediate_certificate(&key).await,
    );
    let before = look(&waiting.house, &waiting.vault).await;
    let refused = waiting.initialize(&[&root, &intermediate]).await;
    assert_eq!(code(refused), "OTHER_IDENTITY");
    let mediator = NewIdentity {
        code: MemberCode::Mediator,
        ..participant()
    };
    let certificates = vec![waiting.root.clone(), waiting.intermediate.clone()];
    let refused = waiting
        .vault
        .initialize_from_certificates(&caller(), &mediator, None, certificates)
        .await;
    assert_eq!(code(refused), "OTHER_IDENTITY");
    assert_eq!(look(&waiting.house, &waiting.vault).await, before);
}

fn load(folder: &Path) -> Vec<SignedTransaction> {
    ["root.cert", "intermediate.cert"]
        .map(|name| decode_signed_transaction(&fs::read(folder.join(name)).unwrap()).unwrap())
        .to_vec()
}

#[tokio::test]
async fn certificates_come_from_files_and_are_not_needed_again_once_the_node_is_made() {
    let waiting = Waiting::new().await;
    let folder = tempfile::tempdir().unwrap();
    for (name, certificate) in [
        ("root.cert", &waiting.root),
        ("intermediate.cert", &waiting.intermediate),
    ] {
        let bytes = encode_signed_transaction(certificate);
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let make = async |vault: &Vault| {
        let certificates = load(folder.path());
        vault
            .initialize_from_certificates(&caller(), &participant(), None, certificates)
            .await
            .unwrap()
    };
    let keys = make(&waiting.vault).await;
    check(&waiting, &waiting.vault, &keys).await;
    let before = look(&waiting.house, &waiting.vault).await;
    // A restart with the files, which changes nothing, and one without.
    waiting.vault.close().await.unwrap();
    let vault = waiting.house.open().await;
    let again = make(&vault).await;
    assert_eq!(again.announced, keys.announced);
    assert_eq!(look(&waiting.house, &vault).await, before);
    vault.close().await.unwrap();
    folder.close().unwrap();
    let vault = waiting.house.open().await;
    assert_eq!(vault.identity().unwrap().member, keys.member);
    let again = vault.initialize(&caller(), &participant()).await.unwrap();
    assert_eq!(again.announced, keys.announced);
    assert_eq!(look(&waiting.house, &vault).await, before);
}

#[tokio::test]
async fn a_key_that_may_not_announce_the_nodes_keys_does_not_do() {
    let house = House::new();
    let vault = house.create().await;
    let key = namespace_key(&vault).await;
    let offline = Offline::new(2).await;
    let root = offline.root_certificate().await;
    let restricted = Restriction::SpecificMappings([MappingCode::PartyToKeyMapping].into());
    let too_little = offline.certify(&key, restricted).await;
    let refused = initialize(&vault, None, &[&root, &too_little]).await;
    assert_eq!(code(refused), "NO_NAMESPACE_SIGNER");
    assert_eq!(rows(&vault).await.len(), 0);
    assert!(vault.identity().is_none());
}
