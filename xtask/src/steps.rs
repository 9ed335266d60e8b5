//! Steps of a task, each with its duration.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// Runs steps one after the other and keeps count.
#[derive(Debug)]
pub(crate) struct Steps {
    begun: Instant,
    done: u32,
}

impl Steps {
    pub(crate) fn begin() -> Self {
        Self {
            begun: Instant::now(),
            done: 0,
        }
    }

    /// Runs one step; its failure says which one it was.
    pub(crate) fn run(&mut self, name: &str, action: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("\n== {name}");
        let begun = Instant::now();
        action().with_context(|| {
            format!(
                "the step '{name}' failed after {}",
                Seconds(begun.elapsed())
            )
        })?;
        println!("== {name}: done in {}", Seconds(begun.elapsed()));
        self.done += 1;
        Ok(())
    }

    /// One line about all of them.
    pub(crate) fn summary(&self) -> String {
        format!(
            "All {} steps passed in {}.",
            self.done,
            Seconds(self.begun.elapsed())
        )
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_names_itself_and_keeps_the_reason() {
        let mut steps = Steps::begin();
        steps.run("first", || Ok(())).unwrap();
        let error = steps
            .run("second", || anyhow::bail!("it rains"))
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the step 'second' failed after "),
            "{error}"
        );
        assert_eq!(error.root_cause().to_string(), "it rains");
        assert!(steps.summary().starts_with("All 1 steps passed in "));
    }
}
