//! Chunks: STREAM over AES-128-GCM.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;

use super::PAYLOAD_CHUNK_LEN;
use super::PayloadError;
use super::error::refused;
use crate::symmetric::{TAG_LEN, split_tag};

/// Bytes of every sealed chunk but the last.
pub(super) const SEALED_CHUNK_LEN: usize = PAYLOAD_CHUNK_LEN + TAG_LEN;

/// Where a chunk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Another one follows.
    Inner,
    /// It ends the payload.
    Last,
}

/// The key of one payload, and how many chunks it has sealed or opened. The library wipes the key when it is dropped.
pub(super) struct ChunkKey {
    key: LessSafeKey,
    next: u64,
}

impl ChunkKey {
    pub(super) const LEN: usize = 16;

    pub(super) fn new(key: &[u8; Self::LEN]) -> Result<Self, Unspecified> {
        Ok(Self {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key)?),
            next: 0,
        })
    }

    /// Seals the next chunk into `sealed`, which is longer by a tag. Nothing is copied: the plaintext is read where it is.
    pub(super) fn seal(
        &mut self,
        plaintext: &[u8],
        place: Place,
        sealed: &mut [u8],
    ) -> Result<(), PayloadError> {
        let nonce = self.nonce(place).ok_or(PayloadError::Refused)?;
        let (ciphertext, tag) = sealed
            .split_at_mut_checked(plaintext.len())
            .ok_or(PayloadError::Refused)?;
        self.key
            .seal_out_of_place_scatter(nonce, Aad::empty(), plaintext, ciphertext, &[], tag)
            .map_err(refused)
    }

    /// Opens the next chunk into `plaintext`, which is shorter by a tag. On an error its content is not to be used.
    pub(super) fn open(
        &mut self,
        sealed: &[u8],
        place: Place,
        plaintext: &mut [u8],
    ) -> Result<(), PayloadError> {
        // Else a payload of whole chunks had two forms.
        if place == Place::Last && sealed.len() == TAG_LEN && self.next > 0 {
            return Err(PayloadError::NotAuthentic);
        }
        let nonce = self.nonce(place).ok_or(PayloadError::NotAuthentic)?;
        let (ciphertext, tag) =
            split_tag(sealed).map_err(|_too_short| PayloadError::NotAuthentic)?;
        self.key
            .open_separate_gather(nonce, Aad::empty(), ciphertext, tag, plaintext)
            .map_err(|Unspecified| PayloadError::NotAuthentic)
    }

    /// No nonce is given out twice; none when all are used up.
    fn nonce(&mut self, place: Place) -> Option<Nonce> {
        let number = self.next;
        self.next = number.checked_add(1)?;
        let mut nonce = [0; NONCE_LEN];
        let [_, _, _, counter @ .., last] = &mut nonce;
        *counter = number.to_be_bytes();
        *last = u8::from(place == Place::Last);
        Some(Nonce::assume_unique_for_key(nonce))
    }
}
