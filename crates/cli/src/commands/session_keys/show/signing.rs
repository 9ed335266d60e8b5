//! What session signing keys spare, and what they expose.

use std::io::{self, Write};

use serde::Serialize;
use strongroom_config::Config;
use strongroom_kms::PerClass;

use super::{MILLION, holding_kms, shown};
use crate::{open_kms, output};

/// Session signing keys, as configured.
#[derive(Serialize)]
pub(super) struct SigningView {
    enabled: bool,
    /// The KMS that holds the node's key for the protocol; none: its key signs itself, and no session key does.
    kms: Option<String>,
    spec: String,
    validity_seconds: f64,
    tolerance_shift_seconds: f64,
    cut_off_seconds: f64,
    /// For so long one session key does for everything: validity less tolerance and cut-off.
    usable_seconds: f64,
    /// For so long a session key lies in memory.
    in_memory_seconds: f64,
    /// For so long at most whoever reads the memory can sign as the node.
    exposed_seconds: f64,
    /// Of a million messages of the load, for one synchronizer and process.
    calls_per_million: f64,
    spared_per_million: f64,
    usd_per_million: Option<String>,
    usd_per_million_without: Option<String>,
}

impl SigningView {
    pub(super) fn of(config: &Config, per_second: u32) -> Self {
        let keys = &config.session_signing_keys;
        let (validity, cut_off) = (keys.key_validity_duration, keys.cut_off_duration);
        let tolerance = keys.tolerance_shift_duration;
        let usable = validity.saturating_sub(tolerance).saturating_sub(cut_off);
        // A key is made for a message of now, or of as far ahead as clocks may be, and begins no later than the cut-off before it.
        let left = validity.saturating_sub(cut_off.min(tolerance));
        let exposed = left.saturating_add(config.vault.clock_tolerance);
        let kms = holding_kms(config, config.custody.protocol);
        let calls = if keys.enabled && kms.is_some() {
            let in_an_interval = f64::from(per_second) * usable.as_secs_f64();
            MILLION / in_an_interval.max(1.0)
        } else {
            MILLION
        };
        let prices = kms.and_then(open_kms::prices);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between nothing and a million"
        )]
        let cost = |calls: f64| {
            let calls = PerClass {
                ecc: calls.ceil() as u64,
                ..PerClass::default()
            };
            Some(prices.as_ref()?.calls(&calls).to_string())
        };
        Self {
            enabled: keys.enabled,
            kms: kms.map(|kms| kms.name.clone()),
            spec: keys.signing_key_spec.clone(),
            validity_seconds: validity.as_secs_f64(),
            tolerance_shift_seconds: tolerance.as_secs_f64(),
            cut_off_seconds: cut_off.as_secs_f64(),
            usable_seconds: usable.as_secs_f64(),
            in_memory_seconds: keys.key_eviction_period.as_secs_f64(),
            exposed_seconds: exposed.as_secs_f64(),
            calls_per_million: calls,
            spared_per_million: MILLION - calls,
            usd_per_million: cost(calls),
            usd_per_million_without: cost(MILLION),
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "session signing keys")?;
        match (self.enabled, &self.kms) {
            (false, Some(kms)) => {
                writeln!(out, "disabled: each message is a call of the KMS {kms}")?;
            }
            (true, Some(kms)) => writeln!(out, "each key is a call of the KMS {kms}")?,
            (_, None) => writeln!(
                out,
                "no KMS holds the key for the protocol: it signs itself"
            )?,
        }
        let seconds = |seconds: f64| format!("{seconds} s");
        let row = [
            seconds(self.validity_seconds),
            seconds(self.tolerance_shift_seconds),
            seconds(self.cut_off_seconds),
            seconds(self.usable_seconds),
            seconds(self.in_memory_seconds),
            seconds(self.exposed_seconds),
            format!("{:.0} of 1000000 calls", self.spared_per_million),
            shown(self.usd_per_million.as_ref()),
            shown(self.usd_per_million_without.as_ref()),
        ];
        let header = [
            "VALIDITY",
            "TOLERANCE",
            "CUT-OFF",
            "ONE DOES FOR",
            "IN MEMORY FOR",
            "SIGNS FOR AT MOST",
            "SPARES",
            "COST OF A MILLION",
            "WITHOUT",
        ];
        writeln!(out, "{}", output::table(header, [row]))
    }
}
