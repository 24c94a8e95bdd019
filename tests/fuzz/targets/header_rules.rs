//! Fuzz target; what it asserts stands in the library's `header_rules`. Without cargo-fuzz it replays files.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wharf_fuzz::header_rules::run(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    wharf_fuzz::replay(wharf_fuzz::header_rules::run)
}
