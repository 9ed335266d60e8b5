//! Wrapper keys that a KMS makes: each for one attempt, whose name stands in the audit log and in a tag of the key.
//!
//! What an interrupted attempt made is taken up by the next one, and nothing else is. A wrapper key that came after the backup from which
//! the vault was restored has the vault's tag as well, and the restored log knows neither it nor why it was replaced, perhaps after a
//! compromise: it must not come back by itself.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use strongroom_kms::{FoundKey, KmsKeyId};
use strongroom_store::DataKeyId;

use super::wrap_details;
use crate::{
    audit::{AuditEntry, AuditOperation},
    caller::Caller,
    environment::NamedWrapper,
    error::VaultError,
    operations::create::wrapper_key_request,
    unit::Unit,
    vault::Vault,
};

/// The tag with which a wrapper key says for which attempt it was made.
const ATTEMPT_TAG: &str = "strongroom-attempt";
/// In audit records: the attempt that a wrapper key is, or was, made for. One that was there has none.
pub(super) const ATTEMPT: &str = "attempt";
/// In the record of an attempt: what was asked for.
const MULTI_REGION: &str = "multi_region";
/// Audit records read at a time.
const AUDIT_PAGE: usize = 1000;

/// A wrapper key that data keys are given to, as a durable record says.
pub(super) struct Released {
    pub(super) id: KmsKeyId,
    /// What ends when it is in use; none if it was not made for the vault.
    attempt: Option<String>,
}

impl Released {
    /// What the audit log says of its wrap. With it the attempt has ended.
    pub(super) fn details(&self, kms: &str) -> BTreeMap<String, String> {
        let mut details = wrap_details(kms, self.id.as_str());
        let attempt = self.attempt.clone();
        details.extend(attempt.map(|attempt| (ATTEMPT.to_owned(), attempt)));
        details
    }
}

impl Vault {
    /// Notes that data keys are given to a wrapper key that is there.
    pub(super) async fn release_to(
        &self,
        caller: &Caller,
        kms: &str,
        id: KmsKeyId,
        data_key: Option<DataKeyId>,
    ) -> Result<Released, VaultError> {
        let details = wrap_details(kms, id.as_str());
        self.note_release(caller, details, data_key).await?;
        let attempt = None;
        Ok(Released { id, attempt })
    }

    /// A wrapper key that is made for this, or was by the attempt that was interrupted before. That data keys will be given to it is noted
    /// first.
    pub(super) async fn release_to_new(
        &self,
        caller: &Caller,
        named: &NamedWrapper,
        multi_region: bool,
        data_key: Option<DataKeyId>,
    ) -> Result<Released, VaultError> {
        let interrupted = self.interrupted_attempt(&named.name, multi_region).await?;
        // Only after an interruption: a cloud is asked for the tags of every key.
        let left_behind = match &interrupted {
            Some(attempt) => self.wrapper_key_made_for(&named.name, attempt).await?,
            None => None,
        };
        let attempt = match interrupted {
            Some(attempt) => attempt,
            None => self.new_attempt()?,
        };
        let mut details = BTreeMap::from([
            ("kms".to_owned(), named.name.clone()),
            (ATTEMPT.to_owned(), attempt.clone()),
        ]);
        if multi_region {
            details.insert(MULTI_REGION.to_owned(), true.to_string());
        }
        self.note_release(caller, details, data_key).await?;
        let id = match left_behind {
            Some(id) => id,
            None => self.new_wrapper_key(named, multi_region, &attempt).await?,
        };
        let attempt = Some(attempt);
        Ok(Released { id, attempt })
    }

    fn new_attempt(&self) -> Result<String, VaultError> {
        let mut id = [0; 16];
        self.random().fill(&mut id)?;
        Ok(HEXLOWER.encode(&id))
    }

    async fn note_release(
        &self,
        caller: &Caller,
        mut details: BTreeMap<String, String>,
        data_key: Option<DataKeyId>,
    ) -> Result<(), VaultError> {
        let data_key = data_key.map(|id| ("data_key_id".to_owned(), id.to_string()));
        details.extend(data_key);
        let mut unit = Unit::begin(self).await?;
        let released = AuditOperation::ReleaseDataKeys;
        unit.audit(caller, released, None, details).await?;
        unit.commit().await
    }

    async fn new_wrapper_key(
        &self,
        named: &NamedWrapper,
        multi_region: bool,
        attempt: &str,
    ) -> Result<KmsKeyId, VaultError> {
        let mut request = wrapper_key_request(self.id(), multi_region);
        let tag = (ATTEMPT_TAG.to_owned(), attempt.to_owned());
        request.tags.push(tag);
        let outcome = named.wrapper.generate_wrapper_key(&request).await;
        self.kms_watch().note(&named.name, self.now(), &outcome);
        Ok(outcome?)
    }

    /// The usable wrapper key in this KMS that was made for an attempt, if there is one.
    async fn wrapper_key_made_for(
        &self,
        kms: &str,
        attempt: &str,
    ) -> Result<Option<KmsKeyId>, VaultError> {
        let mut all = self.environment().kms.iter();
        let Some(named) = all.find(|named| named.name == kms) else {
            return Ok(None);
        };
        let Some(finder) = named.provider.key_finder() else {
            tracing::warn!(
                kms,
                tag = ATTEMPT_TAG,
                value = attempt,
                "this KMS is not asked for keys: a wrapper key with this tag that an interrupted attempt made stays behind there"
            );
            return Ok(None);
        };
        let found = finder.find_keys(ATTEMPT_TAG, attempt).await?;
        let usable = found.into_iter().find(FoundKey::is_usable_wrapper);
        Ok(usable.map(|key| key.id))
    }

    /// The attempt at such a wrapper key in this KMS that has no end, if there is one.
    ///
    /// That there may be one is seen without verifying the chain, as there are as many records as keys; but which one it is is believed
    /// only then: whoever cuts an end out of the log would bring back the wrapper key of that attempt.
    async fn interrupted_attempt(
        &self,
        kms: &str,
        multi_region: bool,
    ) -> Result<Option<String>, VaultError> {
        let mut hint = OpenAttempt::at(kms, multi_region);
        let mut snapshot = self.environment().store.read().await?;
        let mut after = 0;
        loop {
            let rows = snapshot.audit_after(after, AUDIT_PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.sequence;
            rows.iter()
                .filter(|row| memchr::memmem::find(&row.body, b"\"attempt\":").is_some())
                .filter_map(|row| serde_json::from_slice(&row.body).ok())
                .for_each(|entry| hint.pass(&entry));
        }
        drop(snapshot);
        if hint.open.is_none() {
            return Ok(None);
        }
        let mut verified = OpenAttempt::at(kms, multi_region);
        self.walk_audit(|entry| verified.pass(&entry)).await?;
        Ok(verified.open)
    }
}

/// What is known, so far along the audit log, of attempts at a wrapper key with these attributes in one KMS.
struct OpenAttempt<'a> {
    kms: &'a str,
    multi_region: bool,
    /// The one without an end.
    open: Option<String>,
}

impl<'a> OpenAttempt<'a> {
    const fn at(kms: &'a str, multi_region: bool) -> Self {
        Self {
            kms,
            multi_region,
            open: None,
        }
    }

    fn pass(&mut self, entry: &AuditEntry) {
        use AuditOperation::{
            AcceptState, AddWrap, BeginWrapperKeyRotation, ReleaseDataKeys, RestoreBackup,
            RewrapDataKey,
        };
        let attempt = entry.details.get(ATTEMPT);
        match entry.operation {
            ReleaseDataKeys if attempt.is_some() && self.is_meant(entry) => {
                self.open = attempt.cloned();
            }
            AddWrap | BeginWrapperKeyRotation | RewrapDataKey if attempt == self.open.as_ref() => {
                self.open = None;
            }
            // In the time that was given up it may have ended, and its wrapper key replaced for a reason.
            RestoreBackup | AcceptState => self.open = None,
            _ => {}
        }
    }

    fn is_meant(&self, entry: &AuditEntry) -> bool {
        let kms = entry.details.get("kms");
        kms.is_some_and(|kms| kms == self.kms)
            && entry.details.contains_key(MULTI_REGION) == self.multi_region
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::Timestamp;

    use super::*;
    use crate::audit::{AuditHead, ChainPosition};

    fn entry(operation: AuditOperation, details: &[(&str, &str)]) -> AuditEntry {
        let details = details.iter();
        let details = details.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let caller = Caller::new("test");
        let position = ChainPosition::after(AuditHead::default(), None);
        let time = Timestamp::from_micros(0);
        AuditEntry::new(position, time, &caller, operation, None, details.collect())
    }

    fn begun(attempt: &str) -> AuditEntry {
        let details = [("kms", "aws"), (ATTEMPT, attempt)];
        entry(AuditOperation::ReleaseDataKeys, &details)
    }

    fn begun_for_regions(attempt: &str) -> AuditEntry {
        let details = [("kms", "aws"), (ATTEMPT, attempt), (MULTI_REGION, "true")];
        entry(AuditOperation::ReleaseDataKeys, &details)
    }

    fn ended(operation: AuditOperation, attempt: &str) -> AuditEntry {
        entry(operation, &[("kms", "aws"), (ATTEMPT, attempt)])
    }

    fn open(multi_region: bool, log: &[AuditEntry]) -> Option<String> {
        let mut attempts = OpenAttempt::at("aws", multi_region);
        log.iter().for_each(|entry| attempts.pass(entry));
        attempts.open
    }

    #[test]
    fn an_attempt_is_open_until_what_it_was_made_for_is_there() {
        assert_eq!(open(false, &[]), None);
        assert_eq!(open(false, &[begun("1")]), Some("1".to_owned()));
        for operation in [
            AuditOperation::AddWrap,
            AuditOperation::BeginWrapperKeyRotation,
            AuditOperation::RewrapDataKey,
        ] {
            assert_eq!(open(false, &[begun("1"), ended(operation, "1")]), None);
            let other = entry(operation, &[("kms", "aws"), ("wrapper_key_id", "named")]);
            assert_eq!(open(false, &[begun("1"), other]), Some("1".to_owned()));
        }
    }

    #[test]
    fn nobody_goes_on_with_an_attempt_at_another_kind_of_key_or_in_another_kms() {
        let log = [begun("1"), begun_for_regions("2")];
        assert_eq!(open(false, &log), Some("1".to_owned()));
        assert_eq!(open(true, &log), Some("2".to_owned()));
        let mut elsewhere = OpenAttempt::at("gcp", false);
        log.iter().for_each(|entry| elsewhere.pass(entry));
        assert_eq!(elsewhere.open, None);
    }

    #[test]
    fn nobody_goes_on_with_an_attempt_from_before_a_state_was_brought_back() {
        for operation in [AuditOperation::RestoreBackup, AuditOperation::AcceptState] {
            let log = [begun("1"), entry(operation, &[])];
            assert_eq!(open(false, &log), None);
            let log = [begun("1"), entry(operation, &[]), begun("2")];
            assert_eq!(open(false, &log), Some("2".to_owned()));
        }
    }
}
