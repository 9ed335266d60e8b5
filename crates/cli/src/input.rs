//! What commands read and write: files, `-`, and three encodings.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, ErrorKind, IsTerminal, Read, Write},
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
pub(crate) const LIMIT: usize = 64 * 1024 * 1024;

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
    /// The bytes that `text`, which came from `path`, stands for; white space in hex and base64 is ignored.
    pub(crate) fn decode(self, mut text: Vec<u8>, path: &Path) -> Result<Vec<u8>, CliError> {
        let (decoded, encoding) = match self {
            Self::Binary => return Ok(text),
            Self::Hex => {
                text.retain(|byte| !byte.is_ascii_whitespace());
                (HEXLOWER_PERMISSIVE.decode(&text), "hexadecimal")
            }
            Self::Base64 => {
                text.retain(|byte| !byte.is_ascii_whitespace());
                (BASE64.decode(&text), "base64 (RFC 4648)")
            }
        };
        decoded.map_err(|_malformed| CliError::BadEncoding {
            input: named(path),
            encoding,
        })
    }

    /// Opens `path`, or standard input for `-`. What stands for other bytes is read as a whole.
    pub(crate) fn open(self, path: &Path) -> anyhow::Result<Box<dyn Read>> {
        if self == Self::Binary {
            return Ok(Box::new(open(path)?));
        }
        Ok(Box::new(Cursor::new(self.decode(read(path)?, path)?)))
    }

    /// The form of `bytes`, with a line end after hex and base64.
    pub(crate) fn encode(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Binary => bytes.to_vec(),
            Self::Hex => format!("{}\n", HEXLOWER.encode(bytes)).into_bytes(),
            Self::Base64 => format!("{}\n", BASE64.encode(bytes)).into_bytes(),
        }
    }

    /// As [`Self::encode`], for a secret: no copy is left in ordinary memory.
    pub(crate) fn encode_secret(self, secret: SecretBytes) -> SecretBytes {
        match self {
            Self::Binary => secret,
            Self::Hex => written_down(&HEXLOWER, &secret, b"\n"),
            Self::Base64 => written_down(&BASE64, &secret, b"\n"),
        }
    }
}

/// `secret` in base64, with nothing behind it.
pub(crate) fn base64_of_secret(secret: &SecretBytes) -> SecretBytes {
    written_down(&BASE64, secret, b"")
}

fn written_down(
    encoding: &data_encoding::Encoding,
    secret: &SecretBytes,
    end: &[u8],
) -> SecretBytes {
    let length = encoding.encode_len(secret.len());
    let mut text = SecretBytes::zeroed(length.saturating_add(end.len()));
    // EXPOSE: from locked memory into locked memory.
    let (digits, rest) = text.expose_mut().split_at_mut(length);
    encoding.encode_mut(secret.expose(), digits);
    rest.copy_from_slice(end);
    text
}

/// Reads `path`, or standard input for `-`.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    announce(path);
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

/// Appends what is left of `source`, which came from `path`.
pub(crate) fn read_rest(
    source: impl Read,
    contents: &mut Vec<u8>,
    path: &Path,
) -> anyhow::Result<()> {
    let read = source.take(LIMIT as u64 + 1).read_to_end(contents);
    read.map_err(|source| unreadable(path, source))?;
    if contents.len() > LIMIT {
        return Err(too_long(LIMIT).into());
    }
    Ok(())
}

/// Gives what `source`, which came from `path`, holds to `each`, in pieces of at most a mebibyte that lie in locked memory.
pub(crate) fn in_pieces(
    mut source: impl Read,
    path: &Path,
    mut each: impl FnMut(&mut [u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    const PIECE: usize = 1024 * 1024;
    let mut piece = SecretBytes::zeroed(PIECE);
    loop {
        // EXPOSE: filled and emptied in place.
        let buffer = piece.expose_mut();
        let length = read_piece(&mut source, buffer, path)?;
        match buffer.get_mut(..length) {
            Some(read) if !read.is_empty() => each(read)?,
            _ => return Ok(()),
        }
    }
}

/// Reads at most as much as `buffer` takes; nothing at the end of `source`, which came from `path`.
pub(crate) fn read_piece(
    source: &mut impl Read,
    buffer: &mut [u8],
    path: &Path,
) -> anyhow::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(interrupted) if interrupted.kind() == ErrorKind::Interrupted => {}
            read => return Ok(read.map_err(|source| unreadable(path, source))?),
        }
    }
}

/// Opens `path`, or standard input for `-`, to be read piece by piece.
pub(crate) fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    announce(path);
    if is_stdin(path) {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(open_file(path)?)))
}

/// Opens a file, and not a folder.
pub(crate) fn open_file(path: &Path) -> anyhow::Result<File> {
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
        }
        .into());
    }
    Ok(file)
}

/// Reads what may be a secret: the bytes live in locked memory only, and are wiped.
pub(crate) fn read_secret(path: &Path) -> anyhow::Result<SecretBytes> {
    announce(path);
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

/// Whoever forgot to name a file shall not wait for an answer while we wait for theirs.
fn announce(path: &Path) {
    if is_stdin(path) && io::stdin().is_terminal() {
        eprintln!("reading standard input; Ctrl-D ends it");
    }
}

/// How messages call the input `path`.
pub(crate) fn named(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
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

pub(crate) fn unreadable(path: &Path, source: io::Error) -> FileError {
    error_of(PathBuf::from(named(path)), FileAction::Read, source)
}

fn error_of(path: PathBuf, action: FileAction, source: io::Error) -> FileError {
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
    pub(crate) fn check(&self, encoding: Encoding) -> anyhow::Result<()> {
        if self.is_stdout() {
            if encoding == Encoding::Binary && io::stdout().is_terminal() {
                return Err(CliError::BinaryToTerminal.into());
            }
            return Ok(());
        }
        match self.out.symlink_metadata() {
            Ok(_there) if !self.force => {
                return Err(CliError::OutputExists {
                    path: self.out.clone(),
                }
                .into());
            }
            // A device or a pipe would be replaced by a file, or would make us wait.
            Ok(_there) if self.out.exists() && !self.out.is_file() => {
                return Err(FileError::NotAFile {
                    path: self.out.clone(),
                }
                .into());
            }
            _ => {}
        }
        check_folder_of(&self.out)
    }

    /// Writes `contents`; a file appears whole or not at all, belongs to this user, and takes the place of another only
    /// with `--force`.
    pub(crate) fn write(&self, contents: &[u8], access: Access) -> anyhow::Result<()> {
        let files = OsFiles::new();
        if self.is_stdout() {
            return output::write(contents);
        }
        if self.force {
            return Ok(files.write_durably(&self.out, contents, access)?);
        }
        match files.write_new_durably(&self.out, contents, access) {
            Err(FileError::Exists { path }) => Err(CliError::OutputExists { path }.into()),
            written => Ok(written?),
        }
    }

    /// As [`Self::write`], for contents that `fill` writes piece by piece. When it fails no file is left; what went to standard
    /// output before is gone.
    pub(crate) fn stream(
        &self,
        access: Access,
        fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if self.is_stdout() {
            return fill(&mut Unbuffered).map_err(|error| match error.downcast() {
                Ok(source) => CliError::Output { source }.into(),
                Err(other) => other,
            });
        }
        let (mut fill, mut failed) = (Some(fill), None);
        let mut fill = |file: &mut dyn Write| {
            let filled = fill.take().map_or(Ok(()), |fill| fill(file));
            filled.map_err(|error| match error.downcast::<io::Error>() {
                Ok(of_the_file) => of_the_file,
                Err(other) => {
                    failed = Some(other);
                    ErrorKind::Other.into()
                }
            })
        };
        let files = OsFiles::new();
        let written = if self.force {
            files.stream_durably(&self.out, access, &mut fill)
        } else {
            files.stream_new_durably(&self.out, access, &mut fill)
        };
        match (failed, written) {
            (Some(failed), _) => Err(failed),
            (None, Err(FileError::Exists { path })) => Err(CliError::OutputExists { path }.into()),
            (None, written) => Ok(written?),
        }
    }
}

/// Standard output, past the buffer of the standard library.
struct Unbuffered;

impl Write for Unbuffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        retry_on_intr(|| rustix::io::write(io::stdout(), bytes)).map_err(io::Error::from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a file can be made there: some acts cannot be taken back when their result cannot be written.
fn check_folder_of(file: &Path) -> anyhow::Result<()> {
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let action = FileAction::Write;
    let failed = |source: io::Error| error_of(folder.to_owned(), action, source);
    let metadata = folder.metadata().map_err(failed)?;
    if !metadata.is_dir() {
        return Err(FileError::NotAFolder {
            path: folder.to_owned(),
        }
        .into());
    }
    let write = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(folder, write).map_err(|error| failed(error.into()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_reads_what_it_writes() {
        for encoding in [Encoding::Binary, Encoding::Hex, Encoding::Base64] {
            let bytes = [0, 1, 0xfe, 0xff];
            let text = encoding.encode(&bytes);
            let secret = encoding.encode_secret(SecretBytes::from_slice(&bytes));
            assert_eq!(secret.expose(), text);
            assert_eq!(encoding.decode(text, Path::new("-")).unwrap(), bytes);
        }
    }

    #[test]
    fn white_space_in_hex_and_base64_is_ignored() {
        let lines = b" 00 01\nfe ff\n".to_vec();
        let bytes = Encoding::Hex.decode(lines, Path::new("-")).unwrap();
        assert_eq!(bytes, [0, 1, 0xfe, 0xff]);
        let lines = b"AAH+\r\n/w==\n".to_vec();
        let bytes = Encoding::Base64.decode(lines, Path::new("-")).unwrap();
        assert_eq!(bytes, [0, 1, 0xfe, 0xff]);
    }

    #[test]
    fn text_that_is_not_in_the_encoding_is_refused() {
        assert!(matches!(
            Encoding::Hex.decode(b"0g".to_vec(), Path::new("-")),
            Err(CliError::BadEncoding { input, .. }) if input == "standard input"
        ));
        assert!(matches!(
            Encoding::Base64.decode(b"a".to_vec(), Path::new("file")),
            Err(CliError::BadEncoding { .. })
        ));
    }
}
