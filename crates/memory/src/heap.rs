//! How much memory the C library has handed out.

#![expect(
    unsafe_code,
    reason = "the C library has no safe interface to its own figures"
)]

/// Bytes of the heap in use now, or none where the C library does not tell.
///
/// Counts what any code of the process took from `malloc`, the cryptographic library included; the pages of
/// [`SecretBytes`](crate::SecretBytes) are not among them. It takes every lock of the allocator: not for
/// every item of a loop.
#[must_use]
pub fn heap_bytes_in_use() -> Option<u64> {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: takes no argument and returns numbers by value; it may be called at any time from any thread.
        let figures = unsafe { libc::mallinfo2() };
        u64::try_from(figures.uordblks.saturating_add(figures.hblkhd)).ok()
    }
    #[cfg(not(target_env = "gnu"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_env = "gnu")]
    fn what_is_allocated_is_counted() {
        let before = heap_bytes_in_use().unwrap();
        let blocks: Vec<Box<[u8]>> = (0..1000)
            .map(|_| vec![1; 10_000].into_boxed_slice())
            .collect();
        let during = heap_bytes_in_use().unwrap();
        // Other tests run beside this one, so half of it must do.
        assert!(during >= before + 5_000_000, "{before} {during}");
        drop(blocks);
    }
}
