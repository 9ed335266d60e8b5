use strongroom_errors::Coded;

use super::*;

fn wrap(kms: &str, id: &str) -> WrapName {
    (kms.to_owned(), id.to_owned())
}

fn to(id: &str) -> NewWrapperKey {
    NewWrapperKey::Existing(KmsKeyId::try_new(id).unwrap())
}

fn request(kms: Option<&str>, from: Option<&str>, to: NewWrapperKey) -> RotationRequest {
    RotationRequest {
        kms: kms.map(str::to_owned),
        from: from.map(str::to_owned),
        to,
    }
}

fn refusal(wraps: &[WrapName], request: &RotationRequest) -> &'static str {
    Choice::of(wraps, request).unwrap_err().code().name()
}

#[test]
fn the_only_wrap_is_meant_without_a_word() {
    let wraps = [wrap("aws", "old")];
    let choice = Choice::of(&wraps, &RotationRequest::default()).unwrap();
    assert_eq!((choice.kms.as_str(), &choice.to), ("aws", &None));
    assert_eq!(choice.replaced, wraps[0]);
    assert!(choice.others.is_empty() && choice.replicas.is_empty());
    // From one provider to another.
    let moved = Choice::of(&wraps, &request(Some("gcp"), None, to("new"))).unwrap();
    assert_eq!(
        moved.wraps(moved.to.as_ref().unwrap()),
        [wrap("gcp", "new")]
    );
}

#[test]
fn of_several_wraps_the_one_in_the_named_kms_is_meant_and_the_others_stay() {
    let wraps = [wrap("aws", "old"), wrap("gcp", "other")];
    assert_eq!(refusal(&wraps, &RotationRequest::default()), "WHICH_WRAP");
    let choice = Choice::of(&wraps, &request(Some("gcp"), None, to("new"))).unwrap();
    assert_eq!(choice.replaced, wraps[1]);
    let all = choice.wraps(choice.to.as_ref().unwrap());
    assert_eq!(all, [wrap("gcp", "new"), wrap("aws", "old")]);

    let two = [wrap("aws", "a"), wrap("aws", "b")];
    assert_eq!(
        refusal(&two, &request(Some("aws"), None, to("new"))),
        "WHICH_WRAP"
    );
    let named = Choice::of(&two, &request(None, Some("b"), to("new"))).unwrap();
    assert_eq!(named.replaced, two[1]);
    assert_eq!(
        refusal(&two, &request(None, Some("c"), to("new"))),
        "WRAP_NOT_FOUND"
    );
}

#[test]
fn a_wrapper_key_in_use_cannot_come() {
    let wraps = [wrap("aws", "old"), wrap("gcp", "other")];
    for id in ["old", "other"] {
        let refused = refusal(&wraps, &request(Some("aws"), None, to(id)));
        assert_eq!(refused, "WRAPPER_KEY_ALREADY_IN_USE_ERROR");
    }
}

#[test]
fn a_key_of_several_regions_is_replaced_in_each_or_not_at_all() {
    let wraps = [
        wrap("frankfurt", "mrk-1"),
        wrap("ireland", "mrk-1"),
        wrap("paper", "p"),
    ];
    let choice = Choice::of(&wraps, &request(Some("frankfurt"), None, to("mrk-2"))).unwrap();
    let all = choice.wraps(choice.to.as_ref().unwrap());
    let expected = [
        wrap("frankfurt", "mrk-2"),
        wrap("ireland", "mrk-2"),
        wrap("paper", "p"),
    ];
    assert_eq!(all, expected);
    // Another provider has no replica of it there.
    let elsewhere = request(Some("vienna"), Some("mrk-1"), to("new"));
    assert_eq!(refusal(&wraps, &elsewhere), "WHICH_WRAP");
    let from_frankfurt = [wrap("frankfurt", "mrk-1"), wrap("ireland", "mrk-1")];
    assert_eq!(
        refusal(&from_frankfurt, &request(Some("vienna"), None, to("new"))),
        "WHICH_WRAP"
    );
}

#[test]
fn keys_move_first_then_the_rest_and_the_end_comes_when_nothing_is_left() {
    let mut rows = RowsToMove {
        sealed: 1,
        direct: 1,
        tagged: 1,
        node: 1,
        topology: 1,
    };
    let mut steps = Vec::new();
    loop {
        let next = step(&rows);
        steps.push(next);
        match next {
            Step::MoveKeys => (rows.sealed, rows.direct, rows.tagged) = (0, 0, 0),
            Step::MoveNode => rows.node = 0,
            Step::MoveTopology => rows.topology = 0,
            Step::Finish => break,
        }
    }
    let expected = [
        Step::MoveKeys,
        Step::MoveNode,
        Step::MoveTopology,
        Step::Finish,
    ];
    assert_eq!(steps, expected);
    // A key that somebody wrote at the last moment is seen to before the end.
    let late = RowsToMove {
        tagged: 1,
        ..RowsToMove::default()
    };
    assert_eq!(resume(Some(&late)).unwrap(), Step::MoveKeys);
    assert_eq!(
        resume(None).unwrap_err().code().name(),
        "NO_WRAPPER_KEY_ROTATION"
    );
}

fn calls(plan: &RotationPlan) -> Vec<(&str, KmsOperation, u64)> {
    let calls = plan.calls.iter();
    calls
        .map(|call| (call.kms.as_str(), call.operation, call.calls))
        .collect()
}

#[test]
fn a_plan_counts_three_calls_and_two_for_each_further_wrap() {
    let wraps = [wrap("aws", "old"), wrap("gcp", "other")];
    let choice = Choice::of(
        &wraps,
        &request(Some("aws"), None, NewWrapperKey::default()),
    )
    .unwrap();
    let planned = plan(&Survey {
        choice: &choice,
        rows: RowsToMove::default(),
        direct: BTreeMap::new(),
        rewrap_inside: BTreeSet::new(),
    });
    let expected = [
        ("aws", KmsOperation::GenerateWrapperKey, 1),
        ("aws", KmsOperation::WrapKey, 1),
        ("aws", KmsOperation::UnwrapKey, 1),
        ("gcp", KmsOperation::WrapKey, 1),
        ("gcp", KmsOperation::UnwrapKey, 1),
    ];
    assert_eq!(calls(&planned), expected);
    assert_eq!(planned.wrapper_key_id, None);
    assert_eq!(planned.renews, [wrap("gcp", "other")]);
}

#[test]
fn a_plan_counts_two_calls_for_each_key_that_the_kms_sealed_or_one_if_it_can_do_both() {
    let wraps = [wrap("aws", "old")];
    let choice = Choice::of(&wraps, &request(None, None, to("new"))).unwrap();
    let survey = |inside: &[&str]| Survey {
        choice: &choice,
        rows: RowsToMove::default(),
        direct: [("aws".to_owned(), 10)].into(),
        rewrap_inside: inside.iter().map(|kms| (*kms).to_owned()).collect(),
    };
    let outside = [
        ("aws", KmsOperation::WrapperKeyState, 1),
        ("aws", KmsOperation::WrapKey, 11),
        ("aws", KmsOperation::UnwrapKey, 11),
    ];
    assert_eq!(calls(&plan(&survey(&[]))), outside);
    let inside = [
        ("aws", KmsOperation::WrapperKeyState, 1),
        ("aws", KmsOperation::WrapKey, 1),
        ("aws", KmsOperation::UnwrapKey, 1),
        ("aws", KmsOperation::RewrapKey, 10),
    ];
    assert_eq!(calls(&plan(&survey(&["aws"]))), inside);
}
