//! A driver for trying things out: the embedded local KMS, with an unprotected key file, behind a Unix socket.
//!
//! ```sh
//! cargo run -p strongroom-kms-driver --example driver_server -- /tmp/driver/kms.sock
//! ```
//!
//! `strongroom kms serve` offers any of our providers; this is the shortest driver that works, to begin one of your own.
//!
//! Keys lie in `kms.key` beside the socket, in a folder of mode 0700: whoever has that file has the keys. It serves until it
//! is stopped by a signal.

use std::path::PathBuf;
use std::sync::Arc;

use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_files::OsFiles;
use strongroom_kms_driver::{DriverServer, bind_unix_socket};
use strongroom_kms_local::{LocalKms, Protection};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let socket = std::env::args_os().nth(1).map(PathBuf::from);
    let socket = socket.ok_or("usage: driver_server <path of the socket>")?;
    // First the socket: its folder is made and checked before a key lies in it.
    let listener = bind_unix_socket(&socket)?;
    let key_file = socket.with_file_name("kms.key");
    let (files, random, clock) = (
        Arc::new(OsFiles::new()),
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    );
    let kms = if key_file.exists() {
        LocalKms::open(files, key_file, None, random, clock)?
    } else {
        let protection = Protection::UnprotectedKeyFile;
        LocalKms::create(files, key_file, &protection, random, clock)?
    };
    DriverServer::new(Arc::new(kms))
        .serve(listener, std::future::pending())
        .await;
    Ok(())
}
