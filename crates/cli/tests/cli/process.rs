//! What the system is told about the running process.

use std::{
    fs,
    io::Write,
    os::unix::{fs::MetadataExt, process::CommandExt},
    process::{Child, Command, Stdio},
};

use crate::support::{STRONGROOM, Sandbox};

const NOBODY: u32 = 65534;

/// The command, stopped where it has read much of its standard input and waits for more: long after its start.
struct Waiting(Child);

impl Waiting {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // More than a pipe holds: when it is written, the reader has begun.
        let input = vec![b'x'; 1 << 20];
        child.stdin.as_mut().unwrap().write_all(&input).unwrap();
        Self(child)
    }

    fn limits(&self) -> String {
        fs::read_to_string(format!("/proc/{}/limits", self.0.id())).unwrap()
    }

    /// The kernel gives what belongs to a process that is not dumpable to root.
    fn owner(&self) -> u32 {
        let environment = format!("/proc/{}/environ", self.0.id());
        fs::metadata(environment).unwrap().uid()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_running_process_writes_no_core_files_and_is_not_dumpable() {
    let sandbox = Sandbox::with_vault();
    // Files of root belong to root either way, so the processes are somebody else's.
    let root = rustix::process::geteuid().is_root();
    let user = if root {
        NOBODY
    } else {
        rustix::process::geteuid().as_raw()
    };
    let mut program = STRONGROOM.into();
    if root {
        program = sandbox.path("strongroom");
        sandbox.copy_program_to(&program);
        sandbox.set_mode("", 0o755);
    }
    let start = |program: &std::path::Path, args: &[&str]| {
        let mut command = sandbox.program(program, args);
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        Waiting::start(command)
    };
    let key = format!("1220{}", "00".repeat(32));
    let ours = start(&program, &["sign", "-", "--key", &key]);
    let core = ours.limits();
    let core = core
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let words: Vec<_> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
    assert_eq!(ours.owner(), 0, "not dumpable");

    // The control: an ordinary process of the same user is its own.
    let other = start("cat".as_ref(), &[]);
    assert_eq!(other.owner(), user);
}
