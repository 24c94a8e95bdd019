//! Attempts to use more than is granted: instructions, memory, stack, log, output, calls, store.
//!
//! `black_box` keeps the compiler from seeing that nothing comes of the work.

use std::hint::black_box;

use wharf::prelude::*;
use wharf::store::{self, Scope};

use crate::{Seen, api, attempt};

/// How much.
#[input]
pub(crate) struct Amount {
    /// Bytes, lines or calls, as the action says.
    amount: u64,
}

/// How much there was.
#[output]
pub(crate) struct Counted {
    count: u64,
}

/// Spin forever.
#[action(effect = "read")]
pub(crate) fn spin(_call: &Call) -> Result<Counted> {
    let mut count = 0_u64;
    while black_box(true) {
        count = count.wrapping_add(1);
    }
    Ok(Counted { count })
}

/// Allocate forever, a megabyte at a time, and touch all of it.
#[action(effect = "read")]
pub(crate) fn allocate(_call: &Call) -> Result<Counted> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    while black_box(true) {
        kept.push(black_box(vec![1; 1024 * 1024]));
    }
    Ok(Counted { count: kept.len() as u64 })
}

/// Recurse forever.
#[action(effect = "read")]
pub(crate) fn recurse(_call: &Call) -> Result<Counted> {
    Ok(Counted { count: deeper(0) })
}

#[expect(unconditional_recursion, reason = "the stack is what it is after")]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    deeper(depth + 1) + frame.iter().sum::<u64>()
}

/// Write so many lines of 4 KB to the log, with control characters in them.
#[action(effect = "read")]
pub(crate) fn flood_log(_call: &Call, input: Amount) -> Result<Counted> {
    let line = "\u{1b}[2J\r\nforged line\u{202e}".repeat(170);
    for _ in 0..input.amount {
        log::error!("{line}"; "line" => &line);
    }
    Ok(Counted { count: input.amount })
}

/// Return so many bytes.
#[action(effect = "read")]
pub(crate) fn return_much(_call: &Call, input: Amount) -> Result<String> {
    let amount = usize::try_from(input.amount).unwrap_or(usize::MAX);
    Ok("x".repeat(amount))
}

/// Call the declared provider over and over, until the host says no or so often.
#[action(effect = "read")]
pub(crate) fn call_forever(call: &Call, input: Amount) -> Result<Vec<Seen>> {
    let api = api(call)?;
    let mut last = Vec::new();
    for _ in 0..input.amount {
        let seen = attempt(call.get(format!("{api}/v1/ok")))?;
        let over = seen.error.is_some();
        last = vec![seen];
        if over {
            break;
        }
    }
    Ok(last)
}

/// Fill the store with so many values of 1 KB, and say how many there was room for.
#[action(effect = "read")]
pub(crate) fn store_much(_call: &Call, input: Amount) -> Result<Counted> {
    let value = "x".repeat(1022);
    for count in 0..input.amount {
        if store::put(Scope::Connection, &format!("key-{count}"), &value).is_err() {
            return Ok(Counted { count });
        }
    }
    Ok(Counted { count: input.amount })
}
