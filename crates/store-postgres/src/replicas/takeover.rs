//! Takes the lease from one who is gone.

use std::time::Duration;

use strongroom_store::{Lease, StoreError};

use super::{HOLDER, TOKEN, VERSION};
use crate::{
    error::{PostgresError, code, failed, refused, unreadable},
    row::{Column, Columns},
    settings::Settings,
    store::Inner,
    wire::Wire,
};

/// How often the row of the lease is waited for, for a quarter of a second each time; then what others left open is ended.
const ATTEMPTS: usize = 20;

/// This process is there: who takes the lease must not be taken for dead before its first beat.
const ARRIVE: &str = "INSERT INTO replicas (replica_id, name, version, started_at, seen_at, generation, degraded) \
     VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp(), 0, NULL) \
     ON CONFLICT (replica_id) DO UPDATE SET seen_at = clock_timestamp()";

const LOOK: &str = "SELECT token, holder, step_down, name, \
     greatest(0, extract(epoch FROM clock_timestamp() - seen_at) * 1000000)::bigint, \
     EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name = 'strongroom ' || encode(holder, 'hex')) \
     FROM lease LEFT JOIN replicas ON replica_id = holder";
const HAS_CONNECTION: Column = Column(5, "application_name");

const TAKE: &str = "UPDATE lease SET token = token + 1, holder = $1, step_down = false \
     WHERE token = $2 AND holder IS NOT DISTINCT FROM $3";

const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()";

/// What came of an attempt.
enum Attempt {
    /// It is ours, or stays where it is.
    Decided(Lease),
    /// Somebody else was faster, or holds the row.
    Again,
    /// The connections of the holder stand in the way, if there is one, or those of others who say nothing.
    Blocked(Option<String>),
}

/// Whoever is stopped in the middle of a takeover holds the row no longer than a holder may be silent.
fn begin(settings: &Settings) -> String {
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = 250; \
         SET LOCAL idle_in_transaction_session_timeout = {}; \
         SELECT set_config('synchronous_commit', 'on', true) \
         WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')",
        settings.lets_go_after().as_millis()
    )
}

impl Inner {
    pub(super) async fn take_over(&self) -> Result<Lease, StoreError> {
        let begin = begin(&self.settings);
        for _ in 0..ATTEMPTS {
            let (mut wire, _rows) = self.connections.start(&begin).await?;
            let attempt = self.attempt(&mut wire).await;
            if matches!(attempt, Ok(Attempt::Decided(_))) {
                self.connections.give_back(wire);
            } else {
                self.connections.roll_back(wire).await;
            }
            match attempt? {
                Attempt::Decided(lease) => return Ok(lease),
                Attempt::Again => {}
                Attempt::Blocked(holder) => {
                    if let Some(name) = holder {
                        self.end_holder(&name).await?;
                    }
                    self.end_idle().await;
                }
            }
        }
        Err(StoreError::Busy { source: None })
    }

    /// Ends the connections by this name.
    async fn end_holder(&self, name: &str) -> Result<(), StoreError> {
        self.check_reach(name).await?;
        let ending = self.connections.ask(
            "end the connections of the holder",
            self.connections.limit,
            || sqlx::query(END).bind(name.to_owned()),
        );
        ending.await.map(|_rows| ())
    }

    /// Before the server refuses to end anything: its refusal would not say whose connections those are.
    async fn check_reach(&self, name: &str) -> Result<(), StoreError> {
        let roles = self.out_of_reach(&[name.to_owned()]).await?;
        match roles.into_iter().next() {
            None => Ok(()),
            Some(role) => Err(refused(
                "take the lease",
                PostgresError::HolderOutOfReach { role },
            )),
        }
    }

    async fn attempt(&self, wire: &mut Wire) -> Result<Attempt, StoreError> {
        let taking = failed("take the lease");
        let own = self.settings.replica_id;
        let row = wire
            .optional_row(sqlx::query(LOOK))
            .await
            .map_err(&taking)?;
        let row = row.ok_or_else(|| unreadable("there is no lease"))?;
        let mut lease = self.lease(&row)?;
        let columns = Columns::new(&row, "lease");
        let token = columns.integer(TOKEN)?;
        let holder: Option<[u8; 16]> = columns.optional_array(HOLDER)?;
        let is_gone = match &lease.holder {
            None => true,
            Some(holder) => {
                !columns.flag(HAS_CONNECTION)? || holder.silent_for > self.settings.silent_after
            }
        };
        if lease.is_held_by(own) {
            // By an earlier attempt, whose answer was lost.
            return self.decide(wire, lease, Some(token)).await;
        }
        if !is_gone {
            // Nothing was written, so that a commit of nothing waits for no standby.
            return self.decide(wire, lease, None).await;
        }
        let arrive = sqlx::query(ARRIVE)
            .bind(own.as_bytes().as_slice())
            .bind(&self.settings.replica_name)
            .bind(VERSION);
        wire.execute(arrive).await.map_err(&taking)?;
        let take = sqlx::query(TAKE)
            .bind(own.as_bytes().as_slice())
            .bind(token)
            .bind(holder.as_ref().map(<[u8; 16]>::as_slice));
        match wire.execute(take).await {
            Ok(1) => {
                lease.token = lease.token.saturating_add(1);
                lease.step_down = false;
                lease.holder = Some(strongroom_store::Holder {
                    id: own,
                    name: self.settings.replica_name.clone(),
                    silent_for: Duration::ZERO,
                });
                self.decide(wire, lease, token.checked_add(1)).await
            }
            Ok(_none) => Ok(Attempt::Again),
            Err(error) if code(&error) == Some("55P03") => {
                let holder = lease.holder.as_ref();
                Ok(Attempt::Blocked(
                    holder.map(|it| Settings::application_name(it.id)),
                ))
            }
            Err(error) => Err(taking(error)),
        }
    }

    /// Commits. Where the answer is lost the next attempt finds out.
    async fn decide(
        &self,
        wire: &mut Wire,
        lease: Lease,
        own_token: Option<i64>,
    ) -> Result<Attempt, StoreError> {
        let end = format!(
            "SELECT pg_notify('{}', '{}'); COMMIT",
            self.settings.schema, self.settings.replica_id
        );
        let end = if own_token.is_some() {
            end.as_str()
        } else {
            "COMMIT"
        };
        wire.script(end).await.map_err(failed("take the lease"))?;
        *self.token.lock() = own_token;
        Ok(Attempt::Decided(lease))
    }
}
