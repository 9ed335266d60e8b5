//! Finding out which container a file is, by its frame: what stands around the transactions, not what is in them.

use strongroom_errors::{Category, Coded, ErrorCode};

use super::{
    container::Container,
    frame,
    stream::{ItemReader, StreamError},
};

/// Items that are read before a file counts as a container.
const ITEMS: usize = 8;

/// A file that is no container, or could be several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// There is nothing in it.
    #[error("the input is empty")]
    Empty,
    /// It can be read as several containers.
    #[error("the input could be any of {}", names(.candidates))]
    Ambiguous {
        /// Those that it can be read as.
        candidates: Vec<Container>,
    },
    /// It can be read as none.
    #[error("the input is no topology: {}", why(.reasons))]
    Unknown {
        /// Why it is none of them.
        reasons: Vec<(Container, String)>,
    },
}

fn names(candidates: &[Container]) -> String {
    let names: Vec<_> = candidates.iter().map(|it| it.name()).collect();
    names.join(", ")
}

fn why(reasons: &[(Container, String)]) -> String {
    let reasons: Vec<_> = reasons
        .iter()
        .map(|(container, reason)| format!("not {container}, since {reason}"))
        .collect();
    reasons.join("; ")
}

impl DetectError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[Self::AMBIGUOUS, Self::UNKNOWN];

    const AMBIGUOUS: ErrorCode = ErrorCode::new(
        "TOPOLOGY_INPUT_AMBIGUOUS",
        Category::InvalidRequest,
        "Say with --as which one it is.",
    );
    const UNKNOWN: ErrorCode = ErrorCode::new(
        "TOPOLOGY_INPUT_UNKNOWN",
        Category::InvalidRequest,
        "Give a snapshot, a list of signed transactions or a certificate as Canton or Strongroom writes them; gzip is fine, text \
         (hex, base64) is not.",
    );
}

impl Coded for DetectError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Ambiguous { .. } => Self::AMBIGUOUS,
            Self::Empty | Self::Unknown { .. } => Self::UNKNOWN,
        }
    }
}

/// Which container begins with `head`. `is_whole` says that nothing follows.
///
/// Reads the frames of the first items strictly as each container, and answers if exactly one fits. What is wrong inside of a
/// transaction is no matter here: whoever reads it is told.
///
/// # Errors
/// [`DetectError`].
pub fn detect(head: &[u8], is_whole: bool) -> Result<Container, DetectError> {
    if head.is_empty() {
        return Err(DetectError::Empty);
    }
    choose(Container::ALL.map(|container| (container, check(head, is_whole, container))))
}

/// The only one that fits.
fn choose(
    looked_at: impl IntoIterator<Item = (Container, Result<(), String>)>,
) -> Result<Container, DetectError> {
    let (mut candidates, mut reasons) = (Vec::new(), Vec::new());
    for (container, fits) in looked_at {
        match fits {
            Ok(()) => candidates.push(container),
            Err(reason) => reasons.push((container, reason)),
        }
    }
    match candidates.as_slice() {
        [] => Err(DetectError::Unknown { reasons }),
        [only] => Ok(*only),
        _ => Err(DetectError::Ambiguous { candidates }),
    }
}

fn check(head: &[u8], is_whole: bool, container: Container) -> Result<(), String> {
    let mut items = 0;
    for item in ItemReader::new(head, container).take(ITEMS) {
        let item = match item {
            Ok(item) => item,
            // The rest was not looked at.
            Err(StreamError::Truncated { .. }) if !is_whole && items > 0 => break,
            Err(error) => return Err(error.to_string()),
        };
        frame::check(&item)?;
        items += 1;
    }
    if items == 0 {
        return Err("it holds no transaction".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No bytes are known that fit two frames; the frames of tomorrow may be less different.
    #[test]
    fn what_fits_two_containers_is_ambiguous() {
        let fits = |container| (container, Ok(()));
        let not = |container| (container, Err("of a reason".to_owned()));
        let error = choose([
            fits(Container::SnapshotV2),
            not(Container::Transactions),
            fits(Container::Certificate),
        ]);
        let error = error.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the input could be any of snapshot-v2, certificate"
        );
        assert_eq!(error.code().name(), "TOPOLOGY_INPUT_AMBIGUOUS");
        let only = choose([not(Container::SnapshotV2), fits(Container::Certificate)]);
        assert_eq!(only, Ok(Container::Certificate));
    }
}
