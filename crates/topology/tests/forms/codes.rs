//! Kinds of mappings, and the codes of errors.

use std::collections::BTreeSet;

use strongroom_errors::Coded;
use strongroom_topology::{
    IdentifierError, MappingCode, MappingError, SignaturesError, StoreIdError,
};

use crate::support::mappings;

/// Reference, topology, section 4.1: number, letters, name.
const TABLE: [(i32, &str, &str); 15] = [
    (1, "nsd", "NAMESPACE_DELEGATION"),
    (3, "dnd", "DECENTRALIZED_NAMESPACE_DEFINITION"),
    (4, "otk", "OWNER_TO_KEY_MAPPING"),
    (5, "dtc", "SYNCHRONIZER_TRUST_CERTIFICATE"),
    (6, "pdp", "PARTICIPANT_PERMISSION"),
    (7, "phl", "PARTY_HOSTING_LIMITS"),
    (8, "vtp", "VETTED_PACKAGES"),
    (9, "ptp", "PARTY_TO_PARTICIPANT"),
    (11, "dop", "SYNCHRONIZER_PARAMETERS_STATE"),
    (12, "mds", "MEDIATOR_SYNCHRONIZER_STATE"),
    (13, "sds", "SEQUENCER_SYNCHRONIZER_STATE"),
    (17, "sep", "SEQUENCING_DYNAMIC_PARAMETERS_STATE"),
    (18, "ptk", "PARTY_TO_KEY_MAPPING"),
    (19, "lsu", "LSU_ANNOUNCEMENT"),
    (20, "scs", "SEQUENCER_CONNECTION_SUCCESSOR"),
];

#[test]
fn every_kind_has_the_number_and_names_of_the_contract() {
    let found = MappingCode::ALL.map(|code| (code.number().into(), code.short(), code.name()));
    assert_eq!(found, TABLE);
    let of_mappings = mappings().map(|mapping| mapping.code());
    assert_eq!(of_mappings, MappingCode::ALL);
}

#[test]
fn a_kind_is_found_by_its_number_and_no_other() {
    for number in -2..300 {
        let expected = TABLE.iter().any(|(known, ..)| *known == number);
        let found = MappingCode::from_number(number);
        assert_eq!(found.is_some(), expected, "{number}");
        assert!(found.is_none_or(|code| i32::from(code.number()) == number));
    }
}

#[test]
fn a_kind_is_found_by_either_name_in_either_case() {
    for (code, (_, short, name)) in MappingCode::ALL.into_iter().zip(TABLE) {
        for text in [
            name.to_owned(),
            name.to_lowercase(),
            name.replace('_', "-"),
            short.to_owned(),
            short.to_uppercase(),
        ] {
            assert_eq!(text.parse(), Ok(code), "{text}");
        }
        assert_eq!(code.to_string(), name);
    }
    let long = "x".repeat(200);
    for (text, quoted) in [("", ""), ("nsdx", "nsdx"), (long.as_str(), &long[..80])] {
        let expected = MappingError::UnknownCode {
            text: quoted.to_owned(),
        };
        assert_eq!(text.parse::<MappingCode>(), Err(expected));
    }
}

#[test]
fn whoever_names_no_kind_is_told_all_of_them() {
    let error = "nsdx".parse::<MappingCode>().unwrap_err();
    assert_eq!(error.code().name(), "TOPOLOGY_MAPPING_KIND_UNKNOWN");
    for code in MappingCode::ALL {
        let named = format!("{} ({})", code.short(), code.name().to_lowercase());
        let advice = error.code().advice();
        assert!(advice.contains(&named), "{named} is not in {advice:?}");
    }
}

#[test]
fn every_code_of_an_error_is_named_once_and_gives_advice() {
    let codes = [
        IdentifierError::CODES,
        MappingError::CODES,
        SignaturesError::CODES,
        StoreIdError::CODES,
    ]
    .concat();
    let names: BTreeSet<_> = codes.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), codes.len());
    for code in codes {
        assert!(code.name().starts_with("TOPOLOGY_"), "{}", code.name());
        assert!(code.advice().ends_with('.'), "{}", code.advice());
    }
}
