//! The most memory that this process has used, as the system counts it.

use std::fs;

/// Forgets what was used before: from now on the peak is that of what follows. Does nothing where the system cannot.
pub(crate) fn reset() {
    // proc(5): 5 resets the peak. Where it cannot be reset, the peak also covers what came before.
    let _unsupported = fs::write("/proc/self/clear_refs", "5");
}

/// The most bytes of memory that were in use at once; none where the system does not say.
pub(crate) fn bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    peak_in(&status)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status_of_the_process() {
        let status = "Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t  12 kB\nVmRSS:\t  10 kB\n";
        assert_eq!(peak_in(status), Some(12 * 1024));
        assert_eq!(peak_in("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(bytes().unwrap() > 0);
    }
}
