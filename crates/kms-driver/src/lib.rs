//! KMS drivers: a KMS that another program reaches for us, over gRPC, and a server that makes such a program of any KMS of
//! ours.
//!
//! [`DriverKms`] is a [`KmsProvider`](strongroom_kms::KmsProvider) like any other; which roles it plays the driver says.
//! [`DriverServer`] is the other side. What both speak stands in `proto/strongroom/kms/v1/kms.proto`, so that a driver can be
//! written in any language. Errors keep their codes on the way, and the trace of the caller
//! ([`in_trace`](strongroom_kms::in_trace)) arrives with the call.
//!
//! On another machine a driver is reached through TLS 1.3, with certificates of both sides ([`TlsIdentity`]): neither talks to
//! anybody else.
//!
//! A driver sees data keys when they are wrapped and unwrapped. So the client looks which user listens before it sends
//! anything, and the server makes its socket for its owner only.
//!
//! # What is not wiped
//!
//! Messages with a secret are wiped when they are dropped, and their `Debug` leaves it out. But gRPC copies them: the
//! encoder of tonic, the frames of h2 and the buffer of the connection hold a plaintext until they are used again or freed,
//! on both sides, and the socket buffer of the system does until it is read. None of them can be reached from here. They hold
//! a data key for the moment of a wrap or an unwrap, never a private key in custody `external`.
//!
//! ```
//! use std::sync::Arc;
//! use strongroom_crypto::{SystemRandom, clock::SystemClock};
//! use strongroom_files::OsFiles;
//! use strongroom_kms::{KeyWrapper, WrapContext, WrapperKeyRequest};
//! use strongroom_kms_driver::{DriverKms, DriverServer, DriverSettings, bind_unix_socket};
//! use strongroom_kms_local::{LocalKms, Protection};
//! use strongroom_memory::SecretBytes;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("kms.key");
//! // The driver.
//! # let (files, random, clock) = (Arc::new(OsFiles::new()), Arc::new(SystemRandom), Arc::new(SystemClock));
//! let kms = LocalKms::create(files, path, &Protection::UnprotectedKeyFile, random, clock)?;
//! let socket = folder.path().join("run").join("kms.sock");
//! let listener = bind_unix_socket(&socket)?;
//! tokio::spawn(DriverServer::new(Arc::new(kms)).serve(listener, std::future::pending()));
//!
//! // The vault.
//! let kms = DriverKms::connect(DriverSettings::unix_socket(socket)).await?;
//! let wrapper_key = kms.generate_wrapper_key(&WrapperKeyRequest::default()).await?;
//! let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
//! let wrapped = kms.wrap_key(&wrapper_key, &context, &SecretBytes::from_slice(&[7; 32])).await?;
//! assert_eq!(kms.unwrap_key(&wrapped, &context).await?, SecretBytes::from_slice(&[7; 32]));
//! # Ok(()) }
//! ```
//!
//! Source: reference, kms, section 6.

mod contract;
mod driver_kms;
mod endpoint;
mod error;
mod external_keys;
mod foreign_code;
mod key_wrapper;
mod limits;
mod server;
mod specs;
mod status;
mod tls;
mod trace;

pub use driver_kms::DriverKms;
pub use endpoint::{DriverEndpoint, DriverSettings};
pub use error::DriverError;
pub use server::{DriverServer, bind_unix_socket};
pub use tls::TlsIdentity;
