//! A process of the company, from outside.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::process::{Act, Answer, Call, TASK, Task};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process has started within this time, on a machine that is busy with other tests: it tries until the database lets it.
const STARTED: Duration = Duration::from_secs(300);

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>>;

/// A process that runs.
pub(crate) struct Remote {
    child: Child,
    input: Mutex<ChildStdin>,
    waiting: Waiting,
}

impl Remote {
    /// Starts the process, and waits until it says that it is ready.
    pub(crate) async fn start(task: &Task) -> Self {
        let log = task.folder.join(format!("{}.log", task.name));
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["process::process", "--exact", "--ignored", "--nocapture"])
            .env(TASK, serde_json::to_string(task).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let waiting = Waiting::default();
        let (ready, is_ready) = oneshot::channel();
        waiting.lock().unwrap().insert(0, ready);
        let (output, heard) = (child.stdout.take().unwrap(), Arc::clone(&waiting));
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            for line in lines.filter(|line| line.starts_with('{')) {
                let Answer { id, done } = serde_json::from_str(&line).unwrap();
                let caller = lock(&heard).remove(&id);
                caller.map(|caller| caller.send(done));
            }
            // Nobody will answer any more.
            lock(&heard).clear();
        });
        let remote = Self {
            input: Mutex::new(child.stdin.take().unwrap()),
            child,
            waiting,
        };
        let ready = tokio::time::timeout(STARTED, is_ready).await;
        ready.unwrap().unwrap().unwrap();
        remote
    }

    /// What it answers; none if it does not.
    pub(crate) async fn call(&self, id: u64, act: Act) -> Option<Result<Value, String>> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.waiting).insert(id, sender);
        let call = serde_json::to_string(&Call { id, act }).unwrap();
        let sent = writeln!(lock(&self.input), "{call}");
        if sent.is_err() {
            return None;
        }
        tokio::time::timeout(PATIENCE, receiver).await.ok()?.ok()
    }

    /// It ends where it is. Whoever waits for an answer gets none.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    pub(crate) fn halt(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }
}

/// As by SIGKILL.
impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        lock(&self.waiting).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
