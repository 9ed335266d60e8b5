//! What `deploy/` says, without a container engine: the image's root file system is assembled, searched and started from.

#[path = "deploy/compose.rs"]
mod compose;
#[path = "deploy/unit.rs"]
mod unit;

use std::{
    fs,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use memchr::memmem;
use serde_json::Value;

use crate::support::{Ran, STRONGROOM};

/// The user of the image.
const USER: u32 = 65532;

/// Its folders in the image, which are volumes.
const OURS: [&str; 4] = [
    "var/lib/strongroom",
    "var/lib/strongroom-keys",
    "etc/strongroom",
    "run/strongroom",
];

fn deploy(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    root.join(file)
}

/// The root file system of the image, with the program of these tests in it.
struct Image {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

impl Image {
    fn assemble() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let root = folder.path().join("rootfs");
        let mut command = Command::new(deploy("rootfs.sh"));
        command.arg(STRONGROOM).arg(&root);
        Ran::of(command).succeeded();
        Self {
            _folder: folder,
            root,
        }
    }

    /// Every file and folder, by its path in the image.
    fn entries(&self) -> Vec<(PathBuf, fs::Metadata)> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                if metadata.is_dir() {
                    folders.push(path.clone());
                }
                found.push((path.strip_prefix(&self.root).unwrap().to_owned(), metadata));
            }
        }
        found
    }

    /// The program with `args` in the image, as its user, with the variables that the recipe sets.
    fn command(&self, args: &[&str]) -> Command {
        let recipe = fs::read_to_string(deploy("Containerfile")).unwrap();
        assert!(recipe.contains(&format!("USER {USER}:{USER}")));
        // A user who is not root makes a namespace in which it may change its root.
        let mut command = if rustix::process::getuid().is_root() {
            let mut command = Command::new("chroot");
            command
                .arg(format!("--userspec={USER}:{USER}"))
                .arg(&self.root);
            command
        } else {
            let mut command = Command::new("unshare");
            let mapped = [
                "--user".to_owned(),
                format!("--map-user={USER}"),
                format!("--map-group={USER}"),
            ];
            command
                .args(mapped)
                .arg(format!("--root={}", self.root.display()));
            command
        };
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        for line in recipe.lines() {
            let line = line.trim_start_matches("ENV ").trim();
            let line = line.trim_end_matches('\\').trim_end();
            if let Some((name, value)) = line.split_once('=')
                && (name.starts_with("STRONGROOM_") || name.starts_with("XDG_"))
            {
                command.env(name, value);
            }
        }
        command.arg("/usr/bin/strongroom").args(args);
        command
    }
}

/// A program that says what it offers and then runs, until it is ended or this goes.
struct Running {
    child: Child,
    shown: Value,
}

impl Running {
    fn of(mut command: Command) -> Self {
        command.args(["--output", "json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut document = String::new();
        let shown = loop {
            let line = lines.next().expect("it reports").unwrap();
            document.push_str(&line);
            if let Ok(shown) = serde_json::from_str(&document) {
                break shown;
            }
        };
        Self { child, shown }
    }

    fn text(&self, field: &str) -> &str {
        self.shown[field].as_str().unwrap()
    }

    /// A page of the server's.
    fn page(&self, page: &str) -> String {
        let mut stream = TcpStream::connect(self.text("http")).unwrap();
        write!(
            stream,
            "GET {page} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn end(mut self) -> ExitStatus {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

/// Whether `bytes` have `prefix` with `count` bytes behind it that are all `wanted`.
fn has(bytes: &[u8], prefix: &str, count: usize, wanted: impl Fn(u8) -> bool) -> bool {
    memmem::find_iter(bytes, prefix).any(|at| {
        let behind = bytes.get(at + prefix.len()..at + prefix.len() + count);
        behind.is_some_and(|behind| behind.iter().all(|byte| wanted(*byte)))
    })
}

/// What in these bytes is a key or a credential.
fn secret_in(bytes: &[u8]) -> Option<&'static str> {
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if has(bytes, "PRIVATE KEY-----\n", 40, base64) {
        Some("a private key")
    } else if has(bytes, "AGE-SECRET-KEY-1", 58, upper) {
        Some("a key of age")
    } else if has(bytes, "AKIA", 16, upper) {
        Some("an access key of AWS")
    } else if memmem::find(bytes, b"\"private_key_id\": \"").is_some() {
        Some("a service account of Google")
    } else if bytes.starts_with(b"SQLite format 3\0") {
        Some("a database")
    } else if bytes.starts_with(b"strongroom keys\n") {
        Some("a key file")
    } else {
        None
    }
}

#[test]
fn no_engine_takes_more_into_a_build_than_another() {
    // Podman reads the one, Docker the other.
    let [podman, docker] = [".containerignore", ".dockerignore"]
        .map(|name| fs::read_to_string(deploy("..").join(name)).unwrap());
    assert_eq!(podman, docker);
    for kept_out in [".git", "strongroom-vault", "**/*.key"] {
        assert!(podman.lines().any(|line| line == kept_out), "{kept_out}");
    }
}

#[test]
fn the_search_for_secrets_finds_them() {
    for secret in [
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n",
            "MC4CAQAwBQYDK2VwBCIEIA".repeat(2)
        ),
        format!("AGE-SECRET-KEY-1{}", "Q".repeat(58)),
        "aws_access_key_id = AKIAABCDEFGHIJKLMNOP".to_owned(),
        "SQLite format 3\0".to_owned(),
        "strongroom keys\n\u{1}".to_owned(),
    ] {
        assert!(secret_in(secret.as_bytes()).is_some(), "{secret}");
    }
    assert_eq!(
        secret_in(b"-----BEGIN PRIVATE KEY----- is how it begins"),
        None
    );
}

#[test]
fn the_image_has_the_program_with_its_libraries_and_nothing_secret() {
    let image = Image::assemble();
    let mut programs = 0;
    for (path, metadata) in image.entries() {
        let mode = metadata.permissions().mode();
        assert_eq!(mode & 0o6000, 0, "{path:?} gives rights to who starts it");
        if metadata.is_dir() {
            let name = path.to_str().unwrap();
            let is_ours = name == "tmp" || OURS.contains(&name);
            assert!(is_ours || mode & 0o022 == 0, "{path:?} is writable");
            continue;
        }
        assert!(metadata.is_file(), "{path:?} is no file");
        assert_eq!(mode & 0o022, 0, "{path:?} is writable");
        let name = path.to_str().unwrap();
        let is_library = name.starts_with("lib") && name.contains(".so");
        let is_known = [
            "etc/passwd",
            "etc/group",
            "etc/ssl/certs/ca-certificates.crt",
        ]
        .contains(&name);
        programs += usize::from(name == "usr/bin/strongroom");
        assert!(
            is_library || is_known || name == "usr/bin/strongroom",
            "{path:?} has no business there"
        );
        let contents = fs::read(image.root.join(&path)).unwrap();
        assert_eq!(secret_in(&contents), None, "in {path:?}");
    }
    assert_eq!(programs, 1);
}

#[test]
fn the_server_starts_from_the_image_as_an_ordinary_user_and_writes_in_its_own_folder_only() {
    let image = Image::assemble();
    let before: Vec<_> = image.entries().into_iter().map(|(path, _)| path).collect();
    Ran::of(image.command(&["init", "--unprotected-key-file"])).succeeded();
    let serving = Running::of(image.command(&["serve", "--address", "127.0.0.1:0"]));
    assert!(serving.text("grpc").starts_with("127.0.0.1:"));
    let status = fs::read_to_string(format!("/proc/{}/status", serving.child.id())).unwrap();
    if rustix::process::getuid().is_root() {
        assert!(
            status.contains(&format!("Uid:\t{USER}\t{USER}\t{USER}\t{USER}")),
            "{status}"
        );
        assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
    }
    assert!(serving.end().success());
    for (path, metadata) in image.entries() {
        let is_new = !before.contains(&path);
        let in_its_folders = OURS.iter().any(|folder| path.starts_with(folder));
        assert!(!is_new || in_its_folders, "{path:?} is new");
        if is_new && rustix::process::getuid().is_root() {
            assert_eq!(metadata.uid(), USER, "{path:?}");
        }
    }
    // Who copies one of them has not the key with what it opens, and nothing puts the anchor back with the database.
    let kept = image.root.join("var/lib/strongroom-keys/strongroom");
    let kept = fs::read_dir(kept).unwrap().next().unwrap().unwrap().path();
    for (name, folder) in [
        ("kms.key", &kept),
        ("anchor.json", &kept),
        ("vault.db", &image.root.join("var/lib/strongroom/vault")),
        ("strongroom.toml", &image.root.join("etc/strongroom")),
    ] {
        let found = image.entries().into_iter().map(|(path, _)| path);
        let found: Vec<_> = found.filter(|path| path.ends_with(name)).collect();
        let wanted = folder.strip_prefix(&image.root).unwrap().join(name);
        assert_eq!(found, [wanted]);
    }
}
