//! The process dies at every step while a backup is made or restored.

use std::{collections::BTreeSet, env, fs::File, path::Path, sync::Arc};

use strongroom_backup::BackupStore;
use strongroom_files::OsFiles;
use strongroom_vault::{NewBackup, Vault};

use super::{back_up, file_of, new_backup, read, restore, restore_around, verify};
use crate::{
    crashes::{
        mined_environment, mined_house,
        points::{Mines, Point},
        store_with, survives,
    },
    house::{House, Picture, caller, signing_key},
    rotating::tell,
    topology::node,
};

const ACT: &str = "STRONGROOM_BACKUP_TEST_ACT";
const POINT: &str = "STRONGROOM_BACKUP_TEST_POINT";
const ROOT: &str = "STRONGROOM_BACKUP_TEST_ROOT";

async fn act_and_die(act: &str, root: &Path, mines: &Mines) {
    let house = mined_house(root, &mines.files);
    if act == "restore" {
        let store = store_with(mines, house.new_store().await);
        let backup = BackupStore::read(File::open(file_of(&house)).unwrap()).unwrap();
        let environment = mined_environment(&house, store, &mines.calls);
        restore_around(environment, &house, &backup, false)
            .await
            .unwrap();
        return;
    }
    let store = store_with(mines, house.store().await.unwrap());
    let environment = mined_environment(&house, store, &mines.calls);
    let vault = Vault::open(environment, house.settings.clone())
        .await
        .unwrap();
    if act == "forget" {
        let id = vault.backups()[0].id;
        vault.forget_backup(&caller(), id).await.unwrap();
        return;
    }
    let on_step = Arc::clone(&mines.files);
    let files = OsFiles::new().with_observer(Arc::new(move |_step, _path| on_step.point()));
    let new = NewBackup {
        files: Arc::new(files),
        ..new_backup(&file_of(&house))
    };
    vault.create_backup(&caller(), new, |_| {}).await.unwrap();
}

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn backup_crash_helper() {
    let variable = |name| env::var(name).unwrap_or_default();
    let Ok(point) = variable(POINT).parse::<Point>() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(act_and_die(
        &variable(ACT),
        Path::new(&variable(ROOT)),
        &point.mines(),
    ));
}

fn survives_point(act: &str, house: &House, point: Point) -> bool {
    survives(
        "backups::crashes::backup_crash_helper",
        &[
            (ACT, act),
            (POINT, &point.to_string()),
            (ROOT, house.root().to_str().unwrap()),
        ],
    )
}

/// A house with a closed vault.
async fn inhabited(original: House) -> House {
    let (vault, _keys) = node(&original).await;
    signing_key(&vault).await;
    vault.close().await.unwrap();
    original
}

#[tokio::test]
async fn a_process_that_dies_while_it_backs_up_leaves_a_whole_backup_or_none() {
    let original = inhabited(House::new()).await;
    let seen = sweep_backing_up(&original, Point::all(), 20).await;
    assert_eq!(seen, BTreeSet::from([(false, 0), (true, 0), (true, 1)]));
}

#[tokio::test]
async fn so_does_one_that_backs_a_vault_up_that_is_in_postgresql() {
    let original = inhabited(House::on_postgres()).await;
    let mut seen = sweep_backing_up(&original, Point::calls(), 2).await;
    seen.extend(sweep_backing_up(&original, Point::files(5), 8).await);
    assert_eq!(seen, BTreeSet::from([(false, 0), (true, 0), (true, 1)]));
}

/// Whether the file is there, and how many backups the vault knows, after each death.
async fn sweep_backing_up(
    original: &House,
    points: impl Iterator<Item = Point>,
    least_points: usize,
) -> BTreeSet<(bool, usize)> {
    let vault = original.open().await;
    let before = Picture::of(&vault).await;
    vault.close().await.unwrap();
    let (mut seen, mut kills, mut takeovers) = (BTreeSet::new(), 0, 0);
    for point in points {
        let house = original.copy_with_key_file();
        let survived = survives_point("create", &house, point);
        takeovers += usize::from(house.has_dead_writer());
        let vault = house.open().await;
        let there = file_of(&house).exists();
        let known = vault.backups().len();
        seen.insert((there, known));
        assert!(there || known == 0, "a backup is there before it is known");
        if there {
            let report = verify(&house, &read(&house)).await.unwrap();
            assert!(report.is_sound(), "point {point}");
            // Known from then on, if it was not.
            let noted = vault.note_verified(&caller(), &report, [0; 32]).await;
            assert!(noted.unwrap().is_some());
            assert_eq!(vault.backups().len(), 1, "point {point}");
        } else {
            // And again.
            back_up(&house, &vault).await;
            let leftovers = std::fs::read_dir(house.root()).unwrap();
            let leftovers = leftovers.filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_string_lossy().ends_with(".partial")
            });
            assert_eq!(leftovers.count(), 0, "point {point}");
        }
        let after = Picture::of(&vault).await;
        assert_eq!(after.keys, before.keys, "point {point}");
        vault.close().await.unwrap();
        if survived {
            assert!(point.number > least_points, "{point} points only");
            assert_eq!(takeovers > 0, house.is_on_postgres());
            tell!(
                "create: killed at {kills} points before {point}; {takeovers} leases of the dead"
            );
            break;
        }
        kills += 1;
    }
    seen
}

#[tokio::test]
async fn a_process_that_dies_while_it_forgets_a_backup_has_forgotten_it_or_not() {
    let original = House::new();
    let vault = original.create().await;
    back_up(&original, &vault).await;
    let before = Picture::of(&vault).await;
    vault.close().await.unwrap();
    let mut seen = BTreeSet::new();
    for point in Point::all() {
        let house = original.copy_with_key_file();
        let survived = survives_point("forget", &house, point);
        let vault = house.open().await;
        let known = vault.backups().len() as u64;
        seen.insert(known);
        let after = Picture::of(&vault).await;
        let records = before.audit_records + 1 - known;
        assert_eq!(after.audit_records, records, "point {point}");
        vault.close().await.unwrap();
        if survived {
            assert_eq!(known, 0);
            assert!(point.number > 5, "{point} points only");
            break;
        }
    }
    assert_eq!(seen.len(), 2, "it died before the commit and after it");
}

#[tokio::test]
async fn a_process_that_dies_while_it_restores_leaves_a_whole_vault_or_none() {
    let original = backed_up(House::new()).await;
    sweep_restoring(&original, Point::all(), 20).await;
}

#[tokio::test]
async fn so_does_one_that_restores_into_postgresql() {
    let original = backed_up(House::on_postgres()).await;
    sweep_restoring(&original, Point::calls(), 3).await;
    sweep_restoring(&original, Point::files(5), 8).await;
}

/// A house with a closed vault, and a backup of that.
async fn backed_up(original: House) -> House {
    let (vault, _keys) = node(&original).await;
    signing_key(&vault).await;
    back_up(&original, &vault).await;
    vault.close().await.unwrap();
    original
}

async fn sweep_restoring(
    original: &House,
    points: impl Iterator<Item = Point>,
    least_points: usize,
) {
    let vault = original.open().await;
    let before = Picture::of(&vault).await;
    vault.close().await.unwrap();
    let (mut seen, mut kills, mut takeovers) = (BTreeSet::new(), 0, 0);
    for point in points {
        let house = original.neighbour();
        for file in ["kms.key", "vault.backup"] {
            std::fs::copy(original.root().join(file), house.root().join(file)).unwrap();
        }
        let survived = survives_point("restore", &house, point);
        takeovers += usize::from(house.has_dead_writer());
        let there = house.has_vault().await;
        seen.insert(there);
        let vault = if there {
            house.open().await
        } else {
            // And again, without a word about older states: there was no vault yet.
            restore(&house, &read(&house), false).await.unwrap().vault
        };
        assert!(vault.is_quarantined(), "point {point}");
        let after = Picture::of(&vault).await;
        assert_eq!(after.keys, before.keys, "point {point}");
        assert_eq!(after.audit_records, before.audit_records, "point {point}");
        vault.release(&caller()).await.unwrap();
        vault.close().await.unwrap();
        house.open().await.close().await.unwrap();
        if survived {
            assert!(there);
            assert!(point.number > least_points, "{point} points only");
            assert_eq!(takeovers > 0, house.is_on_postgres());
            tell!(
                "restore: killed at {kills} points before {point}; {takeovers} leases of the dead"
            );
            break;
        }
        kills += 1;
    }
    assert_eq!(seen.len(), 2, "it died before the commit and after it");
}
