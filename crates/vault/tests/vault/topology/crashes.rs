//! The process dies while it makes an identity, or while it rotates keys.

use std::{path::Path, sync::Arc};

use strongroom_crypto::Fingerprint;
use strongroom_store::{Store, StoreError};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::{CrashPlan, HookedStore, StoreCall, StoreHook};
use strongroom_vault::{Rotate, Vault, VaultError};

use super::{PATIENT, announced_keys, node, serial, with_intermediate_key};
use crate::{
    crashes::{
        doomed::{Doomed, act_and_die, survives},
        mined_house_of,
    },
    house::{House, Picture, all_keys, caller},
};

/// Keys that a process makes are not those of another one: each has a seed of its own.
const SEED: i64 = 77_000;

/// Points before and after each commit: what lies between two commits is rolled back as one.
#[derive(Debug)]
struct Commits(Arc<CrashPlan>);

impl StoreHook for Commits {
    fn before(&self, call: StoreCall) -> Result<(), StoreError> {
        if call == StoreCall::Commit {
            self.0.point();
        }
        Ok(())
    }

    fn after(&self, call: StoreCall) -> Result<(), StoreError> {
        self.before(call)
    }
}

async fn open(house: &House, plan: &Arc<CrashPlan>) -> Vault {
    let store = SqliteStore::open(&house.vault_folder()).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(HookedStore::around(
        Arc::new(store),
        Arc::new(Commits(Arc::clone(plan))),
    ));
    let environment = house.environment(store);
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

async fn act(name: &str, vault: &Vault) -> Result<(), VaultError> {
    if name == "initialize" {
        vault
            .initialize(&caller(), &with_intermediate_key())
            .await?;
        return Ok(());
    }
    if vault.rotations().is_empty() {
        vault.begin_rotation(&caller(), Rotate::all()).await?;
    }
    while vault.advance_rotation(&caller(), &PATIENT).await?.is_some() {}
    Ok(())
}

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn crash_helper() {
    act_and_die(async |doomed: Doomed<usize>| {
        let plan = CrashPlan::at(doomed.point);
        let seed = SEED + i64::try_from(doomed.point).unwrap();
        let house = mined_house_of(seed, &doomed.root, &plan);
        let vault = open(&house, &plan).await;
        act(&doomed.told::<String>("act"), &vault).await.unwrap();
    });
}

/// Whether a process that does `act` lives to its end, when it is to die at `point`.
fn lives(act: &str, root: &Path, point: usize) -> bool {
    let helper = "topology::crashes::crash_helper";
    survives(helper, root, point, &[("act", act)])
}

fn names(vault: &Vault) -> Vec<String> {
    let mut names: Vec<_> = all_keys(vault)
        .iter()
        .map(|key| key.name.as_ref().unwrap().as_str().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_identity_whose_making_died_is_finished_and_no_key_is_made_twice() {
    let stage = House::new();
    stage.create().await.close().await.unwrap();
    for point in 1.. {
        let house = stage.copy_with_key_file();
        let survived = lives("initialize", house.root(), point);
        let vault = house.open().await;
        let keys = vault
            .initialize(&caller(), &with_intermediate_key())
            .await
            .unwrap();
        assert_eq!(
            names(&vault),
            [
                "alice-encryption",
                "alice-intermediate-namespace",
                "alice-namespace",
                "alice-sequencer-auth",
                "alice-signing"
            ],
            "point {point}"
        );
        assert_eq!(serial(&vault).await, 1, "point {point}");
        assert_ne!(Some(keys.namespace_signer), keys.root, "point {point}");
        Picture::of(&vault).await;
        if survived {
            // Nine units of work, each with two writes of the anchor in six steps and a commit.
            assert!(point > 9 * 14, "{point} points only");
            break;
        }
    }
}

#[tokio::test]
async fn a_rotation_that_died_goes_on_and_every_old_key_is_retired() {
    let stage = House::new();
    let (vault, _) = node(&stage).await;
    let before: Vec<Fingerprint> = announced_keys(&vault).await;
    let history = vault
        .encrypt(&vault.current_encryption_key().await.unwrap(), b"history")
        .unwrap();
    vault.close().await.unwrap();
    // Every third point: between two of them lie only steps of one file.
    for point in (1..).step_by(3) {
        let house = stage.copy_with_key_file();
        let survived = lives("rotate", house.root(), point);
        let vault = house.open().await;
        if survived {
            assert!(vault.rotations().is_empty());
        } else {
            act("rotate", &vault).await.unwrap();
        }
        let after = announced_keys(&vault).await;
        assert_eq!(after.len(), 3, "point {point}");
        assert!(before.iter().all(|key| !after.contains(key)));
        let serial = serial(&vault).await;
        // One that died in its last moment was over, and another one followed.
        assert!(serial == 7 || serial == 13, "point {point}: {serial}");
        let opened = vault.decrypt(&history).await.unwrap();
        assert_eq!(opened.expose(), b"history");
        for key in &before {
            if vault.key(key).unwrap().usages().is_some() {
                let refused = vault
                    .sign(key, b"message", vault.key(key).unwrap().usages().unwrap())
                    .await;
                assert_eq!(crate::house::code(refused), "KEY_RETIRED");
            }
        }
        if survived {
            assert!(point > 9 * 14, "{point} points only");
            break;
        }
    }
}
