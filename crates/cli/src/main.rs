//! The command `strongroom`: the key vault of ledger nodes.
//!
//! The only place that picks adapters, reads the environment and ends the process.

mod args;
mod backup_schedule;
mod client;
mod commands;
mod containers;
mod environment;
mod exit;
mod failure;
mod graph;
mod input;
mod key_file;
mod key_view;
mod kms_flags;
mod kms_log;
mod memory;
mod new_file;
mod open_kms;
mod output;
mod progress;
mod remote;
mod row_view;
mod secrets;
mod server;
mod session;
mod settings;
mod store;
mod telemetry;
mod terminal;
mod transaction_view;

use std::process::ExitCode;

use clap::Parser;
use strongroom_memory::Hardening;

use crate::args::Cli;

fn main() -> ExitCode {
    // Before anything secret is in memory.
    let hardening = strongroom_memory::harden_process();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::report_usage(&error),
    };
    match run(cli, hardening) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}

fn run(cli: Cli, hardening: Hardening) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let inside = runtime.enter();
    let telemetry = environment::start_logging(&cli.global);
    tracing::debug!(?hardening, "hardened the process");
    let work = async {
        let done = commands::run(cli).await;
        store::close_what_is_open().await;
        done
    };
    let done = match environment::trace_id() {
        Some(trace_id) => runtime.block_on(strongroom_kms::in_trace(trace_id, work)),
        None => runtime.block_on(work),
    };
    if let Some(telemetry) = telemetry {
        telemetry.end();
    }
    drop(inside);
    done
}
