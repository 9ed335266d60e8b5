//! Locked, zeroized memory for secrets, and process hardening.
//!
//! [`SecretBytes`] is the one container of secret bytes in Strongroom. Its bytes live in an arena of our own: pages
//! that are locked in memory where the limit allows (never swapped), left out of core dumps, and handed to a forked
//! child as zeros. A block is wiped before it is free again. [`SecretWriter`] collects a secret whose length is not
//! known beforehand, and leaves no copies behind while it grows. [`harden_process`] does for the whole process what
//! can be done for it once, at the start; [`hardening`] says what of this holds.
//!
//! What it is not: no protection against somebody who may read this process's memory (root, a debugger of the same
//! user before hardening), and none for copies that a caller makes of an exposed slice.
//!
//! This is the only crate of the workspace with `unsafe` code, all of it in `src/arena.rs`. Linux only.
//!
//! ```
//! use strongroom_memory::{SecretBytes, SecretWriter};
//!
//! let key = SecretBytes::fill_with(32, |buffer| {
//!     buffer.fill(7); // a random source in real life
//!     Ok::<(), std::convert::Infallible>(())
//! })?;
//! assert_eq!(format!("{key:?}"), "SecretBytes(32 bytes)");
//!
//! let mut writer = SecretWriter::with_capacity(64);
//! writer.push(b"prefix:");
//! // EXPOSE: framed for an encoder of this example.
//! writer.push(key.expose());
//! assert_eq!(writer.finish().len(), 39);
//! # Ok::<(), std::convert::Infallible>(())
//! ```

mod arena;
mod hardening;
mod secret_bytes;
mod secret_writer;

pub use arena::ArenaStatistics;
pub use hardening::{
    Hardening, HardeningReport, LockRefusal, LockedPages, harden_process, hardening,
};
pub use secret_bytes::SecretBytes;
pub use secret_writer::SecretWriter;
