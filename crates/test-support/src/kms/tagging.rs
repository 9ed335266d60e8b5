//! Rules for tags of keys. For providers that make wrapper keys and find keys by their tags.

use std::sync::Arc;

use strongroom_kms::{KeyTags, KmsError, KmsKeyId, MAX_TAG_CHARS, WrapContext, WrapperKeyRequest};
use strongroom_memory::SecretBytes;

use super::finding::{TAG, finder_of, new_value, tags};
use super::subject::{Failure, KmsUnderTest, wrapper_of};

const NAME: &str = "strongroom-tagging";

fn tags_of(kms: &dyn KmsUnderTest) -> Result<Arc<dyn KeyTags>, Failure> {
    kms.provider()
        .key_tags()
        .ok_or_else(|| "the provider keeps no tags".into())
}

async fn new_key(kms: &dyn KmsUnderTest) -> Result<KmsKeyId, Failure> {
    let request = WrapperKeyRequest::default();
    Ok(wrapper_of(kms)?.generate_wrapper_key(&request).await?)
}

/// The rule that its name says: any value that fits, also in the place of another one, and none at first.
///
/// # Errors
/// See [`Failure`].
pub async fn a_tag_is_read_as_it_was_set(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let (key, keeper) = (new_key(kms).await?, tags_of(kms)?);
    assert_eq!(keeper.tag(&key, NAME).await?, None);
    let name = "n".repeat(MAX_TAG_CHARS);
    let longest = "0-z_9".repeat(MAX_TAG_CHARS)[..MAX_TAG_CHARS].to_owned();
    for (name, value) in [
        (NAME, "first"),
        (NAME, longest.as_str()),
        (NAME, ""),
        (&name, &longest),
        (NAME, "last"),
    ] {
        keeper.set_tag(&key, name, value).await?;
        assert_eq!(keeper.tag(&key, name).await?.as_deref(), Some(value));
    }
    assert_eq!(keeper.tag(&key, &name).await?, Some(longest));
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_tag_leaves_the_others_and_what_the_key_does_alone(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let (wrapper, keeper) = (wrapper_of(kms)?, tags_of(kms)?);
    let made_with = new_value()?;
    let request = WrapperKeyRequest {
        tags: tags(&made_with),
        ..WrapperKeyRequest::default()
    };
    let key = wrapper.generate_wrapper_key(&request).await?;
    let context = WrapContext::for_data_key(&[7; 16], &[8; 16]);
    let secret = SecretBytes::from_slice(&[9; 32]);
    let wrapped = wrapper.wrap_key(&key, &context, &secret).await?;
    keeper.set_tag(&key, NAME, "one").await?;
    keeper.set_tag(&key, "strongroom-tagging-2", "two").await?;
    assert_eq!(keeper.tag(&key, NAME).await?.as_deref(), Some("one"));
    let found = finder_of(kms)?.find_keys(TAG, &made_with).await?;
    assert!(
        found.iter().any(|found| found.id == key),
        "the tag that the key was made with is gone: {found:?}"
    );
    assert!(wrapper.unwrap_key(&wrapped, &context).await? == secret);
    let other = new_key(kms).await?;
    assert_eq!(keeper.tag(&other, NAME).await?, None);
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_disabled_key_keeps_its_tags_and_takes_new_ones(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let (key, keeper) = (new_key(kms).await?, tags_of(kms)?);
    keeper.set_tag(&key, NAME, "before").await?;
    kms.disable_key(&key).await?;
    assert_eq!(keeper.tag(&key, NAME).await?.as_deref(), Some("before"));
    keeper.set_tag(&key, NAME, "after").await?;
    assert_eq!(keeper.tag(&key, NAME).await?.as_deref(), Some("after"));
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn an_unknown_key_has_no_tags(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let (key, keeper) = (kms.unknown_key(), tags_of(kms)?);
    let read = keeper.tag(&key, NAME).await.map(drop);
    let set = keeper.set_tag(&key, NAME, "value").await;
    for refusal in [read, set] {
        assert!(
            matches!(refusal, Err(KmsError::KeyNotFound { .. })),
            "{refusal:?}"
        );
    }
    Ok(())
}

/// The rule that its name says: a name and a value are good in every cloud or in none.
///
/// # Errors
/// See [`Failure`].
pub async fn what_is_no_tag_everywhere_is_refused(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let (key, keeper) = (new_key(kms).await?, tags_of(kms)?);
    let too_long = "a".repeat(MAX_TAG_CHARS + 1);
    for (name, value) in [
        ("", "value"),
        ("1name", "value"),
        ("Name", "value"),
        ("name", "Value"),
        ("name", "a b"),
        (too_long.as_str(), "value"),
        ("name", too_long.as_str()),
    ] {
        let refusal = keeper.set_tag(&key, name, value).await;
        assert!(
            matches!(refusal, Err(KmsError::UnsupportedRequest { .. })),
            "{name} = {value}: {refusal:?}"
        );
    }
    assert_eq!(keeper.tag(&key, "name").await?, None);
    Ok(())
}
