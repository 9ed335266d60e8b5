//! What guards the key file.

use std::fmt;

use strongroom_crypto::Argon2Cost;
use strongroom_memory::SecretBytes;

/// What a new passphrase costs to try: 64 MiB, 3 passes, 1 lane (RFC 9106 section 4, second choice, with one lane).
pub const DEFAULT_COST: Argon2Cost = Argon2Cost {
    memory_kib: 64 * 1024,
    iterations: 3,
    lanes: 1,
};

/// How the key file is to be protected.
#[derive(Debug)]
pub enum Protection {
    /// Sealed under a key that Argon2id (RFC 9106) derives from the passphrase at this cost.
    Passphrase(SecretBytes, Argon2Cost),
    /// **Not protected by a secret**: the key that seals the file lies in the file itself, in clear. Whoever can read the
    /// file, a backup or an image of it, has every key. Only the permissions of the file (0600) stand in between.
    UnprotectedKeyFile,
}

/// How a key file is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectionKind {
    /// By a passphrase; trying one costs this much.
    Passphrase(Argon2Cost),
    /// By file permissions only: see [`Protection::UnprotectedKeyFile`].
    UnprotectedKeyFile,
}

impl fmt::Display for ProtectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passphrase(cost) => write!(
                f,
                "passphrase (Argon2id, {} KiB, {} iterations, {} lanes)",
                cost.memory_kib, cost.iterations, cost.lanes
            ),
            Self::UnprotectedKeyFile => {
                f.write_str("NONE but file permissions: whoever reads this file has every key")
            }
        }
    }
}

/// The largest costs that are accepted. The header of a key file is read before anything proves that it is ours: a
/// forged one must not exhaust memory or keep a processor busy for hours.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_LANES: u32 = 16;
const MAX_ITERATIONS: u32 = 1000;
/// Memory times iterations, about how much Argon2 has to write: 8 GiB take some seconds.
const MAX_WORK_KIB: u64 = 8 * 1024 * 1024;

/// Whether this cost is within the limits of Argon2 (RFC 9106 section 3.1) and of ours.
pub(crate) fn is_acceptable(cost: &Argon2Cost) -> bool {
    let work = u64::from(cost.memory_kib).saturating_mul(u64::from(cost.iterations));
    (1..=MAX_LANES).contains(&cost.lanes)
        && (1..=MAX_ITERATIONS).contains(&cost.iterations)
        && cost.memory_kib >= cost.lanes.saturating_mul(8)
        && cost.memory_kib <= MAX_MEMORY_KIB
        && work <= MAX_WORK_KIB
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acceptable(memory_kib: u32, iterations: u32, lanes: u32) -> bool {
        is_acceptable(&Argon2Cost {
            memory_kib,
            iterations,
            lanes,
        })
    }

    #[test]
    fn usual_costs_are_accepted() {
        assert!(is_acceptable(&DEFAULT_COST));
        assert!(is_acceptable(&Argon2Cost::CANTON));
        assert!(acceptable(8, 1, 1));
        assert!(acceptable(1024 * 1024, 8, 16));
    }

    #[test]
    fn a_cost_that_would_exhaust_the_machine_is_not() {
        assert!(!acceptable(1024 * 1024 + 1, 1, 1), "memory");
        assert!(!acceptable(8, 1001, 1), "time");
        assert!(!acceptable(1024 * 1024, 9, 1), "memory times passes");
        assert!(!acceptable(1024 * 1024, 1, 17), "lanes");
    }

    #[test]
    fn a_cost_that_argon2_does_not_have_is_not() {
        assert!(!acceptable(0, 1, 1));
        assert!(!acceptable(8, 0, 1));
        assert!(!acceptable(8, 1, 0));
        assert!(!acceptable(15, 1, 2), "eight blocks a lane");
    }
}
