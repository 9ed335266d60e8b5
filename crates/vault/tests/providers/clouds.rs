//! AWS and Google, on the simulator: what fails before a request is sent, on its way, and on the way back.

use std::sync::Arc;

use strongroom_crypto::SystemRandom;
use strongroom_kms_aws::{AwsKms, AwsKmsSettings, Repetitions};
use strongroom_kms_gcp::{GcpKms, GcpKmsSettings};
use strongroom_kms_sim::{Scenario, Simulator};

use crate::{act::Act, session_keys::sign_with_one_call, sweep::sweep, weather::Cloud};

const PROJECT: &str = "ledger";
const LOCATION: &str = "europe-west3";
const RING: &str = "vaults";

async fn aws() -> Cloud {
    let simulator = Simulator::start(Scenario::default()).unwrap();
    let settings = AwsKmsSettings {
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(simulator.endpoint().to_owned()),
        credentials: strongroom_kms_aws::Credentials::Rehearsal,
        repetitions: Repetitions::OfSurroundings,
        ..AwsKmsSettings::default()
    };
    let provider = Arc::new(AwsKms::connect(settings).await.unwrap());
    Cloud {
        simulator,
        provider,
    }
}

async fn gcp() -> Cloud {
    let simulator = Simulator::start(Scenario::default()).unwrap();
    let administrator = simulator.administrator(LOCATION);
    administrator.create_key_ring(PROJECT, RING).unwrap();
    let settings = GcpKmsSettings {
        endpoint: Some(simulator.endpoint().to_owned()),
        credentials: strongroom_kms_gcp::Credentials::Rehearsal,
        ..GcpKmsSettings::new(PROJECT, LOCATION, RING)
    };
    let random = Arc::new(SystemRandom);
    let provider = Arc::new(GcpKms::connect(settings, random).await.unwrap());
    Cloud {
        simulator,
        provider,
    }
}

// Each act has a cloud of its own: a search asks it about one key after the other, so few keys are found quickly.

#[tokio::test]
async fn whichever_call_of_aws_fails_no_key_is_lost_and_none_is_unknown() {
    for act in Act::ALL {
        sweep(act, &aws().await.provider).await;
    }
}

#[tokio::test]
async fn whichever_call_of_google_fails_no_key_is_lost_and_none_is_unknown() {
    for act in Act::ALL {
        sweep(act, &gcp().await.provider).await;
    }
}

#[tokio::test]
async fn whichever_answer_of_aws_is_lost_no_key_is_lost_and_none_is_unknown() {
    for act in Act::ALL {
        let lost = aws().await.lose_answers(act).await;
        assert!(lost >= 1, "{act:?}");
    }
}

#[tokio::test]
async fn whichever_answer_of_google_is_lost_no_key_is_lost_and_none_is_unknown() {
    for act in Act::ALL {
        let lost = gcp().await.lose_answers(act).await;
        assert!(lost >= 1, "{act:?}");
    }
}

#[tokio::test]
async fn a_key_that_aws_does_not_show_at_once_is_no_second_one() {
    for act in Act::ALL {
        aws().await.hide_new_keys(act).await;
    }
}

#[tokio::test]
async fn whatever_aws_refuses_no_key_is_lost_and_none_is_unknown() {
    for act in Act::ALL {
        aws().await.refuse(act).await;
    }
}

#[tokio::test]
async fn whatever_google_refuses_no_key_is_lost_and_none_is_unknown() {
    for act in Act::ALL {
        gcp().await.refuse(act).await;
    }
}

#[tokio::test]
async fn session_keys_for_a_key_in_aws_cost_one_call_each_and_their_signatures_none() {
    sign_with_one_call(&aws().await.provider).await;
}

#[tokio::test]
async fn session_keys_for_a_key_at_google_cost_one_call_each_and_their_signatures_none() {
    sign_with_one_call(&gcp().await.provider).await;
}
