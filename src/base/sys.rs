//! What only the operating system can do, and the only `unsafe` code: a process that leaves no core dump, memory that
//! is not swapped, dumped or inherited, and an allocator that wipes what is freed.
//!
//! The server calls [`harden_process`] first. Keys that stay in memory lie in [`Locked`]. [`WipingAllocator`] wipes
//! everything else that held a secret: request bodies, buffers of parsers, the shorter copy of a text that grew.

#![expect(unsafe_code, reason = "the one file with unsafe code: each block says why it is sound")]

use std::{
    alloc::{GlobalAlloc, Layout, handle_alloc_error},
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    sync::Once,
};

use mimalloc::MiMalloc;
use rustix::{
    fs::{Mode, OFlags},
    mm::{Advice, MapFlags, ProtFlags},
    process::{DumpableBehavior, Resource, Rlimit},
};

/// Hardens the process: its own user cannot dump or trace it, it leaves no core dump, and only their owner can read the
/// files that it creates. Returns a warning for each step that failed, for the operator's log. No failure is fatal.
pub fn harden_process() -> Vec<String> {
    let mut warnings = Vec::new();
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        warnings.push(format!("core dumps and tracing could not be turned off, so other processes of this user may read the memory: {error}"));
    }
    if let Err(error) = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        warnings.push(format!("core dumps stay possible: {error}"));
    }
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // The kernel would use pages of 2 MiB for buffers of 4 KiB: measured, the process was three times as large.
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        warnings.push(format!("huge pages stay in use and the process larger than it need be: {error}"));
    }
    warnings
}

/// Seconds of CPU time that all threads of the process have used until now, in user and system mode.
pub fn process_cpu_secs() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// The kernel's name for this boot of the machine, with which a restart of the process can be told from a restart of
/// the machine. `None` if the kernel gives no such name.
pub fn boot_id() -> Option<String> {
    let file = rustix::fs::open("/proc/sys/kernel/random/boot_id", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let mut bytes = [0; 64];
    let len = rustix::io::read(file.ok()?, &mut bytes).ok()?;
    let text = std::str::from_utf8(bytes.get(..len)?).ok()?.trim();
    if text.is_empty() { None } else { Some(text.to_owned()) }
}

/// A `T` in memory pages of its own, owned as by a `Box`. The pages are locked into memory where the machine's limit
/// permits, left out of core dumps, absent in a forked child, and wiped byte by byte after `T` is dropped. What `T`
/// keeps on the heap is not protected.
///
/// Whole pages are taken, so one value that holds many keys is cheaper than many values. Moving a key into a `Locked`
/// can leave a copy on the stack; put an empty `T` in first and fill it in place.
pub struct Locked<T> {
    value: NonNull<T>,
    residence: Residence,
    owns: PhantomData<T>,
}

/// Whether the pages of a [`Locked`] value can reach a swap device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Residence {
    /// The pages stay in memory: `mlock` worked.
    Pinned,
    /// The pages can be swapped: `mlock` failed, usually because of the limit of locked memory.
    Swappable,
}

// SAFETY: the mapping belongs to this value alone. It is reached through `&self` and `&mut self` as the content of a
// `Box` is, so it may move between threads, and be shared, exactly when a `T` may.
unsafe impl<T: Send> Send for Locked<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Locked<T> {}

impl<T> Locked<T> {
    const BYTES: usize = if size_of::<T>() == 0 { 1 } else { size_of::<T>() };

    /// Moves `value` into pages of its own. If `mlock` fails, the value may be swapped; only the first failure is
    /// logged. If there is no memory left, the process ends, as it does for a `Box`.
    pub fn new(value: T) -> Self {
        const { assert!(align_of::<T>() <= PAGE_BYTES, "a mapping begins at a page") };
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory that exists.
        let start = unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), Self::BYTES, protection, flags) };
        let Some(pages) = start.ok().and_then(|start| NonNull::new(start.cast::<T>())) else {
            handle_alloc_error(Layout::new::<T>());
        };
        for advice in [Advice::LinuxDontDump, Advice::LinuxDontFork] {
            // SAFETY: the range is our own mapping, and neither advice changes its contents.
            if let Err(error) = unsafe { rustix::mm::madvise(pages.as_ptr().cast(), Self::BYTES, advice) } {
                tracing::warn!("keys can appear in a core dump or in a child process: madvise failed ({error})");
            }
        }
        // SAFETY: the range is our own mapping.
        let residence = match unsafe { rustix::mm::mlock(pages.as_ptr().cast(), Self::BYTES) } {
            Ok(()) => Residence::Pinned,
            Err(error) => {
                warn_of_swap(error);
                Residence::Swappable
            }
        };
        // SAFETY: the mapping is writable, long enough and aligned to a page, and nobody else knows it.
        unsafe { pages.write(value) };
        Self { value: pages, residence, owns: PhantomData }
    }

    /// Whether the value can reach a swap device.
    pub fn residence(&self) -> Residence {
        self.residence
    }
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` wrote a `T` there, the mapping lives as long as `self`, and writing takes `&mut self`.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for Locked<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` is the only way in.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, holds a `T`, was made with this length, and nobody can hold a borrow of it any
        // more. `munmap` comes last; if it fails, zeroed pages stay behind.
        unsafe {
            self.value.drop_in_place();
            wipe(self.value.as_ptr().cast(), Self::BYTES);
            let _ = rustix::mm::munmap(self.value.as_ptr().cast(), Self::BYTES);
        }
    }
}

fn warn_of_swap(error: rustix::io::Errno) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "keys may be swapped to disk: mlock failed ({error}); raise the limit of locked memory (LimitMEMLOCK= of \
             the systemd unit, `ulimit -l` in a shell), or turn swap off"
        );
    });
}

/// Bytes of a page of memory on every machine that we build for.
const PAGE_BYTES: usize = 4_096;
/// Blocks of at least this many bytes are wiped by giving their pages back to the kernel.
const PAGES_BYTES_MIN: usize = 256 << 10;

/// An allocator that wipes each block when it is freed, so that no secret stays in freed memory. When a block grows, it
/// is moved and its old place is wiped. When it shrinks in place, the part that is cut off is wiped.
pub struct WipingAllocator<A: GlobalAlloc = MiMalloc>(A);

impl WipingAllocator {
    pub const fn new() -> Self {
        Self(MiMalloc)
    }
}

impl Default for WipingAllocator {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: every block comes from `A` and goes back to it with the layout that the caller holds, save in the shrinking
// arm of `realloc`, where the layout that comes back is smaller than the block; see there.
unsafe impl<A: GlobalAlloc> GlobalAlloc for WipingAllocator<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is `layout.size()` bytes that nobody uses any more.
        unsafe {
            wipe(block, layout.size());
            self.0.dealloc(block, layout);
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size <= layout.size() && size >= layout.size() / 2 {
            // SAFETY: the tail lies inside the block and the caller has given it up. `A` is told a smaller size when
            // the block comes back; mimalloc does not use it, and the tests' allocator knows.
            unsafe { wipe(block.add(size), layout.size() - size) };
            return block;
        }
        // SAFETY: the caller has made sure that `size`, rounded up to the alignment, is a valid size and not zero.
        let moved = unsafe { self.0.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both blocks are at least so long and do not overlap; the old one is given up.
            unsafe {
                std::ptr::copy_nonoverlapping(block, moved, size.min(layout.size()));
                self.dealloc(block, layout);
            }
        }
        moved
    }
}

/// Writes zeros that the compiler may not leave out.
///
/// # Safety
/// `from` must be valid for writing `len` bytes.
#[inline]
unsafe fn wipe(from: *mut u8, len: usize) {
    // Most of a large block was never touched. Writing zeros would take memory for it, so its whole pages are given
    // back to the kernel, which hands out zeroed ones.
    if len >= PAGES_BYTES_MIN {
        let (start, end) = (from.addr().next_multiple_of(PAGE_BYTES), (from.addr() + len) & !(PAGE_BYTES - 1));
        let (head, tail) = (start - from.addr(), from.addr() + len - end);
        // SAFETY: whole pages inside the block, which is private anonymous memory of this process; on failure they are
        // wiped by hand below.
        let given = unsafe { rustix::mm::madvise(from.add(head).cast(), end - start, Advice::LinuxDontNeed) };
        if given.is_ok() {
            // SAFETY: the edges lie inside the block.
            unsafe {
                wipe(from, head);
                wipe(from.add(len - tail), tail);
            }
            return;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { std::ptr::write_bytes(from, 0, len) };
    // The compiler must assume that this reads the zeros, so it cannot leave the writes out.
    // SAFETY: an empty instruction touches nothing.
    unsafe { std::arch::asm!("/* {0} */", in(reg) from, options(nostack, preserves_flags)) };
}

#[cfg(test)]
mod tests;
