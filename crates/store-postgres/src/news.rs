//! What other processes do, as they tell it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, Executor as _,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{sync::watch, task::JoinHandle};

use crate::{connections::Connections, settings::Settings};

/// How long to wait before the next attempt to connect: the first time, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// After which silence the connection is tried: one that a network swallowed would be silent for ever.
const TRY_AFTER: Duration = Duration::from_secs(10);

/// Counts what was heard, and may have been missed.
#[derive(Debug)]
pub(crate) struct News {
    heard: watch::Sender<u64>,
    /// Up to where whoever waited has been told.
    told: AtomicU64,
    listener: JoinHandle<()>,
}

impl News {
    /// Listens from now on, on a connection of its own.
    pub(crate) fn listen(connections: &Connections, settings: &Settings) -> Self {
        let heard = watch::Sender::new(0);
        let listener = Listener {
            pool: PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(settings.connect_timeout)
                .max_lifetime(None)
                .idle_timeout(None)
                .connect_lazy_with(connections.options().clone()),
            channel: settings.schema.to_string(),
            own: settings.replica_id.to_string(),
            keep_alive: settings.keep_alive(),
            answers_within: settings.connect_timeout,
            heard: heard.clone(),
        };
        Self {
            heard,
            told: AtomicU64::new(0),
            listener: tokio::spawn(listener.work()),
        }
    }

    /// Waits for news that nobody who waited before was told of.
    pub(crate) async fn changed(&self) {
        let told = self.told.load(Ordering::SeqCst);
        let mut heard = self.heard.subscribe();
        // The sender is ours, so it is not gone.
        if let Ok(now) = heard.wait_for(|heard| *heard > told).await {
            self.told.fetch_max(*now, Ordering::SeqCst);
        }
    }

    pub(crate) fn end(&self) {
        self.listener.abort();
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.end();
    }
}

struct Listener {
    pool: sqlx::PgPool,
    channel: String,
    own: String,
    keep_alive: String,
    answers_within: Duration,
    heard: watch::Sender<u64>,
}

impl Listener {
    async fn work(self) {
        let [first, longest] = PAUSES;
        let mut pause = first;
        loop {
            if let Ok(mut listener) = PgListener::connect_with(&self.pool).await
                && self.listens(&mut listener).await
            {
                pause = first;
                // What was said meanwhile was not heard.
                self.wake();
                self.hear(&mut listener).await;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// A network may swallow everything as soon as the connection is there.
    async fn listens(&self, listener: &mut PgListener) -> bool {
        let begin = async {
            listener
                .execute(AssertSqlSafe(self.keep_alive.as_str()))
                .await?;
            listener.listen(&self.channel).await
        };
        matches!(
            tokio::time::timeout(self.answers_within, begin).await,
            Ok(Ok(()))
        )
    }

    /// Until the connection breaks.
    async fn hear(&self, listener: &mut PgListener) {
        listener.eager_reconnect(false);
        loop {
            match tokio::time::timeout(TRY_AFTER, listener.try_recv()).await {
                Ok(Ok(Some(notice))) if notice.payload() == self.own => {}
                Ok(Ok(Some(_notice))) => self.wake(),
                Ok(Ok(None) | Err(_)) => return,
                Err(_silence) => {
                    let answer = listener.execute("SELECT 1");
                    if !matches!(
                        tokio::time::timeout(self.answers_within, answer).await,
                        Ok(Ok(_))
                    ) {
                        return;
                    }
                }
            }
        }
    }

    fn wake(&self) {
        self.heard.send_modify(|heard| *heard += 1);
    }
}
