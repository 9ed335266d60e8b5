//! Reading a backup, of which nothing is believed before the manifest has confirmed all of it.

use std::io::{self, BufReader, ErrorKind, Read};

use crate::{
    codec::Malformed,
    contents::Contents,
    error::BackupError,
    header::Header,
    manifest::{Manifest, Tally},
    section::Section,
    writer::{MAGIC, VERSION, head_of},
};

/// No row is longer; a store would not take it. So a length that was made up does not fill the memory.
const MAX_ROW_BYTES: usize = 256 << 20;

/// Reads all of `input`, and holds it against its manifest.
pub(crate) fn read(input: impl Read) -> Result<Contents, BackupError> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    check_magic(&mut input)?;
    let (section, header) = next_frame(&mut input)?;
    let damaged = |section, row| move |_: Malformed| damaged(section, row);
    if section != Section::Header {
        return Err(BackupError::NotABackup);
    }
    let mut tally = Tally::default();
    let head = head_of(section, &header);
    tally
        .add(section, [&head, &header])
        .map_err(damaged(section, 1))?;
    let header = Header::decode(&header).map_err(damaged(section, 1))?;
    let mut contents = Contents::of(header);
    let mut last = (section, 1);
    let manifest = loop {
        let (section, row) = next_frame(&mut input)?;
        if section == Section::Manifest {
            break Manifest::decode(&row).map_err(damaged(section, 1))?;
        }
        let number = if last.0 == section { last.1 + 1 } else { 1 };
        last = (section, number);
        let head = head_of(section, &row);
        tally
            .add(section, [&head, &row])
            .and_then(|()| contents.take(section, row))
            .map_err(damaged(section, number))?;
    };
    if input.read(&mut [0]).map_err(of_input)? != 0 {
        return Err(BackupError::Damaged {
            section: None,
            row: 0,
        });
    }
    let found = tally.finish();
    if let Some(section) = difference(&manifest, &found) {
        return Err(BackupError::Damaged {
            section: Some(section),
            row: 0,
        });
    }
    contents
        .complete(manifest)
        .map_err(damaged(Section::Vault, 0))
}

fn damaged(section: Section, row: u64) -> BackupError {
    BackupError::Damaged {
        section: Some(section),
        row,
    }
}

/// The first section in which the manifest and the frames disagree.
fn difference(manifest: &Manifest, found: &[crate::SectionSummary]) -> Option<Section> {
    Section::ALL.into_iter().find(|section| {
        let of = |sections: &[crate::SectionSummary]| {
            let mut matching = sections
                .iter()
                .filter(|summary| summary.section == *section);
            (matching.next().copied(), matching.count())
        };
        of(&manifest.sections) != of(found)
    })
}

fn check_magic(input: &mut impl Read) -> Result<(), BackupError> {
    let mut magic = [0; MAGIC.len()];
    match input.read_exact(&mut magic) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(BackupError::NotABackup);
        }
        read => read.map_err(of_input)?,
    }
    if magic != MAGIC {
        return Err(BackupError::NotABackup);
    }
    let mut version = [0];
    input.read_exact(&mut version).map_err(of_input)?;
    match version {
        [VERSION] => Ok(()),
        [version] => Err(BackupError::UnknownFormat { version }),
    }
}

fn next_frame(input: &mut impl Read) -> Result<(Section, Vec<u8>), BackupError> {
    let mut head = [0; 5];
    input.read_exact(&mut head).map_err(of_input)?;
    let [code, length @ ..] = head;
    let cut = BackupError::Damaged {
        section: Section::from_code(code),
        row: 0,
    };
    let Some(section) = Section::from_code(code) else {
        return Err(cut);
    };
    let length = match usize::try_from(u32::from_be_bytes(length)) {
        Ok(length) if length <= MAX_ROW_BYTES => length,
        _ => return Err(cut),
    };
    // Grows with what is really there.
    let mut row = Vec::with_capacity(length.min(1 << 16));
    let read = input.take(length as u64).read_to_end(&mut row);
    if read.map_err(of_input)? != length {
        return Err(cut);
    }
    Ok((section, row))
}

/// The encryption says in the system's words that it was cut or changed.
pub(crate) fn of_input(source: io::Error) -> BackupError {
    match source.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            BackupError::Damaged {
                section: None,
                row: 0,
            }
        }
        _ => BackupError::Io {
            action: "read",
            source,
        },
    }
}
