//! The process dies while it lets an approved change through, at every step that leaves something behind.

use std::collections::BTreeSet;

use strongroom_vault::Vault;

use super::{bob, changes, guarded, mark, open, proposed, served};
use crate::{
    crashes::{
        doomed::{Doomed, act_and_die, survives},
        mined_environment, mined_house,
        points::Point,
        store_with,
    },
    house::{House, caller},
};

#[test]
#[ignore = "run by the test below, in a process of its own that ends in the middle"]
fn crash_helper() {
    act_and_die(async |doomed: Doomed<Point>| {
        let mines = doomed.point.mines();
        let house = mined_house(&doomed.root, &mines.files);
        let store = store_with(&mines, house.store().await.unwrap());
        let environment = mined_environment(&house, store, &mines.calls);
        let vault = Vault::open(environment, guarded("b")).await.unwrap();
        vault.note_configuration(&caller()).await.unwrap();
    });
}

/// Whether the change was let through: with the yes that was used up for it, or the one without the other.
async fn is_done(house: &House) -> bool {
    let vault = open(house, &guarded("b")).await;
    let remembered = vault.remembered_configuration().await;
    let done = remembered == Some(mark(&guarded("b")));
    assert_eq!(vault.approvals().len(), usize::from(!done));
    assert_eq!(changes(&vault).await.len(), 1 + usize::from(done));
    // What was not done is done by the next server, and what was done is no change any more.
    assert_eq!(vault.note_configuration(&caller()).await.unwrap(), !done);
    vault.close().await.unwrap();
    done
}

#[tokio::test]
async fn a_process_that_dies_while_it_lets_a_change_through_uses_up_the_yes_with_it_or_not_at_all()
{
    let stage = served(&guarded("a")).await;
    let vault = stage.open().await;
    let asked = proposed(&vault, &guarded("b")).await;
    vault.approve(&bob(), asked.id).await.unwrap();
    vault.close().await.unwrap();
    let mut seen = BTreeSet::new();
    for point in Point::all() {
        let house = stage.copy_with_key_file();
        let helper = "configuration::crashes::crash_helper";
        let survived = survives(helper, house.root(), point, &[]);
        let done = is_done(&house).await;
        assert!(done || !seen.contains(&true), "{point}");
        seen.insert(done);
        if survived {
            // Twelve steps of two writes of the anchor, and before and after each of six calls of the store.
            assert!(done && point.number > 24, "{point}");
            break;
        }
    }
    assert_eq!(seen.len(), 2, "it died before its commit and after it");
}
