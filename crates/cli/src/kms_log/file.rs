//! The file of the KMS log: a new one each day or hour, and a link to the newest.

use std::{
    fs,
    io::{self, BufWriter, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process,
};

use strongroom_config::{KmsLogConfig, RollingPattern};
use strongroom_crypto::Timestamp;
use tracing_appender::rolling::{RollingFileAppender, Rotation};

use super::{error::KmsLogError, line::written};

/// The newest file has the date in its name (`kms.log.2026-11-28`), so that commands at the same time write to the same one
/// and none renames it under another. `kms.log` is a link to it.
#[derive(Debug)]
pub(super) struct RollingFile {
    // Written to the file line by line: the buffer is for those who want fewer writes.
    writer: BufWriter<RollingFileAppender>,
    immediate_flush: bool,
    link: Link,
}

impl RollingFile {
    pub(super) fn open(
        path: &Path,
        settings: &KmsLogConfig,
        now: Timestamp,
    ) -> Result<Self, KmsLogError> {
        let no_name = || KmsLogError::NoName {
            path: path.to_owned(),
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(no_name)?;
        let mut link = Link::new(path, name, settings.rolling_pattern);
        link.check()?;
        let builder = RollingFileAppender::builder().filename_prefix(name);
        let builder = match settings.rolling_pattern {
            RollingPattern::Daily => builder.rotation(Rotation::DAILY),
            RollingPattern::Hourly => builder.rotation(Rotation::HOURLY),
        };
        // The library makes room for one more file whenever it opens, although the newest may be there: with one more than
        // asked for it never takes the newest away.
        let most = usize::try_from(settings.history).unwrap_or(usize::MAX);
        let builder = match most {
            0 => builder,
            _ => builder.max_log_files(most.saturating_add(1)),
        };
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let appender = builder.build(folder.unwrap_or(Path::new(".")));
        let appender = appender.map_err(|source| KmsLogError::Open {
            path: path.to_owned(),
            source,
        })?;
        link.follow(now).map_err(|source| KmsLogError::Link {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            writer: BufWriter::new(appender),
            immediate_flush: settings.immediate_flush,
            link,
        })
    }

    /// Appends a line, to a new file if its time has come.
    pub(super) fn write(&mut self, now: Timestamp, line: &str) -> io::Result<()> {
        // One write for one line: lines of other processes stand before or after it, not within.
        self.writer.write_all(line.as_bytes())?;
        if self.immediate_flush {
            self.writer.flush()?;
        }
        self.link.follow(now)
    }
}

/// The link to the newest file.
#[derive(Debug)]
struct Link {
    path: PathBuf,
    name: String,
    pattern: RollingPattern,
    /// Where it points to, as far as we know.
    target: Option<String>,
}

impl Link {
    fn new(path: &Path, name: &str, pattern: RollingPattern) -> Self {
        Self {
            path: path.to_owned(),
            name: name.to_owned(),
            pattern,
            target: None,
        }
    }

    /// What is no link is somebody's file, a log of Canton perhaps, and stays as it is.
    fn check(&self) -> Result<(), KmsLogError> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) if !found.is_symlink() => Err(KmsLogError::InUse {
                path: self.path.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn follow(&mut self, now: Timestamp) -> io::Result<()> {
        let date = match self.pattern {
            RollingPattern::Daily => "%Y-%m-%d",
            RollingPattern::Hourly => "%Y-%m-%d-%H",
        };
        let target = format!("{}.{}", self.name, written(now, date));
        if self.target.as_ref() == Some(&target) {
            return Ok(());
        }
        if fs::read_link(&self.path).ok().as_deref() != Some(Path::new(&target)) {
            // Made beside and renamed: somebody who looks finds the old or the new one, and of two at once one wins.
            let made = self
                .path
                .with_file_name(format!(".{}.{}", self.name, process::id()));
            symlink(&target, &made)?;
            fs::rename(&made, &self.path)?;
        }
        self.target = Some(target);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn settings(history: u32) -> KmsLogConfig {
        KmsLogConfig {
            history,
            ..KmsLogConfig::default()
        }
    }

    #[test]
    fn the_link_follows_the_day() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kms.log");
        let mut link = Link::new(&path, "kms.log", RollingPattern::Daily);
        for (day, name) in [(0, "kms.log.1970-01-01"), (1, "kms.log.1970-01-02")] {
            link.follow(Timestamp::from_micros(day * DAY)).unwrap();
            assert_eq!(fs::read_link(&path).unwrap(), Path::new(name));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn somebody_elses_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kms.log");
        fs::write(&path, "theirs").unwrap();
        let refused = RollingFile::open(&path, &settings(0), Timestamp::from_micros(0));
        assert!(matches!(refused, Err(KmsLogError::InUse { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    }

    #[test]
    fn of_old_files_the_newest_stay_and_the_current_one_always_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kms.log");
        let names = || {
            let files = fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
            names.sort();
            names
        };
        for old in ["kms.log.2001-01-01", "kms.log.2001-01-02"] {
            fs::write(folder.path().join(old), "old").unwrap();
        }
        let now = Timestamp::from_micros(Moment::now().as_microsecond());
        for _opened in 0..3 {
            let mut file = RollingFile::open(&path, &settings(1), now).unwrap();
            file.write(now, "line\n").unwrap();
        }
        let newest = fs::read_link(&path).unwrap();
        assert_eq!(names(), ["kms.log".into(), newest.into_os_string()]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "line\nline\nline\n");
    }

    use jiff::Timestamp as Moment;
}
