//! Whether the server keeps what it says that it keeps.

use strongroom_store::StoreError;

use crate::{
    error::failed,
    row::{Column, Columns},
    store::PostgresStore,
};

/// How the server is set up, as far as it decides whether a commit that was answered can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durability {
    /// `server_version`, as it names itself: `15.18 (Debian …)`.
    pub version: String,
    /// `fsync`: without it a crash of the machine leaves a damaged database.
    pub fsync: bool,
    /// `full_page_writes`: without it a crash in the middle of a page may leave a damaged one.
    pub full_page_writes: bool,
    /// `data_checksums`: without them a page that the disk changed is read as it is.
    pub data_checksums: bool,
    /// `synchronous_commit` of the user. The store writes with `on` at least, whatever this says.
    pub synchronous_commit: String,
    /// `synchronous_standby_names`; empty when commits wait for no standby.
    pub synchronous_standbys: String,
    /// How many standbys follow; `None` where the user may not see it.
    pub standbys: Option<u64>,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

impl Durability {
    /// What somebody should do something about, the worst first: a stable name, and what can happen.
    #[must_use]
    pub fn findings(&self) -> Vec<(&'static str, &'static str)> {
        let all = [
            (
                !self.fsync,
                (
                    "FSYNC_OFF",
                    "fsync is off: a crash of the server's machine destroys the vault",
                ),
            ),
            (
                !self.full_page_writes,
                (
                    "FULL_PAGE_WRITES_OFF",
                    "full_page_writes is off: a crash of the server's machine can damage the vault",
                ),
            ),
            (
                self.synchronous_standbys.is_empty(),
                (
                    "NOT_SYNCHRONOUS",
                    "synchronous_standby_names is empty: the last changes are lost with the server, and after a failover the vault \
                     is older than its anchor",
                ),
            ),
            (
                !self.data_checksums,
                (
                    "NO_CHECKSUMS",
                    "data_checksums is off: what the disk changes is noticed late",
                ),
            ),
        ];
        all.into_iter()
            .filter_map(|(applies, finding)| applies.then_some(finding))
            .collect()
    }
}

impl PostgresStore {
    /// Asks the server how it is set up.
    ///
    /// # Errors
    /// [`StoreError::Closed`]; [`StoreError::Refused`] with a code of [`PostgresError`](crate::PostgresError);
    /// [`StoreError::Io`].
    pub async fn durability(&self) -> Result<Durability, StoreError> {
        // Who may not see what standbys do sees rows without a state.
        const LOOK: &str = "SELECT current_setting('fsync')::boolean, current_setting('full_page_writes')::boolean, \
             current_setting('data_checksums')::boolean, current_setting('synchronous_commit'), \
             current_setting('synchronous_standby_names'), \
             (SELECT CASE WHEN bool_and(state IS NOT NULL) IS FALSE THEN NULL ELSE count(*) END FROM pg_stat_replication), \
             coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false), \
             current_setting('server_version')";
        let connections = &self.inner.connections;
        let _permit = crate::connections::permit(&connections.desk).await?;
        let rows = connections
            .ask("read the settings", connections.prompt, || {
                sqlx::query(LOOK)
            })
            .await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound);
        let row = row.map_err(failed("read the settings"))?;
        let columns = Columns::new(row, "pg_settings");
        let standbys = columns.optional_integer(Column(5, "standbys"))?;
        Ok(Durability {
            version: columns.text(Column(7, "server_version"))?.to_owned(),
            fsync: columns.flag(Column(0, "fsync"))?,
            full_page_writes: columns.flag(Column(1, "full_page_writes"))?,
            data_checksums: columns.flag(Column(2, "data_checksums"))?,
            synchronous_commit: columns.text(Column(3, "synchronous_commit"))?.to_owned(),
            synchronous_standbys: columns
                .text(Column(4, "synchronous_standby_names"))?
                .to_owned(),
            standbys: standbys.map(i64::unsigned_abs),
            tls: columns.flag(Column(6, "ssl"))?,
        })
    }
}
