//! Many futures, few of which wait.

use std::{future::poll_fn, mem, task::Poll};

use futures_util::{
    FutureExt as _, StreamExt as _, future::OptionFuture, stream::FuturesUnordered,
};
use tokio::task::coop;

/// What `futures` give, in their order; at most `at_once` of them wait at the same time.
///
/// Most are ready when they are first asked, since their key is in memory. So each is asked where it stands, and only one
/// that waits, for a KMS, gets a place of its own among others: that costs more than the rest of what a batch adds to a signature.
pub(super) async fn in_order<F: Future>(
    futures: impl IntoIterator<Item = F>,
    at_once: usize,
) -> Vec<F::Output> {
    let futures = futures.into_iter();
    let mut given = Vec::with_capacity(futures.size_hint().0);
    let mut waiting = FuturesUnordered::new();
    let mut next = Box::pin(OptionFuture::from(None));
    for (index, future) in futures.enumerate() {
        coop::consume_budget().await;
        next.set(Some(future).into());
        let asked = poll_fn(|context| Poll::Ready(next.poll_unpin(context))).await;
        if let Poll::Ready(ready) = asked {
            given.push(ready);
            continue;
        }
        given.push(None);
        let waits = mem::replace(&mut next, Box::pin(None.into()));
        waiting.push(waits.map(move |ready| (index, ready)));
        if waiting.len() >= at_once {
            place(&mut given, waiting.next().await);
        }
    }
    while let Some(ready) = waiting.next().await {
        place(&mut given, Some(ready));
    }
    given.into_iter().flatten().collect()
}

/// Puts what came late where it belongs.
fn place<T>(given: &mut [Option<T>], late: Option<(usize, Option<T>)>) {
    if let Some((index, ready)) = late
        && let Some(slot) = given.get_mut(index)
    {
        *slot = ready;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_waits_longer_stands_where_it_was_asked_for_and_only_so_many_wait() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let futures = (0..100_u64).map(async |number| {
            if number % 3 > 0 {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(1000 - number * 7 % 100)).await;
                now.fetch_sub(1, Ordering::SeqCst);
            }
            number
        });
        let given = in_order(futures, 8).await;
        assert_eq!(given, (0..100).collect::<Vec<_>>());
        assert_eq!(most.into_inner(), 8);
    }

    #[tokio::test]
    async fn a_long_batch_that_never_waits_lets_others_work_in_between() {
        let others = AtomicUsize::new(0);
        let batch = async {
            let futures = (0..1000).map(async |_number| ());
            in_order(futures, 8).await;
            others.load(Ordering::SeqCst)
        };
        let beside = async {
            loop {
                others.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        };
        let worked = tokio::select! { biased; worked = batch => worked, () = beside => 0 };
        assert!(worked > 1, "{worked}");
    }
}
