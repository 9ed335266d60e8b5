//! Bytes for every rpc of a server, which serves a vault in this process for as long as it lives.

use std::{sync::OnceLock, time::Duration};

use strongroom_server::Rpc;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use crate::{
    house::{House, Plan},
    raw,
};

/// Whoever is asked answers within this time.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

struct Served {
    runtime: Runtime,
    channel: Channel,
    _house: House,
}

fn served() -> &'static Served {
    static SERVED: OnceLock<Served> = OnceLock::new();
    SERVED.get_or_init(|| {
        // A handler that falls over takes the fuzzer along: else only its own task would end.
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |what| {
            usual(what);
            std::process::abort();
        }));
        let runtime = Runtime::new().expect("threads");
        let house = runtime.block_on(House::planned(Plan::default()));
        let channel = runtime.block_on(house.channel());
        Served {
            runtime,
            channel,
            _house: house,
        }
    })
}

/// The first byte chooses the rpc, the others are its message.
pub fn send(data: &[u8]) {
    let Some((rpc, message)) = data.split_first() else {
        return;
    };
    let served = served();
    let rpc = Rpc::ALL[usize::from(*rpc) % Rpc::ALL.len()];
    let sending = raw::send(&served.channel, rpc.path(), message.to_vec());
    let answered = served
        .runtime
        .block_on(async { tokio::time::timeout(ANSWERS_WITHIN, sending).await });
    assert!(answered.is_ok(), "{rpc:?} hangs");
}
