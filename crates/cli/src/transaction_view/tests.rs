//! Every kind of mapping, stated and removed.

use std::collections::BTreeSet;

use strongroom_crypto::{
    EncryptionKeySpec, KeyUsage, KeyUsages, PrivateKey, PublicKey, SigningKeySpec,
    SigningPublicKey, SystemRandom, Timestamp,
};
use strongroom_proto::topology::encode_transaction;
use strongroom_topology::{
    DecentralizedNamespaceDefinition, Draft, HostingParticipant, LsuAnnouncement,
    LsuSequencerConnectionSuccessor, Mapping, MappingCode, MediatorSynchronizerState, Namespace,
    NamespaceDelegation, Operation, OwnerToKeyMapping, ParticipantPermission,
    ParticipantSynchronizerPermission, PartyHostingLimits, PartyToKeyMapping, PartyToParticipant,
    Restriction, SequencerSynchronizerState, Serial, SigningKeysWithThreshold,
    SynchronizerParameters, SynchronizerTrustCertificate, UniqueIdentifier, VettedPackages,
};

use super::TransactionView;

fn signing_key(usages: &[KeyUsage]) -> SigningPublicKey {
    let private = PrivateKey::generate(SigningKeySpec::EcCurve25519.into(), &SystemRandom).unwrap();
    let usages = KeyUsages::try_new(usages.iter().copied()).unwrap();
    private.signing_public_key(usages).unwrap()
}

fn encryption_key() -> PublicKey {
    let private = PrivateKey::generate(EncryptionKeySpec::EcP256.into(), &SystemRandom).unwrap();
    private.public_key(None).unwrap()
}

fn uid(name: &str) -> UniqueIdentifier {
    format!("{name}::ns").parse().unwrap()
}

fn keys() -> SigningKeysWithThreshold {
    let keys = vec![
        signing_key(&[KeyUsage::Protocol]),
        signing_key(&[KeyUsage::Protocol]),
    ];
    SigningKeysWithThreshold::try_new(keys, 2).unwrap()
}

fn view(operation: Operation, mapping: Mapping) -> TransactionView {
    TransactionView::of(&encode_transaction(Draft {
        operation,
        serial: Serial::FIRST,
        mapping,
    }))
}

fn table(view: &TransactionView) -> String {
    let mut table = Vec::new();
    view.write(&mut table).unwrap();
    String::from_utf8(table).unwrap()
}

/// One of each kind with what is said of it when it is stated and when it is removed, and the names of its fields.
fn samples() -> Vec<(Mapping, &'static str, &'static str, &'static str)> {
    let namespace: Namespace = "ns".parse().unwrap();
    let parameters = SynchronizerParameters {
        synchronizer: uid("da"),
        parameters: Some([1, 2].into()),
    };
    let host = HostingParticipant {
        participant: uid("p1"),
        permission: ParticipantPermission::Submission,
        onboarding: true,
    };
    let member_keys = vec![
        PublicKey::Signing(signing_key(&[KeyUsage::Protocol])),
        PublicKey::Signing(signing_key(&[KeyUsage::SequencerAuthentication])),
        encryption_key(),
    ];
    let owners = BTreeSet::from(["a", "b", "c"].map(|owner| owner.parse().unwrap()));
    let successor: strongroom_topology::PhysicalSynchronizerId = "da::ns::35-1".parse().unwrap();
    vec![
        (
            Mapping::DecentralizedNamespaceDefinition(
                DecentralizedNamespaceDefinition::try_new(namespace, 2, owners).unwrap(),
            ),
            "Namespace ns belongs to 3 owners, of which 2 must agree.",
            "Dissolves the namespace ns of several owners.",
            "threshold owners",
        ),
        (
            Mapping::OwnerToKeyMapping(
                OwnerToKeyMapping::try_new("PAR::p1::ns".parse().unwrap(), member_keys).unwrap(),
            ),
            "Participant p1::ns has 2 signing keys and 1 encryption key, and no others.",
            "Withdraws all keys of participant p1::ns.",
            "member keys",
        ),
        (
            Mapping::SynchronizerTrustCertificate(SynchronizerTrustCertificate {
                participant: uid("p1"),
                synchronizer: uid("da"),
                feature_flags: vec![1],
            }),
            "Participant p1::ns trusts synchronizer da::ns.",
            "Participant p1::ns no longer trusts synchronizer da::ns.",
            "participant synchronizer feature_flags",
        ),
        (
            Mapping::ParticipantSynchronizerPermission(ParticipantSynchronizerPermission {
                synchronizer: uid("da"),
                participant: uid("p1"),
                permission: ParticipantPermission::Confirmation,
                limits: None,
                login_after: Some(Timestamp::from_micros(0)),
            }),
            "Participant p1::ns has the permission confirmation on synchronizer da::ns.",
            "Takes from participant p1::ns its permission on synchronizer da::ns.",
            "participant synchronizer permission login_after limits",
        ),
        (
            Mapping::PartyHostingLimits(PartyHostingLimits {
                synchronizer: uid("da"),
                party: uid("alice"),
            }),
            "Limits how party alice::ns may be hosted on synchronizer da::ns.",
            "Lifts the limits on hosting party alice::ns on synchronizer da::ns.",
            "party synchronizer",
        ),
        (
            Mapping::VettedPackages(VettedPackages {
                participant: uid("p1"),
                package_ids: Vec::new(),
                packages: vec![[1].into()],
            }),
            "Participant p1::ns accepts 1 package, and no others.",
            "Participant p1::ns no longer accepts any package.",
            "participant package_ids packages",
        ),
        (
            Mapping::PartyToParticipant(
                PartyToParticipant::try_new(uid("alice"), 1, vec![host], Some(keys())).unwrap(),
            ),
            "Party alice::ns is hosted by 1 participant, of which 1 must confirm; it has 2 signing keys of its own, of which 2 must \
             sign.",
            "Ends the hosting of party alice::ns.",
            "party threshold participants signing_keys signing_threshold",
        ),
        (
            Mapping::SynchronizerParametersState(parameters.clone()),
            "Sets the parameters of synchronizer da::ns.",
            "Withdraws the parameters of synchronizer da::ns.",
            "synchronizer parameters",
        ),
        (
            Mapping::DynamicSequencingParametersState(parameters),
            "Sets the parameters of sequencing on synchronizer da::ns.",
            "Withdraws the parameters of sequencing on synchronizer da::ns.",
            "synchronizer parameters",
        ),
        (
            Mapping::MediatorSynchronizerState(MediatorSynchronizerState {
                synchronizer: uid("da"),
                group: 3,
                threshold: 1,
                active: vec![uid("m1"), uid("m2")],
                observers: Vec::new(),
            }),
            "Mediator group 3 of synchronizer da::ns has 2 active mediators, of which 1 must agree.",
            "Dissolves mediator group 3 of synchronizer da::ns.",
            "synchronizer group threshold active observers",
        ),
        (
            Mapping::SequencerSynchronizerState(SequencerSynchronizerState {
                synchronizer: uid("da"),
                threshold: 1,
                active: vec![uid("s1")],
                observers: Vec::new(),
            }),
            "Synchronizer da::ns has 1 active sequencer, of which 1 must agree.",
            "Withdraws the sequencers of synchronizer da::ns.",
            "synchronizer threshold active observers",
        ),
        (
            Mapping::PartyToKeyMapping(PartyToKeyMapping {
                party: uid("alice"),
                signing_keys: keys(),
            }),
            "Party alice::ns has 2 signing keys, of which 2 must sign.",
            "Withdraws the signing keys of party alice::ns.",
            "party signing_keys signing_threshold",
        ),
        (
            Mapping::LsuAnnouncement(LsuAnnouncement {
                successor: successor.clone(),
                upgrade_time: Timestamp::from_micros(1_500_000),
            }),
            "Synchronizer da::ns becomes da::ns::35-1 at 1970-01-01T00:00:01.500000Z.",
            "Calls off the upgrade of synchronizer da::ns to da::ns::35-1.",
            "successor upgrade_time",
        ),
        (
            Mapping::LsuSequencerConnectionSuccessor(LsuSequencerConnectionSuccessor {
                sequencer: uid("s1"),
                successor,
                connection: None,
            }),
            "States where sequencer s1::ns is reached once its synchronizer has become da::ns::35-1.",
            "Withdraws where sequencer s1::ns is reached after the upgrade to da::ns::35-1.",
            "sequencer successor connection",
        ),
    ]
}

#[test]
fn every_kind_of_mapping_has_its_sentence_and_its_fields() {
    let mut codes = BTreeSet::from([MappingCode::NamespaceDelegation]);
    for (mapping, stated, removed, fields) in samples() {
        codes.insert(mapping.code());
        let shown = view(Operation::AddReplace, mapping.clone());
        assert_eq!(shown.summary, stated);
        assert_eq!(shown.warnings, []);
        let document = serde_json::to_value(&shown).unwrap();
        let content = document["content"].as_object().unwrap();
        let found: BTreeSet<_> = content.keys().map(String::as_str).collect();
        assert_eq!(found, fields.split(' ').collect(), "{}", shown.mapping);
        assert_eq!(view(Operation::Remove, mapping).summary, removed);
    }
    assert_eq!(codes, BTreeSet::from(MappingCode::ALL), "one of each kind");
}

#[test]
fn a_delegation_says_who_gets_which_right_and_what_to_mind() {
    let key = signing_key(&[KeyUsage::Namespace]);
    let both = signing_key(&[KeyUsage::Namespace, KeyUsage::Protocol]);
    let other: Namespace = "ns".parse().unwrap();
    let root: Namespace = key.fingerprint().into();
    let codes = BTreeSet::from([
        MappingCode::OwnerToKeyMapping,
        MappingCode::PartyToParticipant,
    ]);
    let delegating = BTreeSet::from([MappingCode::NamespaceDelegation]);
    let (all, but) = (
        Restriction::AllMappings,
        Restriction::AllButNamespaceDelegations,
    );
    let (some, delegations) = (
        Restriction::SpecificMappings(codes),
        Restriction::SpecificMappings(delegating),
    );
    use Operation::{AddReplace, Remove};
    for (operation, namespace, target, restriction, said, warnings) in [
        (
            AddReplace,
            &root,
            &key,
            &all,
            "makes key <key> the root of its own namespace",
            &["root_certificate"][..],
        ),
        (
            AddReplace,
            &other,
            &key,
            &all,
            "key <key> may sign everything, and let further keys sign.",
            &["target_can_delegate"],
        ),
        (
            AddReplace,
            &other,
            &key,
            &but,
            "key <key> may sign everything but delegations.",
            &[],
        ),
        (
            AddReplace,
            &other,
            &key,
            &some,
            "may sign nothing but OWNER_TO_KEY_MAPPING, PARTY_TO_PARTICIPANT.",
            &[],
        ),
        (
            AddReplace,
            &other,
            &key,
            &delegations,
            "nothing but NAMESPACE_DELEGATION.",
            &["target_can_delegate"],
        ),
        (
            AddReplace,
            &other,
            &both,
            &but,
            "everything but delegations.",
            &["key_has_other_usages"],
        ),
        (
            Remove,
            &other,
            &key,
            &but,
            "key <key> may no longer sign.",
            &["revocation_is_final"],
        ),
        (
            Remove,
            &root,
            &key,
            &all,
            "nothing can be signed in namespace <key> any more",
            &["root_revocation"],
        ),
    ] {
        let delegation =
            NamespaceDelegation::try_new(namespace.clone(), target.clone(), restriction.clone())
                .unwrap();
        let shown = view(operation, Mapping::NamespaceDelegation(delegation));
        let said = said.replace("<key>", &key.fingerprint().to_string());
        assert!(shown.summary.contains(&said), "{}", shown.summary);
        let codes: Vec<_> = shown.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(codes, warnings, "{said}");
        let printed = table(&shown);
        for warning in &shown.warnings {
            assert!(
                printed.contains(&format!("Mind: {}", warning.text)),
                "{printed}"
            );
        }
        assert!(
            printed.contains(&target.fingerprint().to_string()),
            "{printed}"
        );
    }
}

#[test]
fn a_text_of_somebody_else_adds_no_line_and_steers_no_terminal() {
    let packages = |id: &str| {
        Mapping::VettedPackages(VettedPackages {
            participant: uid("p1"),
            package_ids: vec![id.to_owned()],
            packages: Vec::new(),
        })
    };
    let plain = table(&view(Operation::AddReplace, packages("abc")));
    let hostile = table(&view(
        Operation::AddReplace,
        packages("abc\n  hash  1220\u{1b}[2J\u{202e}"),
    ));
    assert_eq!(hostile.lines().count(), plain.lines().count());
    assert!(
        hostile.contains("abc\\n  hash  1220\\u{1b}[2J\\u{202e}"),
        "{hostile}"
    );
}
