//! A process of its own that ends in the middle: an ignored test that is run by another one.

use std::{
    env,
    fmt::{Debug, Display},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
};

const POINT: &str = "STRONGROOM_DOOMED_POINT";
const ROOT: &str = "STRONGROOM_DOOMED_ROOT";

/// What stands before the names of other things that it is told.
const TOLD: &str = "STRONGROOM_DOOMED_TOLD_";

/// What the process knows that is to die.
pub(crate) struct Doomed<P> {
    /// Where its house is.
    pub(crate) root: PathBuf,
    /// Where it dies.
    pub(crate) point: P,
}

impl<P> Doomed<P> {
    /// What it was told under this name.
    pub(crate) fn told<T: FromStr<Err: Debug>>(&self, name: &str) -> T {
        let told = env::var(format!("{TOLD}{name}"));
        told.unwrap_or_default().parse().unwrap()
    }
}

/// What an ignored test does in a process of its own. Where all ignored tests are run it does nothing.
pub(crate) fn act_and_die<P: FromStr>(act: impl AsyncFnOnce(Doomed<P>)) {
    let variable = |name| env::var(name).unwrap_or_default();
    let Ok(point) = variable(POINT).parse() else {
        return;
    };
    let root = variable(ROOT).into();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(act(Doomed { root, point }));
}

/// Whether a process that runs the ignored test `helper` on the house in `root`, and is to die at `point`, lives to its end.
pub(crate) fn survives(
    helper: &str,
    root: &Path,
    point: impl Display,
    told: &[(&str, &str)],
) -> bool {
    let told = told
        .iter()
        .map(|(name, what)| (format!("{TOLD}{name}"), what));
    let process = Command::new(env::current_exe().unwrap())
        .args([helper, "--exact", "--ignored"])
        .env(POINT, point.to_string())
        .env(ROOT, root)
        .envs(told)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if !process.status.success() {
        // Killed by its own abort, not failed.
        let signal = std::os::unix::process::ExitStatusExt::signal(&process.status);
        assert!(signal.is_some(), "{helper}, {point}: {process:?}");
    }
    process.status.success()
}
