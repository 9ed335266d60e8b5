//! The bare work of opening a vault: its rows read, derived, opened, and nothing else.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use strongroom_store_postgres::yardstick as postgres;
use strongroom_store_sqlite::yardstick as sqlite;
use strongroom_vault::Yardstick;
use tokio::{runtime::Handle, task};

use super::rehearsal::Rehearsal;
use crate::{kms_flags::KmsFlags, open_kms::OpenKms};

/// Rows that one thread opens at a time.
pub(super) const PAGE: usize = 2048;

/// A row of either database.
trait SealedRow: Send {
    fn opens(&self, yardstick: &Yardstick) -> bool;
}

impl SealedRow for sqlite::SealedRow {
    fn opens(&self, yardstick: &Yardstick) -> bool {
        yardstick.opens(&self.fingerprint, self.spec, self.usages, &self.sealed)
    }
}

impl SealedRow for postgres::SealedRow {
    fn opens(&self, yardstick: &Yardstick) -> bool {
        yardstick.opens(&self.fingerprint, self.spec, self.usages, &self.sealed)
    }
}

impl Rehearsal {
    /// What the bare side knows before it is timed.
    pub(super) async fn yardstick(&self) -> anyhow::Result<Yardstick> {
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        let store = self.open_store().await?;
        let yardstick = Yardstick::of(&kms.environment(Arc::clone(&store), &self.config)).await;
        store.close().await?;
        Ok(yardstick?)
    }

    /// The same rows: read, derived, opened, and nothing else.
    pub(super) async fn time_bare(&self, keys: u64) -> anyhow::Result<Duration> {
        let yardstick = self.yardstick().await?;
        let (time, opened) = if self.config.store.is_some() {
            let settings = self.database_settings()?;
            let handle = Handle::current();
            task::block_in_place(|| {
                timed(&yardstick, |visit| {
                    let reading = postgres::read_sealed_rows(&settings, PAGE, visit);
                    Ok(handle.block_on(reading)?)
                })
            })?
        } else {
            let database = self.database();
            task::block_in_place(|| {
                timed(&yardstick, |visit| {
                    Ok(sqlite::read_sealed_rows(&database, PAGE, visit)?)
                })
            })?
        };
        anyhow::ensure!(
            opened == keys,
            "the bare side opened {opened} of {keys} rows"
        );
        Ok(time)
    }
}

/// Opens the rows that `read` hands out, by as many threads as the vault takes; says how many.
fn timed<R: SealedRow>(
    yardstick: &Yardstick,
    read: impl FnOnce(&mut dyn FnMut(Vec<R>)) -> anyhow::Result<()>,
) -> anyhow::Result<(Duration, u64)> {
    let workers = thread::available_parallelism()
        .map_or(1, std::num::NonZero::get)
        .saturating_sub(1)
        .max(1);
    let started = Instant::now();
    thread::scope(|scope| {
        let mut threads = Vec::with_capacity(workers);
        let mut queues = Vec::with_capacity(workers);
        for _ in 0..workers {
            let (queue, pages) = mpsc::sync_channel::<Vec<R>>(2);
            queues.push(queue);
            threads.push(scope.spawn(move || {
                pages
                    .iter()
                    .map(|page| open_page(yardstick, &page))
                    .sum::<Option<u64>>()
            }));
        }
        let mut next = 0;
        read(&mut |page| {
            if let Some(queue) = queues.get(next % workers) {
                // A worker ends early only by a panic, which joining it reports.
                let _taken = queue.send(page);
            }
            next += 1;
        })?;
        drop(queues);
        let mut opened = 0;
        for thread in threads {
            let rows = thread
                .join()
                .map_err(|_panic| anyhow::anyhow!("a bare thread panicked"))?;
            opened += rows.ok_or_else(|| anyhow::anyhow!("a bare row did not open"))?;
        }
        Ok((started.elapsed(), opened))
    })
}

/// How many rows opened; none if one did not.
fn open_page<R: SealedRow>(yardstick: &Yardstick, page: &[R]) -> Option<u64> {
    let all = page.iter().all(|row| row.opens(yardstick));
    all.then_some(page.len() as u64)
}
