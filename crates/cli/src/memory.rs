//! The allocator of this program, and how much memory is in use.

use std::fs;

/// What is kept for each of many transactions or keys comes in small blocks, from several threads: with the allocator of the
/// C library the replay of a topology takes a tenth longer.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Bytes of memory that this process uses now, or 0 where the system does not say.
pub(crate) fn bytes_in_use() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field_in(&status, "VmRSS:").unwrap_or_default()
}

/// Forgets what was used before: from now on the peak is that of what follows. Does nothing where the system cannot.
pub(crate) fn reset_peak() {
    // proc(5): 5 resets the peak. Where it cannot be reset, the peak also covers what came before.
    let _unsupported = fs::write("/proc/self/clear_refs", "5");
}

/// The most bytes of memory that were in use at once; none where the system does not say.
pub(crate) fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    field_in(&status, "VmHWM:")
}

/// A field of proc(5)'s status, which counts in KiB.
fn field_in(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_and_peak_are_read_from_the_status_of_the_process() {
        let status = "Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t  12 kB\nVmRSS:\t  10 kB\n";
        assert_eq!(field_in(status, "VmHWM:"), Some(12 * 1024));
        assert_eq!(field_in(status, "VmRSS:"), Some(10 * 1024));
        assert_eq!(field_in("Name:\tx\n", "VmHWM:"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(peak_bytes().unwrap() > 0);
    }

    #[test]
    fn what_is_allocated_is_in_use() {
        let before = bytes_in_use();
        let blocks: Vec<Box<[u8]>> = (0..1000)
            .map(|_| vec![1; 10_000].into_boxed_slice())
            .collect();
        let during = bytes_in_use();
        // Other tests run beside this one, so half of it must do.
        assert!(during >= before + 5_000_000, "{before} {during}");
        drop(blocks);
    }
}
