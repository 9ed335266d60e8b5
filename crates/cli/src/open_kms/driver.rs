use std::path::Path;

use strongroom_config::{DriverConfig, DriverTlsConfig};
use strongroom_files::FileError;
use strongroom_kms_driver::{DriverEndpoint, DriverKms, DriverSettings, TlsIdentity};

use crate::{failure::CliError, session};

/// Connects to the driver, which says what its KMS can do.
pub(super) async fn connect(config: &DriverConfig) -> anyhow::Result<DriverKms> {
    let settings = match config {
        DriverConfig::Socket { socket, user } => DriverSettings {
            endpoint: DriverEndpoint::UnixSocket {
                path: socket.clone(),
                user: *user,
            },
            ..DriverSettings::unix_socket(socket)
        },
        DriverConfig::Tls(tls) => DriverSettings::tls(&tls.address, driver_identity(tls)?),
    };
    Ok(DriverKms::connect(settings).await?)
}

/// The certificates of one side, and whom it trusts.
pub(crate) fn driver_identity(tls: &DriverTlsConfig) -> anyhow::Result<TlsIdentity> {
    let files = session::files();
    // Whoever writes there says who is trusted with data keys.
    let authorities = found(files.read_guarded(&tls.ca_file), &tls.ca_file)?;
    let certificates = found(files.read(&tls.certificate_file), &tls.certificate_file)?;
    let key = found(
        files.read_private(&tls.private_key_file),
        &tls.private_key_file,
    )?;
    Ok(TlsIdentity::from_pem(&authorities, &certificates, &key)?)
}

fn found<T>(read: Result<Option<T>, FileError>, path: &Path) -> anyhow::Result<T> {
    let path = || path.to_owned();
    Ok(read?.ok_or_else(|| CliError::NoSecretFile { path: path() })?)
}
