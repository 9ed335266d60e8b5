//! Ends what processes hold that say nothing any more, whoever they are.

use strongroom_errors::Coded as _;
use strongroom_store::StoreError;

use crate::store::Inner;

/// Transactions of this vault's processes that hold the lock to write or the row of the lease, and in which nothing was said for
/// so many microseconds. Those of roles that this one may not end are left out: the server ends them in time.
const END_IDLE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND application_name LIKE 'strongroom %' AND state LIKE 'idle in transaction%' \
     AND state_change < clock_timestamp() - $1 * interval '1 microsecond' \
     AND (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')) \
     AND pid IN (SELECT pid FROM pg_locks WHERE granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND (relation = 'lease'::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock') \
              OR locktype = 'advisory' AND objsubid = 1 \
                 AND ((classid::bigint << 32) | objid::bigint) = hashtextextended($2, 0)))";

impl Inner {
    /// If somebody was waited for in vain: whether it was one who says nothing, and is ended now.
    pub(crate) async fn ended_idle_after(&self, error: &StoreError) -> bool {
        let waited =
            matches!(error, StoreError::Busy { .. }) || error.code().name() == "POSTGRES_TIMEOUT";
        waited && self.end_idle().await
    }

    /// Whether anybody was ended.
    pub(super) async fn end_idle(&self) -> bool {
        let silence = i64::try_from(self.settings.lets_go_after().as_micros()).unwrap_or(i64::MAX);
        let lock = format!("strongroom {}", self.settings.schema);
        let end = || sqlx::query(END_IDLE).bind(silence).bind(lock.clone());
        let ending = self.connections.ask(
            "end the connections of who says nothing",
            self.connections.prompt,
            end,
        );
        match ending.await {
            Ok(ended) => {
                if !ended.is_empty() {
                    tracing::warn!(
                        connections = ended.len(),
                        "another process said nothing and kept everybody from writing: its connections were ended"
                    );
                }
                !ended.is_empty()
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(
                    error,
                    "whoever keeps others from writing could not be ended"
                );
                false
            }
        }
    }
}
