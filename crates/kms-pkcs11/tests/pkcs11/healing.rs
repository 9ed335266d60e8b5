//! After the token was lost, work goes on by itself.

use cryptoki::session::{SessionState, UserType};
use cryptoki::types::AuthPin;
use strongroom_kms::{KeyState, KeyWrapper, KmsHealth, KmsProvider};

use crate::house::{House, PIN, code, library, new_wrapper_key, now, slot_of, unwraps, wrap};
use crate::process;

#[test]
fn a_token_that_logged_us_out_is_logged_in_to_again() {
    process::alone(
        "healing::a_token_that_logged_us_out_is_logged_in_to_again",
        || {
            let house = House::new();
            let kms = house.open();
            let key = new_wrapper_key(&kms);
            let wrapped = wrap(&kms, &key).unwrap();
            // For what may be repeated, and for what may not.
            house.log_out();
            unwraps(&kms, &wrapped).unwrap();
            house.log_out();
            new_wrapper_key(&kms);
            house.log_out();
            assert_eq!(now(kms.rotate_wrapper_key_version(&key)).unwrap(), 2);
            house.log_out();
            assert_eq!(
                now(kms.list_keys()).unwrap().len(),
                2,
                "nothing was made twice"
            );
            house.log_out();
            assert_eq!(now(kms.wrapper_key_state(&key)).unwrap(), KeyState::Enabled);
            house.log_out();
            assert_eq!(now(kms.health()), KmsHealth::Ok);
        },
    );
}

/// To who is logged out a token shows no private object, and does not say why.
#[test]
fn a_key_is_not_called_missing_because_the_token_logged_us_out() {
    process::alone(
        "healing::a_key_is_not_called_missing_because_the_token_logged_us_out",
        || {
            let house = House::new();
            let (kms, newcomer) = (house.open(), house.open_attentive());
            let key = new_wrapper_key(&kms);
            house.log_out();
            wrap(&newcomer, &key).unwrap();
            house.log_out();
            assert_eq!(now(newcomer.list_keys()).unwrap().len(), 1);
            house.log_out();
            now(newcomer.disable_key(&key)).unwrap();
        },
    );
}

/// The login of one is the login of both, and takes the handles of both away.
#[test]
fn two_over_one_token_go_on_whoever_logs_in_again() {
    process::alone(
        "healing::two_over_one_token_go_on_whoever_logs_in_again",
        || {
            let house = House::new();
            let (one, other) = (house.open(), house.open());
            let key = new_wrapper_key(&one);
            let wrapped = wrap(&other, &key).unwrap();
            for _ in 0..2 {
                house.log_out();
                unwraps(&one, &wrapped).unwrap();
                unwraps(&other, &wrapped).unwrap();
                wrap(&other, &key).unwrap();
                house.log_out();
                wrap(&other, &key).unwrap();
                wrap(&one, &key).unwrap();
            }
        },
    );
}

/// A token has few sessions; what was lost must be given back. A login ends with the last session, so that it shows whether
/// any is left.
#[test]
fn healing_leaves_no_sessions_behind() {
    process::alone("healing::healing_leaves_no_sessions_behind", || {
        let house = House::new();
        let kms = house.open();
        let key = new_wrapper_key(&kms);
        let library = library();
        let slot = slot_of(&library, &house.label);
        let state = || {
            let session = library.open_rw_session(slot).unwrap();
            session.get_session_info().unwrap().session_state()
        };
        for _ in 0..3 {
            house.log_out();
            wrap(&kms, &key).unwrap();
            house.log_out();
            new_wrapper_key(&kms);
        }
        assert_eq!(state(), SessionState::RwUser);
        drop(kms);
        assert_eq!(state(), SessionState::RwPublic);
    });
}

/// Tokens lock themselves after a few wrong PINs.
#[test]
fn a_pin_that_was_refused_is_not_given_again() {
    process::alone("healing::a_pin_that_was_refused_is_not_given_again", || {
        let house = House::new();
        let kms = house.open();
        let key = new_wrapper_key(&kms);
        let session = house.session();
        let new_pin = AuthPin::new("changed-meanwhile".into());
        session
            .set_pin(&AuthPin::new(PIN.into()), &new_pin)
            .unwrap();
        wrap(&kms, &key).unwrap();
        session.logout().unwrap();
        assert_eq!(code(wrap(&kms, &key)), "KMS_CREDENTIALS_REJECTED");
        // Asked now, the token would say that this process is logged in already, and all would work.
        session.login(UserType::User, Some(&new_pin)).unwrap();
        assert_eq!(code(wrap(&kms, &key)), "KMS_CREDENTIALS_REJECTED");
        assert!(matches!(now(kms.health()), KmsHealth::Fatal { .. }));
    });
}

/// The next one may lock the token. This process is logged in, so the wrong PIN comes from another.
#[test]
fn wrong_pins_that_others_gave_are_told() {
    let house = House::new();
    let kms = house.open();
    let wrong = [
        "--import",
        "/dev/null",
        "--label",
        "x",
        "--id",
        "00",
        "--pin",
        "9999-wrong",
    ];
    let output = std::process::Command::new("softhsm2-util")
        .args(wrong)
        .args(["--token", &house.label])
        .output()
        .unwrap();
    assert!(!output.status.success(), "{output:?}");
    let health = now(kms.health());
    assert!(matches!(health, KmsHealth::Degraded { .. }), "{health:?}");
}

#[test]
fn a_library_that_was_finalized_is_initialized_again() {
    process::alone(
        "healing::a_library_that_was_finalized_is_initialized_again",
        || {
            let house = House::new();
            let kms = house.open();
            let key = new_wrapper_key(&kms);
            let wrapped = wrap(&kms, &key).unwrap();
            library().finalize().unwrap();
            unwraps(&kms, &wrapped).unwrap();
            library().finalize().unwrap();
            let another = new_wrapper_key(&kms);
            assert_ne!(another, key);
            unwraps(&kms, &wrap(&kms, &another).unwrap()).unwrap();
            assert_eq!(now(kms.list_keys()).unwrap().len(), 2);
        },
    );
}

#[test]
fn a_token_that_went_away_and_came_back_is_used_again() {
    process::alone(
        "healing::a_token_that_went_away_and_came_back_is_used_again",
        || {
            let house = House::new();
            let kms = house.open();
            let key = new_wrapper_key(&kms);
            let wrapped = wrap(&kms, &key).unwrap();
            let (here, away) = (process::tokens(), process::tokens().with_extension("away"));
            std::fs::rename(&here, &away).unwrap();
            std::fs::create_dir(&here).unwrap();
            library().finalize().unwrap();
            assert_eq!(code(unwraps(&kms, &wrapped)), "KMS_UNAVAILABLE");
            assert!(matches!(now(kms.health()), KmsHealth::Failed { .. }));
            let error = wrap(&kms, &key).unwrap_err();
            assert!(error.is_retryable(), "{error:?}");
            std::fs::remove_dir_all(&here).unwrap();
            std::fs::rename(&away, &here).unwrap();
            library().finalize().unwrap();
            unwraps(&kms, &wrapped).unwrap();
            assert_eq!(now(kms.health()), KmsHealth::Ok);
        },
    );
}
