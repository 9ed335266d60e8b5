//! The audit log as it grows.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use strongroom_vault::{AuditHead, Vault};
use tonic::Status;

use super::{FACE, audit::record};
use crate::{
    concurrency::{ConcurrencyLimits, Permit},
    context::{Context, Trace},
    contract::strongroom::{
        AuditRecord, FollowAuditEvent, FollowAuditRequest, ShowAuditKeyRequest,
        ShowAuditKeyResponse,
    },
    failure::Failure,
    long_work::Events,
};

/// How often it is looked whether something came.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Records of one event.
const MOST_AT_ONCE: usize = 100;

pub(super) async fn follow(
    vault: Arc<Vault>,
    context: Context,
    _message: FollowAuditRequest,
    concurrency: ConcurrencyLimits,
) -> Result<Events<FollowAuditEvent>, Failure> {
    let permit = concurrency.followings.try_acquire(&context.subject)?;
    let reading = concurrency.audits.acquire(&context.subject).await?;
    let seen = vault.walk_audit(|_entry| {}).await?.place();
    drop(reading);
    let first = FollowAuditEvent {
        seen: seen.records,
        records: Vec::new(),
    };
    let following = Following {
        vault,
        seen,
        untold: VecDeque::new(),
        trace: context.call.trace.clone(),
        _permit: permit,
    };
    let news = stream::try_unfold(following, |following| async {
        let (event, following) = following.next().await?;
        Ok(Some((event, following)))
    });
    Ok(Box::pin(stream::iter([Ok(first)]).chain(news)))
}

/// Somebody who follows. Nothing is read before what was read is told: who listens slowly costs no memory.
struct Following {
    vault: Arc<Vault>,
    seen: AuditHead,
    untold: VecDeque<AuditRecord>,
    trace: Trace,
    _permit: Permit,
}

impl Following {
    async fn next(mut self) -> Result<(FollowAuditEvent, Self), Status> {
        while self.untold.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
            let looked = self.look().await;
            looked.map_err(|failure| failure.into_status(FACE, &self.trace))?;
        }
        let some = self.untold.len().min(MOST_AT_ONCE);
        let event = FollowAuditEvent {
            seen: 0,
            records: self.untold.drain(..some).collect(),
        };
        Ok((event, self))
    }

    async fn look(&mut self) -> Result<(), Failure> {
        self.vault.catch_up().await?;
        let (entries, seen) = self.vault.next_audit_records(self.seen).await?;
        self.untold.extend(entries.into_iter().map(record));
        self.seen = seen;
        Ok(())
    }
}

pub(super) async fn key(
    vault: Arc<Vault>,
    _context: Context,
    _message: ShowAuditKeyRequest,
) -> Result<ShowAuditKeyResponse, Failure> {
    let key = vault.audit_key()?;
    Ok(ShowAuditKeyResponse {
        fingerprint: key.fingerprint().to_string(),
        spec: key.spec().name().to_owned(),
        public_key: key.to_pem(),
    })
}
