//! Enough members of a group.

use std::collections::BTreeSet;

use strongroom_crypto::{KeyUsage, KeyUsages, ProtocolSignature, PublicKey, Signature};
use strongroom_store::Custody;
use strongroom_topology::{At, ForceFlag, ForceFlags, Mapping, Member, OwnerToKeyMapping, StoreId};
use strongroom_vault::{Proposal, SigningGroup, Vault, VaultError, VerifyAt};

use super::{MESSAGE, Node, custody_of_protocol};
use crate::{
    house::{ALLOW_PROTOCOL, code, signing_key},
    topology::statements::{authorize, public},
};

/// Sequencers of the node's namespace, with one key each.
async fn sequencers(node: &mut Node, names: &[&str], shared: bool) -> Vec<Member> {
    let mut members = Vec::new();
    let common = signing_key(&node.vault).await;
    for name in names {
        let member: Member = format!("SEQ::{name}::{}", node.member.uid.namespace())
            .parse()
            .unwrap();
        let key = if shared {
            common
        } else {
            signing_key(&node.vault).await
        };
        let key = PublicKey::Signing(public(&node.vault, &key));
        let mapping = OwnerToKeyMapping::try_new(member.clone(), vec![key]).unwrap();
        let force = ForceFlags::of([ForceFlag::AlienMember]);
        let proposal = Proposal {
            force,
            ..Proposal::announce(Mapping::OwnerToKeyMapping(mapping))
        };
        let signed = authorize(&node.vault, proposal).await.unwrap().signed;
        let synchronizer = node.synchronizer.clone();
        node.sequence(&synchronizer, -100, vec![signed]).await;
        members.push(member);
    }
    members
}

async fn sign_as(node: &Node, member: &Member) -> ProtocolSignature {
    let key = {
        let store = StoreId::Synchronizer(node.synchronizer.clone());
        let view = node.vault.topology(&store).await.unwrap();
        let mapping = view.owner_to_key(member, At::Head);
        mapping.unwrap().keys()[0].fingerprint()
    };
    let signature = node.vault.sign(&key, MESSAGE, ALLOW_PROTOCOL).await;
    ProtocolSignature::LongTerm(signature.unwrap())
}

fn group(members: &[Member], threshold: u32) -> SigningGroup {
    SigningGroup {
        name: "sequencers".to_owned(),
        members: BTreeSet::from_iter(members.iter().cloned()),
        threshold: threshold.try_into().unwrap(),
    }
}

async fn verify(
    node: &Node,
    group: &SigningGroup,
    signatures: &[ProtocolSignature],
) -> Result<usize, VaultError> {
    let (vault, how): (&Vault, _) = (&node.vault, node.how());
    vault
        .verify_protocol_group(&how, group, MESSAGE, signatures)
        .await
}

#[tokio::test]
async fn row_114_two_of_two_members_sign_and_each_counts_once() {
    let mut node = Node::with(custody_of_protocol(Custody::Envelope), |_| None).await;
    let members = sequencers(&mut node, &["one", "two"], false).await;
    let (one, two) = (
        sign_as(&node, &members[0]).await,
        sign_as(&node, &members[1]).await,
    );
    let both = group(&members, 2);
    let verified = verify(&node, &both, &[one.clone(), two.clone()]).await;
    assert_eq!(verified.unwrap(), 2);
    for too_few in [vec![], vec![one.clone()], vec![one.clone(), one.clone()]] {
        let refused = verify(&node, &both, &too_few).await;
        let error = refused.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("sequencers signature threshold not reached")
        );
        assert_eq!(code::<()>(Err(error)), "SIGNATURE_THRESHOLD_NOT_REACHED");
    }
    let twice = [two.clone(), two];
    let verified = verify(&node, &group(&members, 1), &twice).await;
    assert_eq!(verified.unwrap(), 1);
}

#[tokio::test]
async fn a_session_signature_counts_for_the_member_of_its_long_term_key() {
    let mut node = Node::new().await;
    let mut members = sequencers(&mut node, &["one"], false).await;
    let one = sign_as(&node, &members[0]).await;
    let own = node.signed_now().await;
    assert!(own.delegation().is_some());
    members.push(node.member.clone());
    verify(&node, &group(&members, 2), &[one, own])
        .await
        .unwrap();
}

#[tokio::test]
async fn invalid_signatures_beside_enough_valid_ones_are_no_reason_to_refuse() {
    let mut node = Node::with(custody_of_protocol(Custody::Envelope), |_| None).await;
    let members = sequencers(&mut node, &["one", "two"], false).await;
    let one = sign_as(&node, &members[0]).await;
    let forged = ProtocolSignature::LongTerm(Signature {
        bytes: vec![0; 64],
        ..sign_as(&node, &members[1]).await.signature().clone()
    });
    let strange = node.signed_now().await;
    let signatures = [forged, one, strange];
    verify(&node, &group(&members, 1), &signatures)
        .await
        .unwrap();
    let error = verify(&node, &group(&members, 2), &signatures).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("1 of 2"), "{text}");
    assert!(
        text.contains("no signing key of a member of the group"),
        "{text}"
    );
}

#[tokio::test]
async fn a_key_that_several_members_share_says_nothing() {
    let mut node = Node::with(custody_of_protocol(Custody::Envelope), |_| None).await;
    let members = sequencers(&mut node, &["one", "two"], true).await;
    let signature = sign_as(&node, &members[0]).await;
    let error = verify(&node, &group(&members, 1), &[signature])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("several members"), "{error}");
}

#[tokio::test]
async fn row_114_another_member_signs_with_its_own_key_and_only_for_what_that_is_for() {
    let mut node = Node::with(custody_of_protocol(Custody::Envelope), |_| None).await;
    let members = sequencers(&mut node, &["one"], false).await;
    let (own, others) = (node.signed_now().await, sign_as(&node, &members[0]).await);
    let authentication = VerifyAt {
        usages: KeyUsages::only(KeyUsage::SequencerAuthentication),
        ..node.how()
    };
    let verify = async |how: &VerifyAt, member: &Member, signature: &ProtocolSignature| {
        let vault = &node.vault;
        vault.verify_protocol(how, member, MESSAGE, signature).await
    };
    let how = node.how();
    verify(&how, &node.member, &own).await.unwrap();
    verify(&how, &members[0], &others).await.unwrap();
    let mixed_up = verify(&how, &members[0], &own).await;
    assert_eq!(code(mixed_up), "SIGNER_KEY_NOT_VALID");
    // Its only key is for the protocol, and this node has another one to authenticate with.
    let refused = verify(&authentication, &members[0], &others).await;
    assert_eq!(code(refused), "SIGNER_HAS_NO_VALID_KEYS");
    let refused = verify(&authentication, &node.member, &own).await;
    assert_eq!(code(refused), "SIGNER_KEY_NOT_VALID");
}
