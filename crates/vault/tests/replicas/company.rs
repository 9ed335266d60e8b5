//! Three processes, a database with a network before it, and a KMS.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use strongroom_kms_sim::{Scenario, Simulator};
use strongroom_store::VaultId;
use strongroom_test_postgres::{Proxy, Server, Setup};
use tempfile::TempDir;
use tokio::sync::RwLock;

use crate::{
    history::{Event, History, Outcome},
    process::{Act, Pace, Task},
    remote::Remote,
};

pub(crate) const VAULT_ID: VaultId = VaultId::from_bytes([0x6b; 16]);
pub(crate) const REPLICAS: usize = 3;
/// The one that looks before each use.
pub(crate) const STRICT: usize = 2;
/// For how long the others use keys without a look.
pub(crate) const BOUND: Duration = Duration::from_secs(2);

pub(crate) struct Company {
    pub(crate) server: Server,
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) history: History,
    /// None while it is being started again.
    remotes: Vec<RwLock<Option<Remote>>>,
    tasks: Vec<Task>,
    _simulator: Simulator,
    _folder: TempDir,
}

impl Company {
    pub(crate) async fn new() -> Arc<Self> {
        Self::with(Pace::Quick).await
    }

    pub(crate) async fn with(pace: Pace) -> Arc<Self> {
        let server = Server::start(&Setup {
            tcp: true,
            ..Setup::default()
        });
        let simulator = Simulator::start(Scenario::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let database = server.create_database("ledger");
        let proxies: Vec<Proxy> = (0..REPLICAS).map(|_| Proxy::to(server.address())).collect();
        let task = |number: usize, creates| Task {
            name: format!("replica-{number}"),
            database: database.tcp_url(proxies.get(number).unwrap().address()),
            kms: simulator.endpoint().to_owned(),
            folder: folder.path().to_owned(),
            creates,
            strict: number == STRICT,
            bound: BOUND,
            // Whoever makes the vault is not on trial.
            pace: if creates { Pace::Default } else { pace },
        };
        drop(Remote::start(&task(0, true)).await);
        let tasks: Vec<Task> = (0..REPLICAS).map(|number| task(number, false)).collect();
        let mut remotes = Vec::new();
        for task in &tasks {
            remotes.push(RwLock::new(Some(Remote::start(task).await)));
        }
        Arc::new(Self {
            server,
            proxies,
            history: History::new(),
            remotes,
            tasks,
            _simulator: simulator,
            _folder: folder,
        })
    }

    /// Asks a process, and writes down what becomes of it.
    pub(crate) async fn call(&self, replica: usize, act: Act) -> Outcome {
        let (id, began) = (self.history.next_id(), self.history.now());
        let remote = self.remotes.get(replica).unwrap().read().await;
        let outcome = match remote.as_ref() {
            Some(remote) => match remote.call(id, act.clone()).await {
                Some(Ok(value)) => Outcome::Done(value),
                Some(Err(code)) => Outcome::Refused(code),
                None => Outcome::NoAnswer,
            },
            None => Outcome::NoAnswer,
        };
        drop(remote);
        self.history.add(Event {
            id,
            replica,
            act,
            start: self.history.start(),
            began,
            ended: self.history.now(),
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Kills a process wherever it is, and starts it again after a while.
    pub(crate) async fn kill(&self, replica: usize, pause: Duration) {
        // The signal first: whoever waits for an answer gets none, and lets go.
        if let Some(remote) = self.remotes.get(replica).unwrap().read().await.as_ref() {
            remote.kill();
        }
        let mut remote = self.remotes.get(replica).unwrap().write().await;
        *remote = None;
        drop(remote);
        tokio::time::sleep(pause).await;
        let started = Remote::start(self.tasks.get(replica).unwrap()).await;
        *self.remotes.get(replica).unwrap().write().await = Some(started);
    }

    pub(crate) async fn halt(&self, replica: usize, pause: Duration) {
        let remote = self.remotes.get(replica).unwrap().read().await;
        let Some(remote) = remote.as_ref() else {
            return;
        };
        remote.halt();
        tokio::time::sleep(pause).await;
        remote.go_on();
    }

    /// The replica that says it writes.
    pub(crate) async fn writer(&self) -> Option<usize> {
        for replica in 0..REPLICAS {
            if let Outcome::Done(standing) = self.call(replica, Act::Standing).await
                && standing["role"] == "writer"
            {
                return Some(replica);
            }
        }
        None
    }

    /// From now on connections lead to another server.
    pub(crate) fn lead_to(&self, address: SocketAddr) {
        for proxy in &self.proxies {
            proxy.lead_to(address);
            proxy.cut();
        }
    }
}
