//! What a process takes of the machine, as the system says (proc(5)).

use std::fs;

use anyhow::Context as _;

/// Memory and handles of a process at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    kibibytes: u32,
    handles: u32,
}

impl Use {
    /// Of the process with this number.
    pub(super) fn of(process: u32) -> anyhow::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident =
            resident.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse().ok());
        let handles = fs::read_dir(format!("/proc/{process}/fd"))?.count();
        Ok(Self {
            kibibytes: resident.context("the system does not say how much memory is used")?,
            handles: u32::try_from(handles)?,
        })
    }

    pub(super) fn mebibytes(&self) -> f64 {
        f64::from(self.kibibytes) / 1024.0
    }

    pub(super) fn handles(&self) -> f64 {
        self.handles.into()
    }
}
