//! The lines of earlier consoles, without anything that should not be kept.

use std::path::{Path, PathBuf};

use strongroom_files::{Access, Files as _};

use super::line;
use crate::{environment, session};

/// So many lines are kept.
const MOST: usize = 1000;

/// The lines of earlier consoles, in a file that only its owner can read.
pub(super) struct History {
    file: PathBuf,
    lines: Vec<String>,
}

impl History {
    /// Reads it. A file that cannot be read, or that others could, is begun anew.
    pub(super) fn open() -> anyhow::Result<Self> {
        let folder = environment::state_home()?;
        session::files().create_folder(&folder, Access::OwnerOnly)?;
        let file = folder.join("console-history");
        let read = session::files().read_private(&file);
        let lines = match read {
            // EXPOSE: what is in it was judged to be no secret when it was written.
            Ok(Some(kept)) => String::from_utf8_lossy(kept.expose())
                .lines()
                .map(str::to_owned)
                .collect(),
            Ok(None) => Vec::new(),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the history of the console is begun anew"
                );
                Vec::new()
            }
        };
        Ok(Self { file, lines })
    }

    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Keeps a line, if it may be kept; answers whether it does.
    pub(super) fn keep(&mut self, line: &str) -> anyhow::Result<bool> {
        let line = line.trim_end();
        if !may_be_kept(line) || self.lines.last().is_some_and(|last| last == line) {
            return Ok(false);
        }
        self.lines.push(line.to_owned());
        let surplus = self.lines.len().saturating_sub(MOST);
        self.lines.drain(..surplus);
        let mut text = self.lines.join("\n");
        text.push('\n');
        session::files().write_durably(&self.file, text.as_bytes(), Access::OwnerOnly)?;
        Ok(true)
    }
}

/// Whether a line that was a command may be kept. No command takes a secret as an argument, but people make mistakes: an
/// address with a password, a private key or a token where its file should be named. A space in front says the same as to a
/// shell.
pub(super) fn may_be_kept(line: &str) -> bool {
    let is_secret = |word: &str| {
        let upper = word.to_ascii_uppercase();
        let has_password = word
            .split_once("://")
            .and_then(|(_scheme, rest)| rest.split(['/', '?']).next()?.rsplit_once('@'))
            .is_some_and(|(user, _host)| user.contains(':'));
        let names_one = ["PASSWORD=", "PASSPHRASE=", "TOKEN=", "SECRET=", "PIN="]
            .iter()
            .any(|name| upper.contains(name));
        let is_key = upper.contains("SECRET-KEY-") || upper.contains("PRIVATE KEY");
        // A fingerprint begins with 1220; any other long run of letters and digits may be a key, and a token begins so.
        let is_run = |part: &str| {
            part.len() >= 40
                && !part.starts_with("1220")
                && !part.starts_with("age1")
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+/_=-".contains(&byte))
                && !is_path(part)
        };
        has_password
            || names_one
            || is_key
            || word.starts_with("eyJ")
            || word.split([':', ',', '=']).any(is_run)
    };
    // As the command gets them, without quotes; and what it does not get: a comment, a line whose quote is open, a part of a text.
    let words = line::words(line).unwrap_or_default();
    let mut raw = line
        .split_whitespace()
        .map(|word| word.replace(['\'', '"', '\\'], ""));
    !line.is_empty()
        && !line.starts_with(' ')
        && !words.iter().any(|word| is_secret(word))
        && !raw.any(|word| is_secret(&word))
}

/// Whether a run with slashes names a file, rather than being base64, where a slash is one of the digits: it is there, or its folder
/// is, or it reads like one.
fn is_path(run: &str) -> bool {
    let path = Path::new(run);
    let Some((folder, name)) = run.rsplit_once('/') else {
        return false;
    };
    path.exists()
        || (reads_like_a_name(name) && Path::new(folder).is_dir())
        || run.split('/').all(reads_like_a_name)
}

/// Whether this is like what people call folders and files: capital letters at the beginning, or everywhere. Of base64 a few
/// characters may be so, not forty.
fn reads_like_a_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_digit() || b"_-".contains(&byte);
    let mut letters = name.bytes().skip(1);
    let small = letters
        .clone()
        .all(|byte| byte.is_ascii_lowercase() || plain(byte));
    small || letters.all(|byte| byte.is_ascii_uppercase() || plain(byte))
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;
    use strongroom_crypto::{Random as _, SystemRandom};

    use super::*;

    #[test]
    fn commands_are_kept_and_what_may_be_a_secret_is_not() {
        let fingerprint = format!("1220{}", "ab".repeat(32));
        for line in [
            "keys list --name node-",
            "keys list --name 'a name in \"quotes\"' # and why",
            &format!("sign message.bin --key {fingerprint} --out message.sig"),
            &format!("topology active-keys PAR::participant1::{fingerprint}"),
            "backup create vault.backup --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
            "vault move --to postgres://strongroom@db.example:5432/ledger",
            "keys export 1220 --out /a/long/path/of/folders/without/anything/secret/node.key",
        ] {
            assert!(may_be_kept(line), "{line}");
        }
        for line in [
            "",
            " keys list",
            "vault move --to postgres://strongroom:XYZZY@db.example:5432/ledger",
            "keys import AGE-SECRET-KEY-1QQQQ",
            "sign eyJhbGciOiJIUzI1NiJ9.e30.x",
            "keys import --name password=XYZZY",
            &format!("keys import {}", "ab".repeat(32)),
            &format!("keys import '{}'", "ab".repeat(32)),
            &format!("keys import {}''{}", "ab".repeat(16), "ab".repeat(16)),
            "keys import '-----BEGIN PRIVATE KEY-----'",
            "keys import -----BEGIN' PRIVATE 'KEY-----",
            "sign 'eyJhbGciOiJIUzI1NiJ9.e30.x'",
            "sign \"eyJhbGciOiJIUzI1NiJ9.e30.x",
        ] {
            assert!(!may_be_kept(line), "{line}");
        }
    }

    #[test]
    fn no_key_is_kept_that_somebody_pasted_whatever_its_bytes_are() {
        let random = SystemRandom;
        // Bare, and in PKCS#8 (RFC 8410).
        let ed25519 = [
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
        ];
        let mut with_slash = 0;
        for round in 0..20_000 {
            let mut key = [0; 32];
            random.fill(&mut key).unwrap();
            let prefix = if round % 2 == 0 { &ed25519[..] } else { &[] };
            let base64 = BASE64.encode(&[prefix, &key].concat());
            with_slash += usize::from(base64.contains('/'));
            for line in [
                format!("keys import {base64}"),
                format!("keys import --key={base64}"),
                format!("keys import {}", base64.trim_end_matches('=')),
                format!("keys import '{base64}'"),
                format!("keys import \"{base64}\""),
                format!("keys import --key='{base64}'"),
                format!("keys import 'the key {base64} of the node'"),
                format!("keys list # {base64}"),
                format!("keys import '{base64}"),
                format!("keys import {}\\{}", &base64[..20], &base64[20..]),
            ] {
                assert!(!may_be_kept(&line), "{line}");
            }
        }
        assert!(with_slash > 5_000, "{with_slash}");
    }

    #[test]
    fn files_are_named_in_lines_that_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("ABcdEFgh12IJklMNop34QRstUVwx56");
        std::fs::create_dir(&deep).unwrap();
        let there = deep.display();
        for line in [
            format!("backup verify {there}"),
            format!("backup create {there}/january-backup"),
            "backup create backups/2026/January/week-1/participant1".to_owned(),
            "keys import /mnt/EXPORT_2026/node-keys/participant1/signing".to_owned(),
        ] {
            assert!(may_be_kept(&line), "{line}");
        }
        // Not one that is nowhere and reads like nothing.
        assert!(!may_be_kept(
            "keys import ABcdEFgh12IJklM/Nop34QRstUVwx56/78YZabCD"
        ));
    }
}
