//! Many who sign or read at once, for some time.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// What a crowd did.
pub(super) struct Round {
    /// Of every signature or message, in nanoseconds.
    pub(super) latencies: Vec<u64>,
    /// From the first to the last.
    pub(super) time: Duration,
}

/// Lets so many work, each one thing after the other, until the time is up.
pub(super) async fn work<W, F>(time: Duration, workers: u16, work: W) -> anyhow::Result<Round>
where
    W: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let started = Instant::now();
    let mut crowd = JoinSet::new();
    for _worker in 0..workers {
        let work = work.clone();
        crowd.spawn(async move {
            let mut latencies = Vec::new();
            let mut before = started.elapsed();
            while before < time {
                work().await?;
                let after = started.elapsed();
                latencies.push(u64::try_from((after - before).as_nanos())?);
                before = after;
                // Whoever never waits lets nobody else work.
                tokio::task::consume_budget().await;
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(ended) = crowd.join_next().await {
        latencies.extend(ended??);
    }
    let time = started.elapsed();
    Ok(Round { latencies, time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_of_one_is_the_answer() {
        let fails = || async { anyhow::bail!("no") };
        let failed = work(Duration::from_secs(60), 3, fails).await;
        assert_eq!(
            failed.err().map(|error| error.to_string()).as_deref(),
            Some("no")
        );
    }
}
