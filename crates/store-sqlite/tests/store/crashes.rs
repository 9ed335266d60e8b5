//! Processes that end at the wrong moment.

use std::{fs, path::Path, sync::Arc};

use strongroom_store::{Store, StoreError};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::{CrashPlan, CrashingStore, Storage, samples};

use crate::common::{OtherProcess, TemporaryFolder, all_keys, fill};

#[tokio::test]
async fn what_was_committed_is_found_after_a_crash_and_nothing_else() {
    let folder = TemporaryFolder::new();
    let store = folder.create().await;
    fill(&store, 50).await;
    let mut unfinished = store.begin().await.unwrap();
    unfinished
        .insert_keys((50..20_000).map(samples::key_pair).collect())
        .await
        .unwrap();
    let crashed = folder.copy();
    unfinished.commit().await.unwrap();
    let crashed_later = folder.copy();

    assert_eq!(all_keys(&*crashed.open().await).await.unwrap().len(), 50);
    assert_eq!(
        all_keys(&*crashed_later.open().await).await.unwrap().len(),
        20_000
    );
}

#[tokio::test]
async fn a_log_that_was_cut_anywhere_holds_whole_commits() {
    let folder = TemporaryFolder::new();
    let store = folder.create().await;
    fill(&store, 1).await;
    store.scrub().await.unwrap();
    for sequence in 1..=20 {
        let mut write = store.begin().await.unwrap();
        let number = u32::try_from(sequence).unwrap();
        write
            .insert_keys(vec![samples::key_pair(number)])
            .await
            .unwrap();
        write.append_audit(samples::audit(sequence)).await.unwrap();
        write.commit().await.unwrap();
    }
    let log = fs::read(folder.path().join("vault.db-wal")).unwrap();
    let mut last = 0;
    for cut in (0..=log.len()).step_by(997).chain([log.len()]) {
        let crashed = folder.copy();
        crashed.put("vault.db-wal", &log[..cut]);
        let store = crashed.open().await;
        let commits = store
            .read()
            .await
            .unwrap()
            .audit_after(0, 100)
            .await
            .unwrap()
            .len();
        assert_eq!(
            all_keys(&*store).await.unwrap().len(),
            1 + commits,
            "cut at {cut}"
        );
        assert!(commits >= last, "a longer log holds no fewer commits");
        last = commits;
    }
    assert_eq!(last, 20);
}

/// Three commits and a scrub, by a process that ends according to the plan.
async fn act(folder: &Path, plan: Arc<CrashPlan>) -> Result<(), StoreError> {
    let store = CrashingStore::new(Arc::new(SqliteStore::open(folder).await?), plan);
    for sequence in 1..=3_u32 {
        let mut write = store.begin().await?;
        write
            .insert_keys(
                (sequence * 10..sequence * 10 + 10)
                    .map(samples::key_pair)
                    .collect(),
            )
            .await?;
        write.append_audit(samples::audit(sequence.into())).await?;
        write.commit().await?;
    }
    store.scrub().await?;
    store.close().await
}

#[tokio::test]
async fn a_process_that_dies_at_a_durable_step_leaves_the_state_before_or_after_it() {
    const NAME: &str =
        "crashes::a_process_that_dies_at_a_durable_step_leaves_the_state_before_or_after_it";
    if let Some(argument) = OtherProcess::argument() {
        let (point, folder) = argument.split_once(':').unwrap();
        act(Path::new(folder), CrashPlan::at(point.parse().unwrap()))
            .await
            .unwrap();
        return;
    }
    let mut commits_found = Vec::new();
    for point in 1.. {
        let folder = TemporaryFolder::with_vault(10).await;
        let argument = format!("{point}:{}", folder.path().display());
        let survived = OtherProcess::running(NAME, &argument)
            .output()
            .unwrap()
            .status
            .success();
        let store = folder.open().await;
        let commits = store
            .read()
            .await
            .unwrap()
            .audit_after(0, 10)
            .await
            .unwrap()
            .len();
        assert_eq!(
            all_keys(&*store).await.unwrap().len(),
            10 + 10 * commits,
            "point {point}"
        );
        store.check_integrity().await.unwrap();
        if survived {
            break;
        }
        commits_found.push(commits);
    }
    // Before and after each of three commits, before and after the scrub.
    assert_eq!(commits_found, [0, 1, 1, 2, 2, 3, 3, 3]);
}
