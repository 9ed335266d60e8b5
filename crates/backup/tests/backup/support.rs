//! A seal over a data key of its own, and backups of made-up rows.

use std::sync::Arc;

use strongroom_backup::{BackupError, BackupStore, BackupWriter, Header, Row, Seal, Written};
use strongroom_crypto::{DataKey, Fingerprint, Random, SecretBytes, SystemRandom};
use strongroom_store::BackupId;
use strongroom_test_support::{SeededRandom, store::samples};

#[derive(Debug)]
pub(crate) struct SealOfDataKey {
    data_key: DataKey,
    random: Arc<dyn Random>,
}

impl SealOfDataKey {
    pub(crate) fn generate() -> Arc<Self> {
        Self::with(Arc::new(SystemRandom))
    }

    /// The same one every time.
    pub(crate) fn frozen() -> Arc<Self> {
        Self::with(Arc::new(SeededRandom::new(1)))
    }

    fn with(random: Arc<dyn Random>) -> Arc<Self> {
        let data_key = DataKey::generate(random.as_ref()).unwrap();
        Arc::new(Self { data_key, random })
    }
}

impl Seal for SealOfDataKey {
    fn seal_clear_key(
        &self,
        fingerprint: &Fingerprint,
        key: &SecretBytes,
    ) -> Result<Vec<u8>, BackupError> {
        let (context, random) = (fingerprint.as_bytes(), self.random.as_ref());
        self.data_key
            .seal("test", context, key.expose(), random)
            .map_err(|_refused| BackupError::ClearKeyRefused)
    }

    fn open_clear_key(
        &self,
        fingerprint: &Fingerprint,
        sealed: &[u8],
    ) -> Result<SecretBytes, BackupError> {
        self.data_key
            .open("test", fingerprint.as_bytes(), sealed)
            .map_err(|_refused| BackupError::ClearKeyRefused)
    }

    fn tag(&self, manifest: &[u8]) -> [u8; 32] {
        self.data_key.mac_key("test").tag(manifest)
    }
}

pub(crate) fn header() -> Header {
    let vault = samples::vault();
    Header {
        id: BackupId::from_bytes([7; 16]),
        vault: vault.id,
        member: Some(samples::identity().member),
        generation: 9,
        created_at: samples::time(50),
        current_data_key: vault.current_data_key,
        program: "0.1.0".to_owned(),
    }
}

/// A backup with a row of every kind.
pub(crate) fn every_kind() -> Vec<Row> {
    let mut rows = frozen_kinds();
    let copied = (samples::public_key(6), Some(samples::copied_key(6)));
    let importing = Row::KmsJournal(samples::importing_journal_entry(3));
    let after = |rows: &[Row], wanted: fn(&Row) -> bool| rows.iter().rposition(wanted).unwrap() + 1;
    let at = after(&rows, |row| matches!(row, Row::Key(_)));
    rows.insert(at, Row::Key(Box::new(copied)));
    let at = after(&rows, |row| matches!(row, Row::KmsJournal(_)));
    rows.insert(at, importing);
    rows.push(Row::Approval(samples::approval(1)));
    rows
}

/// The kinds of rows that there were when the format was frozen.
pub(crate) fn frozen_kinds() -> Vec<Row> {
    let key = |public, private| Row::Key(Box::new((public, private)));
    vec![
        Row::DataKey(samples::data_key(1)),
        Row::DataKey(samples::data_key(2)),
        Row::Wrap(samples::wrap("local", "key/1")),
        Row::Vault(samples::vault()),
        Row::Identity(samples::identity()),
        key(samples::public_key(1), Some(samples::private_key(1))),
        key(
            samples::public_key(2),
            Some(samples::directly_sealed_key(2)),
        ),
        key(samples::public_key(3), Some(samples::clear_key(3))),
        key(samples::public_key(4), Some(samples::external_key(4))),
        key(samples::encryption_key(5), None),
        Row::Rotation(samples::rotation(1, 2)),
        Row::KmsJournal(samples::journal_entry(1)),
        Row::KmsJournal(samples::created_journal_entry(2)),
        Row::Topology(Box::new(samples::topology("authorized", 1))),
        Row::Topology(Box::new(samples::topology("authorized", 2))),
        Row::Topology(Box::new(samples::topology("synchronizer", 1))),
        Row::Audit(samples::audit(1)),
        Row::Audit(samples::audit(2)),
        Row::Backup(samples::backup(1)),
        Row::Backup(samples::verified_backup(2)),
    ]
}

/// The bytes of a backup that is not encrypted.
pub(crate) fn write(rows: &[Row], seal: &Arc<SealOfDataKey>) -> (Vec<u8>, Written) {
    let seal: Arc<dyn Seal> = Arc::clone(seal) as _;
    let mut writer = BackupWriter::begin(Vec::new(), &header(), seal).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    writer.finish().unwrap()
}

pub(crate) fn read(bytes: &[u8]) -> Result<BackupStore, BackupError> {
    BackupStore::read(bytes)
}
