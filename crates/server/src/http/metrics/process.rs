//! What this process takes of the machine, under the names that client libraries of Prometheus give it.

use std::sync::{OnceLock, atomic::AtomicU64};

use procfs::{ProcResult, process::Process};
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use strongroom_crypto::clock::{Clock as _, SystemClock};

use super::vault::{Float, count, to_f64};

/// Puts them into the registry without a prefix. A system that does not say leaves them out.
pub(super) fn register(registry: &mut Registry) {
    match Taken::now() {
        Ok(taken) => taken.register(registry),
        Err(error) => tracing::debug!(%error, "the system does not say what this process takes"),
    }
}

struct Taken {
    resident_bytes: u64,
    handles: u64,
    most_handles: Option<u64>,
    threads: u64,
    cpu_seconds: f64,
    started_at: f64,
}

impl Taken {
    fn now() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = to_f64(procfs::ticks_per_second());
        Ok(Self {
            resident_bytes: stat.rss.saturating_mul(procfs::page_size()),
            handles: process.fd_count()? as u64,
            most_handles: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
            threads: stat.num_threads.unsigned_abs(),
            cpu_seconds: to_f64(stat.utime + stat.stime) / ticks,
            started_at: started_at(to_f64(stat.starttime) / ticks),
        })
    }

    fn register(self, registry: &mut Registry) {
        let help = "Memory of this process that is in use";
        count(
            registry,
            "process_resident_memory_bytes",
            help,
            self.resident_bytes,
        );
        let help = "Files and connections that are open";
        count(registry, "process_open_fds", help, self.handles);
        if let Some(most) = self.most_handles {
            let help = "Files and connections that may be open";
            count(registry, "process_max_fds", help, most);
        }
        count(registry, "process_threads", "Threads", self.threads);
        let cpu = Counter::<f64, AtomicU64>::default();
        cpu.inc_by(self.cpu_seconds);
        let help = "Time of processors that was used, in seconds";
        registry.register("process_cpu_seconds", help, cpu);
        let started: Float = Gauge::default();
        started.set(self.started_at);
        let help = "When this process started, in seconds since the epoch";
        registry.register("process_start_time_seconds", help, started);
    }
}

/// When this process started, by the seconds from the start of the machine until then. By the clocks, since of /proc a unit of
/// systemd sees the processes alone (`ProcSubset=pid`), and asked once, since the time of day may be set.
fn started_at(after_boot: f64) -> f64 {
    static STARTED_AT: OnceLock<f64> = OnceLock::new();
    *STARTED_AT.get_or_init(|| {
        let now = u64::try_from(SystemClock.now().as_micros()).unwrap_or_default();
        let booted_at = to_f64(now) / 1e6 - SystemClock.elapsed().as_secs_f64();
        booted_at + after_boot
    })
}
