//! Whose connections this process may end.
//!
//! A takeover ends the connections of a holder that is stuck. The server lets it do so with those of its own role, of roles that
//! it is a member of, and with `pg_signal_backend` with all but those of superusers.

use strongroom_store::{Replicas as _, StoreError};

use crate::{
    row::{Column, Columns},
    settings::Settings,
    store::{Inner, PostgresStore},
};

/// The roles of connections by these names that this role may not end.
const OUT_OF_REACH: &str = "SELECT DISTINCT rolname::text FROM pg_stat_activity \
     JOIN pg_roles ON pg_roles.oid = usesysid \
     WHERE datname = current_database() AND application_name = ANY ($1) AND NOT pg_has_role(pg_roles.oid, 'USAGE') \
     AND (rolsuper OR NOT pg_has_role('pg_signal_backend', 'USAGE')) ORDER BY 1";

impl Inner {
    /// The roles of the connections by these names that a takeover could not end.
    pub(crate) async fn out_of_reach(&self, names: &[String]) -> Result<Vec<String>, StoreError> {
        const OPERATION: &str = "look at the connections of the others";
        let rows = self
            .connections
            .ask(OPERATION, self.connections.prompt, || {
                sqlx::query(OUT_OF_REACH).bind(names.to_vec())
            })
            .await?;
        let role = |row| {
            Columns::new(row, "pg_roles")
                .text(Column(0, "rolname"))
                .map(str::to_owned)
        };
        rows.iter().map(role).collect()
    }
}

impl PostgresStore {
    /// The roles under which other processes are connected and that this one could not take the lease from, if they got stuck.
    /// Empty is how it should be.
    ///
    /// # Errors
    /// [`StoreError::Closed`]; [`StoreError::Refused`] with a code of [`PostgresError`](crate::PostgresError);
    /// [`StoreError::Io`].
    pub async fn roles_out_of_reach(&self) -> Result<Vec<String>, StoreError> {
        let all = self.list().await?;
        let names: Vec<_> = all
            .iter()
            .map(|replica| Settings::application_name(replica.id))
            .collect();
        let _permit = crate::connections::permit(&self.inner.connections.desk).await?;
        self.inner.out_of_reach(&names).await
    }
}
