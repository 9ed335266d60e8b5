//! One process of the company: it has the vault open, and does what it is told, line by line.

use std::{
    cell::Cell,
    collections::BTreeSet,
    env,
    io::{BufRead as _, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strongroom_crypto::{
    Fingerprint, KeyName, KeyUsage, KeyUsages, Random as _, SigningKeySpec, SystemRandom,
    Timestamp,
    clock::{Clock, SystemClock},
};
use strongroom_errors::Coded as _;
use strongroom_files::OsFiles;
use strongroom_kms::KmsProvider as _;
use strongroom_kms_aws::{AwsKms, AwsKmsSettings, Credentials, Repetitions};
use strongroom_memory::SecretBytes;
use strongroom_store::{KeyState, ReplicaId, Replicas as _, Store};
use strongroom_store_postgres::{Address, PostgresStore, Settings as StoreSettings};
use strongroom_test_postgres::PASSWORD;
use strongroom_topology::{MemberCode, StoreId, StoredTransaction};
use strongroom_vault::{
    Anchor, AnchorError, AnchorRecord, Caller, Environment, FileAnchor, KeyFilter, NamedKms,
    NamedWrapper, NewIdentity, NewSigningKey, NewVault, ReplicaSettings, Rotate, RotationRequest,
    RotationStep, Settings, Vault, VaultError,
};
use tokio::sync::mpsc;

use crate::company::VAULT_ID;

pub(crate) const TASK: &str = "STRONGROOM_REPLICA_TEST_TASK";

/// A change of a quick process that takes longer is stuck.
pub(crate) const LONGEST_CHANGE: Duration = Duration::from_secs(2);

/// What a process is told when it starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) database: String,
    pub(crate) kms: String,
    pub(crate) folder: PathBuf,
    /// Makes the vault instead of opening it, and ends.
    pub(crate) creates: bool,
    pub(crate) strict: bool,
    pub(crate) bound: Duration,
    pub(crate) pace: Pace,
}

/// How soon a process takes another one for dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Pace {
    /// Soon, so that much happens in a short time.
    Quick,
    /// A change that does not end is found as soon; whoever is silent or slow lives.
    Patient,
    /// As by default.
    Default,
}

/// A call of a process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) act: Act,
}

/// What a process can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Generate,
    Sign(String),
    Retire(String),
    Delete(String),
    /// Begins the rotation of a node key, or goes on with one.
    RotateNodeKey,
    RotateWrapperKey,
    StepDown,
    /// Shifts the time of day, in seconds.
    Clock(i64),
    Standing,
    /// Its anchor does not answer from now on.
    HangAnchor,
    AskToStepDown,
    /// Everything that can be seen.
    Dump,
}

/// The answer: what was done, or the code of the error.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) id: u64,
    pub(crate) done: Result<Value, String>,
}

tokio::task_local! {
    /// When a call last asked for the time of day. It does so immediately before it signs with an opened key: so this is before
    /// the signature, and after any look that came before it.
    static ASKED: Cell<Duration>;
}

/// A clock of this process alone.
#[derive(Debug, Default)]
struct ShiftedClock(AtomicI64);

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let _outside_of_calls = ASKED.try_with(|asked| asked.set(self.elapsed()));
        let shift = self.0.load(Ordering::SeqCst) * 1_000_000;
        Timestamp::from_micros(SystemClock.now().as_micros() + shift)
    }
}

#[test]
#[ignore = "run by the other tests, as one process of several"]
fn process() {
    let Ok(task) = env::var(TASK) else {
        return;
    };
    let task: Task = serde_json::from_str(&task).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(task));
}

async fn run(task: Task) {
    let clock = Arc::new(ShiftedClock::default());
    if task.creates {
        return create(&task, &clock).await;
    }
    let (vault, store, anchor) = open(&task, &clock).await;
    let vault = Arc::new(vault);
    let tended = Arc::clone(&vault);
    tokio::spawn(async move { tended.tend(&Caller::new("tending")).await });
    answer(&Answer {
        id: 0,
        done: Ok(Value::Null),
    });
    let (lines, mut calls) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
    while let Some(line) = calls.recv().await {
        let Call { id, act } = serde_json::from_str(&line).unwrap();
        let (vault, clock) = (Arc::clone(&vault), Arc::clone(&clock));
        let (store, anchor) = (Arc::clone(&store), Arc::clone(&anchor));
        tokio::spawn(async move {
            let done = match act {
                Act::Clock(shift) => {
                    clock.0.store(shift, Ordering::SeqCst);
                    Ok(Value::Null)
                }
                Act::HangAnchor => {
                    anchor.hangs.store(true, Ordering::SeqCst);
                    Ok(Value::Null)
                }
                Act::AskToStepDown => {
                    let asked = store.ask_to_step_down().await;
                    asked.map(|()| Value::Null).map_err(VaultError::from)
                }
                act => {
                    let asked = Cell::new(Duration::ZERO);
                    ASKED.scope(asked, perform(&vault, id, act)).await
                }
            };
            let done = done.map_err(|error| error.code().name().to_owned());
            answer(&Answer { id, done });
        });
    }
    // Whoever told us what to do is gone.
    std::process::exit(0);
}

fn answer(answer: &Answer) {
    let line = serde_json::to_string(answer).unwrap();
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n{line}");
    let _ = out.flush();
}

async fn environment(
    task: &Task,
    clock: &Arc<ShiftedClock>,
    store: Arc<dyn Store>,
    anchor: &Arc<HangingAnchor>,
) -> Environment {
    let settings = AwsKmsSettings {
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(task.kms.clone()),
        credentials: Credentials::Rehearsal,
        repetitions: Repetitions::OfClient,
        ..AwsKmsSettings::default()
    };
    let kms = Arc::new(AwsKms::connect(settings).await.unwrap());
    Environment {
        store,
        wrappers: vec![NamedWrapper {
            name: "aws".to_owned(),
            wrapper: kms.key_wrapper().unwrap(),
        }],
        kms: vec![NamedKms {
            name: "aws".to_owned(),
            provider: kms,
        }],
        anchor: Arc::<HangingAnchor>::clone(anchor),
        clock: Arc::<ShiftedClock>::clone(clock),
        random: Arc::new(SystemRandom),
    }
}

/// On a disk that may stop to answer.
#[derive(Debug)]
struct HangingAnchor {
    file: FileAnchor,
    hangs: AtomicBool,
}

impl Anchor for HangingAnchor {
    fn location(&self) -> Option<String> {
        self.file.location()
    }

    fn load(&self) -> Result<Option<AnchorRecord>, AnchorError> {
        self.file.load()
    }

    fn store(&self, record: &AnchorRecord) -> Result<(), AnchorError> {
        // Everything else in the process goes on.
        tokio::task::block_in_place(|| {
            while self.hangs.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        self.file.store(record)
    }
}

fn anchor(task: &Task) -> Arc<HangingAnchor> {
    let path = task.folder.join(format!("anchor-{}.json", task.name));
    Arc::new(HangingAnchor {
        file: FileAnchor::new(Arc::new(OsFiles::new()), path),
        hangs: AtomicBool::new(false),
    })
}

fn store_settings(task: &Task) -> StoreSettings {
    let mut id = [0; 16];
    SystemRandom.fill(&mut id).unwrap();
    let address = Address::parse(&task.database).unwrap();
    let mut settings = StoreSettings::new(address, ReplicaId::from_bytes(id), task.name.clone());
    settings.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
    settings.max_connections = 8;
    if task.pace == Pace::Default {
        return settings;
    }
    settings.lock_timeout = Duration::from_secs(1);
    if task.pace == Pace::Patient {
        settings.silent_after = Duration::from_secs(5);
        return settings;
    }
    settings.silent_after = Duration::from_millis(800);
    settings.connect_timeout = Duration::from_secs(2);
    settings.statement_timeout = Duration::from_secs(2);
    settings
}

fn settings(task: &Task) -> Settings {
    if task.pace == Pace::Default {
        return Settings {
            replica: ReplicaSettings {
                // Whoever asks a replica that does not write is told so at once, and asks another one.
                wait_for_lease: Duration::ZERO,
                ..ReplicaSettings::default()
            },
            ..Settings::default()
        };
    }
    Settings {
        replica: ReplicaSettings {
            look_every: Duration::from_millis(100),
            use_without_store: task.bound,
            strict: task.strict,
            wait_for_lease: Duration::ZERO,
            longest_change: LONGEST_CHANGE,
            ..ReplicaSettings::default()
        },
        ..Settings::default()
    }
}

async fn create(task: &Task, clock: &Arc<ShiftedClock>) {
    let store = PostgresStore::create(store_settings(task)).await.unwrap();
    let environment = environment(task, clock, Arc::new(store), &anchor(task)).await;
    let new = NewVault {
        id: VAULT_ID,
        wrapper_key: None,
    };
    let caller = Caller::new("creation");
    let vault = Vault::create(environment, settings(task), &caller, new)
        .await
        .unwrap();
    let identity = NewIdentity {
        code: MemberCode::Participant,
        identifier: "participant1".to_owned(),
        node: "participant1".to_owned(),
        intermediate_key: false,
        signing_spec: SigningKeySpec::EcCurve25519,
        encryption_spec: strongroom_crypto::EncryptionKeySpec::EcP256,
    };
    vault.initialize(&caller, &identity).await.unwrap();
    vault.close().await.unwrap();
    answer(&Answer {
        id: 0,
        done: Ok(Value::Null),
    });
}

type Opened = (Vault, Arc<PostgresStore>, Arc<HangingAnchor>);

/// As somebody does who restarts a process until it runs.
async fn open(task: &Task, clock: &Arc<ShiftedClock>) -> Opened {
    loop {
        match try_open(task, clock).await {
            Ok(opened) => return opened,
            Err(error) => {
                eprintln!("{} does not open yet: {error:?}", task.name);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn try_open(task: &Task, clock: &Arc<ShiftedClock>) -> Result<Opened, VaultError> {
    let store = Arc::new(PostgresStore::open(store_settings(task)).await?);
    let anchor = anchor(task);
    let shared = Arc::<PostgresStore>::clone(&store);
    let environment = environment(task, clock, shared, &anchor).await;
    let vault = if anchor.load()?.is_none() {
        let caller = Caller::new(format!("joining {}", task.name));
        Vault::danger_accept_state(environment, settings(task), &caller, VAULT_ID).await?
    } else {
        Vault::open(environment, settings(task)).await?
    };
    Ok((vault, store, anchor))
}

async fn perform(vault: &Vault, id: u64, act: Act) -> Result<Value, VaultError> {
    // The audit log names the call that each record belongs to.
    let caller = &Caller::new(id.to_string());
    let key = |text: String| -> Fingerprint { text.parse().unwrap() };
    match act {
        Act::Generate => {
            let new = NewSigningKey {
                spec: SigningKeySpec::EcCurve25519,
                usages: KeyUsages::only(KeyUsage::Protocol),
                name: KeyName::try_new(format!("call-{id}")).ok(),
            };
            let made = vault.generate_signing_key(caller, new).await?;
            Ok(json!({
                "key": made.fingerprint().to_string(),
                "spki": data_encoding::HEXLOWER.encode(made.public.spki()),
            }))
        }
        Act::Sign(text) => {
            let usages = KeyUsages::only(KeyUsage::Protocol);
            let message = id.to_be_bytes();
            let signature = vault.sign(&key(text), &message, usages).await?;
            Ok(json!({
                "signature": data_encoding::HEXLOWER.encode(&signature.bytes),
                "signed_at": u64::try_from(ASKED.with(Cell::get).as_micros()).unwrap(),
            }))
        }
        Act::Retire(text) => {
            vault.retire_key(caller, &key(text)).await?;
            Ok(Value::Null)
        }
        Act::Delete(text) => {
            vault.delete_key(caller, &key(text)).await?;
            Ok(Value::Null)
        }
        Act::RotateNodeKey => rotate_node_key(vault, caller).await,
        Act::RotateWrapperKey => {
            if vault.wrapper_key_rotation().is_some() {
                vault.resume_wrapper_key_rotation(caller, &|_| {}).await?;
                // A commit of which this process had not heard may have finished it.
                return Ok(json!({ "written": 0 }));
            }
            let request = RotationRequest::default();
            vault.rotate_wrapper_key(caller, &request, &|_| {}).await?;
            Ok(json!({ "written": 1 }))
        }
        Act::StepDown => {
            vault.step_down(caller).await?;
            Ok(Value::Null)
        }
        Act::Standing => {
            let standing = vault.standing().await;
            Ok(json!({ "role": standing.role.name(), "degraded": standing.degraded }))
        }
        Act::Dump => dump(vault).await,
        Act::Clock(_) | Act::HangAnchor | Act::AskToStepDown => Ok(Value::Null),
    }
}

/// To the end: no synchronizer is waited for. Answers which keys are retired by it, and how many steps it certainly wrote: none when
/// it went on with a rotation that was over, by a commit of which this process had not heard.
async fn rotate_node_key(vault: &Vault, caller: &Caller) -> Result<Value, VaultError> {
    let mut written = 0;
    if vault.rotations().is_empty() {
        let usage = KeyUsage::Protocol;
        let active = |entry: &&Arc<strongroom_vault::KeyEntry>| {
            let half = entry.private.as_ref();
            half.is_some_and(|half| half.state == KeyState::Active)
                && entry.usages().is_some_and(|usages| usages.contains(usage))
        };
        let announced = vault.announced_keys().await?;
        let keys = vault.list(&KeyFilter::default())?;
        let old = keys
            .iter()
            .filter(active)
            .find(|entry| announced.contains_key(&entry.fingerprint()));
        let Some(old) = old else {
            return Ok(Value::Null);
        };
        vault
            .begin_rotation(caller, Rotate::one(old.fingerprint()))
            .await?;
        written += 1;
    }
    let rotations = vault.rotations();
    let mut retired = Vec::new();
    for rotation in &rotations {
        let entry = vault.key(&rotation.old)?;
        retired.push(json!({
            "key": rotation.old.to_string(),
            "spki": data_encoding::HEXLOWER.encode(entry.public.spki()),
        }));
    }
    while let Some(step) = vault.advance_rotation(caller, &BTreeSet::new()).await? {
        // The last step is also taken for done when such a commit did it.
        written += u64::from(!matches!(step, RotationStep::Retired(_)));
    }
    Ok(json!({ "retired": retired, "written": written }))
}

async fn dump(vault: &Vault) -> Result<Value, VaultError> {
    vault.catch_up().await?;
    let filter = KeyFilter {
        public_only: true,
        ..KeyFilter::default()
    };
    let keys = vault.list(&filter)?;
    let keys = keys.iter().map(|entry| {
        let state = entry.private.as_ref().map(|half| match half.state {
            KeyState::Active => "active",
            KeyState::Retired => "retired",
        });
        (entry.fingerprint().to_string(), json!(state))
    });
    let keys: serde_json::Map<String, Value> = keys.collect();
    let mut audit = Vec::new();
    vault
        .walk_audit(|entry| {
            audit.push(json!({
                "call": entry.caller,
                "operation": entry.operation,
                "key": entry.key,
                "lease": entry.lease,
            }));
        })
        .await?;
    let inspection = vault.inspect(|_, _| {}).await?;
    let topology = vault.topology(&StoreId::Authorized).await?;
    let topology: Vec<Value> = topology.rows().iter().map(announcement).collect();
    let rotations = vault.rotations();
    let rotations: Vec<String> = rotations
        .iter()
        .map(|rotation| format!("{} to {}", rotation.old, rotation.new))
        .collect();
    Ok(json!({
        "keys": keys,
        "audit": audit,
        "generation": vault.standing().await.generation,
        "broken": inspection.broken.len(),
        "topology": topology,
        "rotations": rotations,
    }))
}

/// What a row of topology says, and who signed it.
fn announcement(row: &StoredTransaction) -> Value {
    let mut signers: Vec<String> = row.signed.signed_by().map(|key| key.to_string()).collect();
    signers.sort_unstable();
    json!({
        "ordinal": row.ordinal,
        "hash": data_encoding::HEXLOWER.encode(&row.signed.transaction().hash().to_multihash()),
        "from": row.valid_from.as_micros(),
        "until": row.valid_until.map(|time| time.as_micros()),
        "rejection": row.rejection,
        "signers": signers,
    })
}
