//! Texts and codes of rejections. Source: reference, topology rules, section 10.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypto::{Fingerprint, VerifyError};
use strongroom_errors::{Category, Coded};
use strongroom_topology::{
    ForceFlag, MappingCode, Member, MemberCode, Namespace, Outcome, Rejection, StoreId,
    TopologyError, UniqueIdentifier,
};

use crate::support::{
    REPLACE, Stage, member, namespace_key, node_keys, participant, protocol_key, root_certificate,
    sorted_namespace_keys, synchronizer, transaction,
};

fn namespace() -> Namespace {
    namespace_key(1).namespace()
}

fn node() -> Member {
    participant(namespace_key(1))
}

fn uid() -> UniqueIdentifier {
    node().uid
}

#[track_caller]
fn check(rejection: &Rejection, code: &str, category: Category, text: &str) {
    assert_eq!(rejection.code().name(), code);
    assert_eq!(rejection.code().category(), category);
    assert_eq!(&*rejection.stored_text(), text);
    assert!(!rejection.code().advice().is_empty());
    // Whoever asked for it hears the same.
    let error = TopologyError::Rejected(rejection.clone());
    assert_eq!(error.code(), rejection.code());
    assert_eq!(error.to_string(), rejection.explanation());
    assert!(error.to_string().starts_with(text));
}

#[test]
fn whoever_asked_hears_whose_signatures_are_missing() {
    let (one, other) = (namespace(), namespace_key(2).namespace());
    let key = protocol_key(3).fingerprint();
    let missing = |namespaces: &[&Namespace], keys: &[Fingerprint]| {
        let rejection = Rejection::NotFullyAuthorized {
            namespaces: namespaces.iter().map(|it| (*it).clone()).collect(),
            keys: keys.iter().copied().collect(),
        };
        assert_eq!(&*rejection.stored_text(), "Not fully authorized");
        TopologyError::Rejected(rejection).to_string()
    };
    let intro = "Not fully authorized: missing authorizations by";
    assert_eq!(missing(&[&one], &[]), format!("{intro} namespaces={one}"));
    assert_eq!(missing(&[], &[key]), format!("{intro} keys={key}"));
    let mut both = [&one, &other];
    both.sort();
    let [first, second] = both;
    assert_eq!(
        missing(&[&one, &other], &[key]),
        format!("{intro} namespaces={first}, {second} and keys={key}")
    );
}

#[test]
fn a_rejection_for_the_serial_names_both() {
    let rejection = Rejection::SerialMismatch {
        actual: 5,
        expected: 3,
    };
    let text = "The actual serial 5 does not match the expected serial 3";
    let precondition = Category::FailedPrecondition;
    check(&rejection, "TOPOLOGY_SERIAL_MISMATCH", precondition, text);
    let text = "Max serial has been reached";
    check(
        &Rejection::MaxSerialReached,
        "TOPOLOGY_MANAGER_ALARM",
        precondition,
        text,
    );
    let error = TopologyError::SerialMismatch {
        actual: 5,
        expected: 3,
    };
    let text = "The provided serial 5 did not match the expected serial 3.";
    assert_eq!(error.to_string(), text);
    assert_eq!(error.code(), rejection.code());
}

#[test]
fn a_rejection_for_missing_authorization_has_one_code() {
    let [one, two] = sorted_namespace_keys(1).map(|key| key.fingerprint());
    let denied = Category::PermissionDenied;
    let code = "TOPOLOGY_UNAUTHORIZED_TRANSACTION";
    let keys = BTreeSet::from([two, one]);
    let namespaces = BTreeSet::from([namespace()]);
    check(
        &Rejection::NotAuthorizedByNamespaceKey,
        code,
        denied,
        "Not authorized by any namespace key",
    );
    check(
        &Rejection::NotFullyAuthorized {
            namespaces,
            keys: keys.clone(),
        },
        code,
        denied,
        "Not fully authorized",
    );
    let text = format!("No delegation found for keys {one}, {two}");
    let rejection = Rejection::NoDelegationFoundForKeys { keys };
    check(&rejection, code, denied, &text);
}

#[test]
fn a_rejection_for_a_signature_names_its_key() {
    let key = namespace_key(1).fingerprint();
    let rejection = Rejection::SignatureCheckFailed {
        key,
        reason: VerifyError::InvalidSignature,
    };
    let text = format!("Signature check failed: the signature is not valid (signed by {key})");
    let code = "TOPOLOGY_INVALID_TX_SIGNATURE";
    check(&rejection, code, Category::PermissionDenied, &text);
    let expected = transaction(REPLACE, 1, root_certificate(namespace_key(1))).hash();
    let rejection = Rejection::MultiTransactionHashMismatch { expected };
    let text =
        format!("The given transaction hash set did not contain the expected hash {expected}");
    let code = "TOPOLOGY_MULTI_TRANSACTION_HASH_MISMATCH";
    check(&rejection, code, Category::FailedPrecondition, &text);
}

#[test]
fn a_rejection_for_a_namespace_names_it() {
    let namespace = namespace();
    let exists = Category::AlreadyExists;
    check(
        &Rejection::NamespaceHasBeenRevoked {
            namespace: namespace.clone(),
        },
        "TOPOLOGY_NAMESPACE_HAS_BEEN_REVOKED",
        exists,
        &format!("The namespace {namespace} has previously been revoked."),
    );
    check(
        &Rejection::NamespaceAlreadyInUse {
            namespace: namespace.clone(),
        },
        "TOPOLOGY_NAMESPACE_ALREADY_IN_USE",
        exists,
        &format!("The namespace {namespace} is already used by another entity."),
    );
}

#[test]
fn a_rejection_for_a_member_names_it_with_its_kind() {
    let member = node();
    let precondition = Category::FailedPrecondition;
    let members = BTreeSet::from([member.clone()]);
    check(
        &Rejection::InsufficientKeys {
            members: members.clone(),
        },
        "TOPOLOGY_INSUFFICIENT_KEYS",
        precondition,
        &format!(
            "Members PAR::{} are missing a valid owner to key mapping.",
            uid()
        ),
    );
    check(
        &Rejection::UnknownMembers { members },
        "TOPOLOGY_UNKNOWN_MEMBERS",
        Category::NotFound,
        &format!("Members PAR::{} are unknown.", uid()),
    );
    let rejoin = "TOPOLOGY_MEMBER_CANNOT_REJOIN_SYNCHRONIZER";
    let text = "tried to re-register its keys which they have previously removed.";
    check(
        &Rejection::MemberCannotRejoin {
            member: member.clone(),
        },
        rejoin,
        precondition,
        &format!("Member PAR::{} {text}", uid()),
    );
    check(
        &Rejection::MemberHasLeft { member },
        rejoin,
        precondition,
        &format!(
            "Member PAR::{} has left the synchronizer and cannot join it again.",
            uid()
        ),
    );
}

#[test]
fn a_rejection_for_node_keys_names_what_is_taken() {
    let root = namespace_key(1);
    let mut stage = Stage::synchronizer().with_roots(&[root]);
    let sequencer = member(MemberCode::Sequencer, "s", root);
    let outcome = stage.state(node_keys(&sequencer, &[], &[1]), &[root]);
    let Outcome::Rejected(rejection) = outcome else {
        panic!("accepted");
    };
    let code = "TOPOLOGY_INVALID_OWNER_TO_KEY_MAPPING";
    let start = format!(
        "No signing keys provided for {sequencer}, at least one is required. Supported key schemes: "
    );
    let text = rejection.stored_text();
    assert!(text.starts_with(&start), "{text}");
    check(&rejection, code, Category::InvalidRequest, &text.clone());
    let mapping = node_keys(&node(), &[protocol_key(1)], &[]);
    let outcome = stage.state(mapping, &[root, protocol_key(1)]);
    let Outcome::Rejected(rejection) = outcome else {
        panic!("accepted");
    };
    let start = format!("No encryption keys provided for {}, at least one", node());
    assert!(rejection.to_string().starts_with(&start), "{rejection}");
}

#[test]
fn a_rejection_for_a_mapping_says_what_is_wrong() {
    let invalid = Category::InvalidRequest;
    let precondition = Category::FailedPrecondition;
    check(
        &Rejection::InvalidMapping {
            reason: "why".to_owned(),
        },
        "TOPOLOGY_INVALID_MAPPING",
        invalid,
        "The topology transaction was rejected due to an invalid mapping: why",
    );
    check(
        &Rejection::RemoveMustNotChangeMapping,
        "TOPOLOGY_REMOVE_MUST_NOT_CHANGE_MAPPING",
        precondition,
        "Remove operation must not change the mapping to remove.",
    );
    check(
        &Rejection::NoCorrespondingActiveTransaction,
        "TOPOLOGY_NO_CORRESPONDING_ACTIVE_TX_TO_REVOKE",
        precondition,
        "There is no active topology transaction matching the mapping of the revocation request",
    );
    let code = MappingCode::SynchronizerParametersState;
    check(
        &Rejection::CannotRemoveMapping { code },
        "TOPOLOGY_CANNOT_REMOVE_MAPPING",
        invalid,
        &format!("Removal of {code} is not supported. Use Replace instead."),
    );
    check(
        &Rejection::InvalidSynchronizer {
            found: uid(),
            expected: synchronizer(),
        },
        "TOPOLOGY_INVALID_SYNCHRONIZER",
        invalid,
        &format!(
            "Invalid synchronizer {}, expected {}",
            uid(),
            synchronizer()
        ),
    );
    let by = MappingCode::SynchronizerTrustCertificate;
    let member = node();
    check(
        &Rejection::InvalidRemovalOfOwnerToKeyMapping { member, by },
        "TOPOLOGY_INVALID_REMOVAL_OF_OWNER_TO_KEY_MAPPING",
        invalid,
        &format!(
            "The owner to key mapping of PAR::{} cannot be removed as it is referenced by {by}",
            uid()
        ),
    );
    check(
        &Rejection::Frozen {
            successor: "next".to_owned(),
        },
        "TOPOLOGY_LSU_TOPOLOGY_FREEZE",
        precondition,
        "The topology is frozen by the announced upgrade to next",
    );
}

#[test]
fn a_rejection_for_a_name_that_is_taken_says_by_whom() {
    let party = uid();
    check(
        &Rejection::PartyIdConflictWithAdminParty {
            party: party.clone(),
        },
        "TOPOLOGY_PARTY_ID_CONFLICT_WITH_ADMIN_PARTY",
        Category::AlreadyExists,
        &format!("Party {party} is the own party of the participant with the same name."),
    );
    check(
        &Rejection::ParticipantIdConflictWithParty {
            party: party.clone(),
        },
        "TOPOLOGY_PARTICIPANT_ID_CONFLICT_WITH_PARTY",
        Category::AlreadyExists,
        &format!("Party {party} has the name of the participant that joins."),
    );
}

#[test]
fn the_stored_text_of_a_rejection_has_at_most_300_characters() {
    let long = "ä".repeat(400);
    let rejection = Rejection::InvalidMapping { reason: long };
    let stored = rejection.stored_text();
    assert_eq!(stored.chars().count(), 300);
    assert!(rejection.to_string().starts_with(&*stored));
    // Many keys are cut too.
    let keys = (1..=20).map(|number| namespace_key(number).fingerprint());
    let rejection = Rejection::NoDelegationFoundForKeys {
        keys: keys.collect(),
    };
    assert_eq!(rejection.stored_text().chars().count(), 300);
}

#[test]
fn errors_of_a_manager_have_the_codes_of_canton() {
    let key = namespace_key(1).fingerprint();
    let hash = transaction(REPLACE, 1, root_certificate(namespace_key(1))).hash();
    let store = StoreId::Authorized;
    let cases = [
        (
            TopologyError::MappingAlreadyExists,
            "TOPOLOGY_MAPPING_ALREADY_EXISTS",
            Category::AlreadyExists,
            "A matching topology mapping authorized with the same keys already exists in this state"
                .to_owned(),
        ),
        (
            TopologyError::SecretKeyNotInStore { key },
            "TOPOLOGY_SECRET_KEY_NOT_IN_STORE",
            Category::FailedPrecondition,
            format!("Secret key with given fingerprint {key} could not be found"),
        ),
        (
            TopologyError::TransactionNotFound { hash },
            "TOPOLOGY_TRANSACTION_NOT_FOUND",
            Category::NotFound,
            format!(
                "Topology transaction with hash {hash} does not exist or is not active or is not an active proposal"
            ),
        ),
        (
            TopologyError::TooManyTransactionsWithHash { hash, found: 2 },
            "TOPOLOGY_TOO_MANY_TRANSACTION_WITH_HASH",
            Category::FailedPrecondition,
            format!("found 2 topology transactions with hash {hash}"),
        ),
        (
            TopologyError::StoreNotFound {
                store: store.clone(),
            },
            "TOPOLOGY_STORE_NOT_FOUND",
            Category::NotFound,
            "Topology store 'authorized' is not known.".to_owned(),
        ),
        (
            TopologyError::StoreAlreadyExists { store },
            "TOPOLOGY_TEMPORARY_STORE_ALREADY_EXISTS",
            Category::AlreadyExists,
            "Cannot create topology store with id authorized, because it already exists."
                .to_owned(),
        ),
        (
            TopologyError::SigningThresholdCannotBeReached {
                threshold: 3,
                keys: 2,
            },
            "TOPOLOGY_SIGNING_THRESHOLD_CANNOT_BE_REACHED",
            Category::AlreadyExists,
            "Tried to set a signing threshold (3) above the number of signing keys (2).".to_owned(),
        ),
        (
            TopologyError::ConfirmingThresholdCannotBeReached {
                threshold: 3,
                nodes: 2,
            },
            "TOPOLOGY_CONFIRMING_THRESHOLD_CANNOT_BE_REACHED",
            Category::AlreadyExists,
            "Tried to set a confirming threshold (3) above the number of hosting nodes (2)."
                .to_owned(),
        ),
        (
            TopologyError::NoAppropriateSigningKey {
                namespaces: [namespace()].into(),
                keys: [].into(),
                unusable: [key].into(),
            },
            "TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE",
            Category::NotFound,
            format!(
                "Could not find an appropriate signing key to issue the topology transaction (required: {}; unusable: {key})",
                namespace()
            ),
        ),
        (
            TopologyError::MaxSerialReached,
            "TOPOLOGY_MANAGER_ALARM",
            Category::FailedPrecondition,
            "Max serial has been reached".to_owned(),
        ),
        (
            "nonsense".parse::<ForceFlag>().unwrap_err(),
            "TOPOLOGY_FORCE_FLAG_UNKNOWN",
            Category::InvalidRequest,
            "\"nonsense\" is no force flag".to_owned(),
        ),
    ];
    for (error, code, category, text) in cases {
        assert_eq!(error.code().name(), code);
        assert_eq!(error.code().category(), category, "{code}");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn every_code_has_one_name_and_one_meaning() {
    let mut seen = BTreeMap::new();
    for code in [Rejection::CODES, TopologyError::CODES].concat() {
        assert!(code.name().starts_with("TOPOLOGY_"), "{}", code.name());
        assert_eq!(seen.insert(code.name(), code), None, "{}", code.name());
    }
}
