//! What happens to servers: they stop, start, freeze, follow one another and are promoted.

use std::{
    fs,
    process::{Command, Output},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::server::{Server, USER, arguments, free_port, new_folder};

/// Killed processes are gone within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Transactions are ended, and everything is written.
    Fast,
    /// As in a crash: everything is dropped where it is.
    Crash,
    /// All of its processes are killed (SIGKILL), and nobody cleans up after them.
    Kill,
}

impl Server {
    /// Stops it. Its data stay for [`Self::start_again`].
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop(&self, how: Stop) {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Crash => "immediate",
            Stop::Kill => return self.kill(),
        };
        self.control(&["-w", "-m", mode, "stop"]);
    }

    /// Answers when all of them are gone: they hold its memory, without which it does not start again.
    fn kill(&self) {
        let first = self.first_process();
        // So that it starts no others meanwhile.
        send(first, Signal::STOP);
        let all = [vec![first], children_of(first)].concat();
        for process in &all {
            send(*process, Signal::KILL);
        }
        let patience = Instant::now() + PATIENCE;
        while all.iter().any(|process| runs(*process)) {
            assert!(Instant::now() < patience, "a killed process does not go");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.forget(first);
    }

    /// A server that starts takes whoever is named in a lock file for another one that runs: also one that has ended, while
    /// nobody has asked how.
    fn forget(&self, first: i32) {
        let is_named = standing(first).is_some();
        let socket = format!(".s.PGSQL.{}.lock", self.port);
        for lock in ["data/postmaster.pid", &socket] {
            if is_named {
                fs::remove_file(self.folder.join(lock)).unwrap();
            }
        }
    }

    /// Starts it after [`Self::stop`], as it was.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self) {
        let log = self.folder.join("log");
        let log = log.to_string_lossy();
        self.control(&[
            "-w",
            "-t",
            "120",
            "-l",
            &log,
            "-o",
            &self.arguments,
            "start",
        ]);
    }

    /// Halts all of its processes (SIGSTOP): connections stay, and nothing answers, until [`Self::thaw`].
    ///
    /// # Panics
    /// If it does not run.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets its processes go on (SIGCONT).
    ///
    /// # Panics
    /// If it does not run.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Makes a standby that follows this server, and answers when it does. It is synchronous: commits of this server wait for
    /// it from now on, if that is asked for.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn standby(&self, name: &str, is_synchronous: bool) -> Self {
        let folder = new_folder(self.account);
        let data = folder.join("data");
        let mut copy = Command::new(self.programs.join("pg_basebackup"));
        let primary = format!(
            "host={} port={} user={USER} application_name={name}",
            self.folder.display(),
            self.port
        );
        copy.args([
            "-d",
            &primary,
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
            "-D",
        ]);
        let copied = self
            .account
            .runs(copy.arg(&data).current_dir(&folder))
            .output();
        assert_done("pg_basebackup", &copied.unwrap());
        let tcp = self.arguments.contains("listen_addresses=127");
        let port = if tcp { free_port() } else { self.port };
        let arguments = arguments(&folder, tcp, port);
        let standby = Self::watched(self.programs.clone(), self.account, folder, port, arguments);
        if is_synchronous {
            self.must(&format!(
                "alter system set synchronous_standby_names = '{name}'"
            ));
            self.must("select pg_reload_conf()");
        }
        let state = if is_synchronous { "sync" } else { "async" };
        let follows = format!(
            "select 1 from pg_stat_replication where application_name = '{name}' and state = 'streaming' and sync_state = '{state}'"
        );
        while self.must(&follows).is_empty() {
            std::thread::yield_now();
        }
        standby
    }

    /// Makes a standby the primary. Whoever was the primary must have been stopped before.
    ///
    /// # Panics
    /// If it is none.
    pub fn promote(&self) {
        self.must("alter system reset synchronous_standby_names");
        self.control(&["-w", "-t", "120", "promote"]);
        self.must("select pg_reload_conf()");
    }

    fn must(&self, sql: &str) -> String {
        let (done, output) = self.psql("postgres", sql);
        assert!(done, "{output}");
        output
    }

    fn control(&self, what: &[&str]) {
        let mut control = Command::new(self.programs.join("pg_ctl"));
        control.arg("-D").arg(self.folder.join("data")).args(what);
        // A server that was started inherits them, and would keep a pipe open.
        let done = self
            .account
            .runs(control.current_dir("/"))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(done.success(), "pg_ctl {what:?}: {}", log());
    }

    fn first_process(&self) -> i32 {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        file.lines().next().unwrap().trim().parse().unwrap()
    }

    /// The first process first: it starts no others while it is halted.
    fn signal(&self, signal: Signal) {
        let first = self.first_process();
        send(first, signal);
        for process in children_of(first) {
            send(process, signal);
        }
    }
}

fn send(process: i32, signal: Signal) {
    // One that has ended meanwhile is fine.
    let _ = kill_process(Pid::from_raw(process).unwrap(), signal);
}

/// The state of a process and its parent, which stand after the name, which is in parentheses (proc(5)).
fn standing(process: i32) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_name, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// One that has ended holds nothing any more, also while nobody has asked how (state Z).
fn runs(process: i32) -> bool {
    standing(process).is_some_and(|(state, _parent)| state != "Z")
}

fn children_of(parent: i32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap();
    let processes = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |process: &i32| standing(*process).is_some_and(|(_state, of)| of == parent);
    processes.filter(is_child).collect()
}

fn assert_done(what: &str, output: &Output) {
    assert!(output.status.success(), "{what}: {output:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setup;

    #[test]
    fn a_process_that_has_ended_does_not_run_also_while_nobody_has_asked_how() {
        let mut child = Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let process = i32::try_from(child.id()).unwrap();
        assert!(runs(process));
        send(process, Signal::KILL);
        let patience = Instant::now() + PATIENCE;
        while runs(process) {
            assert!(Instant::now() < patience);
        }
        assert_eq!(standing(process).unwrap().0, "Z");
        child.wait().unwrap();
        assert!(standing(process).is_none());
    }

    #[test]
    fn a_server_that_crashed_has_what_was_committed() {
        let server = Server::start(&Setup::default());
        server.create_database("one").run("create table t (a int)");
        for how in [Stop::Crash, Stop::Kill] {
            server.stop(how);
            server.start_again();
            assert_eq!(server.database("one").run("select count(*) from t"), "0\n");
        }
        server.freeze();
        server.thaw();
        server.stop(Stop::Fast);
        server.start_again();
        assert_eq!(server.database("one").run("select count(*) from t"), "0\n");
    }

    #[test]
    fn a_synchronous_standby_has_everything_when_it_is_promoted() {
        let primary = Server::start(&Setup::default());
        let one = primary.create_database("one");
        let standby = primary.standby("second", true);
        one.run("create table t (a int); insert into t values (1)");
        primary.stop(Stop::Crash);
        let there = standby.database("one");
        assert_eq!(there.run("select pg_is_in_recovery()"), "t\n");
        standby.promote();
        assert_eq!(
            there.run("insert into t values (2); select count(*) from t"),
            "2\n"
        );
    }
}
