//! Rules for every provider, whatever roles it plays.

use strongroom_kms::{KmsHealth, KmsKeyId, KmsKeyIdError};

use super::subject::{Failure, KmsUnderTest};

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn it_plays_the_roles_that_its_capabilities_name(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let provider = kms.provider();
    let capabilities = provider.capabilities();
    assert!(!capabilities.provider.is_empty(), "a provider has a name");
    assert_eq!(
        provider.key_wrapper().is_some(),
        capabilities.wrapper_keys,
        "wrapper keys"
    );
    let holds_keys =
        !capabilities.signing_specs.is_empty() || !capabilities.encryption_specs.is_empty();
    assert_eq!(
        provider.external_keys().is_some(),
        holds_keys,
        "external keys"
    );
    assert_eq!(
        provider.key_tags().is_some(),
        capabilities.tags_keys,
        "tags"
    );
    for spec in &capabilities.import_specs {
        assert!(capabilities.holds(*spec), "{spec} is imported and not held");
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn it_feels_well(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    assert_eq!(kms.provider().health().await, KmsHealth::Ok);
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn key_ids_over_300_characters_are_refused(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let known_start = kms.unknown_key();
    let padded =
        |chars: usize| format!("{known_start:x<chars$}", known_start = known_start.as_str());
    assert!(KmsKeyId::try_new(padded(300)).is_ok(), "300 characters");
    assert_eq!(
        KmsKeyId::try_new(padded(301)),
        Err(KmsKeyIdError::TooLong { chars: 301 })
    );
    Ok(())
}
