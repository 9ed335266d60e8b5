//! moto, a simulator that others wrote, as a judge of how we speak to AWS.
//!
//! It holds no Ed25519 and ML-DSA keys, does not decrypt with RSA and imports nothing, so those are not asked for. Rules that it breaks by
//! itself are listed with the reason, and each is seen to be broken: when moto is mended, its line must move.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use strongroom_crypto::{
    EncryptionKeySpec, EncryptionPublicKey, PrivateKey, SigningKeySpec, SystemRandom,
};
use strongroom_errors::Coded;
use strongroom_kms::{ExternalKeyRequest, KmsError};
use strongroom_test_support::kms::{
    Failure, Trial, breaks, external, finding, keeps, provider, run, tagging, wrapping,
};

use crate::subject::Subject;

/// Runs moto until nobody holds its standard input any more, and says a line when it listens.
const PROGRAM: &str = "
import os, sys, threading, time, socket
port = int(sys.argv[1])
def wait_for_end():
    sys.stdin.read()
    os._exit(0)
def tell():
    while True:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    sys.stdout.write('listening\\n')
    sys.stdout.flush()
threading.Thread(target=wait_for_end, daemon=True).start()
threading.Thread(target=tell, daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', str(port)])
";

/// One moto for all tests of this process. It ends with the process, which holds its standard input.
static MOTO: LazyLock<Moto> = LazyLock::new(Moto::start);

struct Moto {
    endpoint: String,
    _process: Child,
}

impl Moto {
    fn start() -> Self {
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let python = python();
        let mut process = Command::new(&python)
            .args(["-c", PROGRAM, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}. Run 'cargo xtask setup'.", python.display())
            });
        let mut line = String::new();
        let output = process.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(
            line, "listening\n",
            "moto does not start. Run 'cargo xtask setup'."
        );
        Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            _process: process,
        }
    }
}

/// The Python of the set-up.
fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("python/bin/python")
}

async fn subject() -> Result<Subject, Failure> {
    Subject::at(&MOTO.endpoint, |capabilities| {
        capabilities.signing_specs = vec![
            SigningKeySpec::EcP256,
            SigningKeySpec::EcP384,
            SigningKeySpec::EcSecp256k1,
        ];
        capabilities.encryption_specs.clear();
        capabilities.import_specs.clear();
    })
    .await
}

macro_rules! trial {
    ($rule:ident) => {
        Trial {
            subject: module_path!(),
            rule: stringify!($rule),
        }
    };
}

macro_rules! moto_keeps {
    ($($role:ident: $($rule:ident)+;)+) => {
        $($(
            #[test]
            fn $rule() -> Result<(), Failure> {
                keeps(trial!($rule), subject(), $role::$rule)
            }
        )+)+
    };
}

macro_rules! moto_breaks {
    ($($role:ident::$rule:ident, $why:literal;)+) => {
        $(
            #[test]
            fn $rule() -> Result<(), Failure> {
                breaks(trial!($rule), $why, subject(), $role::$rule)
            }
        )+
    };
}

moto_keeps! {
    provider:
        it_plays_the_roles_that_its_capabilities_name
        it_feels_well
        key_ids_over_300_characters_are_refused;
    wrapping:
        a_wrapped_key_unwraps_to_itself
        two_wraps_of_one_key_differ
        another_context_does_not_unwrap
        an_unknown_wrapper_key_is_not_found
        a_key_of_the_largest_size_wraps_and_one_byte_more_does_not
        an_oversized_ciphertext_is_refused
        wraps_from_before_an_automatic_rotation_unwrap
        a_rewrapped_key_opens_under_the_new_wrapper_key_and_the_same_context
        every_wrapper_key_is_a_new_one
        a_multi_region_key_is_made_exactly_where_promised
        calls_at_the_same_time_do_not_disturb_each_other;
    external:
        a_signature_verifies_under_the_published_key
        a_session_key_that_it_vouches_for_signs_for_one_synchronizer
        an_unknown_key_is_not_found
        a_message_of_the_largest_size_is_signed_and_one_byte_more_is_not
        every_key_is_a_new_one;
    finding:
        keys_are_found_by_their_tags
        keys_with_other_tags_are_not_found;
    tagging:
        a_tag_is_read_as_it_was_set
        a_tag_leaves_the_others_and_what_the_key_does_alone
        a_disabled_key_keeps_its_tags_and_takes_new_ones
        an_unknown_key_has_no_tags
        what_is_no_tag_everywhere_is_refused;
}

moto_breaks! {
    wrapping::a_disabled_wrapper_key_works_only_after_it_was_enabled,
        "it uses keys that are disabled";
    wrapping::a_wrapper_key_pending_deletion_works_only_after_it_was_rescued,
        "it uses keys that are scheduled for deletion";
    wrapping::a_failed_rewrap_leaves_the_old_wrap_usable,
        "it encrypts again under a key that is disabled";
    wrapping::any_changed_byte_does_not_unwrap,
        "it denies access to a ciphertext that names no key of its own";
    wrapping::another_wrapper_key_does_not_unwrap,
        "it denies access where AWS finds the wrong key";
    external::a_key_does_only_what_it_was_made_for,
        "it calls an algorithm of another curve no algorithm at all";
    external::a_wrapper_key_is_no_external_key_and_the_other_way_round,
        "it calls the usage of a key an error of the request";
    external::a_disabled_key_works_only_after_it_was_enabled,
        "it uses keys that are disabled";
    external::a_deleted_key_is_of_no_more_use,
        "it uses keys that are scheduled for deletion";
}

#[test]
fn moto_makes_no_ed25519_and_no_ml_dsa_keys() -> Result<(), Failure> {
    run(async {
        let keys = subject().await?.keys();
        for spec in [SigningKeySpec::EcCurve25519, SigningKeySpec::MlDsa65] {
            let request = ExternalKeyRequest::default();
            let error = keys.generate_signing_key(spec, &request).await;
            let error = error.unwrap_err();
            assert_eq!(error.code().name(), "KMS_AWS_REQUEST_REFUSED", "{spec}");
        }
        Ok(())
    })
}

#[test]
fn moto_has_no_parameters_for_an_import() -> Result<(), Failure> {
    run(async {
        let (keys, spec) = (subject().await?.keys(), SigningKeySpec::EcP256);
        let private = PrivateKey::generate(spec.into(), &SystemRandom)?.to_pkcs8()?;
        let request = ExternalKeyRequest::default();
        let answer = keys.import_key(spec.into(), &private, &request).await;
        let error = answer.unwrap_err();
        assert!(matches!(error, KmsError::Unavailable { .. }), "{error:?}");
        Ok(())
    })
}

#[test]
fn moto_does_not_decrypt_what_was_encrypted_to_an_rsa_key() -> Result<(), Failure> {
    run(async {
        let (keys, spec) = (subject().await?.keys(), EncryptionKeySpec::Rsa2048);
        let request = ExternalKeyRequest::default();
        let id = keys.generate_encryption_key(spec, &request).await?;
        let published = keys.public_key(&id).await?;
        let public = EncryptionPublicKey::from_spki(spec, &published.spki)?;
        let sent = public.encrypt(b"a message", &SystemRandom)?;
        let answer = keys.decrypt(&id, spec, &sent.ciphertext).await;
        assert!(
            matches!(answer, Err(KmsError::DecryptFailed { .. })),
            "{answer:?}"
        );
        Ok(())
    })
}
