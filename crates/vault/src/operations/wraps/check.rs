//! Trying every wrap, and what would be lost with each provider.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use strongroom_crypto::Fingerprint;
use strongroom_store::{DataKeyId, KmsKeyRef, WrapRecord};
use tokio::time::Instant;

use crate::{
    data_keys::wrapped_key,
    error::{VaultError, WrapAttempt},
    vault::Vault,
};

/// What a try of every wrap showed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrapCheck {
    /// Each wrap, in the order in which opening tries them.
    pub wraps: Vec<WrapStatus>,
    /// What would be lost with each KMS that has a wrap, in the same order, and then with each that only holds keys.
    pub losses: Vec<ProviderLoss>,
    /// Each KMS that is configured here and could open the vault were it the only one.
    pub alone: Vec<String>,
}

/// A wrap of a data key, tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrapStatus {
    /// The configured name of its KMS.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// The data key inside.
    pub data_key_id: DataKeyId,
    /// None if it opens; else the code of the failure.
    pub failure: Option<&'static str>,
    /// The failure in words.
    pub reason: Option<String>,
    /// Its private half is kept offline and was not brought: it could not be tried.
    pub offline: bool,
    /// How long the KMS took, with everything that surrounds it; none if it is not configured.
    pub latency: Option<Duration>,
}

/// What would be lost if this KMS, or what we hold in it, were gone for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderLoss {
    /// The configured name of the KMS.
    pub kms: String,
    /// KMS and wrapper key of each wrap elsewhere that opens the data key in force now.
    pub remaining: Vec<(String, String)>,
    /// The same for wraps whose private half is kept offline: they were not tried, and somebody has to bring it.
    pub offline: Vec<(String, String)>,
    /// Some data key would have no wrap that opens or is kept offline: everything would be lost.
    pub vault_lost: bool,
    /// The private keys that only this KMS opens, since its wrapper key sealed them itself; all of them beside
    /// everything else if the vault is lost.
    pub keys_lost: Vec<Fingerprint>,
}

impl WrapCheck {
    /// Whether every wrap opens that could be tried.
    #[must_use]
    pub fn all_open(&self) -> bool {
        self.wraps
            .iter()
            .all(|wrap| wrap.failure.is_none() || wrap.offline)
    }
}

impl Vault {
    /// Unwraps each wrap through its KMS, one call for each, holds what comes out against the data key, and says what would
    /// be lost with each provider.
    pub async fn check_wraps(&self) -> WrapCheck {
        let mut records = self.wrap_records().all();
        // Stable: the wraps of one KMS stay in their order.
        records.sort_by_key(|wrap| self.place(&wrap.kms));
        let mut wraps = Vec::with_capacity(records.len());
        for record in &records {
            wraps.push(self.try_wrap(record).await);
        }
        WrapCheck {
            losses: self.losses(&wraps),
            alone: self.alone(&wraps),
            wraps,
        }
    }

    /// Who opens every data key in force.
    fn alone(&self, wraps: &[WrapStatus]) -> Vec<String> {
        let data_keys = self.data_keys();
        let opens = |kms: &str| {
            data_keys.opened().all(|key| {
                wraps.iter().any(|wrap| {
                    wrap.kms == kms && wrap.data_key_id == key.id && wrap.failure.is_none()
                })
            })
        };
        let mut seen = BTreeSet::new();
        let named = wraps.iter().map(|wrap| wrap.kms.as_str());
        let alone = named.filter(|kms| seen.insert(*kms) && opens(kms));
        alone.map(str::to_owned).collect()
    }

    async fn try_wrap(&self, record: &WrapRecord) -> WrapStatus {
        let start = Instant::now();
        let outcome = self.unwraps(record).await;
        let configured = self.environment().wrapper(&record.kms).is_some();
        let latency = configured.then(|| start.elapsed());
        let failed = outcome.err().map(|error| WrapAttempt::new(record, &error));
        WrapStatus {
            kms: record.kms.clone(),
            wrapper_key_id: record.wrapper_key_id.clone(),
            data_key_id: record.data_key_id,
            offline: self.is_offline(&record.kms),
            latency,
            failure: failed.as_ref().map(|attempt| attempt.code),
            reason: failed.map(|attempt| attempt.reason),
        }
    }

    /// Whether the private halves of a KMS are kept offline.
    fn is_offline(&self, kms: &str) -> bool {
        let named = self.environment().wrapper(kms);
        named.is_some_and(|named| !named.wrapper.unwraps())
    }

    /// Whether a wrap opens to the data key that it is of.
    pub(super) async fn unwraps(&self, record: &WrapRecord) -> Result<(), VaultError> {
        let named = self.configured_wrapper(&record.kms)?;
        let data_keys = self.data_keys();
        let data_key = data_keys.named(&record.data_key_id)?;
        let context = data_key.wrap_context(self.id());
        let wrapped = wrapped_key(record)?;
        let outcome = named.wrapper.unwrap_key(&wrapped, &context).await;
        if named.wrapper.unwraps() {
            self.kms_watch()
                .note_use(&named.name, &record.wrapper_key_id, self.now(), &outcome);
        }
        data_key.expect(outcome?)
    }

    fn losses(&self, wraps: &[WrapStatus]) -> Vec<ProviderLoss> {
        let held = self.held_keys();
        let mut seen = BTreeSet::new();
        let wrapping = wraps.iter().map(|wrap| wrap.kms.as_str());
        let holding = held.iter().map(|(_, held)| held.kms.as_str());
        let providers = wrapping.chain(holding).filter(|kms| seen.insert(*kms));
        let direct = self.direct_keys();
        providers
            .map(|kms| self.loss_of(kms, wraps, &direct, &held))
            .collect()
    }

    fn loss_of(
        &self,
        kms: &str,
        wraps: &[WrapStatus],
        direct: &[(Fingerprint, String)],
        held: &[(Fingerprint, Arc<KmsKeyRef>)],
    ) -> ProviderLoss {
        let elsewhere: Vec<_> = wraps
            .iter()
            .filter(|wrap| wrap.kms != kms && (wrap.failure.is_none() || wrap.offline))
            .collect();
        let opened: BTreeSet<_> = elsewhere.iter().map(|wrap| wrap.data_key_id).collect();
        let data_keys = self.data_keys();
        let current = data_keys.current().id;
        let of_current = |offline: bool| {
            let wraps = elsewhere.iter();
            wraps
                .filter(move |wrap| wrap.data_key_id == current && wrap.offline == offline)
                .map(|wrap| (wrap.kms.clone(), wrap.wrapper_key_id.clone()))
                .collect()
        };
        let holders = |id: &str, here: bool| {
            let mut wraps = wraps.iter();
            wraps.any(|wrap| wrap.wrapper_key_id == id && (wrap.kms == kms) == here)
        };
        let opens_elsewhere = |id: &str| elsewhere.iter().any(|wrap| wrap.wrapper_key_id == id);
        ProviderLoss {
            kms: kms.to_owned(),
            remaining: of_current(false),
            offline: of_current(true),
            vault_lost: data_keys.opened().any(|key| !opened.contains(&key.id)),
            keys_lost: direct
                .iter()
                .filter(|(_, id)| holders(id, true) && !opens_elsewhere(id))
                .map(|(fingerprint, _)| *fingerprint)
                .chain(
                    held.iter()
                        .filter(|(_, held)| held.kms == kms)
                        .map(|(fingerprint, _)| *fingerprint),
                )
                .collect(),
        }
    }

    /// Keys of custody external, and where each is.
    pub(crate) fn held_keys(&self) -> Vec<(Fingerprint, Arc<KmsKeyRef>)> {
        let entries = self.directory().entries().into_iter();
        let held = entries.filter_map(|entry| {
            let held = entry.private.as_ref()?.external.clone()?;
            Some((entry.fingerprint(), held))
        });
        held.collect()
    }
}
