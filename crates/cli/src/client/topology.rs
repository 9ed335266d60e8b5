//! Topology: looked at, stated, signed.

use std::{collections::BTreeMap, ops::Deref};

use strongroom_crypto::Fingerprint;
use strongroom_proto::topology::SnapshotItem;
use strongroom_topology::{
    ForceFlags, Member, SignedTransaction, StoreId, Times, TopologyStore, TransactionHash,
};
use strongroom_vault::{Authorized, HashProposal, KeyFilter, Proposal, TopologyView};

use super::Client;
use crate::{commands::topology::outcome::Decided, graph::KeyLabel};

/// A store as it is now: the vault's own, or a copy of a server's.
pub(crate) enum StoreView<'c> {
    Here(TopologyView<'c>),
    There(Box<TopologyStore>),
}

impl Deref for StoreView<'_> {
    type Target = TopologyStore;

    fn deref(&self) -> &TopologyStore {
        match self {
            Self::Here(view) => view,
            Self::There(store) => store,
        }
    }
}

impl Client {
    pub(crate) async fn topology(&self, id: &StoreId) -> anyhow::Result<StoreView<'_>> {
        match self {
            Self::Here(session) => Ok(StoreView::Here(session.vault.topology(id).await?)),
            Self::There(server) => {
                let store = server.read_store(id).await?;
                Ok(StoreView::There(Box::new(store)))
            }
        }
    }

    /// The stores that there are, and the node.
    pub(crate) async fn topology_stores(&self) -> anyhow::Result<Stores> {
        match self {
            Self::Here(session) => Ok(Stores {
                ids: session.vault.topology_stores().await?,
                member: session.vault.identity().map(|identity| identity.member),
            }),
            Self::There(server) => server.list_stores().await,
        }
    }

    /// What is known of every key, for those that topology names.
    pub(crate) async fn labels(&self) -> anyhow::Result<Labels> {
        let all = KeyFilter {
            public_only: true,
            ..KeyFilter::default()
        };
        let keys = self.list_keys(&all).await?.into_iter();
        let labels = keys.map(|key| {
            let label = KeyLabel {
                name: key.view.name,
                private_key: key.view.state,
            };
            (key.public.fingerprint(), label)
        });
        Ok(Labels(labels.collect()))
    }
}

/// A transaction that keys of the vault have signed.
pub(crate) struct SignedByVault {
    pub(crate) signed: SignedTransaction,
    /// What the store decided, or of a synchronizer would: accepted, proposed, unchanged.
    pub(crate) outcome: &'static str,
}

impl From<Authorized> for SignedByVault {
    fn from(authorized: Authorized) -> Self {
        Self {
            outcome: authorized.outcome.name(),
            signed: authorized.signed,
        }
    }
}

impl Client {
    /// States something, or takes it back.
    pub(crate) async fn propose(
        &self,
        store: &StoreId,
        proposal: Proposal,
    ) -> anyhow::Result<SignedByVault> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                let authorized = vault.authorize(caller, store, proposal).await?;
                Ok(SignedByVault::from(authorized))
            }
            Self::There(server) => server.propose(store, proposal).await,
        }
    }

    /// Adds signatures of the vault to a proposal.
    pub(crate) async fn authorize(
        &self,
        store: &StoreId,
        hash: TransactionHash,
        signing: Signing<'_>,
    ) -> anyhow::Result<SignedByVault> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => return server.authorize(store, hash, signing).await,
        };
        let (vault, caller) = (&session.vault, &session.caller);
        let proposal = HashProposal {
            hash,
            signing_keys: signing.keys.to_vec(),
            must_fully_authorize: signing.must_fully_authorize,
            force: signing.force,
        };
        let authorized = vault.authorize_hash(caller, store, proposal);
        Ok(SignedByVault::from(authorized.await?))
    }

    /// Adds signatures of the vault to transactions, which are kept nowhere.
    pub(crate) async fn sign_transactions(
        &self,
        store: &StoreId,
        transactions: Vec<SignedTransaction>,
        signing: Signing<'_>,
    ) -> anyhow::Result<Vec<SignedTransaction>> {
        match self {
            Self::Here(session) => {
                let (keys, force) = (signing.keys, signing.force);
                let signed = session.vault.sign_transactions(
                    &session.caller,
                    store,
                    transactions,
                    keys,
                    force,
                );
                Ok(signed.await?)
            }
            Self::There(server) => server.sign_transactions(store, transactions, signing).await,
        }
    }

    /// Takes transactions into a store; with times, as its synchronizer sequenced them.
    pub(crate) async fn add_transactions(
        &self,
        store: &StoreId,
        times: Option<Times>,
        transactions: Vec<SignedTransaction>,
        force: ForceFlags,
    ) -> anyhow::Result<Vec<Decided>> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => {
                return server
                    .add_transactions(store, times, transactions, force)
                    .await;
            }
        };
        let (vault, caller) = (&session.vault, &session.caller);
        let added = match (store, times) {
            (StoreId::Synchronizer(id), Some(times)) => {
                vault.add_sequenced(caller, id, times, transactions).await?
            }
            (store, _) => {
                vault
                    .add_transactions(caller, store, transactions, force)
                    .await?
            }
        };
        Ok(added.iter().map(Decided::of).collect())
    }
}

impl Client {
    /// Replays a snapshot into an empty store.
    pub(crate) async fn import_snapshot(
        &self,
        store: &StoreId,
        items: Vec<SnapshotItem>,
    ) -> anyhow::Result<Vec<Decided>> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                let added = vault.import_snapshot(caller, store, items).await?;
                Ok(added.iter().map(Decided::of).collect())
            }
            Self::There(server) => server.import_snapshot(store, &items).await,
        }
    }

    /// Takes delegations and their revocations into the node's own store, in whatever order they come.
    pub(crate) async fn add_certificates(
        &self,
        certificates: Vec<SignedTransaction>,
    ) -> anyhow::Result<Vec<Decided>> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                let added = vault.add_certificates(caller, certificates).await?;
                Ok(added.iter().map(Decided::of).collect())
            }
            Self::There(server) => server.add_certificates(certificates).await,
        }
    }
}

/// How something gets signed.
#[derive(Clone, Copy)]
pub(crate) struct Signing<'a> {
    /// None: the vault chooses.
    pub(crate) keys: &'a [Fingerprint],
    /// Otherwise it may wait for others as a proposal.
    pub(crate) must_fully_authorize: bool,
    pub(crate) force: ForceFlags,
}

/// The stores of topology, and the node; none before it has an identity.
pub(crate) struct Stores {
    pub(crate) ids: Vec<StoreId>,
    pub(crate) member: Option<Member>,
}

/// What is known of keys.
pub(crate) struct Labels(BTreeMap<Fingerprint, KeyLabel>);

impl Labels {
    /// Of a key that is not known: nothing.
    pub(crate) fn of(&self, key: &Fingerprint) -> KeyLabel {
        self.0.get(key).cloned().unwrap_or_default()
    }
}
