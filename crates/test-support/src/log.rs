//! What the program says in its log.

use std::{
    fmt::{self, Debug, Write as _},
    sync::{Arc, LazyLock},
};

use parking_lot::Mutex;
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};

/// Lines of the log that come from one thread.
#[derive(Clone)]
pub struct HeardLog {
    most: Level,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Debug for HeardLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeardLog").finish_non_exhaustive()
    }
}

/// Where only one listens, an event that another thread reaches first is asked of that thread alone, and then heard by nobody. So
/// there is always a second one.
static ANOTHER: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(HeardLog::down_to(Level::INFO)));

impl HeardLog {
    /// Hears what is at least as serious as `most`.
    #[must_use]
    pub fn down_to(most: Level) -> Self {
        Self {
            most,
            lines: Arc::default(),
        }
    }

    /// Hears warnings and errors.
    #[must_use]
    pub fn warnings() -> Self {
        Self::down_to(Level::WARN)
    }

    /// Hears what this thread says, as long as what it answers is there.
    #[must_use]
    pub fn hear(&self) -> DefaultGuard {
        LazyLock::force(&ANOTHER);
        tracing::subscriber::set_default(self.clone())
    }

    /// How many lines have these words in them.
    #[must_use]
    pub fn count(&self, words: &str) -> usize {
        let lines = self.lines.lock();
        lines.iter().filter(|line| line.contains(words)).count()
    }

    /// All that was heard.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }
}

/// A line of the log: each field, and the message as one of them.
#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Nothing that is written to memory fails.
        let _written = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for HeardLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.most
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.lines.lock().push(line.0);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}
