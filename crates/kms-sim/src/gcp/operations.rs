//! The operations that there are, and the requests that ask for them.

use hyper::Method;
use serde_json::Value;

use super::error::GcpError;
use super::names::Kind;
use super::session::Session;
use super::{
    asymmetric, crypto_keys, encryption, import_jobs, key_changes, key_rings, locations,
    public_key, versions,
};

/// Answers one operation: the request's body in, the answer out.
pub(super) type Handler = fn(&Session<'_>, Value) -> Result<Value, GcpError>;

/// What an operation costs the cloud.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    Administers,
    Computes,
}

/// One operation: `method /v1/{kind}:verb`.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    method: &'static Method,
    kind: Kind,
    verb: &'static str,
    pub(super) work: Work,
    pub(super) handler: Handler,
}

impl Operation {
    pub(super) fn asked_for(method: &Method, kind: Kind, verb: &str) -> Option<&'static Self> {
        OPERATIONS
            .iter()
            .find(|of| of.method == method && of.kind == kind && of.verb == verb)
    }
}

const fn gets(name: &'static str, kind: Kind, handler: Handler) -> Operation {
    operation(name, &Method::GET, kind, "", handler)
}

/// Makes something, or has something done to what is there.
const fn posts(name: &'static str, kind: Kind, verb: &'static str, handler: Handler) -> Operation {
    operation(name, &Method::POST, kind, verb, handler)
}

const fn patches(name: &'static str, kind: Kind, handler: Handler) -> Operation {
    operation(name, &Method::PATCH, kind, "", handler)
}

const fn computes(
    name: &'static str,
    kind: Kind,
    verb: &'static str,
    handler: Handler,
) -> Operation {
    Operation {
        work: Work::Computes,
        ..posts(name, kind, verb, handler)
    }
}

const fn operation(
    name: &'static str,
    method: &'static Method,
    kind: Kind,
    verb: &'static str,
    handler: Handler,
) -> Operation {
    Operation {
        name,
        method,
        kind,
        verb,
        work: Work::Administers,
        handler,
    }
}

const OPERATIONS: &[Operation] = &[
    gets("ListLocations", Kind::Locations, locations::list_locations),
    gets("GetLocation", Kind::Location, locations::get_location),
    computes(
        "GenerateRandomBytes",
        Kind::Location,
        "generateRandomBytes",
        locations::generate_random_bytes,
    ),
    posts(
        "CreateKeyRing",
        Kind::KeyRings,
        "",
        key_rings::create_key_ring,
    ),
    gets("GetKeyRing", Kind::KeyRing, key_rings::get_key_ring),
    gets("ListKeyRings", Kind::KeyRings, key_rings::list_key_rings),
    posts(
        "CreateCryptoKey",
        Kind::CryptoKeys,
        "",
        crypto_keys::create_crypto_key,
    ),
    gets("GetCryptoKey", Kind::CryptoKey, crypto_keys::get_crypto_key),
    gets(
        "ListCryptoKeys",
        Kind::CryptoKeys,
        crypto_keys::list_crypto_keys,
    ),
    patches(
        "UpdateCryptoKey",
        Kind::CryptoKey,
        key_changes::update_crypto_key,
    ),
    posts(
        "UpdateCryptoKeyPrimaryVersion",
        Kind::CryptoKey,
        "updatePrimaryVersion",
        key_changes::update_primary_version,
    ),
    computes("Encrypt", Kind::CryptoKey, "encrypt", encryption::encrypt),
    computes("Encrypt", Kind::Version, "encrypt", encryption::encrypt),
    computes("Decrypt", Kind::CryptoKey, "decrypt", encryption::decrypt),
    posts(
        "CreateCryptoKeyVersion",
        Kind::Versions,
        "",
        versions::create_version,
    ),
    gets("GetCryptoKeyVersion", Kind::Version, versions::get_version),
    gets(
        "ListCryptoKeyVersions",
        Kind::Versions,
        versions::list_versions,
    ),
    patches(
        "UpdateCryptoKeyVersion",
        Kind::Version,
        versions::update_version,
    ),
    posts(
        "DestroyCryptoKeyVersion",
        Kind::Version,
        "destroy",
        versions::destroy_version,
    ),
    posts(
        "RestoreCryptoKeyVersion",
        Kind::Version,
        "restore",
        versions::restore_version,
    ),
    posts(
        "CreateImportJob",
        Kind::ImportJobs,
        "",
        import_jobs::create_import_job,
    ),
    gets("GetImportJob", Kind::ImportJob, import_jobs::get_import_job),
    gets(
        "ListImportJobs",
        Kind::ImportJobs,
        import_jobs::list_import_jobs,
    ),
    posts(
        "ImportCryptoKeyVersion",
        Kind::Versions,
        "import",
        import_jobs::import_version,
    ),
    gets("GetPublicKey", Kind::PublicKey, public_key::get_public_key),
    computes(
        "AsymmetricSign",
        Kind::Version,
        "asymmetricSign",
        asymmetric::asymmetric_sign,
    ),
    computes(
        "AsymmetricDecrypt",
        Kind::Version,
        "asymmetricDecrypt",
        asymmetric::asymmetric_decrypt,
    ),
];
