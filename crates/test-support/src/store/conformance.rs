//! The rules that every store keeps, one function each; a broken rule panics.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a broken rule panics, as any test does"
)]

mod approvals;
mod audit;
mod backups;
mod data_keys;
mod identity;
mod keys;
mod kms_journal;
mod lifetime;
mod rotations;
mod topology;
mod transactions;
mod updates;
mod vault;

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use strongroom_store::{ReadTransaction, Store, WriteTransaction};

use super::samples;

pub use approvals::*;
pub use audit::*;
pub use backups::*;
pub use data_keys::*;
pub use identity::*;
pub use keys::*;
pub use kms_journal::*;
pub use lifetime::*;
pub use rotations::*;
pub use topology::*;
pub use transactions::*;
pub use updates::*;
pub use vault::*;

/// Runs every rule as a test of its own over the [`Storage`](crate::store::Storage) that `$make_storage` returns.
///
/// ```ignore
/// strongroom_test_support::store_conformance!(temporary_folder);
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($make_storage:path) => {
        $crate::store_conformance!($make_storage;
            // The vault's row.
            an_empty_store_holds_nothing,
            a_vault_is_read_back_as_it_was_stored,
            a_second_vault_is_refused,
            a_vault_needs_its_data_key,
            the_state_is_replaced_only_if_nobody_else_has_done_so,
            two_writers_cannot_build_on_the_same_state,
            // Data keys and wraps.
            data_keys_are_read_back_oldest_first,
            a_data_key_is_stored_once,
            a_data_key_changes_state_and_mac_only,
            a_data_key_goes_when_nothing_names_it_any_more,
            wraps_are_read_back_for_their_data_key_only,
            a_wrap_is_stored_once_and_deleted_once,
            // Keys.
            every_kind_of_public_key_is_read_back,
            every_custody_of_a_private_key_is_read_back,
            extreme_values_are_read_back,
            what_is_not_stored_is_not_found,
            a_key_is_stored_once,
            a_private_key_needs_its_public_key,
            a_key_needs_its_data_key,
            a_contradictory_private_key_is_refused,
            keys_come_page_by_page_in_the_order_of_fingerprints,
            whoever_wants_no_more_keys_gets_no_more,
            a_page_starts_after_a_fingerprint_that_is_not_stored,
            many_keys_are_stored_at_once_or_not_at_all,
            // Changes of keys.
            updated_keys_are_read_back,
            a_missing_key_cannot_be_updated,
            a_deleted_private_key_leaves_its_public_key,
            a_public_key_cannot_go_before_its_private_key,
            a_missing_key_cannot_be_deleted,
            // The audit log.
            audit_records_come_in_order_page_by_page,
            an_audit_record_follows_the_last_one,
            // Topology.
            every_kind_of_topology_row_is_read_back,
            extreme_values_of_topology_are_read_back,
            topology_comes_page_by_page_in_the_order_of_stores_and_ordinals,
            a_page_of_topology_starts_after_a_position_that_is_not_stored,
            a_position_of_topology_is_taken_once,
            topology_needs_its_data_key,
            an_impossible_topology_row_is_refused,
            an_expired_topology_row_changes_nothing_else,
            a_missing_topology_row_cannot_expire,
            a_topology_row_that_moves_to_another_data_key_changes_nothing_else,
            topology_does_not_end_before_it_begins,
            a_topology_store_is_deleted_alone,
            a_hundred_thousand_topology_rows_are_stored_at_once,
            // The identity.
            an_identity_is_read_back_as_it_was_stored,
            a_second_identity_is_refused,
            an_identity_needs_its_data_key_and_a_name,
            an_identity_that_moves_to_another_data_key_changes_nothing_else,
            // Rotations.
            rotations_are_read_back_by_position,
            a_key_is_rotated_once_at_a_time,
            a_rotation_needs_its_public_keys_and_its_data_key,
            a_contradictory_rotation_is_refused,
            a_key_in_a_rotation_cannot_be_deleted,
            a_private_key_in_a_rotation_can_be_deleted_and_completed,
            a_missing_rotation_cannot_be_deleted,
            journal_entries_are_read_back_by_age,
            a_journal_entry_takes_the_place_of_the_one_before,
            a_contradictory_journal_entry_is_refused,
            a_journal_entry_needs_its_data_key,
            a_missing_journal_entry_cannot_be_deleted,
            // Backups.
            backups_are_read_back_by_age,
            a_backup_takes_the_place_of_the_one_of_its_id,
            a_backup_needs_the_data_key_that_authenticates_it,
            a_backup_is_deleted_once_and_no_other_with_it,
            // Approvals.
            an_approval_is_read_back_and_takes_the_place_of_the_one_of_its_id,
            an_approval_needs_its_data_key_and_a_body,
            an_approval_is_deleted_once_and_no_other_with_it,
            // Transactions.
            a_write_sees_its_own_changes_and_nobody_else_does,
            a_write_that_is_rolled_back_leaves_no_trace,
            a_write_that_is_dropped_leaves_no_trace,
            a_failed_write_is_dead,
            a_write_that_was_given_up_in_the_middle_is_dead,
            a_read_belongs_to_one_moment,
            a_read_does_not_wait_for_the_writer,
            writers_take_turns,
            a_writer_that_stopped_waiting_does_not_block_the_next,
            many_reads_run_at_once,
            // Closing and opening.
            what_was_committed_is_there_after_opening_again,
            a_store_that_was_not_closed_loses_nothing,
            a_closed_store_answers_that_it_is_closed,
            a_write_that_is_open_when_the_store_closes_is_not_stored,
            a_store_whose_vault_was_moved_away_is_used_no_more,
            a_scrubbed_store_keeps_its_rows,
            a_sound_store_passes_the_integrity_check,
        );
    };
    ($make_storage:path; $($rule:ident,)+) => {
        $(#[test]
        fn $rule() {
            $crate::store::run(async {
                $crate::store::conformance::$rule(&$make_storage()).await;
            });
        })+
    };
}

/// A store with data key 1 in it, to which most rows refer.
async fn store_with_data_key(storage: &dyn super::Storage) -> Arc<dyn Store> {
    let store = storage.create().await;
    let mut write = store.begin().await.unwrap();
    write.insert_data_key(samples::data_key(1)).await.unwrap();
    write.commit().await.unwrap();
    store
}

/// Stores what the closure writes.
macro_rules! written {
    ($store:expr, |$write:ident| $($change:expr),+ $(,)?) => {{
        let mut $write = $store.begin().await.unwrap();
        $($change.await.unwrap();)+
        $write.commit().await.unwrap();
    }};
}
use written;

/// The error of a change, tried in a transaction of its own.
macro_rules! refused {
    ($store:expr, |$write:ident| $change:expr) => {{
        let mut $write = $store.begin().await.unwrap();
        $change.await.unwrap_err()
    }};
}
use refused;

/// Whether the error is of the expected shape.
macro_rules! assert_error {
    ($error:expr, $pattern:pat $(if $guard:expr)?) => {{
        let error: strongroom_store::StoreError = $error;
        assert!(matches!(&error, $pattern $(if $guard)?), "unexpected error: {error:?}");
    }};
}
use assert_error;

/// Runs a future up to the first point where it waits; `None` if it still does.
async fn poll_once<T>(mut future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Option<T> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn read(store: &Arc<dyn Store>) -> Box<dyn ReadTransaction> {
    store.read().await.unwrap()
}

async fn begin(store: &Arc<dyn Store>) -> Box<dyn WriteTransaction> {
    store.begin().await.unwrap()
}
