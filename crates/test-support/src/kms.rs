//! What any key management system must do, and one that fails on demand.
//!
//! The rules are plain async functions in [`provider`], [`wrapping`], [`external`], [`importing`], [`finding`] and [`tagging`]; each takes
//! a fresh [`KmsUnderTest`]. The macro [`kms_conformance!`](crate::kms_conformance) makes a test of each. [`FlakyKms`] wraps any
//! provider and fails at a chosen call, [`AlteredKms`] does something otherwise. What [`keeps`] and [`breaks`] saw they record for `docs/kms-matrix.md`.
//!
//! ```ignore
//! #[derive(Debug)]
//! struct Subject { /* a provider, and an administrator's access to its keys */ }
//! impl KmsUnderTest for Subject { /* … */ }
//! async fn subject() -> Result<Subject, Failure> { /* a new one for each rule */ }
//!
//! strongroom_test_support::kms_conformance!(subject: provider, wrapping, external);
//! ```

mod altered;
pub mod external;
pub mod finding;
mod flaky;
pub mod importing;
pub mod provider;
mod record;
mod subject;
pub mod tagging;
mod trial;
pub mod wrapping;

pub use altered::{Alteration, AlteredKms};
pub use flaky::{Fault, FlakyKms};
pub use subject::{Failure, KmsUnderTest, run};
pub use trial::{Trial, breaks, keeps};

/// A test for each rule of the named roles, over what `$subject` (an async function without arguments that gives
/// `Result<impl KmsUnderTest, Failure>`) makes anew for each: `kms_conformance!(subject: provider, wrapping, external)`.
#[macro_export]
macro_rules! kms_conformance {
    ($subject:ident: $($role:ident),+ $(,)?) => {
        $($crate::kms_conformance!(@role $role $subject);)+
    };
    (@role provider $subject:ident) => {
        $crate::kms_conformance!(@rules provider $subject
            it_plays_the_roles_that_its_capabilities_name
            it_feels_well
            key_ids_over_300_characters_are_refused
        );
    };
    (@role wrapping $subject:ident) => {
        $crate::kms_conformance!(@rules wrapping $subject
            a_wrapped_key_unwraps_to_itself
            two_wraps_of_one_key_differ
            another_context_does_not_unwrap
            any_changed_byte_does_not_unwrap
            another_wrapper_key_does_not_unwrap
            an_unknown_wrapper_key_is_not_found
            a_disabled_wrapper_key_works_only_after_it_was_enabled
            a_wrapper_key_pending_deletion_works_only_after_it_was_rescued
            a_key_of_the_largest_size_wraps_and_one_byte_more_does_not
            an_oversized_ciphertext_is_refused
            wraps_from_before_an_automatic_rotation_unwrap
            a_rewrapped_key_opens_under_the_new_wrapper_key_and_the_same_context
            a_failed_rewrap_leaves_the_old_wrap_usable
            every_wrapper_key_is_a_new_one
            a_multi_region_key_is_made_exactly_where_promised
            calls_at_the_same_time_do_not_disturb_each_other
        );
    };
    (@role external $subject:ident) => {
        $crate::kms_conformance!(@rules external $subject
            a_signature_verifies_under_the_published_key
            a_session_key_that_it_vouches_for_signs_for_one_synchronizer
            what_is_encrypted_to_the_published_key_decrypts
            a_changed_ciphertext_does_not_decrypt_to_the_message
            a_ciphertext_for_another_key_does_not_decrypt
            an_unknown_key_is_not_found
            a_key_does_only_what_it_was_made_for
            a_disabled_key_works_only_after_it_was_enabled
            a_deleted_key_is_of_no_more_use
            a_message_of_the_largest_size_is_signed_and_one_byte_more_is_not
            every_key_is_a_new_one
        );
    };
    (@role importing $subject:ident) => {
        $crate::kms_conformance!(@rules importing $subject
            an_imported_key_is_the_one_that_was_given
            an_imported_key_is_found_by_its_tags
            an_imported_key_is_deleted_as_any_other
            what_is_no_sound_key_of_the_spec_is_refused
            a_spec_that_cannot_be_imported_is_refused
            a_key_that_is_imported_twice_works
        );
    };
    (@role finding $subject:ident) => {
        $crate::kms_conformance!(@rules finding $subject
            keys_are_found_by_their_tags
            keys_with_other_tags_are_not_found
        );
    };
    (@role tagging $subject:ident) => {
        $crate::kms_conformance!(@rules tagging $subject
            a_tag_is_read_as_it_was_set
            a_tag_leaves_the_others_and_what_the_key_does_alone
            a_disabled_key_keeps_its_tags_and_takes_new_ones
            an_unknown_key_has_no_tags
            what_is_no_tag_everywhere_is_refused
        );
    };
    (@role both $subject:ident) => {
        $crate::kms_conformance!(@rules external $subject
            a_wrapper_key_is_no_external_key_and_the_other_way_round
        );
    };
    (@rules $role:ident $subject:ident $($rule:ident)+) => {
        $(
            #[test]
            fn $rule() -> Result<(), $crate::kms::Failure> {
                let trial = $crate::kms::Trial {
                    subject: module_path!(),
                    rule: stringify!($rule),
                };
                $crate::kms::keeps(trial, $subject(), $crate::kms::$role::$rule)
            }
        )+
    };
}
