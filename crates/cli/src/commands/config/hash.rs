//! `config hash`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use data_encoding::HEXLOWER;
use serde::Serialize;
use strongroom_vault::ConfigurationMark;

use crate::{
    args::Global,
    output,
    server::{self, configuration},
    session,
};

/// Print the hash by which a vault knows a configuration, without opening anything.
///
/// It covers who may come and do what, what needs a second person, who gets the backups of the schedule, and how the audit log is kept:
/// as parsed, so neither comments nor the order of fields matter. Whoever is to approve a change ('strongroom approvals list' shows the
/// hashes before and after) holds the hash of the file that he was shown against it.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom config hash\n  strongroom config hash --file new.toml"
)]
pub(crate) struct Options {
    /// The file; left out: the configuration of --dir or --config.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What a vault remembers of a configuration.
#[derive(Serialize)]
pub(super) struct Hashes {
    /// Over all of it.
    pub(super) hash: String,
    /// Of each section.
    sections: BTreeMap<&'static str, String>,
    /// What it takes to change it again.
    guard: &'static str,
}

impl Hashes {
    pub(super) fn of(mark: &ConfigurationMark) -> Self {
        let sections = mark.sections().into_iter();
        Self {
            hash: HEXLOWER.encode(&mark.hash()),
            sections: sections
                .map(|(section, hash)| (section, HEXLOWER.encode(&hash)))
                .collect(),
            guard: mark.guard().name(),
        }
    }
}

pub(super) fn run(global: &Global, options: &Options) -> anyhow::Result<ExitCode> {
    let hashes = Hashes::of(&mark_of(global, options.file.as_deref())?);
    output::print(global.output, &hashes, |out| {
        writeln!(out, "{}", hashes.hash)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Of this file or the usual one, whichever vault it is meant for. It must be one that a server could begin with.
pub(super) fn mark_of(global: &Global, file: Option<&Path>) -> anyhow::Result<ConfigurationMark> {
    let path = file.map_or_else(|| global.config_path(), Path::to_owned);
    let (text, config) = session::read_config_text_of(&path)?;
    server::access(&config.callers)?;
    configuration::mark(&text, &config)
}
