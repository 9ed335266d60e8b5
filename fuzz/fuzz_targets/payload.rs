#![no_main]

use strongroom_fuzz::bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bodies::payload(data);
});
