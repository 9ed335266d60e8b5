//! Who came after whom: that a data key was made by somebody who had the one before.
//!
//! A process that was away while the wrapper key was rotated finds a data key that it does not know. Whoever may write the
//! store and wrap could put one of their own there. So each rotation leaves a link: a tag that only the holder of the old
//! data key can make, over the new one and its commitment. Links stand in the state record until the old data key is pruned.

use strongroom_crypto::encoding::{Decoder, Encoder, EncodingError};
use strongroom_store::{DataKeyId, DataKeyRecord, VaultId, WrapRecord};

use crate::{
    data_keys::OpenedDataKey,
    environment::Environment,
    error::{ReplicaError, VaultError},
    kms_watch::KmsWatch,
    operations::open::unwrap_data_key,
};

/// Links that are kept; nobody is away for more rotations.
const MOST_LINKS: usize = 64;

/// That `to` came after `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    from: DataKeyId,
    to: DataKeyId,
    tag: [u8; 32],
}

impl Link {
    pub(crate) fn new(vault: VaultId, from: &OpenedDataKey, to: &OpenedDataKey) -> Self {
        Self {
            from: from.id,
            to: to.id,
            tag: from.succession_tag(&context(vault, to.id, &to.key.commitment())),
        }
    }

    fn is_authentic(&self, vault: VaultId, from: &OpenedDataKey, to: &DataKeyRecord) -> bool {
        let context = context(vault, to.id, &to.commitment);
        from.is_succession_tag(&context, &self.tag)
    }
}

fn context(vault: VaultId, to: DataKeyId, commitment: &[u8; 32]) -> Vec<u8> {
    let mut encoder = Encoder::with_capacity(64);
    encoder
        .raw(vault.as_bytes())
        .raw(to.as_bytes())
        .raw(commitment);
    encoder.into_vec()
}

/// All links, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Succession(Vec<Link>);

impl Succession {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, link: Link) {
        self.0.push(link);
        let surplus = self.0.len().saturating_sub(MOST_LINKS);
        self.0.drain(..surplus);
    }

    /// Nothing is left of data keys that were pruned.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// `number(1) ‖ (from(16) ‖ to(16) ‖ tag(32))…`
    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.byte(u8::try_from(self.0.len()).unwrap_or(u8::MAX));
        for link in &self.0 {
            encoder
                .raw(link.from.as_bytes())
                .raw(link.to.as_bytes())
                .raw(&link.tag);
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, EncodingError> {
        let mut links = Vec::new();
        for _link in 0..decoder.byte()? {
            links.push(Link {
                from: DataKeyId::from_bytes(decoder.array()?),
                to: DataKeyId::from_bytes(decoder.array()?),
                tag: decoder.array()?,
            });
        }
        Ok(Self(links))
    }

    /// Follows the links from a data key that is trusted to the one that is current. Those in between are unwrapped, one KMS
    /// call each.
    ///
    /// # Errors
    /// [`ReplicaError::NotVouched`] when the links do not lead there; errors of unwrapping.
    pub(crate) async fn check(
        &self,
        trusted: &OpenedDataKey,
        current: DataKeyId,
        rows: Rows<'_>,
    ) -> Result<(), VaultError> {
        let not_vouched = ReplicaError::NotVouched { id: current };
        let mut between = None;
        for link in &self.0 {
            let from = between.as_ref().unwrap_or(trusted);
            if link.from != from.id {
                continue;
            }
            let Some(to) = rows.data_keys.iter().find(|record| record.id == link.to) else {
                break;
            };
            if !link.is_authentic(rows.vault, from, to) {
                break;
            }
            if to.id == current {
                return Ok(());
            }
            between = Some(rows.unwrap(to).await?);
        }
        Err(not_vouched.into())
    }
}

/// Where data keys are found.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) watch: &'a KmsWatch,
    pub(crate) vault: VaultId,
    pub(crate) data_keys: &'a [DataKeyRecord],
    pub(crate) wraps: &'a [WrapRecord],
}

impl Rows<'_> {
    pub(crate) async fn unwrap(&self, record: &DataKeyRecord) -> Result<OpenedDataKey, VaultError> {
        let unwrapping =
            unwrap_data_key(self.environment, self.vault, record, self.wraps, self.watch);
        Ok(unwrapping.await?.current)
    }
}
