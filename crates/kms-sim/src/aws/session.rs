//! One caller at one regional endpoint.

use strongroom_crypto::Timestamp;

use super::error::AwsError;
use super::names::Named;
use crate::cloud::Cloud;
use crate::keys::{Key, KeyError};

/// One caller at one regional endpoint.
pub(super) struct Session<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) region: &'a str,
}

impl<'a> Session<'a> {
    pub(super) const fn new(cloud: &'a Cloud, region: &'a str) -> Self {
        Self { cloud, region }
    }

    /// The key that a text names by id, ARN, alias name or alias ARN, whatever its state.
    pub(super) fn resolve(&self, text: &str) -> Result<Key, AwsError> {
        let id = match self.named(text)? {
            Named::Key(id) => id,
            Named::Alias(name) => self
                .cloud
                .keys
                .behind_alias(self.region, &name)
                .map_err(|error| AwsError::of_key(error, &self.arn(&name)))?,
        };
        let key = self.cloud.keys.find(self.region, &id);
        key.map_err(self.about(&id))
    }

    /// As [`Self::resolve`], for operations that take no alias.
    pub(super) fn resolve_key(&self, text: &str) -> Result<Key, AwsError> {
        match self.named(text)? {
            Named::Key(_) => self.resolve(text),
            Named::Alias(_) => {
                let message = format!("Invalid keyId '{text}'");
                Err(AwsError::new("NotFoundException", message))
            }
        }
    }

    /// As [`Self::resolve`], if the key may be used.
    pub(super) fn usable(&self, key: Key) -> Result<Key, AwsError> {
        let id = key.id.clone();
        key.usable().map_err(self.about(&id))
    }

    /// Tells an error of the key with this id.
    pub(super) fn about(&self, id: &str) -> impl Fn(KeyError) -> AwsError + use<> {
        let arn = self.key_arn(id);
        move |error| AwsError::of_key(error, &arn)
    }

    pub(super) fn key_arn(&self, id: &str) -> String {
        self.arn(&format!("key/{id}"))
    }

    /// The ARN of `key/…` or `alias/…` in this region.
    pub(super) fn arn(&self, resource: &str) -> String {
        arn(self.region, &self.cloud.account, resource)
    }

    fn named(&self, text: &str) -> Result<Named, AwsError> {
        Named::read(text, self.region, &self.cloud.account)
    }
}

pub(super) fn arn(region: &str, account: &str, resource: &str) -> String {
    format!("arn:aws:kms:{region}:{account}:{resource}")
}

/// A time as AWS writes it: seconds since 1970.
pub(super) fn seconds(time: Timestamp) -> f64 {
    time.as_micros() as f64 / 1_000_000.0
}
