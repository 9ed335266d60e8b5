//! CreateImportJob, GetImportJob, ListImportJobs, ImportCryptoKeyVersion.

use serde::Deserialize;
use serde_json::{Value, json};

use super::enums::{ImportMethod, ProtectionLevel, ProtoEnum};
use super::error::GcpError;
use super::inventory::{CryptoKey, ImportJob, Imported, Version};
use super::names::wished_id;
use super::paging::page;
use super::public_key::pem;
use super::session::Session;
use super::versions::told;
use super::wire::{Bytes, read, time};
use crate::clock::after_days;
use crate::keys::{KeyError, KeySpec, Source, WrappingKey, WrappingSize, unwrapped};

/// How long a job is good for.
const JOB_DAYS: u32 = 3;

/// The states of an import job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JobState {
    PendingGeneration,
    Active,
    Expired,
}

impl ProtoEnum for JobState {
    const FIELD: &'static str = "state";
    const VALUES: &'static [(Self, &'static str, u16)] = &[
        (Self::PendingGeneration, "PENDING_GENERATION", 1),
        (Self::Active, "ACTIVE", 2),
        (Self::Expired, "EXPIRED", 3),
    ];
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewImportJob {
    import_method: Option<Value>,
    protection_level: Option<Value>,
}

pub(super) fn create_import_job(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let id = wished_id(session.query.text("importJobId"), "import_job_id")?;
    let input: NewImportJob = read(body)?;
    let method = ImportMethod::read(input.import_method.as_ref())?;
    let level = ProtectionLevel::read(input.protection_level.as_ref())?;
    let missing = |field| GcpError::invalid(format!("The {field} must be specified."));
    let ring = session.name.item();
    let inventory = &session.cloud.inventory;
    inventory.ring(&ring)?;
    let job = ImportJob {
        name: format!("{ring}/importJobs/{id}"),
        method: method.ok_or_else(|| missing("import_method"))?,
        protection: level.ok_or_else(|| missing("protection_level"))?,
        created_at: session.now(),
        generated_at: session.cloud.sky.visible_at(),
        expires_at: after_days(session.now(), JOB_DAYS),
    };
    inventory.add_job(job.clone())?;
    shown(session, &job)
}

pub(super) fn get_import_job(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    shown(session, &session.cloud.inventory.job(&session.name.item())?)
}

pub(super) fn list_import_jobs(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let ring = session.name.item();
    let inventory = &session.cloud.inventory;
    inventory.ring(&ring)?;
    page(
        session.query,
        "importJobs",
        inventory.job_names(&ring),
        |name| shown(session, &inventory.job(&name)?),
    )
}

fn state(session: &Session<'_>, job: &ImportJob) -> JobState {
    let now = session.now();
    if now < job.generated_at {
        JobState::PendingGeneration
    } else if now < job.expires_at {
        JobState::Active
    } else {
        JobState::Expired
    }
}

/// The job as a document; with its public key once it is generated.
fn shown(session: &Session<'_>, job: &ImportJob) -> Result<Value, GcpError> {
    let (encoding, state) = (session.encoding, state(session, job));
    let mut members = json!({
        "name": job.name,
        "importMethod": job.method.value(encoding),
        "protectionLevel": job.protection.value(encoding),
        "createTime": time(job.created_at),
        "expireTime": time(job.expires_at),
        "state": state.value(encoding),
    });
    if let Some(members) = members.as_object_mut() {
        if state != JobState::PendingGeneration {
            members.insert("generateTime".to_owned(), time(job.generated_at));
        }
        if state == JobState::Active {
            let key = wrapping_key(job)?;
            let key = json!({"pem": pem(key.spki())});
            members.insert("publicKey".to_owned(), key);
        }
        if state == JobState::Expired {
            members.insert("expireEventTime".to_owned(), time(job.expires_at));
        }
    }
    Ok(members)
}

fn wrapping_key(job: &ImportJob) -> Result<std::sync::Arc<WrappingKey>, GcpError> {
    let size = match job.method {
        ImportMethod::RsaOaep3072Sha256Aes256 => WrappingSize::Rsa3072,
        ImportMethod::RsaOaep4096Sha256Aes256 => WrappingSize::Rsa4096,
    };
    WrappingKey::of(size).map_err(|error| GcpError::of_key(error, &job.name))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImportVersion {
    algorithm: Option<Value>,
    import_job: Option<String>,
    #[serde(default)]
    wrapped_key: Bytes,
    #[serde(default)]
    rsa_aes_wrapped_key: Bytes,
    crypto_key_version: Option<String>,
}

/// Google answers before it has looked: material that is no key of the algorithm becomes a version whose import failed.
pub(super) fn import_version(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let input: ImportVersion = read(body)?;
    if input
        .crypto_key_version
        .is_some_and(|name| !name.is_empty())
    {
        return Err(GcpError::unimplemented(
            "The simulator imports into new versions only.",
        ));
    }
    let key = session.key()?;
    let spec = KeySpec::read(input.algorithm.as_ref())?;
    let spec = spec.ok_or_else(|| GcpError::invalid("The algorithm must be specified."))?;
    if spec != key.spec {
        return Err(GcpError::unimplemented(
            "The simulator imports keys of the algorithm of the version template only.",
        ));
    }
    let job = input.import_job.unwrap_or_default();
    let job = session.cloud.inventory.job(&job)?;
    if !job.name.starts_with(&format!("{}/", ring_of(session))) {
        return Err(GcpError::invalid("The import job is of another key ring."));
    }
    if job.protection != key.protection {
        return Err(GcpError::invalid(
            "The protection levels of import job and crypto key differ.",
        ));
    }
    let state = state(session, &job);
    if state != JobState::Active {
        return Err(GcpError::precondition(format!(
            "{} is not active, current state is: {}.",
            job.name,
            state.name()
        )));
    }
    let Bytes(mut wrapped) = input.wrapped_key;
    if wrapped.is_empty() {
        // The older name of the same.
        wrapped = input.rsa_aes_wrapped_key.0;
    }
    if wrapped.is_empty() {
        return Err(GcpError::invalid("The wrapped_key must be specified."));
    }
    let inventory = &session.cloud.inventory;
    let number = inventory.change_key(&key.name, CryptoKey::next_number)?;
    import(session, &key, number, &job, &wrapped)?;
    told(session, number)
}

fn ring_of(session: &Session<'_>) -> String {
    let key = session.name.crypto_key();
    key.split("/cryptoKeys/")
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn import(
    session: &Session<'_>,
    key: &CryptoKey,
    number: u32,
    job: &ImportJob,
    wrapped: &[u8],
) -> Result<(), GcpError> {
    let arrives_at = session.cloud.sky.visible_at();
    let imported = |failed| Imported {
        job: job.name.clone(),
        failed,
    };
    let failed = match unwrapped(&*wrapping_key(job)?, wrapped, key.spec) {
        Ok(material) => {
            let source = (Source::Given(material), Some(imported(None)));
            return session.add_version(&key.name, key.spec, number, arrives_at, source);
        }
        Err(KeyError::Undecryptable) => "The wrapped key could not be unwrapped.",
        Err(_unsound) => "The key material is not of the algorithm of the version.",
    };
    let version = Version {
        created_at: session.now(),
        generated_at: arrives_at,
        imported: Some(imported(Some(failed))),
        destroyed_at: None,
    };
    let add = |key: &mut CryptoKey| key.versions.insert(number, version);
    session.cloud.inventory.change_key(&key.name, add)?;
    Ok(())
}
