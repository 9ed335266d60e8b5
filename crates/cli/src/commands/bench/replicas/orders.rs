//! What a benchmark and its replicas say to each other: a line of JSON each.

use serde::{Deserialize, Serialize};

/// What a replica is to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Order {
    /// Sign with these keys in turn for so long.
    Sign {
        /// Fingerprints.
        keys: Vec<String>,
        /// How long.
        millis: u64,
    },
    /// Sign with this key until it is refused: [`Answer::Watching`], later [`Answer::Refused`].
    Watch {
        /// Its fingerprint.
        key: String,
    },
}

/// What a replica says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// The vault is open.
    Ready,
    /// Signatures per second.
    Signed {
        /// So many.
        rate: f64,
    },
    /// The key was used.
    Watching,
    /// The key is used no more.
    Refused {
        /// Why.
        code: String,
    },
}
