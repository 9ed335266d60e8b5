#![no_main]

use strongroom_fuzz::rpcs;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rpcs::send(data);
});
