//! From a recovery key to shares, and back.

use std::{collections::BTreeMap, convert::Infallible};

use rand_core::{TryCryptoRng, TryRng};
use strongroom_crypto::{Random, RandomError};
use strongroom_memory::SecretBytes;
use vsss_rs::Gf256;
use zeroize::Zeroizing;

use crate::{RecoveryError, RecoveryKey, Share};

impl RecoveryKey {
    /// Shares the key by Shamir's scheme over GF(256): any `threshold` of the `total` shares give it back, fewer say nothing.
    ///
    /// # Errors
    /// [`RecoveryError::SharingInvalid`] unless 2 ≤ `threshold` ≤ `total`; [`RecoveryError::Random`].
    pub fn share(
        &self,
        threshold: u8,
        total: u8,
        random: &dyn Random,
    ) -> Result<Vec<Share>, RecoveryError> {
        if threshold < 2 || total < threshold {
            let shares = total;
            return Err(RecoveryError::SharingInvalid { threshold, shares });
        }
        let mut drawn = Drawn {
            random,
            failed: None,
        };
        let text = self.secret_text();
        // EXPOSE: this is the sharing.
        let parts = Gf256::split_bytes(threshold.into(), total.into(), text.expose(), &mut drawn);
        let parts = parts.map_err(|error| RecoveryError::Share(error.to_string().into()))?;
        let shares = parts.into_iter().map(|part| Share {
            recipient: self.recipient(),
            threshold,
            total,
            part: SecretBytes::take(part),
        });
        let shares = shares.collect();
        match drawn.failed {
            None => Ok(shares),
            Some(error) => Err(error.into()),
        }
    }

    /// The key that enough `shares` give back, which is the one that they name.
    ///
    /// # Errors
    /// [`RecoveryError::SharesTooFew`]; [`RecoveryError::SharesDiffer`] if they were not made together, or one was made up.
    pub fn from_shares(shares: &[Share]) -> Result<Self, RecoveryError> {
        let first = shares.first().ok_or(RecoveryError::SharesTooFew {
            needed: 2,
            found: 0,
        })?;
        let together = |share: &Share| {
            share.recipient == first.recipient
                && (share.threshold, share.total) == (first.threshold, first.total)
                && share.part.len() == first.part.len()
        };
        if !shares.iter().all(together) {
            return Err(RecoveryError::SharesDiffer);
        }
        let different: BTreeMap<u8, &Share> =
            shares.iter().map(|share| (share.number(), share)).collect();
        if different.len() < usize::from(first.threshold) {
            return Err(RecoveryError::SharesTooFew {
                needed: first.threshold,
                found: different.len(),
            });
        }
        // All of them: one that was made up shows, even if the others would do.
        // EXPOSE: the library puts copies together, which are wiped; so is its answer, with its container.
        let parts = different.values().map(|share| share.part.expose().to_vec());
        let parts = Zeroizing::new(parts.collect::<Vec<_>>());
        let text = Gf256::combine_bytes(parts.as_slice());
        let text = text.map_err(|_made_up| RecoveryError::SharesDiffer)?;
        let key = Self::from_text(&SecretBytes::take(text)).ok_or(RecoveryError::SharesDiffer)?;
        if key.recipient() == first.recipient {
            Ok(key)
        } else {
            Err(RecoveryError::SharesDiffer)
        }
    }
}

/// Randomness of ours for a library that takes only what never fails: a failure is remembered, and nothing that was made with
/// it leaves.
struct Drawn<'a> {
    random: &'a dyn Random,
    failed: Option<RandomError>,
}

impl TryRng for Drawn<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        if let Err(error) = self.random.fill(to) {
            self.failed = Some(error);
            // Not zeros: a library may draw until it likes what it gets.
            to.iter_mut()
                .zip(1..)
                .for_each(|(byte, value)| *byte = value);
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}
