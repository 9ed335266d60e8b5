//! A vault behind a server on this machine, and clients.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use strongroom_crypto::SystemRandom;
use strongroom_files::{Access as FileAccess, Files, OsFiles};
use strongroom_kms::KmsProvider;
use strongroom_kms_local::{LocalKms, Protection};
use strongroom_server::{
    Listener, ServerError, ServerSettings, Spool, Tls, access::Access,
    contract::vault::vault_service_client::VaultServiceClient, serve,
};
use strongroom_store::{Replicas as _, Store, VaultId};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::{
    FixedClock, SeededRandom,
    store::{HookedStore, SharedHandle, SharedStore},
};
use strongroom_vault::{
    Caller, Environment, NamedKms, NamedWrapper, NewVault, NoAnchor, Settings, Vault,
};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, UnixListener},
    sync::oneshot,
    task::JoinHandle,
};
use tonic::{Status, transport::Channel};
use tonic_types::StatusExt as _;

use crate::stall::Stall;

pub(crate) const KMS: &str = "local";

/// A running server.
pub(crate) struct House {
    pub(crate) vault: Arc<Vault>,
    pub(crate) kms: Arc<LocalKms>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), ServerError>>,
    folder: TempDir,
    /// The store, where others may open it.
    pub(crate) shared: Option<(Arc<SharedStore>, Arc<SharedHandle>)>,
}

/// How a house differs from the usual one.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) server: ServerSettings,
    /// Whether no KMS holds keys.
    pub(crate) without_external_keys: bool,
    /// What it is behind, if anything.
    pub(crate) tls: Option<Tls>,
    /// Whether other processes may open its store, and write there.
    pub(crate) shared: bool,
    /// Whether it listens on a socket, too.
    pub(crate) with_socket: bool,
    /// What holds up its store, if anything does.
    pub(crate) stall: Option<Stall>,
}

impl House {
    /// A server without rules.
    pub(crate) async fn new() -> Self {
        Self::planned(Plan::default()).await
    }

    /// A server with rules.
    pub(crate) async fn with_access(access: Access) -> Self {
        let server = ServerSettings {
            access,
            ..ServerSettings::default()
        };
        Self::planned(Plan {
            server,
            ..Plan::default()
        })
        .await
    }

    pub(crate) async fn planned(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::default());
        let shared = if plan.shared {
            Some(shared_store(store_in(&folder).await).await)
        } else {
            None
        };
        let (vault, kms) = vault_in(&folder, &plan, &clock, shared.as_ref()).await;
        let vault = Arc::new(vault);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let mut listeners = vec![match plan.tls {
            Some(tls) => Listener::Tls(listener, tls),
            None => Listener::Tcp(listener),
        }];
        if plan.with_socket {
            let socket = UnixListener::bind(folder.path().join("vault.sock")).unwrap();
            listeners.push(Listener::Unix(socket));
        }
        let random = Arc::new(SystemRandom);
        let server = ServerSettings {
            spool: Some(Spool {
                folder: folder.path().to_owned(),
                files: Arc::new(OsFiles::new()),
            }),
            ..plan.server
        };
        let serving = serve(Arc::clone(&vault), server, random, listeners, async {
            let _ended = ended.await;
        });
        Self {
            vault,
            kms,
            clock,
            address,
            end: Some(end),
            serving: tokio::spawn(serving),
            folder,
            shared,
        }
    }

    /// A connection to the server.
    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// Where its socket is.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("vault.sock")
    }

    pub(crate) async fn vault_service(&self) -> VaultServiceClient<Channel> {
        VaultServiceClient::new(self.channel().await)
    }

    /// Asks the server to end.
    pub(crate) fn end(&mut self) {
        let _gone = self.end.take().unwrap().send(());
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(self) {
        let ended = tokio::time::timeout(Duration::from_secs(60), self.serving).await;
        ended.expect("the server ends").unwrap().unwrap();
    }
}

/// A new store.
async fn store_in(folder: &TempDir) -> Arc<dyn Store> {
    let vault = folder.path().join("vault");
    OsFiles::new()
        .create_folder(&vault, FileAccess::OwnerOnly)
        .unwrap();
    Arc::new(SqliteStore::create(&vault).await.unwrap())
}

fn stalling(store: Arc<dyn Store>, stall: Option<Stall>) -> Arc<dyn Store> {
    match stall {
        Some(stall) => Arc::new(HookedStore::around(store, Arc::new(stall))),
        None => store,
    }
}

/// The same, as one of several processes has it; it is the one that writes.
async fn shared_store(store: Arc<dyn Store>) -> (Arc<SharedStore>, Arc<SharedHandle>) {
    let shared = SharedStore::over(store);
    let handle = shared.handle("house");
    handle.take_lease().await.unwrap();
    (shared, handle)
}

async fn vault_in(
    folder: &TempDir,
    plan: &Plan,
    clock: &Arc<FixedClock>,
    shared: Option<&(Arc<SharedStore>, Arc<SharedHandle>)>,
) -> (Vault, Arc<LocalKms>) {
    let random = Arc::new(SeededRandom::new(7));
    let kms = LocalKms::create(
        Arc::new(OsFiles::new()),
        folder.path().join("kms.key"),
        &Protection::UnprotectedKeyFile,
        Arc::new(SeededRandom::new(8)),
        Arc::<FixedClock>::clone(clock),
    );
    let kms = Arc::new(kms.unwrap());
    let provider: Arc<dyn KmsProvider> = Arc::<LocalKms>::clone(&kms);
    let holders = if plan.without_external_keys {
        Vec::new()
    } else {
        vec![NamedKms {
            name: KMS.to_owned(),
            provider: Arc::clone(&provider),
        }]
    };
    let environment = Environment {
        store: match shared {
            Some((_, handle)) => Arc::<SharedHandle>::clone(handle),
            None => stalling(store_in(folder).await, plan.stall.clone()),
        },
        wrappers: vec![NamedWrapper {
            name: KMS.to_owned(),
            wrapper: provider.key_wrapper().unwrap(),
        }],
        kms: holders,
        anchor: Arc::new(NoAnchor),
        clock: Arc::<FixedClock>::clone(clock),
        random,
    };
    let new = NewVault {
        id: VaultId::from_bytes([7; 16]),
        wrapper_key: None,
    };
    let caller = Caller::new("test");
    let vault = Vault::create(environment, plan.settings.clone(), &caller, new).await;
    (vault.unwrap(), kms)
}

/// The id of an error and its reason, as the details of google.rpc say them.
pub(crate) fn told(status: &Status) -> (String, Option<String>) {
    let details = status.get_error_details();
    let info = details.error_info().expect("the error has an id");
    let reason = info.metadata.get("reason").cloned();
    (info.reason.clone(), reason)
}
