//! Logs a panic: where it happened and an id, but never its message, which may hold a secret.

use std::{io::Write as _, panic::PanicHookInfo};

use crate::base::random::Random;

/// Replaces the panic hook of the process. At each panic, `drain` runs before the stack is unwound, to write what must
/// not be lost. It must not wait for a lock that the panicking thread may hold.
pub(crate) fn install(random: Random, drain: impl Fn() + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |info| {
        let _stderr_may_be_gone = writeln!(std::io::stderr().lock(), "{}", line(info, &random));
        drain();
    }));
}

fn line(info: &PanicHookInfo<'_>, random: &Random) -> String {
    let id = u32::from_be_bytes(random.bytes());
    match info.location() {
        Some(place) => {
            format!("panic at {}:{} (id {id:08x}): a defect, please report this line", place.file(), place.line())
        }
        None => format!("panic (id {id:08x}): a defect, please report this line"),
    }
}
