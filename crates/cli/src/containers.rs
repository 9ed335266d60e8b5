//! Files of topology: certificates, lists of transactions, snapshots; compressed or not, and of any size.

mod mistaken;

use std::{
    io::{self, BufRead, BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use strongroom_proto::topology::{
    Container, DecodedItem, ItemReader, MAX_ITEM_BYTES, SnapshotItem, StreamError, detect,
};
use strongroom_topology::SignedTransaction;

use crate::{failure::CliError, input};

/// What all transactions that are handled at once may take, decompressed.
const TRANSACTIONS_LIMIT: usize = 64 * 1024 * 1024;

/// What a snapshot that is taken in may take, decompressed: it is held in memory.
const SNAPSHOT_LIMIT: usize = 1024 * 1024 * 1024;

/// The beginning that is looked at to find out which container it is. Holds the largest item.
const HEAD: usize = MAX_ITEM_BYTES + 64 * 1024;

/// RFC 1952: how a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An open container, of which nothing was taken yet.
pub(crate) struct Opened {
    pub(crate) container: Container,
    /// Decompressed.
    pub(crate) input: Box<dyn BufRead>,
    /// What the file is called.
    pub(crate) name: String,
}

impl Opened {
    /// Opens `path`, or standard input for `-`. Which container it is is found by reading it, unless `container` says so.
    pub(crate) fn open(path: &Path, container: Option<Container>) -> anyhow::Result<Self> {
        let name = input::named(path);
        let begun = decompressed(input::open(path)?).and_then(|mut input| {
            let mut head = Vec::new();
            (&mut input).take(HEAD as u64).read_to_end(&mut head)?;
            Ok((head, input))
        });
        let (head, input) = begun
            .map_err(|source| StreamError::Io { offset: 0, source })
            .with_context(|| name.clone())?;
        let container = match container {
            Some(container) => container,
            None => {
                let whole = head.len() < HEAD;
                detect(&head, whole).map_err(|error| {
                    let mistaken = whole.then(|| mistaken::recognised(&head, &name)).flatten();
                    mistaken.map_or_else(
                        || anyhow::Error::from(error).context(name.clone()),
                        Into::into,
                    )
                })?
            }
        };
        Ok(Self {
            container,
            input: Box::new(Cursor::new(head).chain(input)),
            name,
        })
    }

    /// Its items in order, as long as they have at most `limit` bytes together, decompressed. No more than one of them is
    /// in memory.
    fn items(self, limit: usize) -> Items {
        Items {
            items: ItemReader::new(self.input, self.container),
            name: self.name,
            limit,
        }
    }
}

/// The items of a container.
struct Items {
    items: ItemReader<Box<dyn BufRead>>,
    name: String,
    limit: usize,
}

impl Items {
    fn read(&mut self) -> anyhow::Result<Option<DecodedItem>> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let item = item?.decode()?;
        if self.items.offset() > self.limit as u64 {
            return Err(CliError::TooLong {
                what: "the input, decompressed,",
                limit: self.limit,
            }
            .into());
        }
        Ok(Some(item))
    }
}

impl Iterator for Items {
    type Item = anyhow::Result<DecodedItem>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        read.with_context(|| self.name.clone()).transpose()
    }
}

/// `input` itself, or what is compressed in it.
pub(crate) fn decompressed(mut input: Box<dyn BufRead>) -> io::Result<Box<dyn BufRead>> {
    let mut magic = Vec::new();
    (&mut input)
        .take(GZIP.len() as u64)
        .read_to_end(&mut magic)?;
    let is_gzip = magic == GZIP;
    let whole = Cursor::new(magic).chain(input);
    if is_gzip {
        Ok(Box::new(BufReader::new(MultiGzDecoder::new(whole))))
    } else {
        Ok(Box::new(whole))
    }
}

/// The transactions of certificates and lists, in the order in which they stand there.
pub(crate) fn transactions(
    paths: &[PathBuf],
    container: Option<Container>,
) -> anyhow::Result<Vec<SignedTransaction>> {
    input::refuse_stdin_twice(paths.iter().map(PathBuf::as_path))?;
    let mut transactions = Vec::new();
    for path in paths {
        let opened = Opened::open(path, container)?;
        if opened.container.is_snapshot() {
            return Err(CliError::OtherContainer {
                file: opened.name,
                found: opened.container.name(),
                expected: "certificates and lists of transactions",
            }
            .into());
        }
        for item in opened.items(TRANSACTIONS_LIMIT) {
            match item? {
                DecodedItem::Transaction(signed) => transactions.push(signed),
                DecodedItem::Row(row) => transactions.push(row.signed),
            }
        }
    }
    Ok(transactions)
}

/// The rows of a snapshot.
pub(crate) fn snapshot(
    path: &Path,
    container: Option<Container>,
) -> anyhow::Result<Vec<SnapshotItem>> {
    let opened = Opened::open(path, container)?;
    let refused = CliError::OtherContainer {
        file: opened.name.clone(),
        found: opened.container.name(),
        expected: "snapshots",
    };
    let mut rows = Vec::new();
    for item in opened.items(SNAPSHOT_LIMIT) {
        match item? {
            DecodedItem::Row(row) => rows.push(row),
            DecodedItem::Transaction(_) => return Err(refused.into()),
        }
    }
    Ok(rows)
}
