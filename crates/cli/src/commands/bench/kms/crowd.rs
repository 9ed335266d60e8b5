//! Many who work at once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::task::JoinSet;

/// Does pieces `0..count` of a work, so many at once; ends at the first error.
pub(super) async fn share<W, F>(count: u64, workers: u16, work: W) -> anyhow::Result<()>
where
    W: Fn(u64) -> F + Clone + Send + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let mut crowd = JoinSet::new();
    for _worker in 0..workers {
        let (next, work) = (Arc::clone(&next), work.clone());
        crowd.spawn(async move {
            loop {
                let piece = next.fetch_add(1, Ordering::Relaxed);
                if piece >= count {
                    return anyhow::Ok(());
                }
                work(piece).await?;
            }
        });
    }
    while let Some(ended) = crowd.join_next().await {
        ended??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_piece_is_done_once() {
        let sum = Arc::new(AtomicU64::new(0));
        let work = {
            let sum = Arc::clone(&sum);
            move |piece| {
                let sum = Arc::clone(&sum);
                async move {
                    sum.fetch_add(piece, Ordering::Relaxed);
                    Ok(())
                }
            }
        };
        share(100, 7, work).await.unwrap();
        assert_eq!(sum.load(Ordering::Relaxed), 4950);
    }

    #[tokio::test]
    async fn an_error_ends_it() {
        let failed = share(3, 2, |_piece| async { anyhow::bail!("no") }).await;
        assert_eq!(failed.unwrap_err().to_string(), "no");
    }
}
