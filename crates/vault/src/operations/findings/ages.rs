//! Whether keys in use are older than they may become, and what a KMS did to wrapper keys by itself.

use std::{collections::BTreeMap, time::Duration};

use strongroom_crypto::Fingerprint;

use super::{Finding, Severity, counted, finding, moment};
use crate::{AgedKey, KeyAge, KeyClass, RotatedInKms, Vault};

const NAME: &str = "key age";

pub(super) async fn findings(vault: &Vault) -> Vec<Finding> {
    // What topology cannot say here it has said before.
    let announced = vault.announced_keys().await.unwrap_or_default();
    let rotated = vault.wrapper_keys_rotated_in_kms().await;
    let mut findings = of_ages(&vault.key_ages(), &announced);
    findings.extend(rotated.iter().map(of_rotated));
    findings
}

/// One line for each key that is overdue; one for all if there are limits and none is.
fn of_ages(ages: &[KeyAge], announced: &BTreeMap<Fingerprint, Vec<String>>) -> Vec<Finding> {
    let overdue = ages.iter().filter(|age| age.is_overdue());
    let overdue: Vec<_> = overdue
        .filter_map(|age| Some((age, age.limit?)))
        .map(|(age, limit)| {
            let detail = format!(
                "{} was made at {}, {} ago; max-key-age of {} is {}: {}",
                name(&age.key),
                moment(age.since),
                span(age.age),
                age.class.name(),
                span(limit),
                advice(age, announced)
            );
            finding(NAME, Severity::Warning, detail)
        })
        .collect();
    let limited = ages.iter().filter(|age| age.limit.is_some()).count();
    if overdue.is_empty() && limited > 0 {
        let counted = counted(limited, "key");
        let detail = format!("{counted} in use with a limit, none older than it");
        return vec![finding(NAME, Severity::Ok, detail)];
    }
    overdue
}

fn name(key: &AgedKey) -> String {
    match key {
        AgedKey::Private {
            fingerprint, name, ..
        } => match name {
            Some(name) => format!("{fingerprint} ({name})"),
            None => fingerprint.to_string(),
        },
        AgedKey::Wrapper {
            kms,
            wrapper_key_id,
        } => format!("wrapper key {wrapper_key_id} of {kms}"),
        AgedKey::DataKey { id } => format!("data key {id}"),
    }
}

fn advice(age: &KeyAge, announced: &BTreeMap<Fingerprint, Vec<String>>) -> String {
    match &age.key {
        AgedKey::Private { is_root: true, .. } => {
            "a root key has no rotation; let an intermediate key sign from day to day, and keep this one offline or in an HSM".to_owned()
        }
        AgedKey::Private { .. } if age.class == KeyClass::Namespace => {
            "delegate to a new key ('strongroom topology delegate') and revoke this one".to_owned()
        }
        AgedKey::Private { fingerprint, .. } if announced.contains_key(fingerprint) => {
            format!("'strongroom keys rotate {fingerprint}'")
        }
        AgedKey::Private { fingerprint, .. } => format!(
            "no topology refers to it: 'strongroom keys retire {fingerprint} --yes' if nobody needs it"
        ),
        AgedKey::Wrapper { .. } | AgedKey::DataKey { .. } => {
            "'strongroom wrapper-key rotate'".to_owned()
        }
    }
}

fn of_rotated(rotated: &RotatedInKms) -> Finding {
    let RotatedInKms {
        kms,
        wrapper_key_id,
        rotated_at,
        wrapped_at,
        older_keys,
        ..
    } = rotated;
    let (at, wrapped) = (moment(*rotated_at), moment(*wrapped_at));
    let older = counted(*older_keys, "active key");
    let detail = format!(
        "{kms} rotated the material of {wrapper_key_id} at {at}; the data key was wrapped at {wrapped}, and {older} of the vault \
         are from before: if that was an answer to a compromise, it renewed none of them ('strongroom wrapper-key rotate')"
    );
    finding(NAME, Severity::Warning, detail)
}

/// In days, or in hours below two days.
fn span(duration: Duration) -> String {
    let hours = duration.as_secs() / 3600;
    if hours < 48 {
        counted(hours, "hour")
    } else {
        counted(hours / 24, "day")
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::Timestamp;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn aged(key: AgedKey, class: KeyClass, days: u32, limit: Option<u32>) -> KeyAge {
        KeyAge {
            key,
            class,
            since: Timestamp::from_micros(0),
            age: DAY * days,
            limit: limit.map(|days| DAY * days),
        }
    }

    fn private(number: u8, is_root: bool) -> AgedKey {
        AgedKey::Private {
            fingerprint: fingerprint(number),
            name: None,
            is_root,
        }
    }

    fn fingerprint(number: u8) -> Fingerprint {
        format!("1220{}", format!("{number:02x}").repeat(32))
            .parse()
            .unwrap()
    }

    #[test]
    fn an_overdue_key_is_told_with_what_renews_it() {
        let protocol = KeyClass::Protocol;
        let wrapper = AgedKey::Wrapper {
            kms: "local".to_owned(),
            wrapper_key_id: "k".to_owned(),
        };
        let ages = [
            aged(private(1, true), KeyClass::Namespace, 400, Some(365)),
            aged(private(2, false), KeyClass::Namespace, 400, Some(365)),
            aged(private(3, false), protocol, 400, Some(365)),
            aged(private(4, false), protocol, 400, Some(365)),
            aged(wrapper, KeyClass::WrapperKey, 800, Some(730)),
            aged(private(5, false), protocol, 365, Some(365)),
            aged(private(6, false), KeyClass::Encryption, 4000, None),
        ];
        let announced = BTreeMap::from([(fingerprint(3), Vec::new())]);
        let told = of_ages(&ages, &announced);
        let details: Vec<_> = told.iter().map(|told| told.detail.as_str()).collect();
        assert_eq!(details.len(), 5, "{details:?}");
        let rotate = format!("'strongroom keys rotate {}'", fingerprint(3));
        for (detail, expected) in details.iter().zip([
            "a root key has no rotation",
            "topology delegate",
            rotate.as_str(),
            "no topology refers to it",
            "wrapper-key rotate",
        ]) {
            assert!(detail.contains(expected), "{detail}");
        }
        assert!(details[0].contains("400 days ago; max-key-age of namespace is 365 days"));
        assert!(told.iter().all(|told| told.severity == Severity::Warning));
    }

    #[test]
    fn without_overdue_keys_there_is_one_line_and_without_limits_none() {
        let fine = [
            aged(private(1, false), KeyClass::Protocol, 10, Some(365)),
            aged(private(2, false), KeyClass::Encryption, 10, None),
        ];
        let told = of_ages(&fine, &BTreeMap::new());
        assert!(told.len() == 1 && told[0].severity == Severity::Ok);
        assert!(
            told[0].detail.contains("1 key in use"),
            "{}",
            told[0].detail
        );
        assert!(of_ages(&fine[1..], &BTreeMap::new()).is_empty());
    }
}
