//! The process dies at every step that leaves something behind.

#[path = "crashes/doomed.rs"]
pub(crate) mod doomed;
#[path = "crashes/points.rs"]
pub(crate) mod points;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use strongroom_files::OsFiles;
use strongroom_kms::{Guarded, KmsProvider as _};
use strongroom_kms_local::LocalKms;
use strongroom_store::{Sealing, Store, StoreError};
use strongroom_test_support::store::{CrashPlan, CrashingStore, HookedStore, StoreCall, StoreHook};
use strongroom_vault::{Environment, NamedKms, NamedWrapper, Vault};

use self::{
    doomed::{Doomed, act_and_die, survives},
    points::{Mines, Point},
};
use crate::{
    acts::{Act, Keys, Stage},
    house::{House, KMS_NAME, Picture, check_signs, signing_key},
    rotating::{crashes::MinedCalls, tell},
};

/// Keys that the dying process makes are not those of the stage.
const SEED: i64 = 4242;

/// Points before and after each call that writes.
#[derive(Debug)]
struct WritingCalls(Arc<CrashPlan>);

impl WritingCalls {
    fn pass(&self, call: StoreCall) {
        use StoreCall::{
            AppendAudit, Begin, Commit, DeleteApproval, DeleteBackup, DeletePrivateKey,
            DeletePublicKey, DeleteWrap, InsertDataKey, InsertIdentity, InsertKeys,
            InsertPrivateKey, InsertPublicKey, InsertTopology, InsertVault, InsertWrap, MarkMoved,
            PutBackup, Scrub, UpdatePrivateKeys, UpdateVault,
        };
        if matches!(
            call,
            AppendAudit
                | Begin
                | Commit
                | DeleteApproval
                | DeleteBackup
                | DeletePrivateKey
                | DeletePublicKey
                | DeleteWrap
                | InsertDataKey
                | InsertIdentity
                | InsertKeys
                | InsertPrivateKey
                | InsertPublicKey
                | InsertTopology
                | InsertVault
                | InsertWrap
                | MarkMoved
                | PutBackup
                | Scrub
                | UpdatePrivateKeys
                | UpdateVault
        ) {
            self.0.point();
        }
    }
}

impl StoreHook for WritingCalls {
    fn before(&self, call: StoreCall) -> Result<(), StoreError> {
        self.pass(call);
        Ok(())
    }

    fn after(&self, call: StoreCall) -> Result<(), StoreError> {
        self.pass(call);
        Ok(())
    }
}

/// The house in `root`, whose every step on the disk is a point of `plan`.
pub(crate) fn mined_house(root: &Path, plan: &Arc<CrashPlan>) -> House {
    mined_house_of(SEED, root, plan)
}

/// The same in a process whose keys are not those of processes with other numbers.
pub(crate) fn mined_house_of(number: i64, root: &Path, plan: &Arc<CrashPlan>) -> House {
    let on_step = Arc::clone(plan);
    let files = OsFiles::new().with_observer(Arc::new(move |_step, _path| on_step.point()));
    House::at(root, &Arc::new(files), number)
}

pub(crate) fn mined_store(store: Arc<dyn Store>, plan: &Arc<CrashPlan>) -> Arc<dyn Store> {
    let hook = WritingCalls(Arc::clone(plan));
    Arc::new(HookedStore::around(store, Arc::new(hook)))
}

/// The same with the mines of a point.
pub(crate) fn store_with(mines: &Mines, store: Arc<dyn Store>) -> Arc<dyn Store> {
    if mines.writes_count {
        mined_store(store, &mines.calls)
    } else {
        Arc::new(CrashingStore::new(store, Arc::clone(&mines.calls)))
    }
}

/// What is around the vault in `house`, where each call of the KMS, for whatever, is a point of `plan` as well.
pub(crate) fn mined_environment(
    house: &House,
    store: Arc<dyn Store>,
    plan: &Arc<CrashPlan>,
) -> Environment {
    let mined = MinedCalls(Arc::clone(plan));
    let kms = Guarded::around(Arc::<LocalKms>::clone(&house.kms), mined);
    Environment {
        wrappers: vec![NamedWrapper {
            name: KMS_NAME.to_owned(),
            wrapper: kms.key_wrapper().unwrap(),
        }],
        kms: vec![NamedKms {
            name: KMS_NAME.to_owned(),
            provider: Arc::new(kms),
        }],
        ..house.environment(store)
    }
}

/// Opens the vault in `house`, where each call of the KMS and of the store that lasts is a point.
pub(crate) async fn open_mined(house: &House, mines: &Mines) -> Vault {
    let store = house.store().await.unwrap();
    let store: Arc<dyn Store> = Arc::new(CrashingStore::new(store, Arc::clone(&mines.calls)));
    let environment = mined_environment(house, store, &mines.calls);
    let opened = Vault::open(environment, house.settings.clone()).await;
    opened.unwrap()
}

/// What the dying process does.
async fn act(act: &str, root: &Path, keys: &str, mines: &Mines) {
    let house = mined_house(root, &mines.files);
    if act == "Create" {
        let store = store_with(mines, house.new_store().await);
        house.try_create(store).await.unwrap();
        return;
    }
    let act = Act::ALL
        .into_iter()
        .find(|known| format!("{known:?}") == act)
        .unwrap();
    let store = store_with(mines, house.store().await.unwrap());
    let environment = mined_environment(&house, store, &mines.calls);
    let vault = Vault::open(environment, house.settings.clone()).await;
    act.run(&vault.unwrap(), &Keys::parse(keys)).await.unwrap();
}

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn crash_helper() {
    act_and_die(async |doomed: Doomed<Point>| {
        let keys: String = doomed.told("keys");
        let mines = doomed.point.mines();
        act(&doomed.told::<String>("act"), &doomed.root, &keys, &mines).await;
    });
}

/// Whether a process that does `act` lives to its end, when it is to die at `point`.
fn lives(act: &str, root: &Path, keys: &str, point: Point) -> bool {
    let told = [("act", act), ("keys", keys)];
    survives("crashes::crash_helper", root, point, &told)
}

/// Kills `act` at each of its points. Afterwards the vault is what it was, or what the act makes of it.
async fn check_crashes_of(act: Act, least_points: usize) {
    let stage = Stage::new(Sealing::DataKey).await;
    sweep(&stage, act, Point::all(), least_points).await;
}

async fn sweep(stage: &Stage, act: Act, points: impl Iterator<Item = Point>, least_points: usize) {
    let keys = stage.keys.to_text();
    let before = {
        let vault = stage.house.open().await;
        let picture = Picture::of(&vault).await;
        vault.close().await.unwrap();
        picture
    };
    let (mut seen, mut killed, mut again, mut takeovers) = (BTreeSet::new(), 0, 0, 0);
    for point in points {
        let house = stage.house.copy_with_key_file();
        let dies = |point| !lives(&format!("{act:?}"), house.root(), &keys, point);
        let died = dies(point);
        takeovers += usize::from(house.has_dead_writer());
        let (mut done, mut vault) = is_done(act, stage, &house, &before, point).await;
        // Once it is done, no later death undoes it.
        assert!(done || !seen.contains(&true), "{act:?}, point {point}");
        seen.insert(done);
        if !done {
            assert!(died, "{act:?}");
        }
        if !done && point.dies_again() {
            vault.close().await.unwrap();
            again += usize::from(dies(point.again(least_points)));
            (done, vault) = is_done(act, stage, &house, &before, point).await;
        }
        if !done {
            act.run(&vault, &stage.keys).await.unwrap();
            let after = Picture::of(&vault).await;
            assert!(
                act.is_done(&stage.keys, &before, &after),
                "{act:?}, {point}"
            );
        }
        check_signs(&vault, &stage.keys.witness).await;
        check_signs(&vault, &signing_key(&vault).await).await;
        vault.close().await.unwrap();
        house.open().await;
        if !died {
            let least = point.number > least_points;
            assert!(least, "{act:?} has {point} points only");
            assert_eq!(takeovers > 0, house.is_on_postgres(), "{act:?}");
            tell!(
                "{act:?}: killed at {killed} points before {point}, and again at {again} while it was done again; \
                 {takeovers} leases of the dead"
            );
            break;
        }
        killed += 1;
    }
    assert_eq!(seen.len(), 2, "{act:?} died before its commit and after it");
}

/// Whether a process that died did the act: if not, it did nothing.
async fn is_done(
    act: Act,
    stage: &Stage,
    house: &House,
    before: &Picture,
    point: Point,
) -> (bool, Vault) {
    let vault = house.open().await;
    let after = Picture::of(&vault).await;
    let done = act.is_done(&stage.keys, before, &after);
    assert!(
        done || after == *before,
        "{act:?}, point {point}: neither the old nor the new state: {after:#?}"
    );
    (done, vault)
}

/// Twelve steps of two writes of the anchor, and before and after each of six calls of the store.
const POINTS_OF_AN_ACT: usize = 24;

#[tokio::test]
async fn a_process_that_dies_while_it_generates_a_key_leaves_the_old_state_or_the_new_one() {
    check_crashes_of(Act::Generate, POINTS_OF_AN_ACT).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_generates_many_keys_leaves_all_of_them_or_none() {
    check_crashes_of(Act::GenerateThree, POINTS_OF_AN_ACT).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_imports_a_key_leaves_the_old_state_or_the_new_one() {
    check_crashes_of(Act::Import, POINTS_OF_AN_ACT).await;
    check_crashes_of(Act::ImportHalf, POINTS_OF_AN_ACT - 2).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_takes_in_the_keys_of_a_node_leaves_all_of_them_or_none() {
    // Besides, eleven more calls of the store, and before and after each of four calls of the KMS: one opens the encrypted row,
    // three look at the key that stays there.
    check_crashes_of(Act::ImportCanton, POINTS_OF_AN_ACT + 22 + 8).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_takes_in_the_keys_of_a_node_does_so_in_postgresql() {
    let stage = Stage::in_house(House::on_postgres(), Sealing::DataKey).await;
    // One commit and four calls of the KMS; to open it one more.
    sweep(&stage, Act::ImportCanton, Point::calls(), 10).await;
    sweep(&stage, Act::ImportCanton, Point::files(5), 8).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_deletes_a_key_leaves_the_old_state_or_the_new_one() {
    check_crashes_of(Act::Delete, POINTS_OF_AN_ACT).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_retires_or_seals_a_key_leaves_the_old_state_or_the_new_one() {
    check_crashes_of(Act::Retire, POINTS_OF_AN_ACT - 2).await;
    check_crashes_of(Act::Seal, POINTS_OF_AN_ACT).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_makes_a_vault_can_make_it_again() {
    let mut made = BTreeSet::new();
    for point in Point::all() {
        let folder = tempfile::tempdir().unwrap();
        let survived = lives("Create", folder.path(), "", point);
        let house = House::at(folder.path(), &Arc::new(OsFiles::new()), SEED + 1);
        let is_made = house.has_vault().await;
        let vault = if is_made {
            house.open().await
        } else {
            house.create().await
        };
        assert_eq!(
            Picture::of(&vault).await,
            Picture {
                keys: Default::default(),
                audit_records: 1,
            },
            "point {point}"
        );
        // However often it took, one wrapper key is there, and it is this vault's.
        assert_eq!(house.kms.list_keys().len(), 1, "point {point}");
        let key = signing_key(&vault).await;
        vault.close().await.unwrap();
        check_signs(&house.open().await, &key).await;
        made.insert(is_made);
        if survived {
            // Key file twice, anchor twice, six calls of the store.
            assert!(point.number > 36, "making a vault has {point} points only");
            break;
        }
    }
    assert_eq!(made.len(), 2, "it died before the commit and after it");
}
