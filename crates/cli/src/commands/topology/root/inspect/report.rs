//! What is told of files that were found.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    found::Found,
    known::Known,
    views::{HashView, KeyView, PreparedView, SignatureFileView, SignedFileView},
};
use crate::output;

/// What `inspect` prints.
#[derive(Serialize)]
pub(super) struct Report {
    /// Whether nothing is wrong.
    pub(super) sound: bool,
    files: Vec<FileView>,
}

#[derive(Serialize)]
struct FileView {
    file: String,
    #[serde(flatten)]
    content: Content,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Content {
    Prepared(PreparedView),
    Signed(SignedFileView),
    Hash(HashView),
    PublicKey(KeyView),
    Signature(SignatureFileView),
}

impl Report {
    pub(super) fn of(found: Vec<(String, Found)>) -> Self {
        let known = Known::of(&found);
        let files: Vec<_> = found
            .into_iter()
            .map(|(file, found)| FileView {
                file,
                content: Content::of(&found, &known),
            })
            .collect();
        Self {
            sound: files.iter().all(|file| file.content.is_sound()),
            files,
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (index, file) in self.files.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            let name = output::printable(&file.file);
            writeln!(out, "{gap}{name}: {}\n", file.content.title())?;
            file.content.write(out)?;
        }
        Ok(())
    }
}

impl Content {
    fn of(found: &Found, known: &Known) -> Self {
        match found {
            Found::Prepared(transaction) => Self::Prepared(PreparedView::of(transaction)),
            Found::Signed(container, signed) => {
                Self::Signed(SignedFileView::of(*container, signed, &known.keys))
            }
            Found::Hash(hash) => Self::Hash(HashView::of(hash, known)),
            Found::Key { key, has_usages } => Self::PublicKey(KeyView::of(key, *has_usages)),
            Found::Signature(bytes) => Self::Signature(SignatureFileView::of(bytes, known)),
        }
    }

    fn is_sound(&self) -> bool {
        match self {
            Self::Prepared(_) | Self::PublicKey(_) => true,
            Self::Signed(view) => view.is_sound(),
            Self::Hash(view) => view.is_sound(),
            Self::Signature(view) => view.is_sound(),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Prepared(_) => "a transaction that is not signed yet".to_owned(),
            Self::Signed(view) => view.title(),
            Self::Hash(_) => "the hash of a transaction".to_owned(),
            Self::PublicKey(_) => "a public key".to_owned(),
            Self::Signature(_) => "a signature".to_owned(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Prepared(view) => view.write(out),
            Self::Signed(view) => view.write(out),
            Self::Hash(view) => view.write(out),
            Self::PublicKey(view) => view.write(out),
            Self::Signature(view) => view.write(out),
        }
    }
}
