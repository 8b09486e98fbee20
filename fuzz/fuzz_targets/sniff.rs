//! A format is found out for any bytes, and its reader then takes them without a panic.

#![no_main]

mod shared;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = shared::read(bytes, None);
});
