//! A simulator of cloud key management systems on the loopback interface, for tests and rehearsals.
//!
//! It has real keys and real cryptography, the states, limits and errors of the cloud, and weather that a test makes:
//! quotas, latency, outages, lost answers ([`Weather`]). Its clock is put forward by hand ([`Simulator::advance`]), so
//! that deletions and rotations need no waiting. What it was asked for it counts ([`Simulator::calls`]).
//!
//! **Nothing durable or secret belongs here.** Keys live in memory, are gone when the simulator stops, and anybody who
//! reaches the port can use and list them.
//!
//! # The face of AWS KMS
//!
//! JSON 1.1 at [`Simulator::endpoint`], checked with Amazon's own Python client. The region is that of the credential
//! scope in the header `Authorization`: one endpoint serves all regions, and each key lives in its own. Any access key
//! will do, since **signatures are not checked**; that they are there is, and that `X-Amz-Date` is within five minutes
//! of the simulator's clock.
//!
//! It has the operations that a key vault needs and its operators use, 32 in all, and the kinds of keys of [`KeySpec`].
//! It differs from AWS in these: no policies, grants or custom key stores; imported material is
//! wrapped with `RSA_AES_KEY_WRAP_SHA_256`, never expires, and is none of symmetric keys or ML-DSA; new keys are usable at
//! once unless the weather delays them; a rotation on demand happens at once; one algorithm for each kind of key.
//!
//! # The face of Google's Cloud KMS
//!
//! REST v1 (JSON) below `/v1/` at the same [`Simulator::endpoint`], checked with Google's own Python client over its REST
//! transport. Any project will do, and callers need no credentials. Enumerations are answered as names, or as numbers
//! where `$alt=json;enum-encoding=int` asks for them.
//!
//! It has locations, key rings, crypto keys, versions and what is computed with them, and import jobs, 26 methods in all,
//! counted by their names in the service definition: `AsymmetricSign`, `GetCryptoKeyVersion`. A location is a *region* to
//! the weather and to [`Administrator`]; a [`Fault`] names a crypto key by its id; each version is a key of its own in [`Simulator::keys`] and
//! to the administrator, by its resource name. Visibility delays a version in the state `PENDING_GENERATION`.
//!
//! It differs from Google in these: imports go into new versions and are wrapped with RSA, SHA-256 and AES; no raw
//! encryption, MACs, key encapsulation or EKM; lists take no filter and no order; a version is destroyed after whole days; a new template for versions is not taken; the protection level
//! changes nothing but limits of length, and that secp256k1 is in hardware only.
//!
//! # Control
//!
//! Programs that are no Rust test steer it under `/control/` on the same port, and on a port of its own that works when
//! the first one refuses connections ([`Simulator::control_endpoint`]):
//!
//! | request | does |
//! |---|---|
//! | `GET /control/state` | time, weather, keys, and calls counted by operation |
//! | `POST /control/weather` | changes the weather to the [`Weather`] in its body |
//! | `POST /control/advance-clock` | puts the clock forward: `{"milliseconds": 60000}` |
//! | `POST /control/reset` | counts calls from 0 again |
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use strongroom_kms_sim::{Fault, FaultKind, Scenario, Simulator, Weather};
//!
//! let simulator = Simulator::start(Scenario::default())?;
//! // Point a client at `simulator.endpoint()`. Its next two signatures will be throttled:
//! let faults = vec![Fault::of(FaultKind::Throttled, "Sign", 2)];
//! simulator.set_weather(Weather { faults, ..Weather::default() })?;
//! simulator.advance(Duration::from_secs(24 * 60 * 60));
//! assert_eq!(simulator.calls().of("Sign").arrived, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod administrator;
mod aws;
mod calls;
mod clock;
mod cloud;
mod control;
mod face;
mod gcp;
mod keys;
mod scenario;
mod server;
mod simulator;
mod trail;
mod weather;

pub use administrator::{Administrator, AdministratorError, KeyReport};
pub use calls::{Calls, Count};
pub use keys::KeySpec;
pub use scenario::{Limits, Scenario, ScenarioError};
pub use simulator::{Simulator, SimulatorError};
pub use weather::{Fault, FaultKind, Latency, LostAnswer, Outage, OutageKind, Quotas, Weather};
