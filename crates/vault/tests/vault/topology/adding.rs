//! Transactions that were signed elsewhere, or that wait in a store for more signatures.

use std::sync::Arc;

use strongroom_topology::{
    ForceFlags, Mapping, Outcome, Restriction, SignedTransaction, StoreId, TransactionHash,
};
use strongroom_vault::{AuditOperation, Authorized, HashProposal, Proposal, Vault};

use super::{
    node,
    picture::{TopologyPicture, look},
    statements::{
        add, authorize, delegate, delegation, namespace, outcomes, party, party_with_threshold,
        protocol_key_of, public, rows, signers, sorted,
    },
};
use crate::house::{House, caller, code};

/// What another node has authorized, in order.
async fn of_another_node() -> (House, Vault, Vec<SignedTransaction>) {
    let house = House::numbered(2);
    let (vault, _) = node(&house).await;
    let signed = rows(&vault).await.into_iter();
    let signed = signed.map(|row| Arc::unwrap_or_clone(row.signed)).collect();
    (house, vault, signed)
}

/// A statement that waits for a key that is elsewhere.
async fn propose(vault: &Vault, elsewhere: &Vault) -> Authorized {
    let key = protocol_key_of(elsewhere).await;
    let proposal = Proposal {
        must_fully_authorize: false,
        ..Proposal::announce(party(&namespace(vault), "party", &[&key]))
    };
    authorize(vault, proposal).await.unwrap()
}

/// Signs in `vault`, with keys of its choice.
async fn sign(vault: &Vault, transactions: &[&SignedTransaction]) -> Vec<SignedTransaction> {
    let transactions = transactions.iter().map(|it| (*it).clone()).collect();
    let force = ForceFlags::default();
    vault
        .sign_transactions(&caller(), &StoreId::Authorized, transactions, &[], force)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_another_node_authorized_is_taken_in_as_it_is() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (_house, _other, transactions) = of_another_node().await;
    // Announcing another node's keys is a danger even if that node has signed.
    let before = look(&house, &vault).await;
    assert_eq!(
        code(add(&vault, transactions.clone()).await),
        "TOPOLOGY_DANGEROUS_COMMAND_REQUIRES_FORCE_ALIEN_MEMBER"
    );
    assert_eq!(look(&house, &vault).await, before);
    let added = vault
        .add_transactions(
            &caller(),
            &StoreId::Authorized,
            transactions.clone(),
            ForceFlags::all(),
        )
        .await
        .unwrap();
    assert_eq!(outcomes(&added), ["accepted", "accepted"]);
    let rows = rows(&vault).await;
    // Times of a local store are unique.
    assert!(
        rows.windows(2)
            .all(|two| two[0].valid_from < two[1].valid_from)
    );
    let new = &look(&house, &vault).await.stores[&StoreId::Authorized][2..];
    for (row, transaction) in new.iter().zip(&transactions) {
        let bytes = strongroom_proto::topology::encode_signed_transaction(transaction);
        assert_eq!(row.signed, data_encoding::HEXLOWER.encode(&bytes));
    }
}

#[tokio::test]
async fn the_same_twice_is_stored_once_and_not_logged_again() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let own = rows(&vault).await;
    let own: Vec<_> = own.iter().map(|row| row.signed.as_ref().clone()).collect();
    let before = look(&house, &vault).await;
    let records = async || vault.inspect(|_, _| {}).await.unwrap().audit_records;
    let logged = records().await;
    let doubled = [own.clone(), own].concat();
    let added = add(&vault, doubled).await.unwrap();
    assert_eq!(outcomes(&added), ["unchanged"; 4]);
    assert_eq!(look(&house, &vault).await, before);
    assert_eq!(records().await, logged);
}

#[tokio::test]
async fn each_is_decided_on_its_own_and_rejected_ones_are_stored_with_the_reason() {
    let (house, other_house) = (House::new(), House::numbered(2));
    let (vault, _) = node(&house).await;
    let (other, _) = node(&other_house).await;
    let (certificate, delegate, by_delegate, revocation) = {
        let certificate = rows(&vault).await.swap_remove(0).signed;
        let key = delegate(&vault, Restriction::AllMappings).await;
        let delegate = rows(&vault).await.pop().unwrap().signed;
        let party = party(
            &namespace(&vault),
            "party",
            &[&protocol_key_of(&vault).await],
        );
        let by_delegate = authorize(&vault, Proposal::announce(party)).await;
        let mapping = delegation(&namespace(&vault), &key, Restriction::AllMappings);
        let revocation = authorize(&vault, Proposal::revoke(mapping)).await;
        let own = |signed: Arc<SignedTransaction>| signed.as_ref().clone();
        let (by_delegate, revocation) = (by_delegate.unwrap(), revocation.unwrap());
        (
            own(certificate),
            own(delegate),
            by_delegate.signed,
            revocation.signed,
        )
    };
    let unknown = format!(
        "No delegation found for keys {}",
        certificate.signatures()[0].signed_by()
    );
    // Each transaction, and why the other node does not accept it then.
    let steps = [
        (&delegate, Some(unknown.as_str())),
        (&by_delegate, Some("Not authorized by any namespace key")),
        (&certificate, None),
        (&delegate, None),
        (&revocation, None),
        (&by_delegate, Some("Not authorized by any namespace key")),
        (&delegate, Some("unchanged")),
    ];
    let transactions = steps.map(|(signed, _)| signed.clone()).to_vec();
    let added = add(&other, transactions).await.unwrap();
    let expected = steps.map(|(_, reason)| match reason {
        None => "accepted",
        Some("unchanged") => "unchanged",
        Some(_) => "rejected",
    });
    assert_eq!(outcomes(&added), expected);
    let stored = &rows(&other).await[2..];
    assert_eq!(stored.len(), 6);
    for (row, (signed, reason)) in stored.iter().zip(steps) {
        assert_eq!(row.signed.hash(), signed.hash());
        assert_eq!(row.rejection.as_deref(), reason);
        let never_held = row.valid_until == Some(row.valid_from);
        assert_eq!(never_held, reason.is_some());
    }
    look(&other_house, &other).await;
}

#[tokio::test]
async fn a_threshold_that_cannot_be_reached_is_not_added_nor_anything_beside_it() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (_house, other, mut transactions) = of_another_node().await;
    let mapping = party_with_threshold(
        &namespace(&other),
        "party",
        &[&protocol_key_of(&other).await],
        2,
    );
    let unreachable = {
        let draft = strongroom_topology::Draft {
            operation: strongroom_topology::Operation::AddReplace,
            serial: strongroom_topology::Serial::FIRST,
            mapping,
        };
        let transaction = strongroom_proto::topology::encode_transaction(draft);
        let signature = transactions[0].signatures()[0].clone();
        SignedTransaction::received(transaction, vec![signature], true).unwrap()
    };
    transactions.truncate(1);
    transactions.push(unreachable);
    let before = look(&house, &vault).await;
    assert_eq!(
        code(add(&vault, transactions).await),
        "TOPOLOGY_SIGNING_THRESHOLD_CANNOT_BE_REACHED"
    );
    assert_eq!(look(&house, &vault).await, before);
}

/// By keys of the vault's choice.
fn hash_proposal(hash: TransactionHash, must_fully_authorize: bool) -> HashProposal {
    HashProposal {
        hash,
        signing_keys: Vec::new(),
        must_fully_authorize,
        force: ForceFlags::default(),
    }
}

#[tokio::test]
async fn what_waits_is_authorized_by_its_hash() {
    let (house, other_house) = (House::new(), House::numbered(2));
    let (vault, keys) = node(&house).await;
    let other = other_house.create().await;
    let proposed = propose(&vault, &other).await.signed;
    let by_hash = async |must_fully_authorize| {
        let proposal = hash_proposal(proposed.hash(), must_fully_authorize);
        vault
            .authorize_hash(&caller(), &StoreId::Authorized, proposal)
            .await
    };
    // Without anything new nothing changes.
    let before = look(&house, &vault).await;
    let again = by_hash(false).await.unwrap();
    assert_eq!(again.outcome, Outcome::Unchanged);
    assert_eq!(look(&house, &vault).await, before);
    // A key that has a right to it adds its signature, and the whole waits on.
    let key = delegate(&vault, Restriction::AllMappings).await;
    let more = by_hash(false).await.unwrap();
    assert_eq!(more.outcome, Outcome::Proposed);
    let root = public(&vault, &keys.root.unwrap());
    assert_eq!(signers(&more.signed), sorted(&[&root, &key]));
    assert_eq!(
        code(by_hash(true).await),
        "TOPOLOGY_UNAUTHORIZED_TRANSACTION"
    );
    // The proposal waits on after that.
    let complete = sign(&other, &[&more.signed]).await;
    let added = add(&vault, complete).await.unwrap();
    assert_eq!(outcomes(&added), ["accepted"]);
    look(&house, &vault).await;
}

#[tokio::test]
async fn a_hash_that_nothing_has_is_not_found() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (_other_house, _other, transactions) = of_another_node().await;
    let before = look(&house, &vault).await;
    let by_hash = async |hash| {
        let (caller, proposal) = (caller(), hash_proposal(hash, true));
        let call = vault.authorize_hash(&caller, &StoreId::Authorized, proposal);
        code(call.await)
    };
    let not_found = "TOPOLOGY_TRANSACTION_NOT_FOUND";
    assert_eq!(by_hash(transactions[0].hash()).await, not_found);
    assert_eq!(look(&house, &vault).await, before);
    // Nor is what was replaced.
    let old = rows(&vault).await.pop().unwrap().signed.hash();
    super::rotate_all(&vault).await;
    assert_eq!(by_hash(old).await, not_found);
}

#[tokio::test]
async fn signing_adds_only_what_is_missing_and_stores_nothing() {
    let (house, other_house) = (House::new(), House::numbered(2));
    let (vault, _) = node(&house).await;
    let other = other_house.create().await;
    let proposed = propose(&vault, &other).await.signed;
    let before = look(&house, &vault).await;
    let empty = TopologyPicture::of(&other).await;
    let complete = sign(&other, &[&proposed]).await.pop().unwrap();
    assert_eq!(complete.signatures().len(), 2);
    assert_eq!(complete.hash(), proposed.hash());
    assert!(complete.is_proposal());
    let encode = strongroom_proto::topology::encode_signed_transaction;
    // The first signature is still there, byte for byte; signing again adds nothing.
    assert_eq!(
        complete.signatures()[0].encoded(),
        proposed.signatures()[0].encoded()
    );
    for signer in [&vault, &other] {
        let again = sign(signer, &[&complete, &complete]).await;
        assert!(again.iter().all(|it| encode(it) == encode(&complete)));
    }
    // A vault that has nothing to do with it leaves it alone, unless asked for a key of its own.
    let stranger_house = House::numbered(3);
    let stranger = stranger_house.create().await;
    let same = sign(&stranger, &[&proposed]).await;
    assert_eq!(encode(&same[0]), encode(&proposed));
    let key = protocol_key_of(&stranger).await.fingerprint();
    let refused = stranger
        .sign_transactions(
            &caller(),
            &StoreId::Authorized,
            vec![proposed],
            &[key],
            ForceFlags::default(),
        )
        .await;
    assert_eq!(
        code(refused),
        "TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE"
    );
    assert_eq!(look(&house, &vault).await, before);
    assert_eq!(TopologyPicture::of(&other).await, empty);
}

#[tokio::test]
async fn the_own_store_takes_a_node_without_an_encryption_key() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let encryption = vault.current_encryption_key().await.unwrap();
    let mapping = keys.announced.without_key(&encryption).unwrap().unwrap();
    let proposal = Proposal::announce(Mapping::OwnerToKeyMapping(mapping));
    let authorized = authorize(&vault, proposal).await.unwrap();
    assert_eq!(authorized.outcome, Outcome::Accepted);
    assert_eq!(code(vault.current_encryption_key().await), "NO_CURRENT_KEY");
}

#[tokio::test]
async fn the_audit_log_counts_what_was_added_and_rejected() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (_other_house, other, mut transactions) = of_another_node().await;
    let mapping = party(
        &namespace(&other),
        "party",
        &[&protocol_key_of(&other).await],
    );
    transactions.truncate(1);
    let good = authorize(&other, Proposal::announce(mapping))
        .await
        .unwrap();
    let only = good.signed.clone();
    add(&vault, vec![only.clone()]).await.unwrap();
    add(&vault, vec![transactions[0].clone(), good.signed.clone()])
        .await
        .unwrap();
    let mut told = Vec::new();
    vault
        .walk_audit(|entry| {
            if entry.operation == AuditOperation::AddTopology {
                told.push(entry.details);
            }
        })
        .await
        .unwrap();
    let expect = |fields: &[(&str, &str)]| {
        let fields = fields.iter();
        fields
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let hash = only.hash().to_string();
    let store = ("store", "authorized");
    assert_eq!(
        told,
        [
            expect(&[
                store,
                ("transactions", "1"),
                ("rejected", "1"),
                ("transaction", &hash)
            ]),
            expect(&[store, ("transactions", "2"), ("rejected", "0")]),
        ]
    );
}
