//! Acts of a server that change nothing in the vault, and that an auditor wants to know of all the same.

use std::collections::BTreeMap;

use strongroom_crypto::Fingerprint;

use crate::{audit::AuditOperation, caller::Caller, error::VaultError, unit::Unit, vault::Vault};

/// Something that a server does, or refuses to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAct {
    /// Long work is called off.
    CancelOperation {
        /// Its id.
        id: String,
        /// What it is: the name of an operation.
        operation: String,
        /// Who began it.
        begun_by: String,
    },
    /// More is logged, or less.
    SetLogLevel {
        /// The name of the level.
        level: String,
    },
    /// Somebody known asked for what he may not.
    Refuse {
        /// The name of the operation.
        operation: String,
        /// The key that it was about, if it got so far.
        key: Option<Fingerprint>,
        /// The code that the caller was told.
        code: String,
        /// More of the same of this caller, since the last record of it.
        passed_over: u64,
    },
}

impl ServerAct {
    /// What is recorded: the act, the key that it is about, and more.
    fn told(self) -> (AuditOperation, Option<Fingerprint>, Details) {
        match self {
            Self::CancelOperation {
                id,
                operation,
                begun_by,
            } => (
                AuditOperation::CancelOperation,
                None,
                details([("id", id), ("operation", operation), ("begun_by", begun_by)]),
            ),
            Self::SetLogLevel { level } => (
                AuditOperation::SetLogLevel,
                None,
                details([("level", level)]),
            ),
            Self::Refuse {
                operation,
                key,
                code,
                passed_over,
            } => {
                let mut told = details([("operation", operation), ("code", code)]);
                if passed_over > 0 {
                    told.insert("passed_over".to_owned(), passed_over.to_string());
                }
                (AuditOperation::RefuseOperation, key, told)
            }
        }
    }
}

type Details = BTreeMap<String, String>;

fn details<const N: usize>(named: [(&str, String); N]) -> Details {
    let named = named.into_iter();
    named
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

impl Vault {
    /// Puts an act of a server on record, durably: call it before the act is done.
    ///
    /// # Errors
    /// Those of every act that writes: a process that may not write cannot do what is to be on record.
    pub async fn record(&self, caller: &Caller, act: ServerAct) -> Result<(), VaultError> {
        let (operation, key, details) = act.told();
        let mut unit = Unit::begin(self).await?;
        unit.audit(caller, operation, key, details).await?;
        unit.commit().await
    }
}
