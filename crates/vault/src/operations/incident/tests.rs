//! Plans over what is known: which steps, and in which order.

use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, KeySpec, KeyUsage, KeyUsages, SigningKeySpec, Timestamp,
};
use strongroom_store::{BackupId, Custody, DataKeyId, KeyState, Sealing};

use super::{
    Act, AffectedBackup, AffectedKey, AffectedPrivateKey, AffectedRoot, AffectedWrap,
    AffectedWrapperKey, Condition, Export, KeyRole, Loss, SealedUnder, Step,
};

const START: Timestamp = Timestamp::from_micros(0);

fn fingerprint(number: u8) -> Fingerprint {
    let hash = format!("{number:02x}").repeat(32);
    format!("1220{hash}").parse().unwrap()
}

fn backup() -> AffectedBackup {
    AffectedBackup {
        id: BackupId::from_bytes([7; 16]),
        created_at: START,
        verified_at: None,
    }
}

/// A sealed, active protocol key.
fn key(role: KeyRole) -> AffectedKey {
    AffectedKey {
        fingerprint: fingerprint(1),
        name: None,
        spec: KeySpec::Signing(SigningKeySpec::EcCurve25519),
        usages: Some(KeyUsages::only(KeyUsage::Protocol)),
        role,
        announced: Vec::new(),
        since: START,
        private: Some(AffectedPrivateKey {
            custody: Custody::Envelope,
            sealing: Sealing::DataKey,
            state: KeyState::Active,
            exposed: false,
            kms: None,
            wrapper_key_id: Some("w".to_owned()),
        }),
        backups: Vec::new(),
        exports: Vec::new(),
        rotating: false,
        root_is_here: true,
        quarantined: false,
    }
}

fn acts(steps: &[Step]) -> Vec<&Act> {
    steps.iter().map(|step| &step.act).collect()
}

/// The places of these acts, each of which must be there.
fn places(steps: &[Step], wanted: &[Act]) -> Vec<usize> {
    let place = |act: &Act| steps.iter().position(|step| step.act == *act);
    let places = wanted.iter().map(|act| {
        let found = place(act);
        found.unwrap_or_else(|| panic!("{act:?} is not in {steps:?}"))
    });
    places.collect()
}

fn in_this_order(steps: &[Step], wanted: &[Act]) {
    assert!(places(steps, wanted).is_sorted(), "{steps:?}");
}

#[test]
fn a_new_key_is_backed_up_before_it_is_announced_and_the_old_one_goes_last() {
    let key = key(KeyRole::Node);
    in_this_order(
        &key.steps(),
        &[
            Act::ReadAudit,
            Act::LookAtWrapperKey,
            Act::BeginRotation(Some(key.fingerprint)),
            Act::BackUp,
            Act::FinishRotation,
            Act::ReviewUse(key.fingerprint),
        ],
    );
    assert_eq!(key.losses(), [Loss::SignaturesStay]);
}

#[test]
fn a_rotation_under_way_is_finished_and_not_begun_again() {
    let mut key = key(KeyRole::Node);
    key.rotating = true;
    let steps = key.steps();
    in_this_order(&steps, &[Act::BackUp, Act::FinishRotation]);
    assert!(!acts(&steps).contains(&&Act::BeginRotation(Some(key.fingerprint))));
}

#[test]
fn a_delegate_is_replaced_before_it_is_revoked() {
    for root_is_here in [true, false] {
        let mut delegate = key(KeyRole::Delegate);
        delegate.root_is_here = root_is_here;
        let key = delegate.fingerprint;
        in_this_order(
            &delegate.steps(),
            &[
                Act::ReplaceDelegate { root_is_here },
                Act::BackUp,
                Act::Revoke { key, root_is_here },
                Act::Retire(key),
            ],
        );
        assert!(delegate.losses().contains(&Loss::RevokedForEver));
    }
}

#[test]
fn a_root_key_has_no_rotation() {
    let steps = key(KeyRole::Root).steps();
    assert_eq!(acts(&steps).last(), Some(&&Act::LookAtRoot));
    assert!(!acts(&steps).contains(&&Act::BackUp));
}

#[test]
fn a_key_that_nobody_knows_of_is_retired_unless_it_is() {
    let mut key = key(KeyRole::Unannounced);
    let retire = Act::Retire(key.fingerprint);
    assert!(acts(&key.steps()).contains(&&retire));
    key.private.as_mut().unwrap().state = KeyState::Retired;
    assert!(!acts(&key.steps()).contains(&&retire));
    key.private = None;
    assert_eq!(acts(&key.steps()), [&Act::ReadAudit, &Act::GoWhereTheKeyIs]);
}

#[test]
fn what_was_readable_is_sealed_first_and_never_counts_as_safe() {
    let mut key = key(KeyRole::Node);
    let half = key.private.as_mut().unwrap();
    (half.custody, half.sealing) = (Custody::Clear, Sealing::None);
    (half.exposed, half.wrapper_key_id) = (true, None);
    key.exports = vec![Export {
        at: START,
        caller: "somebody".to_owned(),
    }];
    key.backups = vec![backup()];
    let steps = key.steps();
    let destroyed = Act::DestroyBackups(vec![backup().id]);
    in_this_order(
        &steps,
        &[Act::SealClearKeys, Act::FinishRotation, destroyed],
    );
    assert!(!acts(&steps).contains(&&Act::LookAtWrapperKey));
    for loss in [Loss::WasReadable, Loss::WasExported, Loss::InBackups] {
        assert!(key.losses().contains(&loss));
    }
}

#[test]
fn a_decryption_key_in_a_kms_is_destroyed_only_when_nothing_is_to_be_read_with_it() {
    let mut key = key(KeyRole::Node);
    key.spec = KeySpec::Encryption(EncryptionKeySpec::EcP256);
    key.usages = None;
    let half = key.private.as_mut().unwrap();
    (half.custody, half.sealing) = (Custody::External, Sealing::None);
    (half.kms, half.wrapper_key_id) = (Some("hsm".to_owned()), None);
    let steps = key.steps();
    let (key_id, kms) = (key.fingerprint, "hsm".to_owned());
    let destroyed = Act::DestroyInKms { key: key_id, kms };
    in_this_order(
        &steps,
        &[
            Act::SecureKms("hsm".to_owned()),
            Act::FinishRotation,
            destroyed.clone(),
        ],
    );
    let last = steps.iter().find(|step| step.act == destroyed).unwrap();
    assert_eq!(last.only_if, Some(Condition::NothingOldToRead));
    assert_eq!(key.losses(), [Loss::HistoryReadable]);
}

#[test]
fn nothing_is_signed_in_quarantine() {
    let mut key = key(KeyRole::Node);
    key.quarantined = true;
    let begins = Act::BeginRotation(Some(key.fingerprint));
    in_this_order(&key.steps(), &[Act::LeaveQuarantine, begins]);
}

fn sealed(number: u8, role: KeyRole, state: KeyState) -> SealedUnder {
    SealedUnder {
        fingerprint: fingerprint(number),
        name: None,
        role,
        state,
        direct: false,
        copy: false,
    }
}

fn wrapper_key() -> AffectedWrapperKey {
    AffectedWrapperKey {
        kms: "cloud".to_owned(),
        wrapper_key_id: "w".to_owned(),
        offline: false,
        wraps: vec![AffectedWrap {
            data_key: DataKeyId::from_bytes([1; 16]),
            created_at: START,
            in_use: true,
        }],
        others: Vec::new(),
        sealed: vec![
            sealed(1, KeyRole::Root, KeyState::Active),
            sealed(2, KeyRole::Node, KeyState::Active),
            sealed(3, KeyRole::Party, KeyState::Active),
            sealed(4, KeyRole::Unannounced, KeyState::Retired),
        ],
        clear_keys: 0,
        held_keys: 0,
        backups: vec![backup()],
        rotation_under_way: false,
        has_node: true,
        quarantined: false,
    }
}

fn rotate(kms: &str, id: &str) -> Act {
    Act::RotateWrapperKey {
        kms: kms.to_owned(),
        wrapper_key_id: id.to_owned(),
    }
}

fn disable() -> Act {
    Act::DisableWrapperKey {
        kms: "cloud".to_owned(),
        wrapper_key_id: "w".to_owned(),
    }
}

#[test]
fn a_wrapper_key_is_disabled_only_when_nothing_needs_it_any_more() {
    let steps = wrapper_key().steps();
    in_this_order(
        &steps,
        &[
            Act::ReadAudit,
            Act::SecureKms("cloud".to_owned()),
            Act::CheckWraps,
            rotate("cloud", "w"),
            Act::BackUp,
            Act::BeginRotation(None),
            Act::FinishRotation,
            Act::LookAtKeys(vec![fingerprint(3)]),
            Act::LookAtRoot,
            Act::DestroyBackups(vec![backup().id]),
            Act::PruneDataKeys,
            disable(),
        ],
    );
    let conditional = steps.iter().filter(|step| step.only_if.is_some());
    let conditional: Vec<_> = conditional.map(|step| step.only_if).collect();
    assert_eq!(conditional, [Some(Condition::DatabaseTaken); 5]);
    assert!(wrapper_key().losses().contains(&Loss::RootForEver));
}

#[test]
fn a_recovery_key_is_replaced_before_the_rotation_that_would_wrap_for_it_again() {
    let mut recovery = wrapper_key();
    recovery.offline = true;
    recovery.others = vec![("local".to_owned(), "l".to_owned())];
    let steps = recovery.steps();
    let replaced = Act::ReplaceRecoveryKey {
        kms: "cloud".to_owned(),
        wrapper_key_id: "w".to_owned(),
    };
    in_this_order(&steps, &[replaced, rotate("local", "l"), Act::BackUp]);
    assert!(
        !acts(&steps).contains(&&disable()),
        "nobody has it in a KMS"
    );
}

#[test]
fn a_wrapper_key_that_only_opens_backups_is_not_rotated_again() {
    let mut former = wrapper_key();
    former.wraps.iter_mut().for_each(|wrap| wrap.in_use = false);
    former.sealed.clear();
    assert_eq!(
        acts(&former.steps()),
        [
            &Act::ReadAudit,
            &Act::SecureKms("cloud".to_owned()),
            &Act::DestroyBackups(vec![backup().id]),
            &Act::PruneDataKeys,
            &disable(),
        ]
    );
}

#[test]
fn a_rotation_under_way_goes_on_before_another_begins() {
    let mut rotating = wrapper_key();
    rotating.rotation_under_way = true;
    in_this_order(
        &rotating.steps(),
        &[Act::ResumeWrapperKeyRotation, rotate("cloud", "w")],
    );
}

#[test]
fn a_namespace_is_burnt_only_when_there_is_another() {
    let root = fingerprint(1);
    let affected = AffectedRoot {
        namespace: root.into(),
        root,
        member: "PAR::alice".to_owned(),
        key: Some(Box::new(AffectedKey {
            exports: vec![Export {
                at: START,
                caller: "somebody".to_owned(),
            }],
            ..key(KeyRole::Root)
        })),
        delegates: Vec::new(),
        node_keys: Vec::new(),
        parties: vec!["bob".to_owned()],
        synchronizers: Vec::new(),
        root_is_here: true,
        certified: true,
        quarantined: false,
    };
    let root_is_here = true;
    in_this_order(
        &affected.steps(),
        &[
            Act::TellOthers,
            Act::NewNamespace,
            Act::BackUp,
            Act::MoveParties(vec!["bob".to_owned()]),
            Act::BurnNamespace { root, root_is_here },
        ],
    );
    for loss in [
        Loss::RootForEver,
        Loss::PartiesBound,
        Loss::BurntForEver,
        Loss::WasExported,
    ] {
        assert!(affected.losses().contains(&loss), "{loss:?}");
    }
    let burnt = AffectedRoot {
        certified: false,
        ..affected
    };
    let burns = |act: &&Act| matches!(act, Act::BurnNamespace { .. });
    assert!(!acts(&burnt.steps()).iter().any(burns), "burnt already");
}
