//! Where the histories of models come from.

use proptest::{prelude::ProptestConfig, test_runner::RngSeed};

use crate::rotating::tell;

/// Other histories are tried by this variable.
const SEED: &str = "STRONGROOM_MODEL_SEED";
const USUAL_SEED: u64 = 5;

/// So many histories, the same ones each time, and what they are called: it is printed, so that a failure repeats.
pub(crate) fn histories(cases: u32) -> (ProptestConfig, String) {
    let chosen = std::env::var(SEED).map(|seed| seed.parse().unwrap());
    let seed = chosen.unwrap_or(USUAL_SEED);
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    tell!("the {cases} histories of {SEED}={seed}");
    (config, format!("{SEED}={seed}"))
}
