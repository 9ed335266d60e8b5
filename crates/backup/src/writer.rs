//! Writing a backup, row by row.

use std::{collections::BTreeSet, io::Write, sync::Arc};

use strongroom_crypto::encoding::Encoder;
use strongroom_store::DataKeyId;

use crate::{
    codec,
    error::BackupError,
    header::Header,
    manifest::{Manifest, Tally},
    row::Row,
    seal::Seal,
    section::Section,
};

/// The first bytes of a backup, once it is decrypted.
pub(crate) const MAGIC: &[u8] = b"strongroom backup\n";
/// The version of everything that follows.
pub(crate) const VERSION: u8 = 1;

/// Writes a backup, row by row: memory does not grow with it.
///
/// ```text
/// backup = "strongroom backup\n" ‖ 01 ‖ frames
/// frame  = section(1) ‖ length(4) ‖ row
/// ```
///
/// Frames come in the order of their [`Section`]s, the header first and the manifest last.
#[derive(Debug)]
pub struct BackupWriter<W> {
    output: W,
    encoder: Encoder,
    tally: Tally,
    needs: BTreeSet<DataKeyId>,
    seal: Arc<dyn Seal>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Counts and hashes.
    pub manifest: Manifest,
    /// The data keys that the rows are sealed and authenticated under, in ascending order.
    pub needs: Vec<DataKeyId>,
}

impl<W: Write> BackupWriter<W> {
    /// Begins a backup.
    ///
    /// # Errors
    /// [`BackupError::Io`].
    pub fn begin(output: W, header: &Header, seal: Arc<dyn Seal>) -> Result<Self, BackupError> {
        let mut writer = Self {
            output,
            encoder: Encoder::new(),
            tally: Tally::default(),
            needs: BTreeSet::from([header.current_data_key]),
            seal,
        };
        writer.put(MAGIC)?;
        writer.put(&[VERSION])?;
        header.encode(&mut writer.encoder);
        writer.frame(Section::Header)?;
        Ok(writer)
    }

    /// Writes the next row. Rows come section by section, those of one section in the order in which a store reads them.
    ///
    /// # Errors
    /// [`BackupError::Io`]; [`BackupError::ClearKeyRefused`]; [`BackupError::Damaged`] for a row out of order.
    pub fn write(&mut self, row: &Row) -> Result<(), BackupError> {
        codec::encode(row, self.seal.as_ref(), &mut self.encoder)?;
        self.needs.extend(data_keys_of(row));
        self.frame(row.section())
    }

    /// Writes the manifest, and answers what the output is given back with.
    ///
    /// # Errors
    /// [`BackupError::Io`].
    pub fn finish(mut self) -> Result<(W, Written), BackupError> {
        let sections = std::mem::take(&mut self.tally).finish();
        let manifest = Manifest::tagged(sections, self.seal.as_ref());
        self.encoder.raw(&manifest.encode());
        self.frame(Section::Manifest)?;
        let needs = self.needs.into_iter().collect();
        Ok((self.output, Written { manifest, needs }))
    }

    fn frame(&mut self, section: Section) -> Result<(), BackupError> {
        let damaged = |_| BackupError::Damaged {
            section: Some(section),
            row: 0,
        };
        let encoder = std::mem::take(&mut self.encoder);
        let head = head_of(section, encoder.as_slice());
        self.tally
            .add(section, [&head, encoder.as_slice()])
            .map_err(damaged)?;
        self.put(&head)?;
        self.put(encoder.as_slice())?;
        self.encoder = encoder;
        self.encoder.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.output
            .write_all(bytes)
            .map_err(|source| BackupError::Io {
                action: "written",
                source,
            })
    }
}

/// Section and length of a frame. What is longer than a length can say is cut short in it, and refused by whoever reads it;
/// no column of a store comes near.
pub(crate) fn head_of(section: Section, row: &[u8]) -> [u8; 5] {
    let [a, b, c, d] = u32::try_from(row.len()).unwrap_or(u32::MAX).to_be_bytes();
    [section.code(), a, b, c, d]
}

fn data_keys_of(row: &Row) -> Vec<DataKeyId> {
    match row {
        Row::DataKey(_) | Row::Wrap(_) | Row::Audit(_) => Vec::new(),
        Row::Vault(record) => vec![record.current_data_key],
        Row::Identity(record) => vec![record.data_key_id],
        Row::Key(row) => {
            let (public, private) = row.as_ref();
            let private = private.iter().map(|private| private.data_key_id);
            private.chain([public.data_key_id]).collect()
        }
        Row::Rotation(record) => vec![record.data_key_id],
        Row::KmsJournal(record) => vec![record.data_key_id],
        Row::Topology(row) => vec![row.data_key_id],
        Row::Backup(record) => vec![record.data_key_id],
        Row::Approval(record) => vec![record.data_key_id],
    }
}
