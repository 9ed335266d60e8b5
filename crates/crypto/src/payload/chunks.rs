//! Chunks: STREAM over AES-128-GCM.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;

use super::PayloadError;
use super::error::refused;
use crate::symmetric::TAG_LEN;

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

    /// Seals the next chunk where it is, and gives the tag.
    pub(super) fn seal(
        &mut self,
        chunk: &mut [u8],
        place: Place,
    ) -> Result<[u8; TAG_LEN], PayloadError> {
        let nonce = self.nonce(place).ok_or(PayloadError::Refused)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::empty(), chunk)
            .map_err(refused)?;
        tag.as_ref()
            .try_into()
            .map_err(|_other_length| PayloadError::Refused)
    }

    /// Opens the next chunk where it is, and gives the content. On an error the library leaves zeros in its place.
    pub(super) fn open<'c>(
        &mut self,
        sealed: &'c mut [u8],
        place: Place,
    ) -> Result<&'c [u8], PayloadError> {
        // Else a payload of whole chunks had two forms.
        if place == Place::Last && sealed.len() == TAG_LEN && self.next > 0 {
            return Err(PayloadError::NotAuthentic);
        }
        let nonce = self.nonce(place).ok_or(PayloadError::NotAuthentic)?;
        let opened = self.key.open_in_place(nonce, Aad::empty(), sealed);
        Ok(opened.map_err(|Unspecified| PayloadError::NotAuthentic)?)
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
