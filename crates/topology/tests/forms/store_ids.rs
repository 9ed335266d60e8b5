//! Names of stores.

use proptest::prelude::*;
use strongroom_errors::Coded;
use strongroom_topology::{IdentifierError, StoreId, StoreIdError};

use crate::support::successor;

#[test]
fn a_store_of_each_kind_survives() {
    assert_eq!("authorized".parse(), Ok(StoreId::Authorized));
    let physical = format!("synchronizer:{}", successor());
    assert_eq!(physical.parse(), Ok(StoreId::Synchronizer(successor())));
    let longest = format!("temporary:{}", "é".repeat(185));
    for text in [
        "authorized",
        "temporary:a",
        "temporary:temporary:a",
        "temporary:authorized",
        &longest,
        &physical,
    ] {
        assert_eq!(text.parse::<StoreId>().unwrap().to_string(), text);
    }
}

#[test]
fn what_names_no_store_is_refused() {
    let long = "x".repeat(300);
    for text in [
        "",
        "Authorized",
        "authorized ",
        "authorized:a",
        "temporary",
        "synchronizer",
        &long,
    ] {
        let error = text.parse::<StoreId>().unwrap_err();
        let expected = StoreIdError::Unknown {
            text: text.chars().take(80).collect(),
        };
        assert_eq!(error, expected);
        assert!(StoreIdError::CODES.contains(&error.code()));
    }
    let check = |name: &str, length| {
        let error = format!("temporary:{name}").parse::<StoreId>();
        assert_eq!(
            error,
            Err(StoreIdError::TemporaryName { length }),
            "{name:?}"
        );
    };
    check("", 0);
    check(&"é".repeat(186), 186);
    check("a\nb", 3);
    check("\u{7f}", 1);
}

#[test]
fn a_logical_synchronizer_names_no_store() {
    let text = format!("synchronizer:{}", successor().synchronizer);
    let error = text.parse::<StoreId>().unwrap_err();
    assert!(matches!(error, StoreIdError::Synchronizer(_)), "{error:?}");
    assert!(IdentifierError::CODES.contains(&error.code()));
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_as_it_was(text in "(temporary:|synchronizer:|authorized)?.{0,40}") {
        if let Ok(store) = text.parse::<StoreId>() {
            prop_assert_eq!(store.to_string(), text);
        }
    }
}
