//! Rules for finding keys by their tags. For providers that make wrapper keys.

use std::sync::Arc;

use strongroom_crypto::{Random, SystemRandom};
use strongroom_kms::{
    ExternalKeyRequest, FoundKey, KeyFinder, KeyKind, KeyState, WrapperKeyRequest,
};

use super::subject::{Failure, KmsUnderTest, keys_of, wrapper_of};

pub(super) const TAG: &str = "strongroom-conformance";

/// A value that no other test gives a key: a KMS may live longer than a test.
pub(super) fn new_value() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(super) fn finder_of(kms: &dyn KmsUnderTest) -> Result<Arc<dyn KeyFinder>, Failure> {
    kms.provider()
        .key_finder()
        .ok_or_else(|| "the provider does not find keys".into())
}

pub(super) fn tags(value: &str) -> Vec<(String, String)> {
    vec![
        ("another".to_owned(), value.to_owned()),
        (TAG.to_owned(), value.to_owned()),
    ]
}

/// The rule that its name says: whatever state they are in, and whatever they are for.
///
/// # Errors
/// See [`Failure`].
pub async fn keys_are_found_by_their_tags(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let (wrapper, finder) = (wrapper_of(kms)?, finder_of(kms)?);
    let (one, two) = (new_value()?, new_value()?);
    let request = |value| WrapperKeyRequest {
        tags: tags(value),
        ..WrapperKeyRequest::default()
    };
    let enabled = wrapper.generate_wrapper_key(&request(&one)).await?;
    let disabled = wrapper.generate_wrapper_key(&request(&one)).await?;
    kms.disable_key(&disabled).await?;
    wrapper.generate_wrapper_key(&request(&two)).await?;
    let mut expected = vec![
        (enabled, KeyKind::Wrapper, KeyState::Enabled),
        (disabled, KeyKind::Wrapper, KeyState::Disabled),
    ];
    if let Some(spec) = kms.provider().capabilities().signing_specs.first() {
        let request = ExternalKeyRequest {
            tags: tags(&one),
            ..ExternalKeyRequest::default()
        };
        let key = keys_of(kms)?.generate_signing_key(*spec, &request).await?;
        expected.push((key, KeyKind::Signing(*spec), KeyState::Enabled));
    }
    let found = finder.find_keys(TAG, &one).await?;
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (id, kind, state) in expected {
        let key = FoundKey { id, kind, state };
        assert!(found.contains(&key), "{key:?} is not in {found:?}");
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn keys_with_other_tags_are_not_found(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let (wrapper, finder) = (wrapper_of(kms)?, finder_of(kms)?);
    let one = new_value()?;
    let request = WrapperKeyRequest {
        tags: tags(&one),
        ..WrapperKeyRequest::default()
    };
    wrapper.generate_wrapper_key(&request).await?;
    wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await?;
    let longer = format!("{one}0");
    for (name, value) in [(TAG, ""), (TAG, &longer), ("strongroom", &one)] {
        assert_eq!(finder.find_keys(name, value).await?, [], "{name} = {value}");
    }
    Ok(())
}
