//! A process that rotates keys of the node, to wherever, dies before and after every commit and every call of the KMS, at one of so many
//! steps of the files on the disk, which repeat, and again while it goes on; and the KMS fails at every call.

use std::sync::Arc;

use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, SigningKeySpec};
use strongroom_kms::{ExternalKeyRequest, KmsKeyId, KmsProvider as _};
use strongroom_kms_local::LocalKms;
use strongroom_store::Custody;
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{Place, Rotate, Successor, Vault, VaultError};

use super::{PATIENT, announced_keys, finish_rotations, node, protocol_key};
use crate::{
    crashes::{
        doomed::{Doomed, act_and_die, survives},
        mined_house_of, open_mined,
        points::Point,
    },
    faults::kms::open_with,
    house::{House, KMS_NAME, caller, check_signs, code},
    migrating::check_kms,
    rotating::tell,
};

const IN_KMS: Place = Place::External { kms: None };

/// Where the new keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Every key, to a sealed one.
    Sealed,
    /// A sealed key, to one that the KMS makes.
    IntoKms,
    /// A sealed key, to one that somebody made in the KMS beforehand.
    ToRegistered,
    /// A key in the KMS, to a sealed one.
    OutOfKms,
}

impl Way {
    const ALL: [Self; 4] = [
        Self::Sealed,
        Self::IntoKms,
        Self::ToRegistered,
        Self::OutOfKms,
    ];

    const fn custody(self) -> Custody {
        match self {
            Self::IntoKms | Self::ToRegistered => Custody::External,
            Self::Sealed | Self::OutOfKms => Custody::Envelope,
        }
    }

    fn request(self, old: Fingerprint, made: &KmsKeyId) -> Rotate {
        let to = |place| Successor::Generated {
            name: None,
            place: Some(place),
        };
        let successor = match self {
            Self::Sealed => return Rotate::all(),
            Self::IntoKms => to(IN_KMS),
            Self::OutOfKms => to(Place::Envelope),
            Self::ToRegistered => Successor::Registered {
                kms: Some(KMS_NAME.to_owned()),
                key: made.clone(),
                name: None,
            },
        };
        Rotate::One { old, successor }
    }

    /// Does it, or goes on with it.
    async fn run(self, vault: &Vault, old: Fingerprint, made: &KmsKeyId) -> Result<(), VaultError> {
        if vault.rotations().is_empty() && announced_keys(vault).await.contains(&old) {
            let request = self.request(old, made);
            vault.begin_rotation(&caller(), request).await?;
        }
        while vault.advance_rotation(&caller(), &PATIENT).await?.is_some() {}
        Ok(())
    }
}

/// A closed vault of a node, one of whose keys is to be rotated.
struct Estate {
    house: House,
    way: Way,
    old: Fingerprint,
    made: KmsKeyId,
    announced: usize,
    history: AsymmetricEncrypted,
}

impl Estate {
    async fn new(way: Way) -> Self {
        let house = House::new();
        let (vault, _) = node(&house).await;
        let old = protocol_key(&vault).await;
        let keys = house.metered.external_keys().unwrap();
        let request = ExternalKeyRequest::default();
        let made = keys.generate_signing_key(SigningKeySpec::EcP256, &request);
        let made = made.await.unwrap();
        if way == Way::OutOfKms {
            let into = Way::ToRegistered.request(old, &made);
            vault.begin_rotation(&caller(), into).await.unwrap();
            finish_rotations(&vault).await;
        } else if way != Way::ToRegistered {
            keys.delete_key(&made).await.unwrap();
        }
        let old = protocol_key(&vault).await;
        let announced = announced_keys(&vault).await.len();
        let encryption = vault.current_encryption_key().await.unwrap();
        let history = vault.encrypt(&encryption, b"history").unwrap();
        vault.close().await.unwrap();
        Self {
            house,
            way,
            old,
            made,
            announced,
            history,
        }
    }

    /// What a crash at this moment would leave, with a KMS of its own.
    fn copy(&self) -> House {
        self.house.copy_with_key_file().with_key_file_again()
    }

    /// Whether a process that rotates, or goes on, lives to the end.
    fn lives(&self, house: &House, point: Point, number: usize) -> bool {
        let (way, old, number) = (
            format!("{:?}", self.way),
            self.old.to_string(),
            number.to_string(),
        );
        let told = [
            ("way", way.as_str()),
            ("old", &old),
            ("key", self.made.as_str()),
            ("number", &number),
        ];
        let helper = "topology::rotation_crashes::node_rotation_crash_helper";
        survives(helper, house.root(), point, &told)
    }

    async fn run(&self, vault: &Vault) -> Result<(), VaultError> {
        self.way.run(vault, self.old, &self.made).await
    }

    /// It is done: every announced key does its work, the old one signs no more, and the KMS has no key that nobody knows of.
    async fn check_done(&self, vault: Vault, house: &House, when: &str) {
        assert!(vault.rotations().is_empty(), "{when}");
        let announced = announced_keys(&vault).await;
        assert_eq!(announced.len(), self.announced, "{when}");
        assert!(!announced.contains(&self.old), "{when}");
        for key in &announced {
            let Some(usages) = vault.key(key).unwrap().usages() else {
                let encrypted = vault.encrypt(key, b"news").unwrap();
                let news = vault.decrypt(&encrypted).await.unwrap();
                assert_eq!(news.expose(), b"news", "{when}");
                continue;
            };
            let signature = vault.sign(key, b"message", usages).await.unwrap();
            vault.verify(b"message", &signature, usages).unwrap();
        }
        let usages = vault.key(&self.old).unwrap().usages().unwrap();
        let refused = vault.sign(&self.old, b"message", usages).await;
        assert_eq!(code(refused), "KEY_RETIRED", "{when}");
        let history = vault.decrypt(&self.history).await.unwrap();
        assert_eq!(history.expose(), b"history", "{when}");
        let new = protocol_key(&vault).await;
        let half = vault.key(&new).unwrap().private.clone().unwrap();
        assert_eq!(half.custody, self.way.custody(), "{when}");
        check_kms(&vault, house, when).await;
        vault.close().await.unwrap();
        check_signs(&house.open().await, &new).await;
    }

    /// Kills it at each of these points, of which there are more than `least`, and what goes on at one of the first of them.
    async fn sweep(&self, points: impl Iterator<Item = Point>, least: usize) {
        let (way, mut kills, mut again) = (self.way, 0, 0);
        for point in points {
            let when = format!("{way:?}, point {point}");
            let mut house = self.copy();
            let survived = self.lives(&house, point, 2_000 + point.number);
            if !survived {
                kills += 1;
                let second = point.again(least);
                again += usize::from(!self.lives(&house, second, 4_000 + point.number));
            }
            house = house.with_key_file_again();
            let vault = house.open().await;
            assert!(!survived || vault.rotations().is_empty(), "{when}");
            self.run(&vault).await.unwrap();
            self.check_done(vault, &house, &when).await;
            if survived {
                assert!(point.number > least, "{way:?} has {point} points only");
                tell!(
                    "{way:?}: killed at {kills} points before {point}, and again at {again} while going on"
                );
                return;
            }
        }
    }
}

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn node_rotation_crash_helper() {
    act_and_die(async |doomed: Doomed<Point>| {
        let mines = doomed.point.mines();
        let named: String = doomed.told("way");
        let mut ways = Way::ALL.into_iter();
        let way = ways.find(|way| format!("{way:?}") == named).unwrap();
        let made = KmsKeyId::try_new(doomed.told::<String>("key")).unwrap();
        // Each process makes keys of its own.
        let house = mined_house_of(doomed.told("number"), &doomed.root, &mines.files);
        let vault = open_mined(&house, &mines).await;
        way.run(&vault, doomed.told("old"), &made).await.unwrap();
    });
}

#[tokio::test]
async fn a_rotation_to_wherever_that_is_killed_anywhere_and_again_goes_on_and_every_key_works() {
    for way in Way::ALL {
        let estate = Estate::new(way).await;
        estate.sweep(Point::calls(), 10).await;
        estate.sweep(Point::files(5), 40).await;
    }
}

#[tokio::test]
async fn a_kms_that_fails_at_any_call_stops_a_rotation_which_then_goes_on() {
    let faults = [
        Fault::AnswerLost,
        Fault::Denied,
        Fault::Throttled,
        Fault::Unavailable,
    ];
    let mut struck = 0;
    for way in [Way::IntoKms, Way::ToRegistered, Way::OutOfKms] {
        let estate = Estate::new(way).await;
        for fault in faults {
            for number in 1.. {
                let when = format!("{way:?}: {fault:?} at call {number}");
                let house = estate.copy();
                let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
                let vault = open_with(&house, &kms).await;
                let before = kms.calls();
                kms.fail_at(number, fault);
                let outcome = estate.run(&vault).await;
                let has_struck = kms.calls() - before >= number;
                kms.heal();
                if !has_struck {
                    outcome.unwrap();
                    estate.check_done(vault, &house, &when).await;
                    break;
                }
                struck += 1;
                assert!(outcome.is_err(), "{when}");
                estate.run(&vault).await.unwrap();
                estate.check_done(vault, &house, &when).await;
            }
        }
    }
    tell!("the KMS failed at {struck} calls");
    assert!(struck >= 3 * faults.len(), "{struck}");
}
