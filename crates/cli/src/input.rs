//! What commands read and write: files, `-`, and three encodings.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use strongroom_files::{Access, Files, OsFiles};
use strongroom_memory::SecretBytes;

use crate::failure::CliError;

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
    if is_stdin(path) {
        io::stdin()
            .lock()
            .take(LIMIT as u64 + 1)
            .read_to_end(&mut contents)?;
    } else {
        let file = File::open(path)
            .map_err(|error| anyhow::Error::new(error).context(cannot_read(path)))?;
        file.take(LIMIT as u64 + 1).read_to_end(&mut contents)?;
    }
    if contents.len() > LIMIT {
        return Err(CliError::TooLong {
            what: "the input",
            limit: LIMIT,
        }
        .into());
    }
    Ok(contents)
}

/// Reads what may be a secret: the bytes live in locked memory and are wiped.
pub(crate) fn read_secret(path: &Path) -> anyhow::Result<SecretBytes> {
    Ok(SecretBytes::take(read(path)?))
}

/// Whether `path` means standard input or output.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Two inputs cannot both come from standard input.
pub(crate) fn refuse_stdin_twice(first: &Path, second: &Path) -> Result<(), CliError> {
    if is_stdin(first) && is_stdin(second) {
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
            let mut out = io::stdout().lock();
            out.write_all(contents)?;
            out.flush()?;
        } else {
            OsFiles::new().write_durably(&self.out, contents, access)?;
        }
        Ok(())
    }
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
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
