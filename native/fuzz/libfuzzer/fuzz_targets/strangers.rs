#![no_main]

#[global_allocator]
static METER: warren_fuzz::Meter = warren_fuzz::Meter;

libfuzzer_sys::fuzz_target!(|data: &[u8]| warren_fuzz::strangers(data));
