//! What commands read and write: files, `-`, and three encodings.

use std::{
    fs::File,
    io::{self, ErrorKind, IsTerminal, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use rustix::{fd::AsFd, io::retry_on_intr};
use strongroom_files::{Access, FileAction, FileError, Files, MAX_PRIVATE_FILE_BYTES, OsFiles};
use strongroom_memory::{SecretBytes, SecretWriter};

use crate::{failure::CliError, output};

/// Inputs are held in memory; more than this is not what these commands are for.
const LIMIT: usize = 64 * 1024 * 1024;

/// How bytes are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// As they are.
    Binary,
    /// Hexadecimal digits.
    Hex,
    /// RFC 4648 with padding.
    Base64,
}

impl Encoding {
    /// The bytes that `text` stands for; white space around hex and base64 is ignored.
    pub(crate) fn decode(self, text: Vec<u8>) -> Result<Vec<u8>, CliError> {
        let trimmed = text.trim_ascii();
        match self {
            Self::Binary => Ok(text),
            Self::Hex => {
                HEXLOWER_PERMISSIVE
                    .decode(trimmed)
                    .map_err(|_malformed| CliError::BadEncoding {
                        encoding: "hexadecimal",
                    })
            }
            Self::Base64 => BASE64
                .decode(trimmed)
                .map_err(|_malformed| CliError::BadEncoding {
                    encoding: "base64 (RFC 4648)",
                }),
        }
    }

    /// The form of `bytes`, with a line end after hex and base64.
    pub(crate) fn encode(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Binary => bytes.to_vec(),
            Self::Hex => format!("{}\n", HEXLOWER.encode(bytes)).into_bytes(),
            Self::Base64 => format!("{}\n", BASE64.encode(bytes)).into_bytes(),
        }
    }
}

/// Reads `path`, or standard input for `-`.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut contents = Vec::new();
    let most = LIMIT as u64 + 1;
    let read = if is_stdin(path) {
        io::stdin().lock().take(most).read_to_end(&mut contents)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut contents))
    };
    read.map_err(|source| unreadable(path, source))?;
    if contents.len() > LIMIT {
        return Err(too_long(LIMIT).into());
    }
    Ok(contents)
}

/// Reads what may be a secret: the bytes live in locked memory only, and are wiped.
pub(crate) fn read_secret(path: &Path) -> anyhow::Result<SecretBytes> {
    let secret = if is_stdin(path) {
        // Past the buffer of the standard library, which would keep a copy.
        read_into_locked_memory(io::stdin().as_fd())
    } else {
        File::open(path).and_then(|file| {
            warn_of_readers(path, &file);
            read_into_locked_memory(file.as_fd())
        })
    };
    let secret = secret.map_err(|source| unreadable(path, source))?;
    if secret.len() > MAX_PRIVATE_FILE_BYTES {
        return Err(too_long(MAX_PRIVATE_FILE_BYTES).into());
    }
    Ok(secret)
}

/// All that `source` gives; at least one byte more than the limit when it gives more.
fn read_into_locked_memory(source: impl AsFd) -> io::Result<SecretBytes> {
    const PIECE: usize = 4096;
    let mut contents = SecretWriter::with_capacity(PIECE);
    let mut piece = SecretBytes::zeroed(PIECE);
    while contents.len() <= MAX_PRIVATE_FILE_BYTES {
        // EXPOSE: filled and emptied in place.
        let buffer = piece.expose_mut();
        let length = retry_on_intr(|| rustix::io::read(&source, &mut *buffer))?;
        match buffer.get(..length) {
            Some(read) if !read.is_empty() => contents.push(read),
            _ => break,
        }
    }
    Ok(contents.finish())
}

/// Others could read the file of a private key: it is taken, but not in silence.
fn warn_of_readers(path: &Path, file: &File) {
    let open = |metadata: std::fs::Metadata| metadata.is_file() && metadata.mode() & 0o077 != 0;
    if file.metadata().is_ok_and(open) {
        tracing::warn!(file = %path.display(), "other users may read this file: if it holds a private key, they may have it");
    }
}

fn unreadable(path: &Path, source: io::Error) -> FileError {
    let action = FileAction::Read;
    let path = if is_stdin(path) {
        PathBuf::from("standard input")
    } else {
        path.to_owned()
    };
    match source.kind() {
        ErrorKind::NotFound => FileError::NotFound {
            path,
            action,
            source,
        },
        ErrorKind::PermissionDenied => FileError::Denied {
            path,
            action,
            source,
        },
        ErrorKind::IsADirectory => FileError::NotAFile { path },
        ErrorKind::NotADirectory => FileError::NotAFolder { path },
        _ => FileError::Io {
            path,
            action,
            source,
        },
    }
}

fn too_long(limit: usize) -> CliError {
    CliError::TooLong {
        what: "the input",
        limit,
    }
}

/// Whether `path` means standard input or output.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Only one input can come from standard input.
pub(crate) fn refuse_stdin_twice<'a>(
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), CliError> {
    if inputs.into_iter().filter(|path| is_stdin(path)).count() > 1 {
        Err(CliError::StdinTwice)
    } else {
        Ok(())
    }
}

/// Where output goes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Destination {
    /// Where to write it; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    pub(crate) force: bool,
}

impl Destination {
    /// Whether the output goes to standard output.
    pub(crate) fn is_stdout(&self) -> bool {
        is_stdin(&self.out)
    }

    /// Refuses early what [`Self::write`] would refuse late.
    pub(crate) fn check(&self, encoding: Encoding) -> Result<(), CliError> {
        if self.is_stdout() {
            if encoding == Encoding::Binary && io::stdout().is_terminal() {
                return Err(CliError::BinaryToTerminal);
            }
        } else if !self.force && self.out.exists() {
            return Err(CliError::OutputExists {
                path: self.out.clone(),
            });
        }
        Ok(())
    }

    /// Writes `contents`; a file appears whole or not at all.
    pub(crate) fn write(&self, contents: &[u8], access: Access) -> anyhow::Result<()> {
        if self.is_stdout() {
            output::write(contents)?;
        } else {
            OsFiles::new().write_durably(&self.out, contents, access)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_reads_what_it_writes() {
        for encoding in [Encoding::Binary, Encoding::Hex, Encoding::Base64] {
            let bytes = [0, 1, 0xfe, 0xff];
            assert_eq!(encoding.decode(encoding.encode(&bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn text_that_is_not_in_the_encoding_is_refused() {
        assert!(matches!(
            Encoding::Hex.decode(b"0g".to_vec()),
            Err(CliError::BadEncoding { .. })
        ));
        assert!(matches!(
            Encoding::Base64.decode(b"a".to_vec()),
            Err(CliError::BadEncoding { .. })
        ));
    }
}
