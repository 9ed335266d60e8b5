//! Every code of every crate, for whoever looks one up.

use strongroom_config::ConfigError;
use strongroom_errors::ErrorCode;
use strongroom_kms::KmsError;
use strongroom_kms_local::LocalKmsError;
use strongroom_kms_recovery::RecoveryError;
use strongroom_store::StoreError;
use strongroom_store_postgres::PostgresError;
use strongroom_vault::{
    AnchorError, AnchorTagError, AnnouncementError, ApprovalError, AuditExportError,
    MigrationError, PartyError, PayloadUseError, ReplicaError, SessionKeyError,
    SignatureCheckError, VaultError, WrapperKeyError,
};

use super::CliError;
use crate::{
    commands::RootError, kms_log::KmsLogError, remote::RemoteError, server::ServerSetupError,
};

/// Every code there is, sorted by name.
pub(crate) fn all_codes() -> Vec<ErrorCode> {
    let domains = [
        CliError::CODES,
        RemoteError::CODES,
        RootError::CODES,
        ServerSetupError::CODES,
        ConfigError::CODES,
        KmsLogError::CODES,
        strongroom_crypto::KeyError::CODES,
        strongroom_crypto::SignError::CODES,
        strongroom_crypto::VerifyError::CODES,
        strongroom_crypto::DelegationError::CODES,
        strongroom_crypto::EncryptError::CODES,
        strongroom_crypto::DecryptError::CODES,
        strongroom_crypto::PayloadError::CODES,
        strongroom_crypto::UsageError::CODES,
        strongroom_crypto::SpecError::CODES,
        strongroom_crypto::NameError::CODES,
        strongroom_crypto::FingerprintError::CODES,
        strongroom_crypto::HashError::CODES,
        strongroom_crypto::RandomError::CODES,
        strongroom_crypto::PasswordError::CODES,
        strongroom_crypto::SealError::CODES,
        strongroom_crypto::OpenError::CODES,
        strongroom_crypto::SecretLengthError::CODES,
        strongroom_crypto::encoding::EncodingError::CODES,
        strongroom_files::CODES,
        KmsError::CODES,
        LocalKmsError::CODES,
        AuditExportError::CODES,
        RecoveryError::CODES,
        #[cfg(feature = "kms-aws")]
        strongroom_kms_aws::AwsKmsError::CODES,
        #[cfg(feature = "kms-driver")]
        strongroom_kms_driver::DriverError::CODES,
        #[cfg(feature = "kms-gcp")]
        strongroom_kms_gcp::GcpKmsError::CODES,
        #[cfg(feature = "kms-pkcs11")]
        strongroom_kms_pkcs11::Pkcs11Error::CODES,
        strongroom_proto::ProtoError::CODES,
        strongroom_proto::topology::DetectError::CODES,
        strongroom_proto::topology::StreamError::CODES,
        strongroom_topology::TopologyError::CODES,
        strongroom_topology::Rejection::CODES,
        strongroom_topology::StoreIdError::CODES,
        strongroom_topology::MappingError::CODES,
        strongroom_topology::IdentifierError::CODES,
        strongroom_topology::SignaturesError::CODES,
        strongroom_server::CODES,
        StoreError::CODES,
        PostgresError::CODES,
        strongroom_canton_db::CantonDbError::CODES,
        strongroom_backup::BackupError::CODES,
        AnchorError::CODES,
        AnchorTagError::CODES,
        VaultError::CODES,
        WrapperKeyError::CODES,
        AnnouncementError::CODES,
        MigrationError::CODES,
        PayloadUseError::CODES,
        ApprovalError::CODES,
        ReplicaError::CODES,
        SessionKeyError::CODES,
        SignatureCheckError::CODES,
        PartyError::CODES,
    ];
    let mut codes: Vec<_> = domains.into_iter().flatten().copied().collect();
    codes.sort_unstable_by_key(ErrorCode::name);
    codes.dedup();
    codes
}
