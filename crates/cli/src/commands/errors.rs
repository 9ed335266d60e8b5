//! `errors`: every error code with its advice.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_errors::ErrorCode;

use crate::{
    args::Global,
    exit,
    failure::{self, CliError},
    output,
};

/// List every error code, its exit status and what to do about it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom errors\n  strongroom errors ROLLED_BACK")]
pub(crate) struct Options {
    /// Only this code.
    code: Option<String>,
}

#[derive(Serialize)]
struct Report {
    errors: Vec<View>,
}

#[derive(Serialize)]
struct View {
    code: &'static str,
    category: String,
    exit_status: u8,
    advice: &'static str,
}

pub(crate) fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let wanted = |code: &&ErrorCode| {
        options
            .code
            .as_deref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(code.name()))
    };
    let codes = failure::all_codes();
    let errors: Vec<_> = codes.iter().filter(wanted).map(View::of).collect();
    if let (true, Some(code)) = (errors.is_empty(), &options.code) {
        return Err(CliError::NoSuchCode { code: code.clone() }.into());
    }
    output::print(global.output, &Report { errors }, |out| {
        let codes = codes.iter().filter(wanted);
        codes.into_iter().try_for_each(|code| {
            let status = exit::status(code.category());
            writeln!(
                out,
                "{} (exit status {status})\n    {}\n",
                code.name(),
                code.advice()
            )
        })
    })?;
    Ok(ExitCode::SUCCESS)
}

impl View {
    fn of(code: &ErrorCode) -> Self {
        Self {
            code: code.name(),
            category: format!("{:?}", code.category()),
            exit_status: exit::status(code.category()),
            advice: code.advice(),
        }
    }
}
