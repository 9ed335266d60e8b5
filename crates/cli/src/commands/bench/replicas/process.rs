//! A replica as the benchmark sees it: a process with two pipes.

use std::{
    fs, io,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use strongroom_config::ReplicaConfig;
use strongroom_files::Access;

use super::orders::{Answer, Order};
use crate::{commands::bench::rehearsal::Rehearsal, environment, session};

/// How a replica keeps up with the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// It is notified, and looks from time to time.
    Notified,
    /// It looks from time to time only.
    Looking,
    /// It is notified, and looks at each use of a key.
    Strict,
}

impl Hearing {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Notified => "notified",
            Self::Looking => "looking",
            Self::Strict => "strict",
        }
    }
}

/// Longer than a replica takes for anything that it is told, beside the time that it is told to take. One that says nothing for so
/// long never will, and a benchmark must end.
const PATIENCE: Duration = Duration::from_secs(90);

/// Ends its process when it is dropped.
pub(super) struct Process {
    child: Child,
    /// None once it was told that there are no more orders.
    orders: Option<ChildStdin>,
    answers: Receiver<io::Result<String>>,
}

impl Process {
    /// Starts a replica with a name, a configuration and an anchor of its own, which never writes. Returns when it has opened
    /// the vault.
    pub(super) fn start(
        rehearsal: &Rehearsal,
        name: &str,
        hearing: Hearing,
    ) -> anyhow::Result<Self> {
        let mut config = rehearsal.config.clone();
        // It begins with what the writer remembers, as a replica does that an operator adds.
        let anchor = rehearsal.folder().join(format!("{name}-anchor.json"));
        if let Some(writers) = config.vault.anchor.replace(anchor.clone()) {
            fs::copy(writers, anchor)?;
        }
        config.replica = ReplicaConfig {
            name: Some(name.to_owned()),
            writes: false,
            strict: hearing == Hearing::Strict,
            ..ReplicaConfig::default()
        };
        let file = rehearsal.folder().join(format!("{name}.toml"));
        let text = config.to_toml()?;
        session::files().write_new_durably(&file, text.as_bytes(), Access::OwnerOnly)?;
        let mut command = Command::new(environment::this_program()?);
        command.args(["bench", "replica", "--dir"]);
        command
            .arg(rehearsal.folder())
            .arg("--config")
            .arg(file)
            .args((hearing == Hearing::Looking).then_some("--deaf"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take();
        let Some(answers) = child.stdout.take() else {
            anyhow::bail!("a replica has no standard output");
        };
        let mut process = Self {
            child,
            orders,
            answers: lines_of(answers),
        };
        match process.answer(Duration::ZERO)? {
            Answer::Ready => Ok(process),
            other => anyhow::bail!("a replica began with {other:?}"),
        }
    }

    pub(super) fn order(&mut self, order: &Order) -> anyhow::Result<()> {
        let Some(orders) = &mut self.orders else {
            anyhow::bail!("a replica was told to end");
        };
        writeln!(orders, "{}", serde_json::to_string(order)?)?;
        Ok(orders.flush()?)
    }

    /// Waits for what it says next, which it was told to take `time` for.
    pub(super) fn answer(&mut self, time: Duration) -> anyhow::Result<Answer> {
        let patience = time + PATIENCE;
        let line = match self.answers.recv_timeout(patience) {
            Ok(line) => line?,
            Err(RecvTimeoutError::Timeout) => {
                anyhow::bail!("a replica has said nothing for {patience:?}")
            }
            Err(RecvTimeoutError::Disconnected) => {
                anyhow::bail!("a replica has ended: what it says stands above")
            }
        };
        Ok(serde_json::from_str(&line)?)
    }

    /// Has it close the vault, and waits until it is gone.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        drop(self.orders.take());
        // Its standard output ends with it.
        match self.answers.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => {}
            other => anyhow::bail!("a replica that was told to end says {other:?}"),
        }
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "a replica ended with {status}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is no failure, and nobody is left to tell another.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The lines as they come: a pipe cannot be waited for with a limit. The thread ends with the process.
fn lines_of(answers: ChildStdout) -> Receiver<io::Result<String>> {
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        // Nobody hears the rest once the process was given up.
        let _heard = BufReader::new(answers)
            .lines()
            .try_for_each(|line| said.send(line));
    });
    heard
}

/// Signatures per second of all `processes` together, at once.
pub(super) fn rate(
    processes: &mut [Process],
    keys: &[String],
    time: Duration,
) -> anyhow::Result<f64> {
    let millis = u64::try_from(time.as_millis())?;
    for process in &mut *processes {
        let keys = keys.to_vec();
        process.order(&Order::Sign { keys, millis })?;
    }
    let mut sum = 0.0;
    for process in processes {
        match process.answer(time)? {
            Answer::Signed { rate } => sum += rate,
            other => anyhow::bail!("a replica that was to sign says {other:?}"),
        }
    }
    Ok(sum)
}
