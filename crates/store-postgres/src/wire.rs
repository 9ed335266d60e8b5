//! A connection that knows whether it can be used again.

use std::{future::Future, io, time::Duration};

use futures_util::{Stream, TryStreamExt as _};
use sqlx::{
    AssertSqlSafe, PgConnection, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use strongroom_store::{KeyRow, StoreError, TakeKeys};

use crate::error::{failed, is_survived};

/// One connection. No answer is waited for longer than its limit: a network that swallows everything must not hold anybody.
#[derive(Debug)]
pub(crate) struct Wire {
    connection: PgConnection,
    limit: Duration,
    usual_limit: Duration,
    /// A question was sent whose answer has not been read to its end: what comes next is not known.
    is_waiting: bool,
}

/// For so many rows room is made before they come; whoever asks for more gets it as they do.
const LARGE: usize = 4096;

pub(crate) type Bound<'q> = Query<'q, Postgres, PgArguments>;

impl Wire {
    pub(crate) const fn new(connection: PgConnection, limit: Duration) -> Self {
        Self {
            connection,
            limit,
            usual_limit: limit,
            is_waiting: false,
        }
    }

    /// Whether everything that was asked has been answered.
    pub(crate) const fn is_clean(&self) -> bool {
        !self.is_waiting
    }

    /// For something that takes its time.
    pub(crate) const fn wait_up_to(&mut self, limit: Duration) {
        self.limit = limit;
    }

    pub(crate) const fn wait_as_before(&mut self) {
        self.limit = self.usual_limit;
    }

    pub(crate) async fn rows(&mut self, query: Bound<'_>) -> Result<Vec<PgRow>, sqlx::Error> {
        self.is_waiting = true;
        let answer = in_time(self.limit, query.fetch_all(&mut self.connection)).await;
        self.settled(answer)
    }

    /// Reads many rows as they arrive, at most about `expected`: the server goes on meanwhile.
    pub(crate) async fn read<T>(
        &mut self,
        operation: &'static str,
        expected: usize,
        query: Bound<'_>,
        mut decode: impl FnMut(&PgRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.is_waiting = true;
        let mut rows = query.fetch(&mut self.connection);
        let mut read = Vec::with_capacity(expected.min(LARGE));
        let all = fill(&mut read, usize::MAX, &mut rows, &mut decode);
        let answer = in_time(self.limit, all).await;
        drop(rows);
        if let Ok(Err(damaged)) = answer {
            // The rest of the rows is not waited for.
            return Err(damaged);
        }
        self.settled(answer).map_err(failed(operation))??;
        Ok(read)
    }

    /// Hands many keys on, `page` of them at a time, while the server goes on. Each page has its time to come; whoever takes it has
    /// as long as it likes.
    pub(crate) async fn read_keys(
        &mut self,
        operation: &'static str,
        page: usize,
        query: Bound<'_>,
        mut decode: impl FnMut(&PgRow) -> Result<KeyRow, StoreError>,
        to: &mut dyn TakeKeys,
    ) -> Result<Read, StoreError> {
        self.is_waiting = true;
        let mut rows = query.fetch(&mut self.connection);
        loop {
            let mut keys = Vec::with_capacity(page.min(LARGE));
            let filling = fill(&mut keys, page, &mut rows, &mut decode);
            let answer = in_time(self.limit, filling).await;
            let is_last = keys.len() < page;
            match answer {
                Ok(Ok(())) if !to.take(keys).await => return Ok(Read::Part),
                Ok(Ok(())) if !is_last => {}
                Ok(Err(damaged)) => return Err(damaged),
                Ok(Ok(())) => {
                    self.is_waiting = false;
                    return Ok(Read::All);
                }
                Err(error) => {
                    drop(rows);
                    return self.settled(Err(error)).map_err(failed(operation));
                }
            }
        }
    }

    pub(crate) async fn row(&mut self, query: Bound<'_>) -> Result<PgRow, sqlx::Error> {
        self.is_waiting = true;
        let answer = in_time(self.limit, query.fetch_one(&mut self.connection)).await;
        self.settled(answer)
    }

    pub(crate) async fn optional_row(
        &mut self,
        query: Bound<'_>,
    ) -> Result<Option<PgRow>, sqlx::Error> {
        self.is_waiting = true;
        let answer = in_time(self.limit, query.fetch_optional(&mut self.connection)).await;
        self.settled(answer)
    }

    /// How many rows were changed.
    pub(crate) async fn execute(&mut self, query: Bound<'_>) -> Result<u64, sqlx::Error> {
        self.is_waiting = true;
        let answer = in_time(self.limit, query.execute(&mut self.connection)).await;
        self.settled(answer).map(|done| done.rows_affected())
    }

    /// Several statements in one message, and the rows of all of them. They are ours: nothing from outside stands in them but
    /// names that were checked.
    pub(crate) async fn script(&mut self, sql: &str) -> Result<Vec<PgRow>, sqlx::Error> {
        self.is_waiting = true;
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        let answer = in_time(self.limit, script.fetch_all(&mut self.connection)).await;
        self.settled(answer)
    }

    /// The same, for statements that wait for nobody.
    pub(crate) async fn prompt_script(
        &mut self,
        limit: Duration,
        sql: &str,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        self.wait_up_to(limit);
        let answer = self.script(sql).await;
        self.wait_as_before();
        answer
    }

    fn settled<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.is_waiting = answer.as_ref().is_err_and(|error| !is_survived(error));
        answer
    }
}

/// How much of an answer was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    All,
    /// Whoever took it wanted no more.
    Part,
}

/// Reads until there are `most`, or no more.
async fn fill<T>(
    read: &mut Vec<T>,
    most: usize,
    rows: &mut (impl Stream<Item = Result<PgRow, sqlx::Error>> + Unpin),
    decode: &mut impl FnMut(&PgRow) -> Result<T, StoreError>,
) -> Result<Result<(), StoreError>, sqlx::Error> {
    while read.len() < most
        && let Some(row) = rows.try_next().await?
    {
        match decode(&row) {
            Ok(row) => read.push(row),
            Err(damaged) => return Ok(Err(damaged)),
        }
    }
    Ok(Ok(()))
}

pub(crate) async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, answer)
        .await
        .unwrap_or_else(|elapsed| {
            Err(sqlx::Error::Io(io::Error::new(
                io::ErrorKind::TimedOut,
                elapsed,
            )))
        })
}
