//! The `wharf` binary. Everything is in the library, so that tests can call it.

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf_cli::main()
}
