//! Fuzz target; what it asserts stands in the library's `webhook`. Without cargo-fuzz it replays files.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wharf_fuzz::webhook::run(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    wharf_fuzz::replay(wharf_fuzz::webhook::run)
}
