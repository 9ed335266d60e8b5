//! The weather as it is now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use strongroom_crypto::Timestamp;
use strongroom_crypto::clock::Clock;

use super::chance::Chance;
use super::fault::FaultKind;
use super::outage::OutageKind;
use super::quota::{Buckets, Load};
use super::{Weather, fault::LostAnswer};
use crate::clock::{SimulatorClock, after_millis};
use crate::scenario::ScenarioError;

/// The weather as it is now, and what became of it.
#[derive(Debug)]
pub(crate) struct Sky {
    clock: Arc<SimulatorClock>,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    weather: Weather,
    since: Timestamp,
    chance: Chance,
    buckets: Buckets,
    /// Calls by operation since this weather came, and of all of them together.
    arrived: BTreeMap<String, u64>,
    arrived_in_all: u64,
}

/// A call as the weather sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) region: &'a str,
    pub(crate) operation: &'a str,
    /// The id of the key that it names.
    pub(crate) key: Option<&'a str>,
    pub(crate) load: Load,
}

/// What a call meets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meeting {
    pub(crate) outage: Option<OutageKind>,
    pub(crate) latency: Duration,
    pub(crate) fault: Option<FaultKind>,
    /// The work is done, and nobody hears of it.
    pub(crate) answer_is_lost: bool,
}

impl Sky {
    pub(crate) fn new(clock: Arc<SimulatorClock>, seed: u64, weather: Weather) -> Self {
        let since = clock.now();
        Self {
            clock,
            now: Mutex::new(Now {
                weather,
                since,
                chance: Chance::new(seed),
                buckets: Buckets::default(),
                arrived: BTreeMap::new(),
                arrived_in_all: 0,
            }),
        }
    }

    /// Other weather comes. Its times and calls are counted from now on, and its quotas are full.
    pub(crate) fn change(&self, weather: Weather) -> Result<(), ScenarioError> {
        weather.check()?;
        let mut now = self.now.lock();
        now.weather = weather;
        now.since = self.clock.now();
        now.buckets = Buckets::default();
        now.arrived.clear();
        now.arrived_in_all = 0;
        Ok(())
    }

    /// The weather without what happened already: lost answers and faults that are over.
    pub(crate) fn weather(&self) -> Weather {
        self.now.lock().weather.clone()
    }

    /// Whether nobody listens at present.
    pub(crate) fn refuses(&self) -> bool {
        let now = self.now.lock();
        let millis = now.millis(self.clock.now());
        let mut outages = now.weather.outages.iter();
        outages.any(|outage| outage.kind == OutageKind::Refuse && outage.is_on(millis))
    }

    /// When a key that is made now can be seen.
    pub(crate) fn visible_at(&self) -> Timestamp {
        let delay = self.now.lock().weather.visibility_delay_ms;
        after_millis(self.clock.now(), delay)
    }

    /// A call arrives.
    pub(crate) fn meet(&self, call: Subject<'_>) -> Meeting {
        let time = self.clock.now();
        let mut now = self.now.lock();
        let number = now.count(call.operation);
        let in_all = now.arrived_in_all;
        let millis = now.millis(time);
        let outage = now
            .weather
            .outages
            .iter()
            .find(|outage| outage.is_on(millis) && outage.concerns(call.region, call.operation))
            .map(|outage| outage.kind);
        if outage.is_some() {
            return Meeting {
                outage,
                ..Meeting::default()
            };
        }
        let latency = now.latency();
        let fault = now.fault(call).or_else(|| now.throttle(call, time));
        let answer_is_lost = fault.is_none() && now.loses(call.operation, number, in_all);
        Meeting {
            outage: None,
            latency,
            fault,
            answer_is_lost,
        }
    }
}

impl Now {
    /// Milliseconds since this weather came.
    fn millis(&self, time: Timestamp) -> u64 {
        let micros = time.as_micros().saturating_sub(self.since.as_micros());
        u64::try_from(micros).unwrap_or(0) / 1000
    }

    fn count(&mut self, operation: &str) -> u64 {
        self.arrived_in_all += 1;
        let count = self.arrived.entry(operation.to_owned()).or_default();
        *count += 1;
        *count
    }

    fn latency(&mut self) -> Duration {
        let latency = self.weather.latency;
        latency.map_or(Duration::ZERO, |latency| latency.draw(&mut self.chance))
    }

    fn fault(&mut self, call: Subject<'_>) -> Option<FaultKind> {
        let mut faults = self.weather.faults.iter_mut();
        let chance = &mut self.chance;
        let fault =
            faults.find(|fault| fault.hits(call.operation, call.key) && fault.strikes(chance))?;
        fault.times = fault.times.map(|times| times - 1);
        Some(fault.error)
    }

    fn throttle(&mut self, call: Subject<'_>, time: Timestamp) -> Option<FaultKind> {
        let quotas = &self.weather.quotas;
        let taken = self.buckets.take(quotas, call.operation, call.load, time);
        (!taken).then_some(FaultKind::Throttled)
    }

    fn loses(&mut self, operation: &str, number: u64, in_all: u64) -> bool {
        let hits = |lost: &LostAnswer| match (&lost.operation, lost.call) {
            (Some(of), call) => of == operation && call.is_none_or(|call| call == number),
            (None, call) => call.is_none_or(|call| call == in_all),
        };
        let found = self.weather.lost_answers.iter().position(hits);
        if let Some(position) = found {
            self.weather.lost_answers.remove(position);
        }
        found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weather::Latency;
    use strongroom_crypto::clock::SystemClock;

    fn latencies(seed: u64) -> Vec<Duration> {
        let clock = Arc::new(SimulatorClock::new(Arc::new(SystemClock)));
        let weather = Weather {
            latency: Some(Latency::LogNormal {
                median_ms: 10.0,
                p99_ms: 100.0,
            }),
            ..Weather::default()
        };
        let sky = Sky::new(clock, seed, weather);
        let call = Subject {
            region: "eu-central-1",
            operation: "Sign",
            key: None,
            load: Load::Control,
        };
        (0..20).map(|_| sky.meet(call).latency).collect()
    }

    #[test]
    fn a_fault_of_some_of_a_hundred_calls_hits_about_as_many() {
        let clock = Arc::new(SimulatorClock::new(Arc::new(SystemClock)));
        let struck = |percent| {
            let fault = crate::weather::Fault {
                error: FaultKind::Throttled,
                operation: None,
                key: None,
                times: None,
                percent: Some(percent),
            };
            let weather = Weather {
                faults: vec![fault],
                ..Weather::default()
            };
            let sky = Sky::new(Arc::clone(&clock) as _, 7, weather);
            let call = Subject {
                region: "eu-central-1",
                operation: "Sign",
                key: None,
                load: Load::Control,
            };
            (0..1000).filter(|_| sky.meet(call).fault.is_some()).count()
        };
        assert_eq!((struck(0), struck(100)), (0, 1000));
        assert!((70..130).contains(&struck(10)), "{}", struck(10));
    }

    #[test]
    fn chances_repeat_for_a_seed_and_differ_for_another() {
        assert_eq!(latencies(1), latencies(1));
        assert_ne!(latencies(1), latencies(2));
    }
}
