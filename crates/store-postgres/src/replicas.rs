//! Who is there, and who of them writes.

mod idle;
mod takeover;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use strongroom_crypto::Timestamp;
use strongroom_store::{
    Holder, Lease, ReplicaId, ReplicaRecord, ReplicaReport, Replicas, Row, StoreError,
};

use crate::{
    connections::permit,
    row::{Column, Columns},
    store::{Inner, PostgresStore},
    wire::Bound,
};

/// The version that others read of this process.
const VERSION: &str = env!("CARGO_PKG_VERSION");

const TOKEN: Column = Column(0, "token");
const HOLDER: Column = Column(1, "holder");
const STEP_DOWN: Column = Column(2, "step_down");
const HOLDER_NAME: Column = Column(3, "name");
const HOLDER_SILENT: Column = Column(4, "seen_at");

/// Says that this process is there, forgets those that were silent for a day, and looks at the lease as it was before: one
/// statement sees one moment. It never writes the lease, whose row is locked while somebody writes, and waits for no standby:
/// what is lost of it is said again.
const BEAT: &str = "WITH own AS (\
     INSERT INTO replicas (replica_id, name, version, started_at, seen_at, generation, degraded) \
     VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp(), $4, $5) \
     ON CONFLICT (replica_id) DO UPDATE SET seen_at = clock_timestamp(), generation = $4, degraded = $5), \
     gone AS (DELETE FROM replicas WHERE seen_at < clock_timestamp() - interval '1 day' AND replica_id <> $1) \
     SELECT token, holder, step_down, name, \
     greatest(0, extract(epoch FROM clock_timestamp() - seen_at) * 1000000)::bigint, \
     set_config('synchronous_commit', 'local', true) \
     FROM lease LEFT JOIN replicas ON replica_id = holder";

const LIST: &str = "SELECT replica_id, name, version, (extract(epoch FROM started_at) * 1000000)::bigint, \
     greatest(0, extract(epoch FROM clock_timestamp() - seen_at) * 1000000)::bigint, generation, degraded, \
     EXISTS (SELECT 1 FROM lease WHERE holder = replica_id) \
     FROM replicas ORDER BY name COLLATE \"C\", replica_id";

const STEP_DOWN_PLEASE: &str = "WITH asked AS (UPDATE lease SET step_down = true WHERE holder IS NOT NULL RETURNING 1) \
     SELECT pg_notify($1, $2) FROM asked";

const GIVE: &str = "WITH given AS (UPDATE lease SET holder = NULL, step_down = false WHERE holder = $3 RETURNING 1) \
     SELECT pg_notify($1, $2) FROM given";

const LEAVE: &str = "WITH given AS (UPDATE lease SET holder = NULL, step_down = false WHERE holder = $3 RETURNING 1), \
     gone AS (DELETE FROM replicas WHERE replica_id = $3) SELECT pg_notify($1, $2) FROM given";

impl Inner {
    fn own_id(&self) -> ReplicaId {
        self.settings.replica_id
    }

    /// A statement that tells others of it: `$1` is the channel, `$2` this process for the channel, `$3` for tables.
    fn telling(&self, sql: &'static str) -> Bound<'static> {
        sqlx::query(sql)
            .bind(self.settings.schema.to_string())
            .bind(self.own_id().to_string())
    }

    fn telling_of_own(&self, sql: &'static str) -> Bound<'static> {
        self.telling(sql).bind(self.own_id().as_bytes().to_vec())
    }

    /// The lease, from a row of the columns above.
    fn lease(&self, row: &PgRow) -> Result<Lease, StoreError> {
        let columns = Columns::new(row, "lease").named(Row::Only);
        let holder = columns
            .optional_array(HOLDER)?
            .map(|id| self.holder(ReplicaId::from_bytes(id), &columns))
            .transpose()?;
        Ok(Lease {
            token: columns.count(TOKEN)?,
            holder,
            step_down: columns.flag(STEP_DOWN)?,
        })
    }

    fn holder(&self, id: ReplicaId, columns: &Columns<'_>) -> Result<Holder, StoreError> {
        if id == self.own_id() {
            return Ok(Holder {
                id,
                name: self.settings.replica_name.clone(),
                silent_for: Duration::ZERO,
            });
        }
        let silent = columns.optional_integer(HOLDER_SILENT)?;
        Ok(Holder {
            id,
            // One that nobody has heard of for a day has no name any more.
            name: columns
                .optional_text(HOLDER_NAME)?
                .unwrap_or_default()
                .to_owned(),
            silent_for: silent.map_or(Duration::MAX, |micros| {
                Duration::from_micros(micros.unsigned_abs())
            }),
        })
    }

    /// Changes the row of the lease, which is locked while somebody writes. One who says nothing is not waited for twice.
    async fn change_lease(
        &self,
        operation: &'static str,
        query: impl Fn() -> Bound<'static>,
    ) -> Result<(), StoreError> {
        let limit = self.connections.limit;
        let ask = || self.connections.ask(operation, limit, &query);
        match ask().await {
            Err(error) if self.ended_idle_after(&error).await => ask().await,
            changed => changed,
        }
        .map(|_rows| ())
    }

    /// Gives the lease up, and is gone from the list.
    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        *self.token.lock() = None;
        let leaving = self
            .connections
            .ask("leave the replicas", self.connections.prompt, || {
                self.telling_of_own(LEAVE)
            });
        leaving.await.map(|_rows| ())
    }
}

fn record(row: &PgRow) -> Result<ReplicaRecord, StoreError> {
    let columns = Columns::new(row, "replicas");
    Ok(ReplicaRecord {
        id: ReplicaId::from_bytes(columns.array(Column(0, "replica_id"))?),
        name: columns.text(Column(1, "name"))?.to_owned(),
        version: columns.text(Column(2, "version"))?.to_owned(),
        started_at: Timestamp::from_micros(columns.integer(Column(3, "started_at"))?),
        silent_for: Duration::from_micros(columns.count(Column(4, "seen_at"))?),
        report: ReplicaReport {
            generation: columns.count(Column(5, "generation"))?,
            degraded: columns
                .optional_text(Column(6, "degraded"))?
                .map(str::to_owned),
        },
        is_writer: columns.flag(Column(7, "holder"))?,
    })
}

#[async_trait]
impl Replicas for PostgresStore {
    fn own_id(&self) -> ReplicaId {
        self.inner.own_id()
    }

    /// Several beats may be lost before anybody takes this process for dead.
    fn beat_every(&self) -> Duration {
        self.inner.settings.silent_after / 5
    }

    async fn beat(&self, report: &ReplicaReport) -> Result<Lease, StoreError> {
        let inner = &self.inner;
        let _permit = permit(&inner.connections.desk).await?;
        let generation = i64::try_from(report.generation).unwrap_or(i64::MAX);
        let beat = || {
            sqlx::query(BEAT)
                .bind(inner.own_id().as_bytes().to_vec())
                .bind(inner.settings.replica_name.clone())
                .bind(VERSION)
                .bind(generation)
                .bind(report.degraded.clone())
        };
        let rows = inner
            .connections
            .ask("beat", inner.connections.prompt, beat)
            .await?;
        match rows.first() {
            Some(row) => inner.lease(row),
            None => Err(crate::error::unreadable("there is no lease")),
        }
    }

    async fn take_lease(&self) -> Result<Lease, StoreError> {
        let _permit = permit(&self.inner.connections.desk).await?;
        self.inner.take_over().await
    }

    async fn give_lease(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        let _no_writer = permit(&inner.connections.writer).await?;
        let _permit = permit(&inner.connections.desk).await?;
        *inner.token.lock() = None;
        inner
            .change_lease("give up the lease", || inner.telling_of_own(GIVE))
            .await
    }

    async fn ask_to_step_down(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        let _permit = permit(&inner.connections.desk).await?;
        inner
            .change_lease("ask the writer to step down", || {
                inner.telling(STEP_DOWN_PLEASE)
            })
            .await
    }

    async fn list(&self) -> Result<Vec<ReplicaRecord>, StoreError> {
        let inner = &self.inner;
        let _permit = permit(&inner.connections.desk).await?;
        let rows = inner
            .connections
            .ask("list the replicas", inner.connections.prompt, || {
                sqlx::query(LIST)
            })
            .await?;
        rows.iter().map(record).collect()
    }

    async fn changed(&self) {
        self.inner.news.changed().await;
    }
}
