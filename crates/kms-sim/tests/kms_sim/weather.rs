//! Quotas, latency, faults, visibility.

use std::time::{Duration, Instant};

use serde_json::json;
use strongroom_kms_sim::{
    Fault, FaultKind, Latency, Outage, OutageKind, Quotas, Scenario, Weather,
};

use crate::house::{call, new_key, under};

#[test]
fn calls_above_the_quota_are_throttled_until_time_has_passed() {
    let simulator = under(Weather {
        quotas: Quotas {
            ecc: Some(2.0),
            ..Quotas::default()
        },
        ..Weather::default()
    });
    let spec = json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"});
    let (signer, wrapper) = (new_key(&simulator, &spec), new_key(&simulator, &json!({})));
    let sign = || {
        let message =
            json!({"KeyId": signer, "Message": "AAAA", "SigningAlgorithm": "ECDSA_SHA_256"});
        call(&simulator, "Sign", &message)
    };
    sign().good();
    sign().good();
    assert_eq!(sign().error(), "ThrottlingException");
    call(
        &simulator,
        "Encrypt",
        &json!({"KeyId": wrapper, "Plaintext": "AAAA"}),
    )
    .good();
    simulator.advance(Duration::from_millis(500));
    sign().good();
    assert_eq!(sign().error(), "ThrottlingException");
    assert_eq!(simulator.calls().of("Sign").failed, 2);
}

#[test]
fn an_answer_takes_at_least_its_latency() {
    let simulator = under(Weather {
        latency: Some(Latency::Constant { constant_ms: 60.0 }),
        ..Weather::default()
    });
    let begun = Instant::now();
    call(&simulator, "ListKeys", &json!({})).good();
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[test]
fn a_new_key_is_not_found_before_its_time() {
    let simulator = under(Weather {
        visibility_delay_ms: 5_000,
        ..Weather::default()
    });
    let id = new_key(&simulator, &json!({"MultiRegion": true}));
    let describe = || call(&simulator, "DescribeKey", &json!({"KeyId": id}));
    assert_eq!(describe().error(), "NotFoundException");
    let keys = || call(&simulator, "ListKeys", &json!({})).good()["Keys"].clone();
    assert_eq!(keys(), json!([]));
    simulator.advance(Duration::from_millis(4_999));
    assert_eq!(describe().error(), "NotFoundException");
    simulator.advance(Duration::from_millis(1));
    describe().good();
    assert_eq!(keys()[0]["KeyId"], id.as_str());
}

#[test]
fn faults_hit_the_operation_and_key_that_they_name_as_often_as_they_say() {
    let simulator = under(Weather::default());
    let (one, other) = (
        new_key(&simulator, &json!({})),
        new_key(&simulator, &json!({})),
    );
    let describe = |id: &str| call(&simulator, "DescribeKey", &json!({"KeyId": id}));
    let fault = Fault {
        key: Some(one.clone()),
        ..Fault::of(FaultKind::AccessDenied, "DescribeKey", 2)
    };
    let weather = Weather {
        faults: vec![fault],
        ..Weather::default()
    };
    simulator.set_weather(weather).unwrap();
    assert_eq!(describe(&one).error(), "AccessDeniedException");
    describe(&other).good();
    assert_eq!(describe(&one).error(), "AccessDeniedException");
    describe(&one).good();
}

#[test]
fn a_fault_of_a_key_hits_its_ciphertexts_too() {
    let simulator = under(Weather::default());
    let id = new_key(&simulator, &json!({}));
    let question = json!({"KeyId": id, "Plaintext": "AAAA"});
    let sealed = call(&simulator, "Encrypt", &question).good();
    let fault = Fault {
        key: Some(id),
        ..Fault::of(FaultKind::KeyUnavailable, "Decrypt", 1)
    };
    let weather = Weather {
        faults: vec![fault],
        ..Weather::default()
    };
    simulator.set_weather(weather).unwrap();
    let question = json!({"CiphertextBlob": sealed["CiphertextBlob"]});
    let decrypt = || call(&simulator, "Decrypt", &question);
    assert_eq!(decrypt().error(), "KeyUnavailableException");
    decrypt().good();
}

#[test]
fn each_fault_has_the_name_that_aws_gives_it() {
    let simulator = under(Weather::default());
    for (kind, name) in [
        (FaultKind::AccessDenied, "AccessDeniedException"),
        (FaultKind::ExpiredCredentials, "ExpiredTokenException"),
        (FaultKind::Internal, "KMSInternalException"),
        (FaultKind::KeyUnavailable, "KeyUnavailableException"),
        (FaultKind::LimitExceeded, "LimitExceededException"),
        (FaultKind::Throttled, "ThrottlingException"),
        (FaultKind::TimedOut, "DependencyTimeoutException"),
    ] {
        let weather = Weather {
            faults: vec![Fault::of(kind, "ListKeys", 1)],
            ..Weather::default()
        };
        simulator.set_weather(weather).unwrap();
        assert_eq!(call(&simulator, "ListKeys", &json!({})).error(), name);
    }
}

#[test]
fn a_scenario_is_read_from_toml() {
    let scenario = Scenario::from_toml(
        r#"
        seed = 3
        account = "000011112222"
        limits = { keys = 10 }
        [weather]
        latency = { median-ms = 5.0, p99-ms = 50.0 }
        visibility-delay-ms = 100
        [weather.quotas]
        symmetric = 5500.0
        operations = { CreateKey = 5.0 }
        [[weather.outages]]
        kind = "refuse"
        from-ms = 1000
        until-ms = 5000
        [[weather.lost-answers]]
        operation = "CreateKey"
        call = 3
        [[weather.faults]]
        error = "expired-credentials"
        times = 1
        "#,
    )
    .unwrap();
    assert_eq!((scenario.seed, scenario.limits.keys), (3, 10));
    assert_eq!(scenario.limits.aliases_per_key, 50);
    assert_eq!(scenario.weather.outages[0].kind, OutageKind::Refuse);
    assert_eq!(scenario.weather.lost_answers[0].call, Some(3));
    assert_eq!(
        scenario.weather.faults[0].error,
        FaultKind::ExpiredCredentials
    );
}

#[test]
fn unknown_fields_and_impossible_weather_are_refused() {
    for text in [
        "sed = 3",
        "[weather]\nquota = 1",
        "[weather.quotas]\nsymmetric = 0.0",
        "account = \"1\"",
        "weather.latency = { median-ms = 5.0, p99-ms = 1.0 }",
        "weather.latency = { constant-ms = -1.0 }",
        "weather.latency = { constant-ms = 1.0, p99-ms = 1.0 }",
        "[[weather.outages]]\nkind = \"hang\"\nfrom-ms = 5\nuntil-ms = 5",
        "[[weather.outages]]\nkind = \"refuse\"\nregion = \"eu-central-1\"",
        "[[weather.lost-answers]]\ncall = 0",
    ] {
        assert!(Scenario::from_toml(text).is_err(), "{text}");
    }
    let simulator = under(Weather::default());
    let impossible = Outage {
        until_ms: Some(0),
        ..Outage::of(OutageKind::Hang)
    };
    let weather = Weather {
        outages: vec![impossible],
        ..Weather::default()
    };
    assert!(simulator.set_weather(weather).is_err());
    assert_eq!(simulator.weather(), Weather::default());
}
