//! What a panic says: where, and an id; never its message, which may hold a secret.

use std::{
    io::Write as _,
    panic::PanicHookInfo,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::base::random::Random;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Panics of this process so far.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Replaces the hook of the process. `drain` runs at each panic, before anything is unwound: it may write down what
/// must not be lost, and may not wait for a lock that the panicking thread can hold.
pub fn install(random: Random, drain: impl Fn() + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |info| {
        COUNT.fetch_add(1, Ordering::Relaxed);
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
