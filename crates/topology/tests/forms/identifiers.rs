//! Namespaces and unique identifiers: reference, topology, section 1.

use proptest::prelude::*;
use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded;
use strongroom_topology::{IdentifierError, Namespace, UniqueIdentifier};

use crate::support::{key, uid};

fn refused(text: &str) -> String {
    text.parse::<UniqueIdentifier>().unwrap_err().to_string()
}

#[test]
fn each_broken_identifier_has_its_own_text() {
    let check = |text: &str, expected: &str| assert_eq!(refused(text), expected, "{text:?}");
    check("", "Empty string is not a valid unique identifier.");
    check(
        "::x",
        "Invalid unique identifier `::x` with empty identifier.",
    );
    check(
        "::",
        "Invalid unique identifier `::` with empty identifier.",
    );
    check(
        ":::x",
        "Invalid unique identifier `:::x` with empty identifier.",
    );
    check("x", "Invalid unique identifier `x` with missing namespace.");
    check(
        "a:b",
        "Invalid unique identifier `a:b` with missing namespace.",
    );
    check(
        "a/b::ns",
        "Identifier decoding of `a/b::ns` failed with: only A-Z, a-z, 0-9, ':', '-', '_' and space are allowed",
    );
    check(
        "a::n.s",
        "Fingerprint decoding of `n.s` failed with: only A-Z, a-z, 0-9, ':', '-', '_' and space are allowed",
    );
    check("a::", "Fingerprint decoding of `` failed with: it is empty");
    check("a::b::c", "String contains reserved delimiter `::`.");
}

#[test]
fn every_text_of_an_error_has_the_code_of_identifiers() {
    for text in ["", "::x", "x", "a/b::ns", "a::n.s", "a::b::c"] {
        let error = text.parse::<UniqueIdentifier>().unwrap_err();
        assert!(IdentifierError::CODES.contains(&error.code()), "{text}");
    }
}

#[test]
fn a_part_may_be_as_long_as_allowed_and_no_longer() {
    let fingerprint = key(1).fingerprint();
    let longest = "i".repeat(185);
    let text = format!("{longest}::{fingerprint}");
    assert_eq!(text.len(), 255);
    assert_eq!(text.parse::<UniqueIdentifier>().unwrap().to_string(), text);

    let reason = |length: usize, limit: usize| {
        format!("failed with: it has {length} characters, at most {limit} are allowed")
    };
    let long = "i".repeat(186);
    assert!(refused(&format!("{long}::{fingerprint}")).ends_with(&reason(186, 185)));
    assert!(refused(&format!("i::{}", "n".repeat(69))).ends_with(&reason(69, 68)));
    // Characters are counted, not bytes.
    assert!(refused(&format!("{}::n", "é".repeat(186))).ends_with(&reason(186, 185)));
    assert!(refused(&format!("i::{}", "é".repeat(69))).ends_with(&reason(69, 68)));
    assert!(refused(&format!("i::{}", "é".repeat(68))).ends_with("are allowed"));
    assert!(!refused(&format!("i::{}", "é".repeat(40))).contains("it has 40"));
}

#[test]
fn an_error_quotes_no_more_than_200_characters() {
    let error = refused(&"é".repeat(5_000));
    assert_eq!(error.matches('é').count(), 200);
}

#[test]
fn an_identifier_that_would_not_read_back_cannot_be_made() {
    let namespace = || Namespace::from(key(1).fingerprint());
    let check = |identifier: &str, expected: IdentifierError| {
        assert_eq!(
            UniqueIdentifier::try_new(identifier, namespace()),
            Err(expected),
            "{identifier:?}"
        );
    };
    check(
        "",
        IdentifierError::EmptyIdentifier {
            text: String::new(),
        },
    );
    check("a::b", IdentifierError::Delimiter);
    // `a:` and `::ns` together are read as `a` and `:ns`.
    check("a:", IdentifierError::Delimiter);
    assert!(UniqueIdentifier::try_new(":a", namespace()).is_ok());
}

#[test]
fn a_real_namespace_is_a_fingerprint_and_any_other_plain_text_is_kept() {
    let fingerprint = key(1).fingerprint();
    let real: Namespace = fingerprint.to_string().parse().unwrap();
    assert_eq!(real, fingerprint.into());
    assert_eq!(real.fingerprint(), Some(fingerprint));
    assert!(real.is_root(&fingerprint) && !real.is_root(&key(2).fingerprint()));

    for text in ["default", "1220", &fingerprint.to_string().to_uppercase()] {
        let other: Namespace = text.parse().unwrap();
        assert_eq!(
            (other.to_string().as_str(), other.fingerprint()),
            (text, None)
        );
        assert!(!other.is_root(&fingerprint));
    }
}

#[test]
fn the_parts_of_a_name_come_back_as_they_went_in() {
    let name = uid("alice");
    assert_eq!(name.identifier(), "alice");
    assert_eq!(name.namespace(), &key(1).fingerprint().into());
    assert_eq!(name.to_string(), format!("alice::{}", key(1).fingerprint()));
    assert_eq!(format!("{name:?}"), format!("UniqueIdentifier({name})"));
}

#[test]
fn names_order_by_identifier_and_then_by_namespace() {
    let mut names: Vec<UniqueIdentifier> = ["b::a", "a::b", "ab::a", "a::B", "a b::a", "a::1220"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    names.sort();
    let texts: Vec<_> = names.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["a::1220", "a::B", "a::b", "a b::a", "ab::a", "b::a"]
    );
}

/// Texts of the allowed characters, with more colons than chance would give.
fn any_plain(longest: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        3 => Just(':'),
        10 => proptest::sample::select(
            ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['-', '_', ' ']).collect::<Vec<_>>(),
        ),
    ];
    proptest::collection::vec(character, 0..=longest)
        .prop_map(|characters| characters.into_iter().collect())
}

fn any_namespace() -> impl Strategy<Value = Namespace> {
    let fingerprint = any::<[u8; 32]>().prop_map(|hash| Fingerprint::from_bytes(hash).into());
    let text = any_plain(68).prop_filter_map("no namespace", |text| text.parse().ok());
    prop_oneof![fingerprint, text]
}

proptest! {
    #[test]
    fn whatever_can_be_made_reads_back(identifier in any_plain(190), namespace in any_namespace()) {
        if let Ok(made) = UniqueIdentifier::try_new(&identifier, namespace) {
            prop_assert_eq!(made.to_string().parse::<UniqueIdentifier>(), Ok(made));
        }
    }

    #[test]
    fn whatever_can_be_read_is_written_as_it_was(text in any_plain(260)) {
        if let Ok(read) = text.parse::<UniqueIdentifier>() {
            prop_assert_eq!(read.to_string(), text);
            let made = UniqueIdentifier::try_new(read.identifier(), read.namespace().clone());
            prop_assert_eq!(made, Ok(read));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text: String) {
        if let Ok(read) = text.parse::<UniqueIdentifier>() {
            prop_assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn namespaces_order_as_their_texts_do(one in any_namespace(), other in any_namespace()) {
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }
}
