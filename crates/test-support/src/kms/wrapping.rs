//! Rules for wrapper keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_kms::{
    KeyState, KeyWrapper, KmsError, KmsKeyId, MAX_CIPHERTEXT_BYTES, WrapContext, WrappedKey,
    WrapperKeyRequest,
};
use strongroom_memory::SecretBytes;

use super::subject::{Failure, KmsUnderTest, assert_fails, wrapper_of};

/// A wrapper with a wrapper key and a key wrapped by it.
struct Wrapped {
    wrapper: Arc<dyn KeyWrapper>,
    wrapper_key: KmsKeyId,
    context: WrapContext,
    key: SecretBytes,
    wrapped: WrappedKey,
}

impl Wrapped {
    async fn by(kms: &dyn KmsUnderTest) -> Result<Self, Failure> {
        let wrapper = wrapper_of(kms)?;
        let wrapper_key = wrapper
            .generate_wrapper_key(&WrapperKeyRequest::default())
            .await?;
        let (context, key) = (
            WrapContext::for_data_key(&[1; 16], &[2; 16]),
            SecretBytes::from_slice(&[7; 32]),
        );
        let wrapped = wrapper.wrap_key(&wrapper_key, &context, &key).await?;
        Ok(Self {
            wrapper,
            wrapper_key,
            context,
            key,
            wrapped,
        })
    }

    async fn assert_unwraps(&self, wrapped: &WrappedKey) -> Result<(), Failure> {
        assert_eq!(
            self.wrapper.unwrap_key(wrapped, &self.context).await?,
            self.key
        );
        Ok(())
    }

    async fn assert_does_not_unwrap(
        &self,
        what: &str,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) {
        let answer = self.wrapper.unwrap_key(wrapped, context).await;
        assert_fails(
            answer,
            &format!("UnwrapFailed ({what})"),
            |error| matches!(error, KmsError::UnwrapFailed { id } if *id == wrapped.wrapper_key_id),
        );
    }

    async fn state(&self) -> Result<KeyState, KmsError> {
        self.wrapper.wrapper_key_state(&self.wrapper_key).await
    }

    async fn assert_unusable(&self, wanted: &str, fits: fn(&KmsError) -> bool) {
        assert_fails(
            self.wrapper
                .wrap_key(&self.wrapper_key, &self.context, &self.key)
                .await,
            wanted,
            fits,
        );
        assert_fails(
            self.wrapper.unwrap_key(&self.wrapped, &self.context).await,
            wanted,
            fits,
        );
    }

    async fn assert_usable(&self) -> Result<(), Failure> {
        assert_eq!(self.state().await?, KeyState::Enabled);
        self.assert_unwraps(&self.wrapped).await?;
        let again = self
            .wrapper
            .wrap_key(&self.wrapper_key, &self.context, &self.key)
            .await?;
        self.assert_unwraps(&again).await
    }

    fn changed(&self, ciphertext: Vec<u8>) -> WrappedKey {
        WrappedKey {
            ciphertext,
            ..self.wrapped.clone()
        }
    }
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_wrapped_key_unwraps_to_itself(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let wrapper = wrapper_of(kms)?;
    let wrapper_key = wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await?;
    assert_eq!(
        wrapper.wrapper_key_state(&wrapper_key).await?,
        KeyState::Enabled
    );
    let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
    for length in [1, 16, 32, 33, 1000] {
        let key = SecretBytes::from_slice(&vec![0xa5; length]);
        let wrapped = wrapper.wrap_key(&wrapper_key, &context, &key).await?;
        assert_eq!(
            wrapped.wrapper_key_id, wrapper_key,
            "a wrap names its wrapper key as it was named"
        );
        assert!(wrapped.ciphertext.len() <= MAX_CIPHERTEXT_BYTES);
        assert_eq!(
            wrapper.unwrap_key(&wrapped, &context).await?,
            key,
            "{length} bytes"
        );
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn two_wraps_of_one_key_differ(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    let again = it
        .wrapper
        .wrap_key(&it.wrapper_key, &it.context, &it.key)
        .await?;
    assert_ne!(it.wrapped.ciphertext, again.ciphertext);
    it.assert_unwraps(&again).await
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn another_context_does_not_unwrap(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    it.assert_unwraps(&it.wrapped).await?;
    let pairs: Vec<(String, String)> = it
        .context
        .pairs()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let without_one = WrapContext::try_from_pairs(pairs.iter().skip(1).cloned())?;
    let with_one_more =
        WrapContext::try_from_pairs(pairs.into_iter().chain([("z".to_owned(), String::new())]))?;
    for (what, context) in [
        (
            "another vault",
            WrapContext::for_data_key(&[3; 16], &[2; 16]),
        ),
        (
            "another data key",
            WrapContext::for_data_key(&[1; 16], &[3; 16]),
        ),
        (
            "swapped values",
            WrapContext::for_data_key(&[2; 16], &[1; 16]),
        ),
        ("a pair less", without_one),
        ("a pair more", with_one_more),
        ("no pairs", WrapContext::try_from_pairs([])?),
    ] {
        it.assert_does_not_unwrap(what, &it.wrapped, &context).await;
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn any_changed_byte_does_not_unwrap(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    let sound = &it.wrapped.ciphertext;
    for position in 0..sound.len() {
        let mut changed = sound.clone();
        if let Some(byte) = changed.get_mut(position) {
            *byte ^= 0x01;
        }
        it.assert_does_not_unwrap(
            &format!("byte {position}"),
            &it.changed(changed),
            &it.context,
        )
        .await;
    }
    let shorter = sound.get(..sound.len() - 1).unwrap_or_default().to_vec();
    it.assert_does_not_unwrap("a byte less", &it.changed(shorter), &it.context)
        .await;
    let longer = sound.iter().copied().chain([0]).collect();
    it.assert_does_not_unwrap("a byte more", &it.changed(longer), &it.context)
        .await;
    it.assert_does_not_unwrap("a single byte", &it.changed(vec![1]), &it.context)
        .await;
    it.assert_unwraps(&it.wrapped).await
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn another_wrapper_key_does_not_unwrap(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    let wrapper_key_id = it
        .wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await?;
    let moved = WrappedKey {
        wrapper_key_id,
        ciphertext: it.wrapped.ciphertext.clone(),
    };
    it.assert_does_not_unwrap("another wrapper key", &moved, &it.context)
        .await;
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn an_unknown_wrapper_key_is_not_found(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    let unknown = kms.unknown_key();
    let moved = WrappedKey {
        wrapper_key_id: unknown.clone(),
        ..it.wrapped.clone()
    };
    let fits = |error: &KmsError| matches!(error, KmsError::KeyNotFound { id } if *id == unknown);
    assert_fails(
        it.wrapper.wrapper_key_state(&unknown).await,
        "KeyNotFound",
        fits,
    );
    assert_fails(
        it.wrapper.wrap_key(&unknown, &it.context, &it.key).await,
        "KeyNotFound",
        fits,
    );
    assert_fails(
        it.wrapper.unwrap_key(&moved, &it.context).await,
        "KeyNotFound",
        fits,
    );
    assert_fails(
        it.wrapper
            .rewrap_key(&it.wrapped, &it.context, &unknown)
            .await,
        "KeyNotFound",
        fits,
    );
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_disabled_wrapper_key_works_only_after_it_was_enabled(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    kms.disable_key(&it.wrapper_key).await?;
    assert_eq!(it.state().await?, KeyState::Disabled);
    it.assert_unusable("KeyDisabled", |error| {
        matches!(error, KmsError::KeyDisabled { .. })
    })
    .await;
    kms.enable_key(&it.wrapper_key).await?;
    it.assert_usable().await
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_wrapper_key_pending_deletion_works_only_after_it_was_rescued(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    kms.schedule_deletion(&it.wrapper_key).await?;
    assert_eq!(it.state().await?, KeyState::PendingDeletion);
    it.assert_unusable("KeyPendingDeletion", |error| {
        matches!(error, KmsError::KeyPendingDeletion { .. })
    })
    .await;
    kms.cancel_deletion(&it.wrapper_key).await?;
    if it.state().await? == KeyState::Disabled {
        kms.enable_key(&it.wrapper_key).await?;
    }
    it.assert_usable().await
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_key_of_the_largest_size_wraps_and_one_byte_more_does_not(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    let max = kms.provider().capabilities().max_wrap_bytes;
    let largest = SecretBytes::from_slice(&vec![9; max]);
    let wrapped = it
        .wrapper
        .wrap_key(&it.wrapper_key, &it.context, &largest)
        .await?;
    assert!(
        wrapped.ciphertext.len() <= MAX_CIPHERTEXT_BYTES,
        "what was wrapped must be small enough to unwrap"
    );
    assert_eq!(it.wrapper.unwrap_key(&wrapped, &it.context).await?, largest);
    let too_large = SecretBytes::from_slice(&vec![9; max + 1]);
    assert_fails(
        it.wrapper
            .wrap_key(&it.wrapper_key, &it.context, &too_large)
            .await,
        "PayloadTooLarge",
        |error| matches!(error, KmsError::PayloadTooLarge { actual, .. } if *actual == max + 1),
    );
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn an_oversized_ciphertext_is_refused(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    let oversized = it.changed(vec![1; MAX_CIPHERTEXT_BYTES + 1]);
    assert_fails(
        it.wrapper.unwrap_key(&oversized, &it.context).await,
        "PayloadTooLarge",
        |error| {
            matches!(
                error,
                KmsError::PayloadTooLarge {
                    max: MAX_CIPHERTEXT_BYTES,
                    ..
                }
            )
        },
    );
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn wraps_from_before_an_automatic_rotation_unwrap(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    let mut wraps = vec![it.wrapped.clone()];
    for _ in 0..3 {
        kms.rotate_wrapper_key(&it.wrapper_key).await?;
        wraps.push(
            it.wrapper
                .wrap_key(&it.wrapper_key, &it.context, &it.key)
                .await?,
        );
    }
    for wrapped in &wraps {
        it.assert_unwraps(wrapped).await?;
        let other = WrapContext::for_data_key(&[3; 16], &[2; 16]);
        it.assert_does_not_unwrap("another context after a rotation", wrapped, &other)
            .await;
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_rewrapped_key_opens_under_the_new_wrapper_key_and_the_same_context(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    let new = it
        .wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await?;
    let rewrapped = it
        .wrapper
        .rewrap_key(&it.wrapped, &it.context, &new)
        .await?;
    assert_eq!(rewrapped.wrapper_key_id, new);
    it.assert_unwraps(&rewrapped).await?;
    it.assert_unwraps(&it.wrapped).await?;
    let other = WrapContext::for_data_key(&[3; 16], &[2; 16]);
    it.assert_does_not_unwrap("another context", &rewrapped, &other)
        .await;
    // The old wrapper key is not needed any more.
    kms.disable_key(&it.wrapper_key).await?;
    it.assert_unwraps(&rewrapped).await
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_failed_rewrap_leaves_the_old_wrap_usable(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let it = Wrapped::by(kms).await?;
    let new = it
        .wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await?;
    let other = WrapContext::for_data_key(&[3; 16], &[2; 16]);
    assert_fails(
        it.wrapper.rewrap_key(&it.wrapped, &other, &new).await,
        "UnwrapFailed",
        |error| matches!(error, KmsError::UnwrapFailed { .. }),
    );
    kms.disable_key(&new).await?;
    assert_fails(
        it.wrapper.rewrap_key(&it.wrapped, &it.context, &new).await,
        "KeyDisabled",
        |error| matches!(error, KmsError::KeyDisabled { id } if *id == new),
    );
    it.assert_unwraps(&it.wrapped).await
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn every_wrapper_key_is_a_new_one(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let wrapper = wrapper_of(kms)?;
    let request = WrapperKeyRequest {
        label: Some("wrapper".parse()?),
        tags: vec![("strongroom-intent".to_owned(), "1".to_owned())],
        multi_region: false,
    };
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        ids.insert(wrapper.generate_wrapper_key(&request).await?);
    }
    assert_eq!(
        ids.len(),
        3,
        "the same label and tags make another key each time"
    );
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_multi_region_key_is_made_exactly_where_promised(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let request = WrapperKeyRequest {
        multi_region: true,
        ..WrapperKeyRequest::default()
    };
    let answer = wrapper_of(kms)?.generate_wrapper_key(&request).await;
    if kms.provider().capabilities().multi_region {
        answer?;
    } else {
        assert_fails(answer, "UnsupportedRequest", |error| {
            matches!(error, KmsError::UnsupportedRequest { .. })
        });
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn calls_at_the_same_time_do_not_disturb_each_other(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let wrapper = wrapper_of(kms)?;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let wrapper = Arc::clone(&wrapper);
        tasks.spawn(async move { use_a_key_of_its_own(&*wrapper, number).await });
    }
    let mut ids = BTreeSet::new();
    while let Some(done) = tasks.join_next().await {
        ids.insert(done??);
    }
    assert_eq!(ids.len(), 8, "no key got lost");
    for id in &ids {
        assert_eq!(
            wrapper.wrapper_key_state(id).await?,
            KeyState::Enabled,
            "{id}"
        );
    }
    Ok(())
}

async fn use_a_key_of_its_own(wrapper: &dyn KeyWrapper, number: u8) -> Result<KmsKeyId, Failure> {
    let wrapper_key = wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await?;
    let context = WrapContext::for_data_key(&[number; 16], &[2; 16]);
    let key = SecretBytes::from_slice(&[number; 32]);
    let wrapped = wrapper.wrap_key(&wrapper_key, &context, &key).await?;
    assert_eq!(wrapper.unwrap_key(&wrapped, &context).await?, key);
    Ok(wrapper_key)
}
