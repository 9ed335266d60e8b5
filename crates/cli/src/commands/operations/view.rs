//! How long work is shown.

use std::io::{self, Write};

use serde::Serialize;

/// Long work of a server.
#[derive(Serialize)]
pub(crate) struct OperationView {
    pub(crate) id: String,
    /// As grants name it.
    pub(crate) operation: String,
    /// The rpc that began it.
    pub(crate) rpc: String,
    /// Who began it.
    pub(crate) caller: String,
    pub(crate) trace_id: String,
    pub(crate) began_at: String,
    pub(crate) ended_at: Option<String>,
    /// `running`, `stopping`, `done`, `cancelled` or `failed`.
    pub(crate) state: &'static str,
    pub(crate) progress: Option<ProgressView>,
    pub(crate) cancelled_by: Option<String>,
    /// Why it ended before it was done.
    pub(crate) problem: Option<ProblemView>,
}

#[derive(Serialize)]
pub(crate) struct ProgressView {
    pub(crate) done: u64,
    /// None if nobody knows.
    pub(crate) of: Option<u64>,
    /// What is counted.
    pub(crate) unit: String,
}

#[derive(Serialize)]
pub(crate) struct ProblemView {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) advice: String,
}

impl OperationView {
    /// Whether it has done what it was to do.
    pub(crate) fn is_done(&self) -> bool {
        self.state == "done"
    }

    fn progress(&self) -> String {
        self.progress
            .as_ref()
            .map_or_else(|| "-".to_owned(), ProgressView::in_words)
    }

    pub(crate) fn row(&self) -> [String; 6] {
        [
            self.id.clone(),
            self.state.to_owned(),
            self.operation.clone(),
            self.progress(),
            self.caller.clone(),
            self.began_at.clone(),
        ]
    }

    pub(crate) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            id,
            operation,
            caller,
            state,
            ..
        } = self;
        writeln!(out, "{state} {id}: {operation} by {caller}")?;
        if self.progress.is_some() {
            writeln!(out, "  progress: {}", self.progress())?;
        }
        if let Some(by) = &self.cancelled_by {
            writeln!(out, "  called off by {by}")?;
        }
        if let Some(problem) = &self.problem {
            writeln!(out, "  {} ({})", problem.message, problem.code)?;
            writeln!(out, "  {}", problem.advice)?;
        }
        Ok(())
    }
}

impl ProgressView {
    fn in_words(&self) -> String {
        let Self { done, of, unit } = self;
        match of {
            Some(of) => format!("{done} of {of} {unit}"),
            None => format!("{done} {unit}"),
        }
    }
}
