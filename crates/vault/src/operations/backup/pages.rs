//! Every row of a moment, page by page, in the order in which a backup has them.

use strongroom_backup::Row;
use strongroom_crypto::Fingerprint;
use strongroom_store::{DataKeyId, ReadTransaction};

use crate::error::VaultError;

/// Rows read at a time.
const PAGE: usize = 1024;

/// Where a walk over all rows stands.
#[derive(Debug)]
enum Next {
    DataKeys,
    Keys(Option<Fingerprint>),
    Work,
    Topology(Option<(String, u64)>),
    Audit(u64),
    Backups,
    Approvals,
    End,
}

/// A walk over all rows.
#[derive(Debug)]
pub(crate) struct Pages(Next);

impl Pages {
    pub(crate) const fn new() -> Self {
        Self(Next::DataKeys)
    }

    /// The next rows; none after the last. A page may be empty.
    pub(crate) async fn next(
        &mut self,
        read: &mut dyn ReadTransaction,
    ) -> Result<Option<Vec<Row>>, VaultError> {
        let (rows, next) = match std::mem::replace(&mut self.0, Next::End) {
            Next::DataKeys => (metadata(read).await?, Next::Keys(None)),
            Next::Keys(after) => {
                let page = read.keys_after(after, PAGE).await?;
                let last = page.last().map(|(public, _)| public.fingerprint);
                let next = more(page.len(), Next::Keys(last), Next::Work);
                let rows = page.into_iter().map(|row| Row::Key(Box::new(row)));
                (rows.collect(), next)
            }
            Next::Work => (work(read).await?, Next::Topology(None)),
            Next::Topology(after) => {
                let page = read.topology_after(after, PAGE).await?;
                let last = page.last().map(|row| (row.store.clone(), row.ordinal));
                let next = more(page.len(), Next::Topology(last), Next::Audit(0));
                let rows = page.into_iter().map(|row| Row::Topology(Box::new(row)));
                (rows.collect(), next)
            }
            Next::Audit(after) => {
                let page = read.audit_after(after, PAGE).await?;
                let last = page.last().map_or(after, |row| row.sequence);
                let next = more(page.len(), Next::Audit(last), Next::Backups);
                (page.into_iter().map(Row::Audit).collect(), next)
            }
            Next::Backups => {
                let backups = read.backups().await?;
                let rows = backups.into_iter().map(Row::Backup);
                (rows.collect(), Next::Approvals)
            }
            Next::Approvals => {
                let approvals = read.approvals().await?;
                (
                    approvals.into_iter().map(Row::Approval).collect(),
                    Next::End,
                )
            }
            Next::End => return Ok(None),
        };
        self.0 = next;
        Ok(Some(rows))
    }
}

fn more(found: usize, here: Next, then: Next) -> Next {
    if found == PAGE { here } else { then }
}

async fn metadata(read: &mut dyn ReadTransaction) -> Result<Vec<Row>, VaultError> {
    let data_keys = read.data_keys().await?;
    let ids: Vec<DataKeyId> = data_keys.iter().map(|record| record.id).collect();
    let mut rows: Vec<_> = data_keys.into_iter().map(Row::DataKey).collect();
    for id in ids {
        rows.extend(read.wraps(id).await?.into_iter().map(Row::Wrap));
    }
    let vault = read.vault().await?.ok_or(VaultError::NotInitialized)?;
    rows.push(Row::Vault(vault));
    rows.extend(read.identity().await?.map(Row::Identity));
    Ok(rows)
}

async fn work(read: &mut dyn ReadTransaction) -> Result<Vec<Row>, VaultError> {
    let rotations = read.rotations().await?.into_iter().map(Row::Rotation);
    let journal = read.kms_journal().await?.into_iter().map(Row::KmsJournal);
    Ok(rotations.chain(journal).collect())
}
