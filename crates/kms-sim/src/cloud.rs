//! Everything that the faces of one simulator share.

use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_crypto::Random;

use crate::aws::ImportTokens;
use crate::calls::Calls;
use crate::clock::SimulatorClock;
use crate::gcp::Inventory;
use crate::keys::{Keys, Room};
use crate::scenario::Scenario;
use crate::trail::Trail;
use crate::weather::Sky;

/// One simulated cloud.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) account: String,
    pub(crate) keys: Keys,
    /// What Google's cloud knows beside the keys themselves.
    pub(crate) inventory: Inventory,
    /// What Amazon's cloud gave out to those who want to import.
    pub(crate) import_tokens: ImportTokens,
    pub(crate) sky: Sky,
    pub(crate) clock: Arc<SimulatorClock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) calls: Mutex<Calls>,
    pub(crate) trail: Trail,
}

impl Cloud {
    pub(crate) fn new(
        scenario: &Scenario,
        clock: Arc<SimulatorClock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let limits = scenario.limits;
        let room = Room {
            keys: limits.keys,
            aliases_per_key: limits.aliases_per_key,
            rotations_on_demand: limits.rotations_on_demand,
        };
        Self {
            account: scenario.account.clone(),
            keys: Keys::new(Arc::clone(&random), Arc::clone(&clock), room),
            inventory: Inventory::default(),
            import_tokens: ImportTokens::default(),
            sky: Sky::new(Arc::clone(&clock), scenario.seed, scenario.weather.clone()),
            clock,
            random,
            calls: Mutex::new(Calls::default()),
            trail: Trail::default(),
        }
    }
}
