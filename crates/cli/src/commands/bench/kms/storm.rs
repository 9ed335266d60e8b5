//! A storm: for a while the cloud throttles calls, and callers go on coming.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use strongroom_crypto::SigningKeySpec;
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, KeyWrapper, KmsError, KmsKeyId, KmsProvider, WrapContext,
    WrappedKey, WrapperKeyRequest,
};
use strongroom_memory::SecretBytes;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep_until},
};

use super::{cloud::Cloud, measurement};
use crate::commands::bench::Measurement;

const SPEC: SigningKeySpec = SigningKeySpec::EcP256;

/// How long it is watched before the storm and after it, at most.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(10);

/// A storm and who comes in it. Requests come at a fixed rate whatever becomes of earlier ones, as transactions do.
pub(super) struct Plan {
    percent: u8,
    before: Duration,
    storm: Duration,
    after: Duration,
    per_second: u16,
    latency: Duration,
}

impl Plan {
    pub(super) fn new(percent: u8, storm: Duration, per_second: u16, latency: Duration) -> Self {
        Self {
            percent,
            before: BEFORE.min(storm),
            storm,
            after: AFTER.min(storm),
            per_second,
            latency,
        }
    }

    /// A request that took longer is late: two calls and what the machine itself takes.
    fn in_time(&self) -> Duration {
        self.latency * 2 + Duration::from_millis(50)
    }
}

/// What became of all.
#[derive(Debug, PartialEq)]
struct Outcome {
    requests: u64,
    errors: u64,
    calls: u64,
    /// From the end of the storm to the end of the last request that failed or was late.
    recovery: Duration,
}

pub(super) async fn run(cap: u32, plan: &Plan) -> anyhow::Result<Vec<Measurement>> {
    let cloud = Cloud::start(cap)?;
    let ours = weather(&cloud, cloud.surrounded().await?, plan).await?;
    let of_client = weather(&cloud, cloud.of_client().await?, plan).await?;
    let endless = weather(&cloud, cloud.endless().await?, plan).await?;
    Ok(vec![
        compare(plan, "the client's own repetitions", &ours, &of_client),
        compare(plan, "repetitions without an end", &ours, &endless),
    ])
}

fn compare(plan: &Plan, against: &str, ours: &Outcome, bare: &Outcome) -> Measurement {
    let per_request = |of: &Outcome| of.calls as f64 / of.requests.max(1) as f64;
    let millis = |time: Duration| (time.as_secs_f64() * 1e3).round();
    let (percent, seconds) = (plan.percent, plan.storm.as_secs());
    measurement(
        format!("storm of {seconds} s, {percent} % throttled, against {against}"),
        "calls/request",
        (per_request(ours), per_request(bare)),
        [
            ("requests", ours.requests.into()),
            ("kms_calls", ours.calls.into()),
            ("bare_kms_calls", bare.calls.into()),
            ("errors", ours.errors.into()),
            ("bare_errors", bare.errors.into()),
            ("recovery_ms", millis(ours.recovery).into()),
            ("bare_recovery_ms", millis(bare.recovery).into()),
        ],
    )
}

/// What became of one request.
struct Answered {
    after: Duration,
    at: Instant,
    failed: bool,
}

async fn weather(cloud: &Cloud, kms: Arc<dyn KmsProvider>, plan: &Plan) -> anyhow::Result<Outcome> {
    cloud.clear_up()?;
    let callers = Arc::new(Callers::new(&*kms).await?);
    cloud.begin(plan.latency)?;
    let start = Instant::now();
    let (breaks, ends) = (start + plan.before, start + plan.before + plan.storm);
    let requests = tokio::spawn(arrive(callers, plan.per_second, ends + plan.after));
    sleep_until(breaks.into()).await;
    cloud.throttle(plan.latency, plan.percent)?;
    sleep_until(ends.into()).await;
    cloud.calm_down(plan.latency)?;
    let ended = Instant::now();
    let answered = requests.await??;
    Ok(judge(&answered, ended, cloud.calls(), plan.in_time()))
}

fn judge(answered: &[Answered], ended: Instant, calls: u64, in_time: Duration) -> Outcome {
    let unwell = |request: &&Answered| request.failed || request.after > in_time;
    let last = answered
        .iter()
        .filter(unwell)
        .map(|request| request.at)
        .max();
    Outcome {
        requests: answered.len() as u64,
        errors: answered.iter().filter(|request| request.failed).count() as u64,
        calls,
        recovery: last.map_or(Duration::ZERO, |last| last.saturating_duration_since(ended)),
    }
}

/// Lets requests come until then, and waits for the last of them.
async fn arrive(
    callers: Arc<Callers>,
    per_second: u16,
    until: Instant,
) -> anyhow::Result<Vec<Answered>> {
    let mut ticks = interval(Duration::from_secs(1) / u32::from(per_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut crowd = JoinSet::new();
    for number in 0_u64.. {
        ticks.tick().await;
        if Instant::now() >= until {
            break;
        }
        let callers = Arc::clone(&callers);
        crowd.spawn(async move {
            let came = Instant::now();
            let answer = callers.ask(number).await;
            Answered {
                after: came.elapsed(),
                at: Instant::now(),
                failed: answer.is_err(),
            }
        });
    }
    let mut answered = Vec::with_capacity(crowd.len());
    while let Some(request) = crowd.join_next().await {
        answered.push(request?);
    }
    Ok(answered)
}

/// Half of them sign, half of them unwrap.
struct Callers {
    wrapper: Arc<dyn KeyWrapper>,
    wrapped: WrappedKey,
    context: WrapContext,
    external: Arc<dyn ExternalKeys>,
    signing_key: KmsKeyId,
}

impl Callers {
    async fn new(kms: &dyn KmsProvider) -> anyhow::Result<Self> {
        let (Some(wrapper), Some(external)) = (kms.key_wrapper(), kms.external_keys()) else {
            anyhow::bail!("the cloud does not play both roles");
        };
        let request = WrapperKeyRequest::default();
        let key = wrapper.generate_wrapper_key(&request).await?;
        let context = WrapContext::for_data_key(&[0; 16], &[0; 16]);
        let secret = SecretBytes::from_slice(&[0x5a; 32]);
        Ok(Self {
            wrapped: wrapper.wrap_key(&key, &context, &secret).await?,
            signing_key: external
                .generate_signing_key(SPEC, &ExternalKeyRequest::default())
                .await?,
            wrapper,
            context,
            external,
        })
    }

    async fn ask(&self, number: u64) -> Result<(), KmsError> {
        if number.is_multiple_of(2) {
            let signed = self.external.sign(&self.signing_key, SPEC, b"storm").await;
            signed.map(|_signature| ())
        } else {
            let unwrapped = self.wrapper.unwrap_key(&self.wrapped, &self.context).await;
            unwrapped.map(|_key| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_the_last_request_that_suffered_has_ended() {
        let ended = Instant::now();
        let millis = Duration::from_millis;
        let answered = |after, at, failed| Answered {
            after: millis(after),
            at: ended + millis(at),
            failed,
        };
        let all = [
            answered(40, 10, true),
            answered(700, 300, false),
            answered(40, 900, false),
        ];
        let outcome = judge(&all, ended, 5, millis(130));
        let expected = Outcome {
            requests: 3,
            errors: 1,
            calls: 5,
            recovery: millis(300),
        };
        assert_eq!(outcome, expected);
    }
}
