//! Payloads: content of any size for the owners of one or more keys, in a container that says for whom and what for.
//!
//! ```text
//! payload    = "strongroom payload\n"(19) || 02 || length(4) || front(length) || chunk 0 || chunk 1 || … || last chunk
//! front      = header after its length || sender's signature, optional || commitment(32)
//! header     = salt(32) || purpose || at(8) || sender, optional || recipients
//! recipient  = fingerprint(32) || algorithm(4) || secret, encrypted to that key      ascending by fingerprint
//! signature  = signing key's fingerprint(32) || algorithm's name || signature over label || H
//! chunk i    = AES-128-GCM(payload key, nonce = i(11) || last(1), 196 608 bytes of plaintext) || tag(16)
//!
//! H           = SHA-256(label of the version || header)
//! payload key = HKDF-SHA256(secret, salt, info = label || H), 16 bytes
//! commitment  = HKDF-SHA256(secret, salt, info = another label || H), 32 bytes
//! ```
//!
//! Integers, texts, options and lists are those of [`encoding`](crate::encoding). The *secret* is 16 random bytes that are
//! used for one payload and wiped. What follows from it:
//!
//! * **Chunks** are STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015): each is authenticated with its number and with
//!   whether it is the last, and is given out only then. So what was cut, reordered, doubled or added to does not open. All but
//!   the last are full; only the single chunk of an empty payload is empty. Each payload has its own key, so numbers are nonces.
//! * **Header.** The key comes from its hash: whoever removes, adds or swaps a recipient, or changes the purpose, gets a key that
//!   opens no chunk. Only somebody who has the secret, which is to say a recipient, can make another header for it.
//! * **Commitment.** AES-GCM alone lets a sender make one ciphertext that opens to two contents under two keys (Dodis et al.,
//!   CRYPTO 2018). The commitment is a collision-resistant hash of secret and header, and is compared before anything is opened: all
//!   recipients get the same content.
//! * **Signature.** With the sender's, a recipient cannot make another header and pass it on in the sender's name. It vouches for
//!   the header, not for the content: whoever can open a payload can seal other content under the same header.
//!
//! Version 1 had chunks of 262 144 bytes and another label of H, and nothing else was different. It is still opened. A new version gets
//! another number behind the first line; a changed length of chunks is a new version.
//!
//! Contents are sealed and opened **in place**, in the memory of whoever has them: no copy, no room that is wiped afterwards.

mod chunks;
mod cutter;
mod error;
mod front;
mod header;
mod open;
mod purpose;
mod seal;
mod secret;
mod version;

pub use error::PayloadError;
pub use front::{FrontReader, PayloadFront};
pub use header::PayloadHeader;
pub use open::PayloadOpener;
pub use purpose::PayloadPurpose;
pub use seal::{NewPayload, PayloadDraft, PayloadSealer};

/// Bytes of plaintext in every chunk but the last: so many that what a chunk costs beside its bytes does not count, so few that it
/// stays in the cache of a processor and a stream in little memory. And they are a multiple of 768, which AES-GCM with AVX-512 takes at a
/// time: with 256 bytes over, as 256 KiB have, chunks that come from memory took three times as long (ADR 0031).
pub const PAYLOAD_CHUNK_LEN: usize = 192 * 1024;
/// Recipients of one payload: each opens it with one operation, and the header is in memory as a whole.
pub const MAX_PAYLOAD_RECIPIENTS: usize = 1024;

/// The first line.
const MAGIC: &[u8] = b"strongroom payload\n";

/// Whether these bytes begin a payload, of whichever version.
#[must_use]
pub fn is_payload(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}
