//! What commands ask of a vault, wherever it is: opened here, or offered by a server.
//!
//! Each question has one function with both answers side by side. A command that needs the vault itself opens a
//! [`Session`], which refuses when a server is named.

mod approvals;
mod audit;
mod backups;
mod facts;
mod keys;
mod parties;
mod payloads;
mod topology;
mod wrapper_keys;

pub(crate) use self::{
    approvals::Proposed,
    audit::{ExportedAudit, Following, ShownAuditKey, VerifiedAudit},
    backups::{Backups, RELEASE, Released},
    facts::{configuration, numbers_of_server},
    keys::{Deleted, Deletion, Export, NewKey, ShownKey},
    parties::{PartyVerdict, Refused, SignedForParty},
    payloads::{Origin, Passage, Seal},
    topology::{Labels, SignedByVault, Signing, Stores},
    wrapper_keys::{Rewrapped, RotatedKeys},
};
use crate::{args::Global, remote::Server, session::Session};

/// A vault, wherever it is.
pub(crate) enum Client {
    /// Opened by this process.
    Here(Box<Session>),
    /// Offered by a server.
    There(Server),
}

impl Client {
    /// Connects to the server that `global` names; otherwise opens the vault that it names.
    pub(crate) async fn open(global: &Global) -> anyhow::Result<Self> {
        match Server::connect(global).await? {
            Some(server) => Ok(Self::There(server)),
            None => Ok(Self::Here(Box::new(Session::open(global).await?))),
        }
    }

    /// Ends; a command calls it last. See [`Session::close`].
    pub(crate) async fn close(self) {
        if let Self::Here(session) = self {
            session.close().await;
        }
    }
}
