//! Counts and hashes of everything in a backup.

use strongroom_crypto::{
    HashBuilder,
    encoding::{Decoder, Encoder},
};

use crate::{codec::Malformed, seal::Seal, section::Section};

/// One section, as the manifest lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionSummary {
    /// Which one.
    pub section: Section,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 over its frames, each with section and length.
    pub hash: [u8; 32],
}

/// What a backup holds, by section. Sections without rows are not listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// In the order of the file.
    pub sections: Vec<SectionSummary>,
    /// Made with the data key, over all of the above.
    pub(crate) tag: [u8; 32],
}

impl Manifest {
    pub(crate) fn tagged(sections: Vec<SectionSummary>, seal: &dyn Seal) -> Self {
        let tag = seal.tag(&encode_sections(&sections));
        Self { sections, tag }
    }

    /// Whether a holder of the data key made this manifest.
    pub(crate) fn is_authentic(&self, seal: &dyn Seal) -> bool {
        // Both are public to whoever has the file.
        seal.tag(&encode_sections(&self.sections)) == self.tag
    }

    /// The rows of a section.
    #[must_use]
    pub fn rows(&self, section: Section) -> u64 {
        let mut sections = self.sections.iter();
        sections
            .find(|summary| summary.section == section)
            .map_or(0, |summary| summary.rows)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = encode_sections(&self.sections);
        bytes.extend_from_slice(&self.tag);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(bytes);
        let sections = decoder.list(|decoder| {
            let summary = (decoder.byte()?, decoder.array()?, decoder.array()?);
            Ok(summary)
        })?;
        let sections = sections.into_iter().map(|(code, rows, hash)| {
            let section = Section::from_code(code).ok_or(Malformed)?;
            Ok(SectionSummary {
                section,
                rows: u64::from_be_bytes(rows),
                hash,
            })
        });
        let manifest = Self {
            sections: sections.collect::<Result<_, Malformed>>()?,
            tag: decoder.array()?,
        };
        decoder.finish()?;
        Ok(manifest)
    }
}

fn encode_sections(sections: &[SectionSummary]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.list(sections.iter(), |encoder, summary| {
        encoder
            .byte(summary.section.code())
            .raw(&summary.rows.to_be_bytes())
            .raw(&summary.hash)
    });
    encoder.into_vec()
}

/// Sums up sections as their frames go by.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    done: Vec<SectionSummary>,
    current: Option<(Section, u64, HashBuilder)>,
}

impl Tally {
    /// Takes the next frame.
    ///
    /// # Errors
    /// [`Malformed`] when its section comes before the one of the last frame.
    pub(crate) fn add(&mut self, section: Section, frame: [&[u8]; 2]) -> Result<(), Malformed> {
        let (rows, hash) = match self.current.take() {
            Some((current, rows, hash)) if current == section => (rows, hash),
            before => {
                if before
                    .as_ref()
                    .is_some_and(|(current, ..)| *current > section)
                {
                    return Err(Malformed);
                }
                self.end(before);
                (0, HashBuilder::without_purpose())
            }
        };
        let hash = frame.into_iter().fold(hash, HashBuilder::raw);
        self.current = Some((section, rows + 1, hash));
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Vec<SectionSummary> {
        let last = self.current.take();
        self.end(last);
        self.done
    }

    fn end(&mut self, section: Option<(Section, u64, HashBuilder)>) {
        if let Some((section, rows, hash)) = section {
            self.done.push(SectionSummary {
                section,
                rows,
                hash: *hash.finish().as_bytes(),
            });
        }
    }
}
