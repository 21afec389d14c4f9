//! The program: hands its arguments to the command line and ends with the code that it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    strongroom::cli::run(std::env::args_os())
}
