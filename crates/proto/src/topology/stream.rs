//! Items of a container, one after the other: a container of any size takes no more memory than its largest item.

mod bytes;
mod error;

use std::io::BufRead;

use ::bytes::Bytes;
use strongroom_topology::SignedTransaction;

use self::bytes::Source;
use super::{
    container::Container,
    frame,
    list::SIGNED_TRANSACTION,
    signed::decode_signed_transaction,
    snapshot::{ITEMS, SnapshotItem, decode_snapshot_item},
};
use crate::ProtoError;

pub use error::StreamError;

/// The largest item that is read: 10 MiB, what Canton lets a message have.
pub const MAX_ITEM_BYTES: usize = 10 * 1024 * 1024;

const BYTES_TYPE: u64 = 2;
const INTEGER_TYPE: u64 = 0;
/// Field 1 of the envelope, `data`.
const DATA_TAG: u64 = (1 << 3) | BYTES_TYPE;
/// Field 2 of the envelope, `version`.
const VERSION_TAG: u64 = (2 << 3) | INTEGER_TYPE;

/// One item as received: cheap to read, to be decoded on whichever thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceivedItem {
    /// A bare `Item` of a snapshot.
    Row(Bytes),
    /// A wrapped `SignedTopologyTransaction`.
    Transaction(Bytes),
}

impl ReceivedItem {
    /// The bytes that were received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Row(bytes) | Self::Transaction(bytes) => bytes,
        }
    }

    /// The transaction, and the row that it stood in if it is from a snapshot.
    ///
    /// # Errors
    /// [`ProtoError`] naming the first field that is missing, unknown or invalid.
    pub fn decode(&self) -> Result<DecodedItem, ProtoError> {
        match self {
            Self::Row(bytes) => decode_snapshot_item(bytes.clone()).map(DecodedItem::Row),
            Self::Transaction(bytes) => {
                decode_signed_transaction(bytes).map(DecodedItem::Transaction)
            }
        }
    }
}

/// One item of a container, read.
#[derive(Clone, Debug)]
pub enum DecodedItem {
    /// A row of a snapshot.
    Row(SnapshotItem),
    /// A transaction.
    Transaction(SignedTransaction),
}

/// Reads the items of a container in order. After an error it yields nothing more.
///
/// Reads strictly: between the items nothing stands that the container does not have.
#[derive(Debug)]
pub struct ItemReader<R> {
    source: Source<R>,
    container: Container,
    place: Place,
}

/// Where the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In front of the envelope's data.
    Before,
    /// In the envelope's data, which ends at this offset.
    Inside { end: u64 },
    /// Behind the envelope's data.
    Behind,
    /// At the end, or past an error.
    Done,
}

impl<R: BufRead> ItemReader<R> {
    /// A reader of `container` from `input`, which need not be long enough to be read twice.
    pub fn new(input: R, container: Container) -> Self {
        Self {
            source: Source::new(input),
            container,
            place: Place::Before,
        }
    }

    /// How many bytes were read: for progress.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.source.offset()
    }

    fn read(&mut self) -> Result<Option<ReceivedItem>, StreamError> {
        match self.container {
            Container::SnapshotV2 => self.read_record(),
            Container::Certificate => self.read_whole(),
            Container::SnapshotV1 => self.read_inside(ITEMS, ReceivedItem::Row),
            Container::Transactions => {
                self.read_inside(SIGNED_TRANSACTION, ReceivedItem::Transaction)
            }
        }
    }

    /// A length, and so many bytes of a wrapped item.
    fn read_record(&mut self) -> Result<Option<ReceivedItem>, StreamError> {
        let start = self.source.offset();
        let Some(length) = self.source.varint_or_end()? else {
            return Ok(None);
        };
        let record = Bytes::from(self.source.take(length)?);
        let wrapped = frame::envelope(&record)
            .map_err(|_malformed| StreamError::NotARecord { offset: start })?;
        Ok(Some(ReceivedItem::Row(record.slice_ref(wrapped))))
    }

    /// The whole input is one item.
    fn read_whole(&mut self) -> Result<Option<ReceivedItem>, StreamError> {
        if self.place == Place::Done {
            return Ok(None);
        }
        self.place = Place::Done;
        let bytes = self.source.rest()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        // Of two certificates in one file, a reader of messages would see the second only.
        frame::envelope(&bytes).map_err(|_malformed| StreamError::NotARecord { offset: 0 })?;
        Ok(Some(ReceivedItem::Transaction(bytes.into())))
    }

    /// One envelope around a message that repeats one field.
    fn read_inside(
        &mut self,
        field: u32,
        item: impl FnOnce(Bytes) -> ReceivedItem,
    ) -> Result<Option<ReceivedItem>, StreamError> {
        loop {
            match self.place {
                Place::Before => self.read_envelope()?,
                Place::Inside { end } if self.source.offset() < end => {
                    let start = self.source.offset();
                    if self.source.varint()? != (u64::from(field) << 3) | BYTES_TYPE {
                        return Err(StreamError::UnexpectedField { offset: start });
                    }
                    let length = self.source.varint()?;
                    // Also when the length is beyond every address.
                    if self.source.offset().saturating_add(length) > end {
                        return Err(StreamError::Truncated { offset: start });
                    }
                    return Ok(Some(item(self.source.take(length)?.into())));
                }
                Place::Inside { end } if self.source.offset() == end => self.place = Place::Behind,
                Place::Inside { .. } => {
                    return Err(StreamError::Truncated {
                        offset: self.source.offset(),
                    });
                }
                Place::Behind => self.read_envelope()?,
                Place::Done => return Ok(None),
            }
        }
    }

    /// A field of the envelope, or its end.
    fn read_envelope(&mut self) -> Result<(), StreamError> {
        let start = self.source.offset();
        match (self.source.varint_or_end()?, self.place) {
            (None, _) => self.place = Place::Done,
            (Some(VERSION_TAG), _) => {
                self.source.varint()?;
            }
            (Some(DATA_TAG), Place::Before) => {
                let length = self.source.varint()?;
                self.place = Place::Inside {
                    end: self.source.offset().saturating_add(length),
                };
            }
            _ => return Err(StreamError::UnexpectedField { offset: start }),
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for ItemReader<R> {
    type Item = Result<ReceivedItem, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.source.has_failed() {
            return None;
        }
        let item = self.read();
        if item.is_err() {
            self.source.fail();
        }
        item.transpose()
    }
}
