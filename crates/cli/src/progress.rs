//! Progress on standard error, when somebody watches.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{args::Global, output};

/// A bar over `length` steps; hidden when standard error is no terminal or the user wants quiet.
pub(crate) fn bar(global: &Global, length: u64, what: &'static str) -> ProgressBar {
    if global.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}

/// What is done now: on the bar, or in a line of its own where there is none, unless the user wants quiet.
pub(crate) fn stage(global: &Global, bar: &ProgressBar, what: &str) -> anyhow::Result<()> {
    if !bar.is_hidden() {
        bar.set_message(what.to_owned());
    } else if !global.quiet {
        output::tell(|out| writeln!(out, "{what}"))?;
    }
    Ok(())
}

/// A spinner for work of unknown length; hidden like [`bar`].
pub(crate) fn spinner(global: &Global, what: &'static str) -> ProgressBar {
    if global.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}
