//! The allocator of a connector: a static arena that is only ever filled, then the system's.
//!
//! A call lives in a fresh instance and is short, so that giving memory back is mostly wasted: the arena
//! is part of the module's initial memory and saves the calls of `memory.grow` (measured 1.6 times on
//! the whole path of a call). What is surprising: growing the newest allocation stays in place, which is
//! what serializing to a buffer does all the time, and the arena starts over when nothing in it is left.
//!
//! This is the only file of the crate with `unsafe` of its own.
#![expect(unsafe_code, reason = "an allocator is an unsafe trait")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ptr;
use std::alloc::System;

/// Bytes of the arena that [`connector!`](crate::connector!) registers.
pub const DEFAULT_BYTES: usize = 2 * 1024 * 1024;

/// An arena of `BYTES` bytes in front of the system's allocator.
///
/// Not for more than one thread: it may only be a static in a module for wasm without threads.
#[derive(Debug)]
pub struct Arena<const BYTES: usize = DEFAULT_BYTES> {
    memory: UnsafeCell<Memory<BYTES>>,
    /// Bytes in use, counted from the start.
    top: Cell<usize>,
    /// Allocations that were not given back.
    live: Cell<usize>,
}

/// Aligned to what any ordinary type needs, so that offsets can be aligned instead of addresses.
#[derive(Debug)]
#[repr(align(16))]
struct Memory<const BYTES: usize>([u8; BYTES]);

/// The alignment of [`Memory`].
const ALIGN: usize = 16;

// SAFETY: the static is reached from one thread only: a connector's module has no shared memory, and
// `connector!` registers the arena for wasm alone, where without the `atomics` feature there are no threads.
unsafe impl<const BYTES: usize> Sync for Arena<BYTES> {}

impl<const BYTES: usize> Arena<BYTES> {
    /// An empty arena. All zero, so that it takes no room in the module.
    #[must_use]
    pub const fn new() -> Self {
        Self { memory: UnsafeCell::new(Memory([0; BYTES])), top: Cell::new(0), live: Cell::new(0) }
    }

    fn start(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    /// The offset of a pointer into the arena; none for one of the system's.
    fn offset(&self, pointer: *mut u8) -> Option<usize> {
        let offset = pointer.addr().checked_sub(self.start().addr())?;
        (offset < BYTES).then_some(offset)
    }

    /// Reserves room; none when the arena cannot hold it.
    fn bump(&self, layout: Layout) -> Option<usize> {
        if layout.align() > ALIGN {
            return None;
        }
        let begin = self.top.get().next_multiple_of(layout.align());
        // One byte stays free, so that no empty allocation sits just behind the end.
        let end = begin.checked_add(layout.size()).filter(|end| *end < BYTES)?;
        self.top.set(end);
        self.live.set(self.live.get().wrapping_add(1));
        Some(begin)
    }
}

impl<const BYTES: usize> Default for Arena<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: `bump` hands out each byte of the arena once until nothing in it is live; a pointer is the
// arena's or the system's by its address, and is given back to where it came from.
unsafe impl<const BYTES: usize> GlobalAlloc for Arena<BYTES> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.bump(layout) {
            // SAFETY: `bump` keeps begin + size below BYTES, so it stays in the arena's memory.
            Some(begin) => unsafe { self.start().add(begin) },
            // SAFETY: the caller keeps the contract of `alloc`.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some(begin) = self.offset(pointer) else {
            // SAFETY: not the arena's, so the system's, with the caller's layout.
            return unsafe { System.dealloc(pointer, layout) };
        };
        let live = self.live.get().wrapping_sub(1);
        self.live.set(live);
        if live == 0 {
            self.top.set(0);
        } else if begin + layout.size() == self.top.get() {
            self.top.set(begin);
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(begin) = self.offset(pointer) else {
            // SAFETY: not the arena's, so the system's, with the caller's layout.
            return unsafe { System.realloc(pointer, layout, size) };
        };
        let newest = begin + layout.size() == self.top.get();
        if size <= layout.size() || newest {
            if let Some(end) = begin.checked_add(size).filter(|end| *end < BYTES) {
                if newest {
                    self.top.set(end);
                }
                return pointer;
            }
        }
        // SAFETY: `size` is not zero and the alignment was valid before, by the contract of `realloc`.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: as above; the old allocation is live and at least `min` bytes long, the new one is
        // another, and it is given back with the layout it was made with.
        unsafe {
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(pointer, moved, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::{GlobalAlloc, Layout};

    use super::Arena;

    fn bytes(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn fills_aligned_and_starts_over() {
        let arena = Arena::<256>::new();
        // SAFETY: every pointer is used with the layout it was made with.
        unsafe {
            let a = arena.alloc(bytes(3, 1));
            let b = arena.alloc(bytes(8, 8));
            assert_eq!(b.addr() - a.addr(), 8);
            a.write_bytes(1, 3);
            b.write_bytes(2, 8);
            assert_eq!(a.read(), 1);
            arena.dealloc(a, bytes(3, 1));
            assert_eq!(arena.top.get(), 16);
            arena.dealloc(b, bytes(8, 8));
            assert_eq!((arena.top.get(), arena.live.get()), (0, 0));
        }
    }

    #[test]
    fn the_newest_grows_and_shrinks_in_place() {
        let arena = Arena::<256>::new();
        // SAFETY: as above.
        unsafe {
            let a = arena.alloc(bytes(8, 1));
            a.write_bytes(7, 8);
            assert_eq!(arena.realloc(a, bytes(8, 1), 100), a);
            assert_eq!(arena.top.get(), 100);
            assert_eq!(arena.realloc(a, bytes(100, 1), 8), a);
            assert_eq!(arena.top.get(), 8);
            let b = arena.alloc(bytes(1, 1));
            let moved = arena.realloc(a, bytes(8, 1), 16);
            assert_ne!(moved, a);
            assert_eq!(moved.add(7).read(), 7);
            assert_eq!(arena.realloc(b, bytes(1, 1), 1), b);
        }
    }

    #[test]
    fn what_does_not_fit_goes_to_the_system() {
        let arena = Arena::<64>::new();
        // SAFETY: as above.
        unsafe {
            let small = arena.alloc(bytes(32, 1));
            small.write_bytes(9, 32);
            let large = arena.alloc(bytes(64, 1));
            assert!(arena.offset(large).is_none() && !large.is_null());
            arena.dealloc(large, bytes(64, 1));
            let moved = arena.realloc(small, bytes(32, 1), 4096);
            assert!(arena.offset(moved).is_none());
            assert_eq!(moved.add(31).read(), 9);
            let grown = arena.realloc(moved, bytes(4096, 1), 8192);
            assert_eq!(grown.add(31).read(), 9);
            arena.dealloc(grown, bytes(8192, 1));
            assert_eq!(arena.live.get(), 0);
            let aligned = arena.alloc(bytes(8, 32));
            assert!(arena.offset(aligned).is_none());
            arena.dealloc(aligned, bytes(8, 32));
        }
    }
}
