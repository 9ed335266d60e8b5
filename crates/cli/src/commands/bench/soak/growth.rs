//! What the server takes of the machine, from round to round.

use crate::failure::CliError;

/// What a server takes, by its own numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Numbers {
    pub(super) resident_bytes: f64,
    pub(super) handles: f64,
}

impl Numbers {
    /// Out of OpenMetrics text; none where a number is missing.
    pub(super) fn of(text: &str) -> Option<Self> {
        let number = |name: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value?.parse().ok()
        };
        Some(Self {
            resident_bytes: number("process_resident_memory_bytes")?,
            handles: number("process_open_fds")?,
        })
    }

    pub(super) fn mebibytes(&self) -> f64 {
        (self.resident_bytes / 1_048_576.0 * 10.0).round() / 10.0
    }
}

/// The numbers at the end of each round. The first round warms up: every trouble came once.
#[derive(Default)]
pub(super) struct Growth(Vec<Numbers>);

impl Growth {
    pub(super) fn add(&mut self, numbers: Numbers) {
        self.0.push(numbers);
    }

    pub(super) fn first(&self) -> Numbers {
        self.0.first().copied().unwrap_or_default()
    }

    pub(super) fn last(&self) -> Numbers {
        self.0.last().copied().unwrap_or_default()
    }

    pub(super) fn most_mebibytes(&self) -> f64 {
        self.0.iter().map(Numbers::mebibytes).fold(0.0, f64::max)
    }

    pub(super) fn most_handles(&self) -> f64 {
        self.0
            .iter()
            .map(|numbers| numbers.handles)
            .fold(0.0, f64::max)
    }

    /// # Errors
    /// If the last round took more than the first, by more than these bounds.
    pub(super) fn check(&self, mebibytes: u32, handles: u32) -> Result<(), CliError> {
        let (first, last) = (self.first(), self.last());
        for (what, first, last, most) in [
            (
                "MiB of memory",
                first.mebibytes(),
                last.mebibytes(),
                mebibytes,
            ),
            ("handles", first.handles, last.handles, handles),
        ] {
            if last - first > f64::from(most) {
                let found =
                    format!("it has grown from {first} to {last} {what}; {most} more are allowed");
                return Err(CliError::SoakFailed { found });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_page_of_the_server() {
        let text = "# TYPE process_open_fds gauge\nprocess_open_fds 12.0\n\
                    process_resident_memory_bytes 2097152.0\n# EOF\n";
        let numbers = Numbers::of(text).unwrap();
        assert_eq!((numbers.mebibytes(), numbers.handles), (2.0, 12.0));
        assert_eq!(Numbers::of("process_open_fds 12.0\n"), None);
    }

    #[test]
    fn growth_beyond_a_bound_is_a_failure() {
        let of = |mebibytes: f64, handles| Numbers {
            resident_bytes: mebibytes * 1_048_576.0,
            handles,
        };
        let mut growth = Growth::default();
        growth.add(of(10.0, 5.0));
        growth.add(of(50.0, 90.0));
        growth.add(of(14.0, 7.0));
        growth.check(4, 2).unwrap();
        let grown = growth.check(3, 2).unwrap_err().to_string();
        assert!(grown.contains("MiB"), "{grown}");
        let grown = growth.check(4, 1).unwrap_err().to_string();
        assert!(grown.contains("handles"), "{grown}");
        assert_eq!(growth.most_mebibytes(), 50.0);
    }
}
