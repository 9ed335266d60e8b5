//! Reading requests.

use std::time::Duration;

use serde_json::json;
use strongroom_kms_sim::{Scenario, Simulator};

use crate::house::{
    BEGIN_TEXT, REGION, Reply, authorization, call, call_in, new_key, post, request, standing,
};

fn headers(target: &str, authorization: &str, date: &str) -> Vec<String> {
    vec![
        format!("x-amz-target: {target}"),
        format!("authorization: {authorization}"),
        format!("x-amz-date: {date}"),
    ]
}

#[track_caller]
fn check(simulator: &Simulator, headers: &[String], body: &str, error: &str) {
    let reply = post(simulator.endpoint(), "/", headers, body.as_bytes());
    assert_eq!(reply.error(), error);
}

#[test]
fn a_request_without_authorization_is_refused() {
    let simulator = standing(Scenario::default());
    let target = ["x-amz-target: TrentService.ListKeys".to_owned()];
    check(
        &simulator,
        &target,
        "{}",
        "MissingAuthenticationTokenException",
    );
}

#[test]
fn credentials_are_scoped_to_this_service_and_written_as_they_should_be() {
    let simulator = standing(Scenario::default());
    let target = "TrentService.ListKeys";
    for (authorization, error) in [
        ("Basic abc".to_owned(), "IncompleteSignatureException"),
        (
            "AWS4-HMAC-SHA256 Credential=a/b".to_owned(),
            "IncompleteSignatureException",
        ),
        (
            authorization(REGION).replace("/kms/", "/s3/"),
            "InvalidSignatureException",
        ),
    ] {
        check(
            &simulator,
            &headers(target, &authorization, BEGIN_TEXT),
            "{}",
            error,
        );
    }
}

#[test]
fn a_caller_whose_clock_is_more_than_five_minutes_off_is_refused() {
    let simulator = standing(Scenario::default());
    let good = |date| {
        let headers = headers("TrentService.ListKeys", &authorization(REGION), date);
        match post(simulator.endpoint(), "/", &headers, b"{}") {
            Reply::Answer(200, ..) => true,
            other => {
                assert_eq!(other.error(), "InvalidSignatureException");
                false
            }
        }
    };
    assert!(good(BEGIN_TEXT));
    assert!(good("20270115T075500Z") && good("20270115T080500Z"));
    assert!(!good("20270115T075459Z") && !good("20270115T080501Z"));
    simulator.advance(Duration::from_secs(600));
    assert!(!good(BEGIN_TEXT) && good("20270115T081000Z"));
}

#[test]
fn operations_and_bodies_that_are_none_are_refused() {
    let simulator = standing(Scenario::default());
    let known = |target| headers(target, &authorization(REGION), BEGIN_TEXT);
    check(
        &simulator,
        &known("TrentService.Guess"),
        "{}",
        "UnknownOperationException",
    );
    check(
        &simulator,
        &known("ListKeys"),
        "{}",
        "UnknownOperationException",
    );
    let target = known("TrentService.Encrypt");
    for body in [
        "",
        "[]",
        "no JSON",
        r#"{"KeyId": 1}"#,
        r#"{"Plaintext": "not base64!"}"#,
    ] {
        check(&simulator, &target, body, "SerializationException");
    }
    check(&simulator, &target, "{}", "ValidationException");
    assert_eq!(simulator.calls().of("unknown").failed, 2);
    let huge = "x".repeat(300_000);
    check(&simulator, &target, &huge, "RequestEntityTooLargeException");
}

#[test]
fn an_answer_has_an_id_and_the_date_of_the_simulator() {
    let simulator = standing(Scenario::default());
    let Reply::Answer(200, head, _) = call(&simulator, "ListKeys", &json!({})) else {
        panic!("no answer");
    };
    assert!(head.contains("\r\nx-amzn-requestid: "), "{head}");
    assert!(
        head.contains("\r\ndate: fri, 15 jan 2027 08:00:00 gmt"),
        "{head}"
    );
    assert!(
        head.contains("\r\ncontent-type: application/x-amz-json-1.1"),
        "{head}"
    );
}

#[test]
fn other_paths_and_methods_are_not_there() {
    let simulator = standing(Scenario::default());
    for (method, path) in [("GET", "/"), ("POST", "/other"), ("GET", "/control/other")] {
        let reply = request(simulator.endpoint(), method, path, &[], b"");
        assert!(matches!(reply, Reply::Answer(404, ..)), "{method} {path}");
    }
}

#[test]
fn a_key_is_found_by_four_names_and_only_in_its_region_and_account() {
    let simulator = standing(Scenario::default());
    let id = new_key(&simulator, &json!({}));
    let alias = json!({"AliasName": "alias/vault", "TargetKeyId": id});
    call(&simulator, "CreateAlias", &alias).good();
    let arn = |region: &str, account: &str, resource: &str| {
        format!("arn:aws:kms:{region}:{account}:{resource}")
    };
    let (key, account) = (format!("key/{id}"), "111122223333");
    for name in [
        id.clone(),
        arn(REGION, account, &key),
        "alias/vault".to_owned(),
        arn(REGION, account, "alias/vault"),
    ] {
        let answer = call(&simulator, "DescribeKey", &json!({"KeyId": name})).good();
        assert_eq!(answer["KeyMetadata"]["KeyId"], id.as_str());
    }
    for (name, error) in [
        ("nonsense".to_owned(), "NotFoundException"),
        ("alias/other".to_owned(), "NotFoundException"),
        (arn("us-east-1", account, &key), "NotFoundException"),
        (arn(REGION, "999999999999", &key), "AccessDeniedException"),
        (arn(REGION, account, "grant/1"), "InvalidArnException"),
        ("arn:aws:s3:::bucket".to_owned(), "InvalidArnException"),
        (String::new(), "ValidationException"),
    ] {
        let reply = call(&simulator, "DescribeKey", &json!({"KeyId": name}));
        assert_eq!(reply.error(), error, "{name}");
    }
    let elsewhere = call_in(
        &simulator,
        "us-east-1",
        "DescribeKey",
        &json!({"KeyId": id}),
    );
    assert_eq!(elsewhere.error(), "NotFoundException");
}
