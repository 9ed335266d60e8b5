//! Files that survive a crash: atomic durable writes, owner-only permissions, locks.
//!
//! [`Files`] is the seam between the vault and the file system. The real one is [`OsFiles`]; a test wraps any other
//! `Files` to fail at a chosen call, or gives [`OsFiles::with_observer`] a closure that ends the process between two
//! [`DurableStep`]s. [`FolderLock`] keeps a second process out of a folder.
//!
//! What it is not: it neither encrypts nor shreds. What must not be read from a disk is sealed before it comes here.
//!
//! ```
//! use strongroom_files::{Access, Files, FolderLock, OsFiles};
//!
//! # let temporary = tempfile::tempdir()?;
//! # let base = temporary.path();
//! let files = OsFiles::new();
//! let folder = base.join("vault");
//! files.create_folder(&folder, Access::OwnerOnly)?;
//! let _lock = FolderLock::acquire(&folder)?;
//!
//! let path = folder.join("kms.key");
//! files.write_new_durably(&path, b"sealed key", Access::OwnerOnly)?;
//! let contents = files.read_private(&path)?;
//! assert_eq!(contents.map(|secret| secret.len()), Some(10));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Writing a `Files`
//!
//! A wrapper delegates each call, before or after which it misbehaves. It must keep the promise of
//! [`Files::write_durably`] and its kin: whatever happens, the file afterwards holds all of the old or all of the new contents.

mod access;
mod durable_step;
mod error;
mod folder_lock;
mod os_files;
mod peer;
mod seam;
mod socket;

pub use access::Access;
pub use durable_step::{DurableStep, StepObserver};
pub use error::{CODES, FileAction, FileError};
pub use folder_lock::{FolderLock, LOCK_FILE_NAME};
pub use os_files::{MAX_PRIVATE_FILE_BYTES, OsFiles, is_leftover_of, remove_leftovers};
pub use peer::known_user;
pub use seam::Files;
pub use socket::{SocketAccess, SocketError, bind_socket};
