//! A sandbox for each test: a home of its own, a vault folder, and the command line in it.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub(crate) const STRONGROOM: &str = env!("CARGO_BIN_EXE_strongroom");

/// A temporary folder with a home, and room for vaults and files.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    /// With a vault in `vault`, made by `init` without a passphrase.
    pub(crate) fn with_vault() -> Self {
        let sandbox = Self::new();
        sandbox.run(["init", "--unprotected-key-file"]).succeeded();
        sandbox
    }

    /// With a vault in `vault`, made by `quickstart`.
    pub(crate) fn with_quickstart() -> Self {
        let sandbox = Self::new();
        sandbox.run(["quickstart"]).succeeded();
        sandbox
    }

    /// With a vault in `vault` that is a participant of this name.
    pub(crate) fn with_participant(name: &str) -> Self {
        let sandbox = Self::new();
        let init = ["init", "--unprotected-key-file", "--kind", "participant"];
        sandbox
            .run([&init[..], &["--node", name]].concat())
            .succeeded();
        sandbox
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that `--dir` names unless a test names another.
    pub(crate) fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    /// Where key files and anchors go.
    pub(crate) fn key_home(&self) -> PathBuf {
        self.path("home/.config/strongroom")
    }

    /// The folder of the one vault's key file and anchor.
    pub(crate) fn keys_folder(&self) -> PathBuf {
        let mut folders = fs::read_dir(self.key_home()).unwrap();
        let folder = folders.next().unwrap().unwrap().path();
        assert!(folders.next().is_none(), "more than one vault");
        folder
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("vault/strongroom.toml")
    }

    /// Changes the configuration of the vault.
    pub(crate) fn edit_config(&self, change: impl FnOnce(String) -> String) {
        let before = fs::read_to_string(self.config()).unwrap();
        let after = change(before.clone());
        assert_ne!(before, after, "the configuration was to be changed");
        fs::write(self.config(), after).unwrap();
    }

    /// Writes a file that only its owner may read, and returns its path.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub(crate) fn set_mode(&self, name: impl AsRef<Path>, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Copied by a process of its own: what this one has open for writing is open in whatever other tests start meanwhile, and the
    /// system runs no program that anybody may still write (ETXTBSY).
    pub(crate) fn copy_program_to(&self, path: &Path) {
        let copied = self.program("cp", [STRONGROOM.as_ref(), path]).status();
        assert!(copied.unwrap().success());
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The command in this sandbox, about to be run: nothing of the tester's environment but the path to programs.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        self.program(STRONGROOM, args)
    }

    pub(crate) fn program<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("STRONGROOM_DIR", self.vault())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.command(args))
    }

    /// With something on standard input.
    pub(crate) fn run_with<S: AsRef<OsStr>>(
        &self,
        input: impl AsRef<[u8]>,
        args: impl IntoIterator<Item = S>,
    ) -> Ran {
        Ran::with_input(self.command(args), input.as_ref())
    }

    /// The JSON document of a command that succeeds.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Value {
        let mut command = self.command(args);
        command.args(["--output", "json"]);
        let ran = Ran::of(command).succeeded();
        assert_eq!(ran.stderr, "");
        serde_json::from_slice(&ran.stdout).unwrap()
    }

    /// Generates a signing key and returns its fingerprint.
    pub(crate) fn signing_key(&self, spec: &str, usage: &str) -> String {
        let key = self.json(["keys", "generate-signing", "--spec", spec, "--usage", usage]);
        text(&key, "fingerprint")
    }

    /// Generates an encryption key and returns its fingerprint.
    pub(crate) fn encryption_key(&self, spec: &str) -> String {
        let key = self.json(["keys", "generate-encryption", "--spec", spec]);
        text(&key, "fingerprint")
    }

    /// The fingerprint of the one active key with this name, or of the one that was rotated into its place.
    pub(crate) fn key_named(&self, name: &str) -> String {
        let list = self.json(["keys", "list", "--name", name]);
        let rotated = format!("{name}-rotated-");
        let is_it = |key: &Value| {
            let named = text(key, "name");
            key["state"] == "active" && (named == name || named.starts_with(&rotated))
        };
        let keys: Vec<_> = list["keys"].as_array().unwrap().iter().collect();
        let mut found = keys.into_iter().filter(|key| is_it(key));
        let key = found
            .next()
            .unwrap_or_else(|| panic!("no {name} in {list}"));
        assert!(found.next().is_none(), "more than one {name}: {list}");
        text(key, "fingerprint")
    }

    /// Writes the public half of a key to a PEM file.
    pub(crate) fn public_pem(&self, fingerprint: &str, file: &str) -> PathBuf {
        let shown = self.json(["keys", "show", fingerprint]);
        self.write(file, text(&shown, "public_key_pem"))
    }

    /// Exports a private key without a password.
    pub(crate) fn export(&self, fingerprint: &str, format: &str, file: &str) -> PathBuf {
        let path = self.path(file);
        self.run([
            "keys".as_ref(),
            "export".as_ref(),
            fingerprint.as_ref(),
            "--unprotected".as_ref(),
            "--format".as_ref(),
            format.as_ref(),
            "--out".as_ref(),
            path.as_os_str(),
        ])
        .succeeded();
        path
    }

    /// Every file below the sandbox with its contents and rights, but for what a process that stops may leave behind and
    /// what says nothing: lock files, the index of the database's log, and the log when it is empty.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut files = BTreeMap::new();
        collect(self.folder.path(), &mut files);
        files
    }

    /// Runs a command that must fail with `code` and `status` and change no file.
    pub(crate) fn refuses<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        code: &str,
        status: i32,
    ) -> Ran {
        let before = self.snapshot();
        let ran = self.run(args).failed(code, status);
        self.assert_unchanged(&before);
        ran
    }

    pub(crate) fn assert_unchanged(&self, before: &BTreeMap<PathBuf, (u32, Vec<u8>)>) {
        let after = self.snapshot();
        let names =
            |files: &BTreeMap<PathBuf, (u32, Vec<u8>)>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(before), names(&after), "files came or went");
        for (path, contents) in before {
            assert!(after[path] == *contents, "{} was changed", path.display());
        }
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            collect(&path, files);
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let empty_log = name.ends_with("-wal") && metadata.len() == 0;
        if name != "lock" && !name.ends_with("-shm") && !empty_log {
            let mode = metadata.permissions().mode();
            files.insert(path.clone(), (mode, fs::read(&path).unwrap()));
        }
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(mut command: Command) -> Self {
        Self::from(command.output().unwrap())
    }

    pub(crate) fn with_input(mut command: Command, input: &[u8]) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that fails before it reads closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(input);
        Self::from(child.wait_with_output().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.stdout).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.status, 0, "{}\n{}", self.stderr, self.lossy());
        self
    }

    /// Failed with this code on standard error, with advice, and with this status.
    #[track_caller]
    pub(crate) fn failed(self, code: &str, status: i32) -> Self {
        let all = format!("{}\n{}", self.stderr, self.lossy());
        assert_eq!(self.code(), Some(code), "{all}");
        assert_eq!(self.status, status, "{all}");
        assert!(self.after("error: ").is_some(), "{all}");
        let advice = self.after("try: ").expect("no advice");
        assert!(advice.ends_with('.') && advice.len() > 8, "{advice}");
        assert!(self.stdout.is_empty(), "{all}");
        self
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.after("code: ")
    }

    fn after(&self, prefix: &str) -> Option<&str> {
        self.stderr
            .lines()
            .find_map(|line| line.strip_prefix(prefix))
    }

    fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl From<std::process::Output> for Ran {
    fn from(output: std::process::Output) -> Self {
        Self {
            status: output.status.code().expect("ended by a signal"),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A field of a JSON document that is text.
#[track_caller]
pub(crate) fn text(document: &Value, field: &str) -> String {
    document[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field} in {document}"))
        .to_owned()
}
