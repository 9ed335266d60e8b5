use super::*;

/// An arena for one test alone, so that its numbers are exact. It lives on, as the real one does.
fn arena() -> &'static Arena {
    Box::leak(Box::new(Arena::new()))
}

fn filled(arena: &'static Arena, len: usize, byte: u8) -> Block {
    let mut block = arena.take(len);
    block.bytes_mut().fill(byte);
    block
}

/// Every length around the edges of the classes, and beyond the largest.
const LENGTHS: [usize; 14] = [
    1, 15, 31, 32, 33, 64, 65, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1_000_000,
];

#[test]
fn a_new_block_is_zero_and_aligned() {
    for len in LENGTHS {
        let block = arena().take(len);
        assert_eq!(block.bytes().len(), len);
        assert!(block.bytes().iter().all(|byte| *byte == 0));
        assert_eq!(block.bytes().as_ptr().addr() % 32, 0, "{len} bytes");
    }
}

#[test]
fn a_freed_block_is_wiped_before_it_is_free() {
    let arena = arena();
    for len in LENGTHS.into_iter().filter(|len| *len <= 65_536) {
        let neighbour = filled(arena, len, 0x11);
        let block = filled(arena, len, 0xA5);
        let start = block.start;
        drop(block);
        // SAFETY: the first block dropped of a class leaves its chunk mapped (in use by the neighbour, or the spare),
        // and nobody else uses this arena.
        let after = unsafe { slice::from_raw_parts(start.as_ptr(), len) };
        assert!(after.iter().all(|byte| *byte == 0), "{len} bytes");
        assert!(neighbour.bytes().iter().all(|byte| *byte == 0x11));
    }
}

#[test]
fn the_next_block_takes_the_place_of_the_freed_one_and_finds_zeros() {
    let arena = arena();
    let _neighbour = filled(arena, 100, 1);
    let block = filled(arena, 100, 0xA5);
    let place = block.bytes().as_ptr();
    drop(block);
    // `take` writes nothing, so these zeros are those of the wipe.
    let next = arena.take(128);
    assert_eq!(next.bytes().as_ptr(), place);
    assert!(next.bytes().iter().all(|byte| *byte == 0));
}

#[test]
fn blocks_in_use_never_overlap() {
    let arena = arena();
    let blocks: Vec<Block> = (0..5_000usize)
        .map(|i| filled(arena, 1 + i % 200, u8::try_from(i % 251).unwrap()))
        .collect();
    for (i, block) in blocks.iter().enumerate() {
        assert!(
            block
                .bytes()
                .iter()
                .all(|byte| usize::from(*byte) == i % 251)
        );
    }
}

#[test]
fn an_empty_block_needs_no_memory() {
    let arena = arena();
    let block = arena.take(0);
    assert!(block.bytes().is_empty());
    assert_eq!(arena.state().statistics, ArenaStatistics::EMPTY);
}

#[test]
fn a_large_block_has_pages_of_its_own_that_go_with_it() {
    let arena = arena();
    let block = filled(arena, 100_000, 7);
    let during = arena.state().statistics;
    assert_eq!((during.secrets, during.bytes_used), (1, 100_000));
    let pages = during.bytes_locked / page_size() + during.pages_not_locked;
    assert_eq!(pages, 100_000usize.div_ceil(page_size()));
    drop(block);
    let after = arena.state().statistics;
    assert_eq!(
        (after.bytes_used, after.bytes_locked, after.pages_not_locked),
        (0, 0, 0)
    );
}

#[test]
fn chunks_that_run_empty_are_unmapped_but_one() {
    let arena = arena();
    let chunk_pages = 64 * 1024 / page_size();
    let pages = || {
        let now = arena.state().statistics;
        now.bytes_locked / page_size() + now.pages_not_locked
    };
    let blocks: Vec<Block> = (0..100).map(|_| filled(arena, 4096, 3)).collect();
    assert_eq!(pages(), 7 * chunk_pages);
    drop(blocks);
    assert_eq!(pages(), chunk_pages);
    let again: Vec<Block> = (0..100).map(|_| arena.take(4096)).collect();
    assert!(
        again
            .iter()
            .all(|block| block.bytes().iter().all(|byte| *byte == 0))
    );
    assert_eq!(pages(), 7 * chunk_pages);
}

#[test]
fn many_threads_take_and_give_back_without_harm() {
    let arena = arena();
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            scope.spawn(move || {
                let mut kept = std::collections::VecDeque::new();
                for round in 0..2_000usize {
                    let len = 1 + (round * 37 + usize::from(thread) * 101) % 5_000;
                    let mut block = arena.take(len);
                    assert!(block.bytes().iter().all(|byte| *byte == 0));
                    block.bytes_mut().fill(thread + 1);
                    kept.push_back(block);
                    if kept.len() > 20 {
                        let oldest = kept.pop_front().unwrap();
                        assert!(oldest.bytes().iter().all(|byte| *byte == thread + 1));
                    }
                }
            });
        }
    });
    let after = arena.state().statistics;
    assert_eq!((after.secrets, after.bytes_used), (0, 0));
}

#[test]
fn the_pages_stay_out_of_core_dumps_and_are_wiped_for_a_forked_child() {
    let block = filled(arena(), 100_000, 9);
    let flags = flags_of_mapping(block.bytes().as_ptr().addr());
    assert!(
        flags.iter().any(|flag| flag == "dd"),
        "not left out of dumps: {flags:?}"
    );
    assert!(
        flags.iter().any(|flag| flag == "wf"),
        "not wiped on fork: {flags:?}"
    );
}

/// The `VmFlags` of the mapping around `address` (Linux, Documentation/filesystems/proc.rst).
fn flags_of_mapping(address: usize) -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    for line in maps.lines() {
        let range = line.split(' ').next().unwrap().split_once('-');
        if let Some((from, to)) = range.and_then(|(from, to)| Some((hex(from)?, hex(to)?))) {
            inside = (from..to).contains(&address);
        } else if let Some(flags) = line.strip_prefix("VmFlags:").filter(|_| inside) {
            return flags.split_whitespace().map(str::to_owned).collect();
        }
    }
    panic!("no mapping around the block");
}

fn hex(digits: &str) -> Option<usize> {
    usize::from_str_radix(digits, 16).ok()
}
