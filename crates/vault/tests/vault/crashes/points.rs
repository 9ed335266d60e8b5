//! Where a process is to die.

use std::{fmt, str::FromStr, sync::Arc};

use strongroom_test_support::store::CrashPlan;

use crate::rotating::tell;

/// Which steps of a process count as points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Steps {
    All,
    /// Those of the KMS, and of the store those that last.
    Calls,
    /// Those of the anchor and of the key file, on the disk.
    Files,
}

/// The step at which a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    steps: Steps,
    pub(crate) number: usize,
}

/// What counts the steps of one process.
pub(crate) struct Mines {
    /// Whether what is written before a commit counts too.
    pub(crate) writes_count: bool,
    pub(crate) calls: Arc<CrashPlan>,
    pub(crate) files: Arc<CrashPlan>,
}

impl Point {
    /// One after the other.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::each(Steps::All, 1, 1)
    }

    /// Before and after each commit and each call of the KMS.
    pub(crate) fn calls() -> impl Iterator<Item = Self> {
        Self::each(Steps::Calls, 1, 1)
    }

    /// After each of them. Before the next one it is as after this one, but for files.
    pub(crate) fn after_calls() -> impl Iterator<Item = Self> {
        Self::each(Steps::Calls, 2, 2)
    }

    /// Of the steps on the disk one of so many, others in each run. A file that is written takes six steps: five and 17 leave none
    /// of them out.
    pub(crate) fn files(every: usize) -> impl Iterator<Item = Self> {
        let first = 1 + usize::try_from(std::process::id()).unwrap() % every;
        tell!("of the steps on the disk one of {every}, from the one with number {first}");
        Self::each(Steps::Files, first, every)
    }

    fn each(steps: Steps, first: usize, every: usize) -> impl Iterator<Item = Self> {
        (first..)
            .step_by(every)
            .map(move |number| Self { steps, number })
    }

    /// Where the process dies that goes on: one of the first `of` points, another one each time.
    pub(crate) const fn again(self, of: usize) -> Self {
        Self {
            steps: self.steps,
            number: 1 + self.number * 7 % of,
        }
    }

    /// Whether somebody looks before anything goes on. A process costs more in PostgreSQL: there either this or
    /// [`Self::dies_again`], in turns that do not go with the sides of a call.
    pub(crate) fn is_looked_at(self) -> bool {
        self.steps == Steps::All || (self.number / 2).is_multiple_of(2)
    }

    /// Whether the process that goes on dies too.
    pub(crate) fn dies_again(self) -> bool {
        self.steps == Steps::All || !(self.number / 2).is_multiple_of(2)
    }

    pub(crate) fn mines(self) -> Mines {
        let (fatal, never) = (CrashPlan::at(self.number), CrashPlan::never());
        let writes_count = self.steps == Steps::All;
        match self.steps {
            Steps::All => Mines {
                writes_count,
                calls: Arc::clone(&fatal),
                files: fatal,
            },
            Steps::Calls => Mines {
                writes_count,
                calls: fatal,
                files: never,
            },
            Steps::Files => Mines {
                writes_count,
                calls: never,
                files: fatal,
            },
        }
    }
}

/// For people and for the process that is to die.
impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.steps {
            Steps::All => write!(f, "{}", self.number),
            Steps::Calls => write!(f, "call {}", self.number),
            Steps::Files => write!(f, "file {}", self.number),
        }
    }
}

impl FromStr for Point {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (steps, number) = match text.split_once(' ') {
            None => (Steps::All, text),
            Some(("call", number)) => (Steps::Calls, number),
            Some((_file, number)) => (Steps::Files, number),
        };
        let number = number.parse()?;
        Ok(Self { steps, number })
    }
}
