//! A snapshot as it goes out: whoever reads it slowly costs little, since what is not read yet is not written.

use std::vec::IntoIter;

use prost::bytes::{BufMut as _, BytesMut};
use strongroom_proto::topology::{SnapshotItem, snapshot_record, write_snapshot_v1};
use strongroom_topology::StoredTransaction;

use crate::{
    context::Context,
    failure::{Failure, codes},
};

/// A snapshot goes out in pieces of so many bytes.
const PIECE: usize = 2_000_000;

/// The pieces of a snapshot.
pub(crate) struct Pieces {
    /// What is not written yet. The vault has the transactions too: they are there once.
    rows: IntoIter<StoredTransaction>,
    written: BytesMut,
    /// Counts what was written before anybody read it.
    _context: Context,
}

impl Pieces {
    /// The first format is one message, whose length stands in front: all of it is written now, and counts for its caller.
    pub(super) fn of_v1(context: &Context, rows: &[StoredTransaction]) -> Result<Self, Failure> {
        let items: Vec<_> = rows.iter().map(item).collect();
        let mut written = BytesMut::new();
        // Memory does not fail.
        write_snapshot_v1(&items, (&mut written).writer())
            .map_err(|error| Failure::own(codes::SERVER_BUG, error.to_string()))?;
        context.hold(written.len())?;
        Ok(Self {
            rows: Vec::new().into_iter(),
            written,
            _context: context.clone(),
        })
    }

    /// The second format is one record after the other.
    pub(crate) fn of_v2(context: &Context, rows: Vec<StoredTransaction>) -> Self {
        Self {
            rows: rows.into_iter(),
            written: BytesMut::new(),
            _context: context.clone(),
        }
    }
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        while self.written.len() < PIECE
            && let Some(row) = self.rows.next()
        {
            self.written.put_slice(&snapshot_record(&item(&row)));
        }
        let length = self.written.len().min(PIECE);
        (length > 0).then(|| self.written.split_to(length).to_vec())
    }
}

/// A row as a snapshot has it.
pub(super) fn item(row: &StoredTransaction) -> SnapshotItem {
    SnapshotItem {
        sequenced: row.sequenced,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        signed: row.signed.as_ref().clone(),
        rejection: row.rejection.as_deref().map(str::to_owned),
    }
}
