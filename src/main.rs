//! The program: hands its arguments to the command line and ends with the code that it says.

use std::process::ExitCode;

use strongroom::base::sys::WipingAllocator;

/// What is freed is wiped: buffers of parsers and of the network hold secrets too.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

fn main() -> ExitCode {
    strongroom::cli::run(std::env::args_os())
}
