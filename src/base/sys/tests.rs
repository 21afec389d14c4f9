//! Looks at the process from outside: through /proc, in a child of its own, and with an allocator that takes notes.

use std::{
    alloc::System,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;

const CHILD: &str = "STRONGROOM_TEST_HARDENED_CHILD";

/// Runs one test again in a process of its own, which sees `CHILD` set.
fn run_in_child(test: &str) {
    let child = Command::new(std::env::current_exe().unwrap()).args(["--exact", test]).env(CHILD, "1").output();
    let child = child.unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

/// Runs in a child, because a process that is hardened stays so and would disturb the other tests.
#[test]
fn a_hardened_process_leaves_no_dump_and_no_open_files() {
    if std::env::var_os(CHILD).is_none() {
        run_in_child("base::sys::tests::a_hardened_process_leaves_no_dump_and_no_open_files");
        return;
    }
    assert_eq!(harden_process(), Vec::<String>::new());
    assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    let limit = rustix::process::getrlimit(Resource::Core);
    assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    assert_eq!(rustix::process::umask(Mode::empty()).bits(), 0o077);
}

#[test]
fn the_boot_has_one_name() {
    let id = boot_id().unwrap();
    assert!(id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
    assert_eq!(boot_id(), Some(id));
}

/// MEM-02. `VmFlags` of proc(5): `dd` is not dumped, `dc` is not copied on fork, `lo` is locked.
#[test]
fn locked_memory_is_neither_dumped_nor_inherited_nor_swapped() {
    let mut locked = Locked::new([0_u8; 96]);
    locked[7] = 9;
    assert_eq!(locked[7], 9);
    let flags = flags_of(locked.value.as_ptr().addr()).unwrap();
    assert!(flags.contains("dd") && flags.contains("dc"), "{flags:?}");
    assert_eq!(flags.contains("lo"), locked.residence() == Residence::Pinned);
}

/// The flags of the mapping that holds `address`.
fn flags_of(address: usize) -> Option<String> {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut is_inside = false;
    smaps.lines().find_map(|line| {
        if let Some((from, rest)) = line.split_once('-')
            && let (Ok(from), Some((to, _))) = (usize::from_str_radix(from, 16), rest.split_once(' '))
        {
            is_inside = usize::from_str_radix(to, 16).is_ok_and(|to| (from..to).contains(&address));
        }
        if is_inside { line.strip_prefix("VmFlags:").map(str::to_owned) } else { None }
    })
}

/// Runs in a child, which gives up the right to lock memory and then its limit.
#[test]
fn where_no_memory_may_be_locked_keys_are_kept_all_the_same() {
    if std::env::var_os(CHILD).is_none() {
        run_in_child("base::sys::tests::where_no_memory_may_be_locked_keys_are_kept_all_the_same");
        return;
    }
    let mut rights = rustix::thread::capabilities(None).unwrap();
    rights.effective.remove(rustix::thread::CapabilitySet::IPC_LOCK);
    rustix::thread::set_capabilities(None, rights).unwrap();
    rustix::process::setrlimit(Resource::Memlock, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
    let locked = Locked::new([7_u8; 96]);
    assert_eq!((locked.residence(), locked[95]), (Residence::Swappable, 7));
    assert!(flags_of(locked.value.as_ptr().addr()).unwrap().contains("dd"));
}

#[test]
fn a_locked_value_is_dropped_with_its_pages_and_may_be_of_any_size() {
    let witness = std::sync::Arc::new(());
    let locked = Locked::new((std::sync::Arc::clone(&witness), [1_u8; 16_000]));
    assert!(std::thread::scope(|scope| scope.spawn(|| locked.1[15_999] == 1).join().unwrap()));
    drop(locked);
    assert_eq!(std::sync::Arc::strong_count(&witness), 1);
    drop(Locked::new(()));
}

/// Takes blocks back only if they hold zeros, and frees none, so that what a pointer shows stays defined.
#[derive(Default)]
struct Notes {
    wiped: AtomicUsize,
    dirty: AtomicUsize,
}

// SAFETY: blocks come from the system and are never reused.
unsafe impl GlobalAlloc for Notes {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is as long as the layout or longer, and was written by the test.
        let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        let count = if bytes.iter().all(|&b| b == 0) { &self.wiped } else { &self.dirty };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_block_that_is_given_back_grown_or_shrunk_leaves_nothing() {
    let allocator = WipingAllocator(Notes::default());
    let layout = |size| Layout::from_size_align(size, 8).unwrap();
    // SAFETY: each block is used within its size and with its own layout.
    unsafe {
        let block = allocator.alloc(layout(100));
        block.write_bytes(7, 100);
        let grown = allocator.realloc(block, layout(100), 1_000);
        assert!(grown != block && std::slice::from_raw_parts(grown, 100).iter().all(|&b| b == 7));
        grown.write_bytes(7, 1_000);
        let tail = std::slice::from_raw_parts(grown.add(600), 400);
        let shrunk = allocator.realloc(grown, layout(1_000), 600);
        assert!(shrunk == grown && tail.iter().all(|&b| b == 0));
        assert!(std::slice::from_raw_parts(shrunk, 600).iter().all(|&b| b == 7));
        let small = allocator.realloc(shrunk, layout(600), 10);
        assert!(small != shrunk && std::slice::from_raw_parts(small, 10).iter().all(|&b| b == 7));
        allocator.dealloc(small, layout(10));
    }
    assert_eq!((allocator.0.wiped.load(Ordering::Relaxed), allocator.0.dirty.load(Ordering::Relaxed)), (3, 0));
}

/// The real thing, over mimalloc: a block shrinks in place, grows, and every byte that should be there is.
#[test]
fn the_allocator_keeps_what_it_is_given() {
    let allocator = WipingAllocator::new();
    // SAFETY: each block is used within its size and with its own layout.
    unsafe {
        for align in [1, 8, 64] {
            let layout = |size| Layout::from_size_align(size, align).unwrap();
            let (mut block, mut size) = (allocator.alloc_zeroed(layout(33)), 33);
            for (index, next) in [50, 49, 4_000, 3_999, 2_001, 100_000, 5, 1].into_iter().enumerate() {
                let mark = index as u8 + 1;
                block.write_bytes(mark, size);
                block = allocator.realloc(block, layout(size), next);
                assert_eq!(block as usize % align, 0);
                assert!(std::slice::from_raw_parts(block, next.min(size)).iter().all(|&b| b == mark));
                size = next;
            }
            allocator.dealloc(block, layout(size));
        }
    }
}
