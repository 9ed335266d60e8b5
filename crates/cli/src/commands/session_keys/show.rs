//! `session-keys show`: cost against exposure, from the configuration.

mod signing;

use std::{collections::BTreeMap, io, io::Write, process::ExitCode, time::Duration};

use clap::Args;
use serde::Serialize;
use strongroom_config::{Config, CustodyName, KmsConfig, SessionCacheConfig};
use strongroom_kms::{MicroDollars, PerClass};

use self::signing::SigningView;
use crate::{
    args::Global,
    client::{configuration, numbers_of_server},
    open_kms, output,
};

const MILLION: f64 = 1_000_000.0;

/// Show what session keys spare, and for how long whoever reads the memory could do something with them.
///
/// Session signing keys sign messages of the protocol for a key that a KMS holds; session encryption keys are secrets that views are encrypted
/// with for a while. Estimated from the configuration, here or of a server, for a load that you name. A use of a private key that a KMS
/// holds is a call of it. Of a server it says what was counted since the start, too.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom session-keys show\n  \
    strongroom session-keys show --per-second 1000 --groups 20 --output json")]
pub(crate) struct Options {
    /// Messages that are signed for one synchronizer, and views that come, or go, in a second.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    per_second: u32,
    /// Groups of recipients that the views are for.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    groups: u32,
}

#[derive(Serialize)]
struct Report {
    enabled: bool,
    /// Whether a KMS decrypts: then each use of a private key is a call.
    kms: Option<String>,
    caches: [CacheView; 2],
    /// Of the prices below; none without configured prices or without a KMS that decrypts.
    prices_as_of: Option<String>,
    signing: SigningView,
    /// What a server has counted since it started, by the names of its metrics; none here, where nothing runs.
    counted: Option<BTreeMap<String, f64>>,
}

#[derive(Serialize)]
struct CacheView {
    cache: &'static str,
    /// What the cache spares.
    spares: &'static str,
    maximum_size: usize,
    /// No secret lies in memory for longer; zero: only as long as its transaction.
    secret_lives_seconds: f64,
    /// Of a million views of the load.
    uses_per_million: f64,
    spared_per_million: f64,
    /// What the uses that are left cost.
    usd_per_million: Option<String>,
    usd_per_million_without: Option<String>,
}

pub(super) async fn run(global: &Global, options: &Options) -> anyhow::Result<ExitCode> {
    let config = configuration(global).await?;
    let numbers = numbers_of_server(global).await?;
    let report = Report {
        counted: numbers.as_deref().map(counted),
        ..Report::of(&config, options)
    };
    output::print(global.output, &report, |out| {
        report.signing.write(out)?;
        writeln!(out)?;
        report.write_encryption(out)?;
        report.write_counted(out)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What metrics say of session keys.
fn counted(metrics: &str) -> BTreeMap<String, f64> {
    let lines = metrics.lines();
    let lines = lines.filter(|line| line.starts_with("strongroom_session_"));
    let numbers = lines.filter_map(|line| {
        let (name, number) = line.rsplit_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    });
    numbers.collect()
}

impl Report {
    fn write_encryption(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "session encryption keys")?;
        match (self.enabled, &self.kms) {
            (false, _) => writeln!(out, "disabled: secrets live for one transaction")?,
            (true, Some(kms)) => writeln!(out, "each decryption is a call of the KMS {kms}")?,
            (true, None) => writeln!(out, "no KMS decrypts: what is spared is time, not money")?,
        }
        let rows = self.caches.iter().map(|view| {
            [
                view.cache.to_owned(),
                view.maximum_size.to_string(),
                format!("{} s", view.secret_lives_seconds),
                format!("{:.0} of 1000000 {}", view.spared_per_million, view.spares),
                shown(view.usd_per_million.as_ref()),
                shown(view.usd_per_million_without.as_ref()),
            ]
        });
        let header = [
            "CACHE",
            "SECRETS",
            "LIVE FOR",
            "SPARES",
            "COST OF A MILLION",
            "WITHOUT",
        ];
        writeln!(out, "{}", output::table(header, rows))
    }

    fn write_counted(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(counted) = &self.counted else {
            return Ok(());
        };
        writeln!(out, "\ncounted by the server since it started")?;
        let rows = counted.iter();
        let rows = rows.map(|(name, number)| [name.clone(), number.to_string()]);
        writeln!(out, "{}", output::table(["METRIC", "NUMBER"], rows))
    }
}

fn shown(cost: Option<&String>) -> String {
    cost.map_or_else(|| "-".to_owned(), String::clone)
}

impl Report {
    fn of(config: &Config, options: &Options) -> Self {
        let keys = &config.session_encryption_keys;
        let kms = holding_kms(config, config.custody.encryption);
        let prices = kms.and_then(open_kms::prices);
        // A KMS decrypts with RSA; others than the two clouds may have curves, which nobody sells by the call.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "between nothing and a million"
        )]
        let cost = |uses: f64| -> Option<MicroDollars> {
            let calls = PerClass {
                rsa: uses.ceil() as u64,
                ..PerClass::default()
            };
            Some(prices.as_ref()?.calls(&calls))
        };
        let view = |cache, spares, bounds: &SessionCacheConfig, costs: bool| {
            let uses = uses_per_million(keys.enabled, bounds, options);
            let usd = |uses| cost(uses).filter(|_| costs).map(|cost| cost.to_string());
            CacheView {
                cache,
                spares,
                maximum_size: bounds.maximum_size,
                secret_lives_seconds: lifetime(keys.enabled, bounds).as_secs_f64(),
                uses_per_million: uses,
                spared_per_million: MILLION - uses,
                usd_per_million: usd(uses),
                usd_per_million_without: usd(MILLION),
            }
        };
        Self {
            enabled: keys.enabled,
            kms: kms.map(|kms| kms.name.clone()),
            caches: [
                view("sender", "encryptions", &keys.sender_cache, false),
                view("receiver", "decryptions", &keys.receiver_cache, true),
            ],
            prices_as_of: prices.map(|prices| prices.as_of.into_owned()),
            signing: SigningView::of(config, options.per_second),
            counted: None,
        }
    }
}

/// The KMS that uses keys of this custody, if they are made in one.
fn holding_kms(config: &Config, custody: Option<CustodyName>) -> Option<&KmsConfig> {
    let custody = custody.unwrap_or(config.custody.default);
    if custody != CustodyName::External {
        return None;
    }
    let maker = config.custody.external_kms.as_deref();
    config
        .kms
        .iter()
        .find(|kms| maker.is_none_or(|maker| kms.name == maker))
}

fn lifetime(enabled: bool, bounds: &SessionCacheConfig) -> Duration {
    if enabled {
        bounds.expire_after_timeout
    } else {
        Duration::ZERO
    }
}

/// Uses of keys that are left of a million: one for each group and lifetime, and all for groups that find no room.
fn uses_per_million(enabled: bool, bounds: &SessionCacheConfig, options: &Options) -> f64 {
    if !enabled {
        return MILLION;
    }
    let (groups, per_second) = (f64::from(options.groups), f64::from(options.per_second));
    let held = groups.min(bounds.maximum_size as f64);
    let in_a_lifetime = per_second * bounds.expire_after_timeout.as_secs_f64();
    let views_of_held = in_a_lifetime * held / groups;
    // A group of which fewer than one view comes in a lifetime costs one use for each view.
    let uses = held.min(views_of_held) + (in_a_lifetime - views_of_held);
    (uses / in_a_lifetime * MILLION).min(MILLION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(groups: u32, per_second: u32, maximum_size: usize, seconds: u64) -> f64 {
        let bounds = SessionCacheConfig {
            maximum_size,
            expire_after_timeout: Duration::from_secs(seconds),
        };
        uses_per_million(true, &bounds, &Options { per_second, groups }).round()
    }

    #[test]
    fn one_use_is_left_for_each_group_and_lifetime() {
        assert_eq!(uses(10, 100, 10_000, 10), 10_000.0);
        assert_eq!(uses(10, 100, 10_000, 100), 1_000.0);
    }

    #[test]
    fn groups_that_find_no_room_or_come_too_seldom_spare_nothing() {
        assert_eq!(uses(10, 100, 5, 10), 505_000.0);
        assert_eq!(uses(1000, 1, 10_000, 10), 1_000_000.0);
    }

    #[test]
    fn of_metrics_those_of_session_keys_are_told() {
        let metrics = "# HELP strongroom_session_secrets Secrets\n\
            strongroom_session_secrets{cache=\"sender\"} 3.0\n\
            strongroom_session_signing_keys_made 12\nstrongroom_generation 7\n";
        let expected = [
            ("strongroom_session_secrets{cache=\"sender\"}", 3.0),
            ("strongroom_session_signing_keys_made", 12.0),
        ];
        let expected = expected.map(|(name, number)| (name.to_owned(), number));
        assert_eq!(counted(metrics), expected.into());
    }

    #[test]
    fn disabled_spares_nothing() {
        let options = Options {
            per_second: 1,
            groups: 1,
        };
        let bounds = SessionCacheConfig::default();
        assert_eq!(uses_per_million(false, &bounds, &options), MILLION);
    }
}
