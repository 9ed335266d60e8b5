//! Import jobs: wrapping keys of Google, each good for three days.

use std::time::Duration;

use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_kms_v1::model::{
    ImportJob,
    import_job::{ImportJobState as State, ImportMethod},
};
use strongroom_kms::KmsError;

use super::OPERATION;
use crate::{provider::GcpKms, refusal::Refusal};

/// How our jobs are called: this, and random digits.
const LABEL: &str = "strongroom-import";

/// How often something that Google is making is looked at, and how long between.
pub(super) const LOOKS: u32 = 60;
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// A job under whose key material can travel.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) name: String,
    /// Its public key.
    pub(super) pem: String,
}

/// A job of ours that is active, or a new one: jobs cannot be deleted, so there should be few, and one for hardware takes a while
/// to make. Whoever made it, only Google has the private half of its key.
pub(super) async fn active(kms: &GcpKms) -> Result<Job, KmsError> {
    match find(kms).await? {
        Some(job) => read(job),
        None => make(kms).await,
    }
}

/// The one of ours that is active longest. One that ends before it is used makes one import fail, and is not found by the next.
async fn find(kms: &GcpKms) -> Result<Option<ImportJob>, KmsError> {
    let mut jobs = kms
        .client
        .list_import_jobs()
        .set_parent(&kms.ring)
        .by_item();
    let mut latest: Option<ImportJob> = None;
    while let Some(job) = jobs.next().await {
        let job = job.map_err(|error| Refusal::of(OPERATION, &error).without_key(OPERATION))?;
        let id = job.name.rsplit('/').next().unwrap_or_default();
        let fits = id.starts_with(LABEL)
            && job.state == State::Active
            && job.import_method == ImportMethod::RsaOaep4096Sha256Aes256
            && job.protection_level == kms.level.name();
        if fits && latest.as_ref().is_none_or(|known| end(known) < end(&job)) {
            latest = Some(job);
        }
    }
    Ok(latest)
}

/// In seconds since 1970.
fn end(job: &ImportJob) -> i64 {
    let end = job.expire_time.as_ref();
    end.map(|time| time.seconds()).unwrap_or_default()
}

async fn make(kms: &GcpKms) -> Result<Job, KmsError> {
    let job = ImportJob::new()
        .set_import_method(ImportMethod::RsaOaep4096Sha256Aes256)
        .set_protection_level(kms.level.name());
    let label = LABEL.parse().ok();
    let request = kms.client.create_import_job().set_parent(&kms.ring);
    let request = request.set_import_job_id(kms.new_id(label.as_ref())?);
    let refused = |refusal: Refusal| refusal.without_key(OPERATION);
    let mut job = match request.set_import_job(job).send().await {
        Ok(job) => job,
        Err(error) => return Err(refused(Refusal::of(OPERATION, &error))),
    };
    for _look in 0..LOOKS {
        if job.state != State::PendingGeneration {
            return read(job);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
        job = match kms.client.get_import_job().set_name(job.name).send().await {
            Ok(job) => job,
            Err(error) => return Err(refused(Refusal::of(OPERATION, &error))),
        };
    }
    Err(KmsError::Unavailable {
        source: "Google has made no wrapping key in time".into(),
    })
}

fn read(job: ImportJob) -> Result<Job, KmsError> {
    if job.state != State::Active {
        let source = format!("the import job is in the state {:?}", job.state);
        return Err(KmsError::answer_invalid(OPERATION, source));
    }
    let key = job.public_key.map(|key| key.pem);
    let pem =
        key.ok_or_else(|| KmsError::answer_invalid(OPERATION, "Google gave no wrapping key"))?;
    let name = job.name;
    Ok(Job { name, pem })
}
