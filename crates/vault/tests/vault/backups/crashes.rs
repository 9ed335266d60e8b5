//! The process dies at every step while a backup is made or restored.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    sync::Arc,
    time::Duration,
};

use strongroom_backup::BackupStore;
use strongroom_files::OsFiles;
use strongroom_vault::{Backup, BackupTurn, NewBackup, Vault, VaultError};

use super::{
    back_up, file_of, new_backup, read, restore, restore_around,
    scheduling::{files, means, schedule, turn},
    verify,
};
use crate::{
    anchor_tag::tagged,
    crashes::{
        doomed::{Doomed, act_and_die, survives},
        mined_environment, mined_house_of,
        points::{Mines, Point},
        store_with,
    },
    house::{House, KMS_NAME, Picture, caller, signing_key},
    rotating::tell,
    topology::node,
};

/// Restoring what the anchors, file and tag, know to be older.
pub(super) const OVER_LATER: &str = "restore over later";

/// Does the act, or goes on with what an interrupted one has left.
async fn act(act: &str, root: &Path, mines: &Mines) {
    // What goes on draws other ids than what died.
    let house = mined_house_of(i64::from(std::process::id()), root, &mines.files);
    let accept_older = act == OVER_LATER;
    let house = if accept_older {
        house.with_settings(tagged(KMS_NAME, None))
    } else {
        house
    };
    if act.starts_with("restore") && !house.has_vault().await {
        let store = store_with(mines, house.new_store().await);
        let backup = BackupStore::read(File::open(file_of(&house)).unwrap()).unwrap();
        let environment = mined_environment(&house, store, &mines.calls);
        restore_around(environment, &house, &backup, accept_older)
            .await
            .unwrap();
        return;
    }
    let store = store_with(mines, house.store().await.unwrap());
    let environment = mined_environment(&house, store, &mines.calls);
    let vault = Vault::open(environment, house.settings.clone())
        .await
        .unwrap();
    let on_step = Arc::clone(&mines.files);
    let files = OsFiles::new().with_observer(Arc::new(move |_step, _path| on_step.point()));
    match act {
        // What was restored is open now.
        "restore" | OVER_LATER => {}
        "forget" => {
            let id = vault.backups()[0].id;
            vault.forget_backup(&caller(), id).await.unwrap();
        }
        "round" => {
            house.clock.advance(TWO_ROUNDS);
            let (schedule, means) = (schedule(&house, 1, true), || Ok(means(files)));
            vault
                .take_backup_turn::<VaultError>(&caller(), &schedule, means)
                .await
                .unwrap();
        }
        _ if file_of(&house).exists() => {
            let backup = read(&house);
            let environment = mined_environment(&house, Arc::new(backup.clone()), &mines.calls);
            let settings = house.settings.clone();
            let report = Vault::verify_backup(environment, settings, &backup, |_, _| {});
            let report = report.await.unwrap();
            let noted = vault.note_verified(&caller(), &report, [0; 32]).await;
            noted.unwrap();
        }
        _ => {
            let new = NewBackup {
                files: Arc::new(files),
                ..new_backup(&file_of(&house))
            };
            vault.create_backup(&caller(), new, |_| {}).await.unwrap();
        }
    }
}

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn backup_crash_helper() {
    act_and_die(async |doomed: Doomed<Point>| {
        let mines = doomed.point.mines();
        act(&doomed.told::<String>("act"), &doomed.root, &mines).await;
    });
}

pub(super) fn survives_point(act: &str, house: &House, point: Point) -> bool {
    let helper = "backups::crashes::backup_crash_helper";
    survives(helper, house.root(), point, &[("act", act)])
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
    let (mut seen, mut kills, mut again, mut takeovers) = (BTreeSet::new(), 0, 0, 0);
    for point in points {
        let house = original.copy_with_key_file();
        let survived = survives_point("create", &house, point);
        takeovers += usize::from(house.has_dead_writer());
        seen.insert(left_by_backing_up(&house, point).await);
        if !survived {
            kills += 1;
            // What goes on dies as well: it makes the backup, or makes the one that is there known.
            again += usize::from(!survives_point("create", &house, point.again(20)));
        }
        let (there, _known) = left_by_backing_up(&house, point).await;
        let vault = house.open().await;
        if there {
            let report = verify(&house, &read(&house)).await.unwrap();
            // Known from then on, if it was not.
            let noted = vault.note_verified(&caller(), &report, [0; 32]).await;
            assert!(noted.unwrap().is_some());
        } else {
            back_up(&house, &vault).await;
        }
        assert_eq!(vault.backups().len(), 1, "point {point}");
        assert_eq!(partial_files(house.root()), 0, "point {point}");
        let after = Picture::of(&vault).await;
        assert_eq!(after.keys, before.keys, "point {point}");
        vault.close().await.unwrap();
        if survived {
            assert!(point.number > least_points, "{point} points only");
            assert_eq!(takeovers > 0, house.is_on_postgres());
            tell!(
                "create: killed at {kills} points before {point}, and at {again} going on; {takeovers} leases of the dead"
            );
            break;
        }
    }
    // In PostgreSQL few points are tried, and what goes on may be over before the second one.
    assert!(
        again > 15 || original.is_on_postgres(),
        "{again} second deaths only"
    );
    seen
}

/// Whether there is a backup, which is sound then, and how many the vault knows.
async fn left_by_backing_up(house: &House, point: Point) -> (bool, usize) {
    let there = file_of(house).exists();
    if there {
        let report = verify(house, &read(house)).await.unwrap();
        assert!(report.is_sound(), "point {point}");
    }
    let vault = house.open().await;
    let known = vault.backups().len();
    vault.close().await.unwrap();
    assert!(there || known == 0, "a backup is there before it is known");
    (there, known)
}

fn partial_files(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with(".partial"))
        .count()
}

/// When the clock of the house has gone so far, the second backup on schedule is due.
const TWO_ROUNDS: Duration = Duration::from_secs(2 * 86_400);

#[tokio::test]
async fn a_process_that_dies_in_a_round_on_schedule_leaves_a_verified_backup_and_the_next_goes_on()
{
    let original = House::new();
    let (vault, _keys) = node(&original).await;
    let daily = schedule(&original, 1, true);
    fs::create_dir(&daily.folder).unwrap();
    original.clock.advance(TWO_ROUNDS / 2);
    turn(&vault, &daily).await.unwrap();
    vault.close().await.unwrap();
    original.clock.advance(TWO_ROUNDS / 2);
    let (mut seen, mut kills, mut again) = (BTreeSet::new(), 0, 0);
    for point in Point::all() {
        let house = original.copy_with_key_file();
        let daily = schedule(&house, 1, true);
        fs::create_dir(&daily.folder).unwrap();
        for file in fs::read_dir(original.root().join("backups")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), daily.folder.join(file.file_name())).unwrap();
        }
        let survived = survives_point("round", &house, point);
        seen.insert(left_by_a_round(&house, point).await);
        if !survived {
            kills += 1;
            again += usize::from(!survives_point("round", &house, point.again(40)));
            left_by_a_round(&house, point).await;
        }
        let vault = house.open().await;
        turn(&vault, &daily).await.unwrap();
        let next = turn(&vault, &daily).await.unwrap();
        assert!(
            matches!(next, BackupTurn::NotDue(_)),
            "point {point}: {next:?}"
        );
        assert_eq!(partial_files(&daily.folder), 0, "point {point}");
        vault.close().await.unwrap();
        // Of the last one at least it is known that it restores everything; each death may have left one that nobody knows.
        let (verified, there) = left_by_a_round(&house, point).await;
        assert!(verified > 0 && (1..=3).contains(&there), "point {point}");
        if survived {
            assert!(point.number > 40, "{point} points only");
            tell!("schedule: killed at {kills} points before {point}, and at {again} going on");
            break;
        }
    }
    // Before and after the second one is there, and is verified, and after the first one is gone.
    assert!(
        seen.is_superset(&BTreeSet::from([(1, 1), (1, 2), (2, 2)])),
        "{seen:?}"
    );
    assert!(again > 20, "{again} second deaths only");
}

/// How many backups of the folder are known to be verified, and how many files are there.
async fn left_by_a_round(house: &House, point: Point) -> (usize, usize) {
    let vault = house.open().await;
    let is_there = |backup: &Backup| {
        let mut names = fs::read_dir(house.root().join("backups")).unwrap();
        names.any(|entry| {
            let name = entry.unwrap().file_name();
            let name = name.to_string_lossy();
            name.ends_with(".backup") && name.contains(&backup.id.to_string())
        })
    };
    let verified = vault.backups().into_iter();
    let verified = verified.filter(|backup| backup.verified_at.is_some() && is_there(backup));
    let verified = verified.count();
    assert!(verified > 0, "point {point}");
    vault.close().await.unwrap();
    let there = files(house) - partial_files(&house.root().join("backups"));
    (verified, there)
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
    let (mut seen, mut kills, mut takeovers, mut again) = (BTreeSet::new(), 0, 0, 0);
    for point in points {
        let house = original.neighbour();
        for file in ["kms.key", "vault.backup"] {
            fs::copy(original.root().join(file), house.root().join(file)).unwrap();
        }
        let survived = survives_point("restore", &house, point);
        takeovers += usize::from(house.has_dead_writer());
        seen.insert(house.has_vault().await);
        if !survived && point.dies_again() {
            // What goes on dies as well: it restores again, or opens what was restored.
            let died = !survives_point("restore", &house, point.again(least_points));
            again += usize::from(died);
        }
        let there = house.has_vault().await;
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
                "restore: killed at {kills} points before {point}, and at {again} going on; {takeovers} leases of the dead"
            );
            break;
        }
        kills += 1;
    }
    assert_eq!(seen.len(), 2, "it died before the commit and after it");
    // Of a few points of many, none may be one at which what goes on dies.
    let sampled = original.is_on_postgres();
    assert!(again > 0 || sampled, "nothing died that went on");
}
