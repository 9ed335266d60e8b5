//! The commits of the disk, with nothing around them.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

/// About what a record of a signature takes.
const RECORD: [u8; 512] = [0x5a; 512];

/// How often a second so much is written to the end of a file in `folder`, and made durable.
pub(super) fn commits(folder: &Path, time: Duration) -> io::Result<f64> {
    let path = folder.join("commits");
    let measured = tokio::task::block_in_place(|| measure(&path, time));
    fs::remove_file(path)?;
    measured
}

fn measure(path: &Path, time: Duration) -> io::Result<f64> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let began = Instant::now();
    let mut commits = 0.0;
    while began.elapsed() < time {
        file.write_all(&RECORD)?;
        file.sync_data()?;
        commits += 1.0;
    }
    Ok(commits / began.elapsed().as_secs_f64())
}
