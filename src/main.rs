//! The program: passes its arguments to the command line and ends with the exit code that it returns.

use std::process::ExitCode;

use strongroom::base::sys::WipingAllocator;

/// Wipes memory when it is freed, because buffers of parsers and of the network hold secrets too.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

fn main() -> ExitCode {
    strongroom::cli::run(std::env::args_os())
}
