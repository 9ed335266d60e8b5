//! Certificates, from files.

use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use strongroom_config::{ClientCertificates, ServerTlsConfig, TlsVersion};
use strongroom_files::{FileError, Files};
use strongroom_memory::SecretBytes;
use strongroom_server::{CallerCertificates, Tls, TlsMaterial};

use super::{
    ServerSetupError,
    reload::{Found, Reload},
};
use crate::session;

/// What the files hold.
struct Read {
    certificates: Vec<u8>,
    private_key: SecretBytes,
    authorities: Vec<u8>,
}

/// TLS as the files have it, now and when they change.
pub(crate) fn open(config: &ServerTlsConfig, reload: &mut Reload) -> anyhow::Result<Tls> {
    let read = Read::from_files(config)?;
    let tls = Tls::try_new(&read.material(config)).map_err(ServerSetupError::Tls)?;
    let (current, config) = (tls.clone(), config.clone());
    reload.watch("certificates", read.sum(), move || {
        let read = Read::from_files(&config)?;
        let (sum, tls, config) = (read.sum(), current.clone(), config.clone());
        let take = move || {
            let replaced = tls.replace(&read.material(&config));
            Ok(replaced.map_err(ServerSetupError::Tls)?)
        };
        let take = Box::new(take);
        Ok(Found { sum, take })
    });
    Ok(tls)
}

impl Read {
    fn from_files(config: &ServerTlsConfig) -> anyhow::Result<Self> {
        let files = session::files();
        // Whoever writes there says who is let in.
        let authorities = match &config.client_ca_file {
            Some(path) => found(files.read_guarded(path), path)?,
            None => Vec::new(),
        };
        let (certificate, key) = (&config.certificate_file, &config.private_key_file);
        Ok(Self {
            certificates: found(files.read(certificate), certificate)?,
            private_key: found(files.read_private(key), key)?,
            authorities,
        })
    }

    fn material(&self, config: &ServerTlsConfig) -> TlsMaterial<'_> {
        TlsMaterial {
            certificates: &self.certificates,
            private_key: &self.private_key,
            callers: match config.client_certificates {
                ClientCertificates::None => CallerCertificates::None,
                ClientCertificates::Optional => CallerCertificates::Optional(&self.authorities),
                ClientCertificates::Required => CallerCertificates::Required(&self.authorities),
            },
            with_tls_12: config.oldest_version == TlsVersion::V12,
        }
    }

    /// A sum over all of it, by which a change is noticed.
    fn sum(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        // EXPOSE: hashed, to notice that the file changed without keeping the key.
        let key = self.private_key.expose();
        for part in [&self.certificates, key, &self.authorities] {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut sum = [0; 32];
        sum.copy_from_slice(context.finish().as_ref());
        sum
    }
}

fn found<T>(read: Result<Option<T>, FileError>, path: &Path) -> anyhow::Result<T> {
    let path = || path.to_owned();
    Ok(read?.ok_or_else(|| ServerSetupError::NoFile { path: path() })?)
}
