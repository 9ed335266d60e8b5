//! TLS to a server: who may vouch for it, and who we are.

use std::{path::Path, sync::Arc};

use strongroom_files::{FileError, Files as _};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::{RemoteError, flags::Settings};
use crate::{failure::CliError, session};

/// The files of `settings`, as the library takes them.
pub(super) fn config(settings: &Settings) -> anyhow::Result<ClientConfig> {
    let Some(ca_file) = &settings.ca_file else {
        return Err(RemoteError::NoAuthority.into());
    };
    let files = session::files();
    // Whoever writes there says which server we trust.
    let authorities = found(files.read_guarded(ca_file), ca_file)?;
    let mut roots = RootCertStore::empty();
    for authority in certificates(&authorities, ca_file)? {
        roots
            .add(authority)
            .map_err(|error| unusable(ca_file, error))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(ca_file, error))?
        .with_root_certificates(roots);
    let mut config = match &settings.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, private_key)) => {
            let chain = found(files.read(certificate), certificate)?;
            let key = found(files.read_private(private_key), private_key)?;
            // EXPOSE: the library takes the key over and keeps it. Not what it says: it may repeat a part of the text.
            let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_what| {
                unusable(private_key, "it is no unencrypted private key in PEM")
            })?;
            builder
                .with_client_auth_cert(certificates(&chain, certificate)?, key)
                .map_err(|error| unusable(certificate, error))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn found<T>(read: Result<Option<T>, FileError>, path: &Path) -> anyhow::Result<T> {
    let path = path.to_owned();
    Ok(read?.ok_or(CliError::NoSecretFile { path })?)
}

fn certificates(pem: &[u8], file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = read.map_err(|error| unusable(file, error))?;
    if found.is_empty() {
        return Err(unusable(file, "there is no certificate in PEM").into());
    }
    Ok(found)
}

fn unusable(file: &Path, reason: impl std::fmt::Display) -> RemoteError {
    RemoteError::TlsMaterial {
        file: file.to_owned(),
        reason: reason.to_string(),
    }
}
