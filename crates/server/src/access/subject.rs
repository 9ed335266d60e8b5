//! Callers: how they are known, and what each may do.

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc};

use strongroom_crypto::{KeyUsage, KeyUsages};
use strongroom_vault::Caller;

use super::{Grant, NamedKey, Operation, allowance::Allowance};
use crate::message_memory::MessageMemory;

/// The other end of a connection, as far as the connection itself proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Somebody over the network.
    Network {
        /// From where.
        address: SocketAddr,
        /// The names in the certificate that it showed, each with its kind: `dns:…`, `uri:…`, `email:…`, `cn:…`. Verified.
        certificate: Arc<[String]>,
    },
    /// A process of this machine, over a socket in the file system.
    Process {
        /// The user that it runs as, as the system says; none: one that this server cannot know.
        user: Option<u32>,
    },
}

impl Peer {
    /// The same, with the names in the certificate that it showed.
    pub(crate) fn with_certificate(self, names: Arc<[String]>) -> Self {
        match self {
            Self::Network { address, .. } => Self::Network {
                address,
                certificate: names,
            },
            process @ Self::Process { .. } => process,
        }
    }
}

/// One way to know a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A name in its certificate, with its kind: `dns:participant1.example`.
    Certificate(String),
    /// The subject of its token. Two services may give out tokens with the same subject, to different people.
    Token {
        /// The name of the service that gives them out, as it stands there; none: it has none.
        service: Option<String>,
        /// Whose they are, as the service says.
        subject: String,
    },
    /// The user that the process on the other end of a socket runs as.
    UnixUser(u32),
}

impl Identity {
    /// The subject of tokens of a service without a name, which is the only one.
    #[must_use]
    pub fn token(subject: &str) -> Self {
        Self::Token {
            service: None,
            subject: subject.to_owned(),
        }
    }
}

/// What the configuration says of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerRule {
    /// As the audit log names it.
    pub name: String,
    /// How it is known: any of these.
    pub identities: Vec<Identity>,
    /// What it may do: the sum of these.
    pub grants: Vec<Grant>,
    /// Calls per second, and as many at once. A batch counts as many as it has items: if those are more, they are paid off before the next
    /// call. None: no limit.
    pub rate_limit: Option<NonZeroU32>,
}

/// The rules.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// None: nothing is configured, and everybody may do everything.
    callers: Option<Vec<Arc<Subject>>>,
    /// For the messages of everybody, where nobody is told apart.
    message_memory: MessageMemory,
}

/// Why it is not known who somebody is, whatever was proved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOne {
    /// No rule knows it.
    #[error("nobody is known by it")]
    Nobody,
    /// It would be more than one caller.
    #[error(
        "both {one} and {other} are known by it: take a name from one of them, or have it proved otherwise"
    )]
    Several {
        /// One of them.
        one: Arc<str>,
        /// Another one.
        other: Arc<str>,
    },
}

/// A caller that is known, and its rights.
#[derive(Debug)]
pub struct Subject {
    name: Arc<str>,
    identities: Vec<Identity>,
    rights: Rights,
    allowance: Allowance,
    message_memory: MessageMemory,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rights {
    /// No rules are configured.
    Everything,
    Granted(Vec<Grant>),
}

impl Access {
    /// Everybody who can connect may do everything: for a server that listens on this machine only.
    #[must_use]
    pub fn open() -> Self {
        Self::default()
    }

    /// Only these callers, and only what they are granted.
    #[must_use]
    pub fn of(rules: Vec<CallerRule>) -> Self {
        let subject = |rule: CallerRule| {
            Arc::new(Subject {
                name: rule.name.into(),
                identities: rule.identities,
                rights: Rights::Granted(rule.grants),
                allowance: Allowance::new(rule.rate_limit),
                message_memory: MessageMemory::default(),
            })
        };
        Self {
            callers: Some(rules.into_iter().map(subject).collect()),
            message_memory: MessageMemory::default(),
        }
    }

    /// Whether rules are configured.
    #[must_use]
    pub const fn has_rules(&self) -> bool {
        self.callers.is_some()
    }

    /// Who this is, by its connection alone.
    ///
    /// # Errors
    /// [`NotOne`]: the rules know nobody by it, or more than one caller.
    pub fn of_peer(&self, peer: &Peer) -> Result<Arc<Subject>, NotOne> {
        if self.callers.is_none() {
            return Ok(Arc::new(Subject::unknown(
                peer,
                self.message_memory.clone(),
            )));
        }
        self.known_by(|identity| match (identity, peer) {
            (Identity::Certificate(name), Peer::Network { certificate, .. }) => {
                certificate.contains(name)
            }
            (Identity::UnixUser(wanted), Peer::Process { user }) => *user == Some(*wanted),
            _ => false,
        })
    }

    /// Who this is, by the subject of a token that this service gave out. A token counts alone: whoever sends one says who it is.
    ///
    /// # Errors
    /// As [`Self::of_peer`].
    pub fn of_token(&self, service: Option<&str>, subject: &str) -> Result<Arc<Subject>, NotOne> {
        self.known_by(|identity| match identity {
            Identity::Token {
                service: its_service,
                subject: its_subject,
            } => its_service.as_deref() == service && its_subject == subject,
            _ => false,
        })
    }

    /// The one caller that is known by a proof. A certificate has several names: those of two callers make it neither of them, or the
    /// order of the rules would say whose rights it has.
    fn known_by(&self, is_it: impl Fn(&Identity) -> bool) -> Result<Arc<Subject>, NotOne> {
        let callers = self.callers.iter().flatten();
        let mut known = callers.filter(|subject| subject.identities.iter().any(&is_it));
        match (known.next(), known.next()) {
            (None, _) => Err(NotOne::Nobody),
            (Some(one), None) => Ok(Arc::clone(one)),
            (Some(one), Some(other)) => Err(NotOne::Several {
                one: Arc::clone(&one.name),
                other: Arc::clone(&other.name),
            }),
        }
    }

    /// The caller of this name, for whoever explains the rules.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Arc<Subject>> {
        let callers = self.callers.iter().flatten();
        callers
            .into_iter()
            .find(|subject| *subject.name == *name)
            .cloned()
    }
}

impl Subject {
    /// Somebody of whom nothing is known and nothing need be: may ask whether the server is well.
    pub(crate) fn anybody() -> Self {
        Self {
            name: "anybody".into(),
            identities: Vec::new(),
            rights: Rights::Granted(Vec::new()),
            allowance: Allowance::new(None),
            message_memory: MessageMemory::default(),
        }
    }

    fn unknown(peer: &Peer, message_memory: MessageMemory) -> Self {
        let name = match peer {
            Peer::Network { address, .. } => format!("network:{}", address.ip()),
            Peer::Process { user: Some(user) } => format!("unix-user:{user}"),
            Peer::Process { user: None } => "unix-user:unknown".to_owned(),
        };
        Self {
            name: name.into(),
            identities: Vec::new(),
            rights: Rights::Everything,
            allowance: Allowance::new(None),
            message_memory,
        }
    }

    /// As the audit log names it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Itself, to the audit log.
    pub(crate) fn caller(&self) -> Caller {
        Caller::new(Arc::clone(&self.name))
    }

    /// Its name, if callers are told apart; none: there are no rules, and everybody is as one.
    pub(crate) fn told_apart(&self) -> Option<&str> {
        match self.rights {
            Rights::Everything => None,
            Rights::Granted(_) => Some(&self.name),
        }
    }

    /// What it may do this second.
    pub(crate) const fn allowance(&self) -> &Allowance {
        &self.allowance
    }

    /// Where its messages are until they are answered.
    pub(crate) const fn message_memory(&self) -> &MessageMemory {
        &self.message_memory
    }

    /// Whether it may do this at all, perhaps with some keys only.
    #[must_use]
    pub fn may(&self, operation: Operation) -> bool {
        match &self.rights {
            Rights::Everything => true,
            // Asking whether the server is well tells nothing: whoever balances load has no certificate.
            Rights::Granted(_) if operation == Operation::Health => true,
            Rights::Granted(grants) => grants.iter().any(|grant| grant.allows(operation)),
        }
    }

    /// Whether it may do this with this key.
    #[must_use]
    pub fn may_with<'k>(&self, operation: Operation, key: impl Into<NamedKey<'k>>) -> bool {
        let key = key.into();
        match &self.rights {
            Rights::Everything => true,
            Rights::Granted(grants) => grants.iter().any(|grant| grant.allows_with(operation, key)),
        }
    }

    /// What it has no right to, if it may not sign with this key for any of these usages.
    pub(crate) fn missing_to_sign_with<'k>(
        &self,
        key: impl Into<NamedKey<'k>>,
        wanted: KeyUsages,
    ) -> Operation {
        let key = key.into();
        let lacks_topology = key.signs_topology(wanted) && !self.may(Operation::TopologySign);
        if lacks_topology && self.may_with(Operation::Sign, key) {
            Operation::TopologySign
        } else {
            Operation::Sign
        }
    }

    /// Those of `wanted` for which it may sign with this key; empty: none. With a signature of a key for a namespace others change whose
    /// the node is, so such a key takes the right to sign topology as well.
    #[must_use]
    pub fn may_sign_for<'k>(&self, key: impl Into<NamedKey<'k>>, wanted: KeyUsages) -> KeyUsages {
        let key = key.into();
        match &self.rights {
            Rights::Everything => wanted,
            Rights::Granted(grants) => {
                let fitting = grants
                    .iter()
                    .filter(|grant| grant.allows_with(Operation::Sign, key));
                let usages = fitting.flat_map(|grant| grant.narrowed(wanted).iter());
                let signs_topology = self.may(Operation::TopologySign);
                let may = |usage: &KeyUsage| {
                    signs_topology || !key.signs_topology(KeyUsages::only(*usage))
                };
                usages.filter(may).collect()
            }
        }
    }
}
