//! One connector cannot starve another: of slots, of the processor, of the compiler. How long a call
//! waits is a bench's to measure (`benches/canary.rs`); here is who is let in at all.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::{Instant, timeout};
use wharf_model::{
    call::{CallError, StopReason},
    digest::Digest,
    grant::Limits,
};

use super::{
    block_on, context,
    guest::{Guest, HTTP},
    host::{Gate, call},
};
use crate::{
    Connector, Sandbox, SandboxConfig,
    pace::{self, Share, Turns},
};

/// Waits for an answer that does not come.
const WAITS: &str = "(call $send (i32.const 128) (i32.const 3) (i32.const 136) (i32.const 16)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256)) i32.const 64";

async fn load(sandbox: &Sandbox, guest: Guest) -> Connector {
    let wasm = guest.build();
    sandbox.load(&wasm, Digest::of(&wasm)).await.unwrap()
}

/// Starts a call that lasts until it is aborted.
fn start(connector: &Connector, limits: Limits) -> tokio::task::JoinHandle<Result<(), CallError>> {
    let connector = connector.clone();
    tokio::spawn(async move {
        let call = call(limits, Gate::Hangs);
        connector.run(call, "act", "{}", None, &context()).await.result.map(|_| ())
    })
}

async fn answers(connector: &Connector) -> bool {
    let call = call(Limits::default(), Gate::Hangs);
    let context = context();
    let running = connector.run(call, "act", "{}", None, &context);
    timeout(Duration::from_secs(60), running).await.is_ok_and(|finished| finished.result.is_ok())
}

#[test]
fn a_connector_whose_calls_all_wait_leaves_slots_to_others() {
    let config = SandboxConfig { slots: 4, slots_each: 2, ..SandboxConfig::default() };
    let sandbox = Sandbox::new(config).unwrap();
    let more = r#"(data (i32.const 128) "GET") (data (i32.const 136) "https://a.test/x")"#;
    block_on(async {
        let waits = load(&sandbox, Guest { imports: HTTP, more, run: WAITS, ..Guest::default() }).await;
        let canary = load(&sandbox, Guest::default()).await;
        let waiting: Vec<_> = (0..50).map(|_| start(&waits, Limits::default())).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(answers(&canary).await, "fifty calls that wait take every slot");
        for call in &waiting {
            assert!(!call.is_finished());
            call.abort();
        }
        for call in waiting {
            assert!(call.await.is_err());
        }
        assert!(answers(&canary).await);
    });
}

#[test]
fn more_waiting_calls_than_the_queue_holds_are_refused_and_may_come_again() {
    let sandbox = Sandbox::new(SandboxConfig { slots: 1, ..SandboxConfig::default() }).unwrap();
    let more = r#"(data (i32.const 128) "GET") (data (i32.const 136) "https://a.test/x")"#;
    block_on(async {
        let waits = load(&sandbox, Guest { imports: HTTP, more, run: WAITS, ..Guest::default() }).await;
        let calls: Vec<_> = (0..1_030).map(|_| start(&waits, Limits::default())).collect();
        let mut refused = 0;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        for call in calls {
            if call.is_finished() {
                let Err(CallError::Host(message)) = call.await.unwrap() else { panic!() };
                assert!(message.contains("1024 calls of this connector wait"), "{message}");
                refused += 1;
            } else {
                call.abort();
            }
        }
        assert_eq!(refused, 1_030 - 1_024 - 1);
    });
}

#[test]
fn gr_24_calls_that_spin_end_at_their_deadline_and_the_canary_lives() {
    let config = SandboxConfig { slots: 64, ..SandboxConfig::default() };
    let sandbox = Sandbox::new(config).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let spins = load(&sandbox, Guest { run: "(loop $l (br $l)) unreachable", ..Guest::default() }).await;
        let canary = load(&sandbox, Guest::default()).await;
        let limits = Limits { fuel: u64::MAX, deadline_ms: 300, ..Limits::default() };
        let spinning: Vec<_> = (0..200).map(|_| start(&spins, limits)).collect();
        for _ in 0..20 {
            assert!(answers(&canary).await);
        }
        for call in spinning {
            let Err(CallError::Stopped(report)) = call.await.unwrap() else { panic!() };
            assert_eq!(report.reason, StopReason::Deadline);
        }
    });
}

/// Computes for a millisecond a poll, and notes how many that have computed for long do so at once.
async fn burn(polls: u32, now: &AtomicUsize, most: &AtomicUsize) {
    let mut done = 0;
    std::future::poll_fn(|cx| {
        // The first polls are brief work, which takes no turn.
        let heavy = usize::from(done >= 2);
        most.fetch_max(now.fetch_add(heavy, Ordering::SeqCst) + heavy, Ordering::SeqCst);
        let until = Instant::now() + Duration::from_millis(1);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        now.fetch_sub(heavy, Ordering::SeqCst);
        done += 1;
        cx.waker().wake_by_ref();
        if done == polls { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[test]
fn heavy_calls_take_turns() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let shared = std::sync::Arc::new((Turns::new(1), AtomicUsize::new(0), AtomicUsize::new(0)));
    runtime.block_on(async {
        let burning: Vec<_> = (0..4_u8)
            .map(|number| {
                let shared = std::sync::Arc::clone(&shared);
                tokio::spawn(async move {
                    let (turns, now, most) = &*shared;
                    let (connector, share) = (Digest::of(&[number]), Share::new());
                    let deadline = Instant::now() + Duration::from_secs(600);
                    pace::run(turns, (connector, &share), deadline, burn(30, now, most)).await
                })
            })
            .collect();
        for burning in burning {
            assert_eq!(burning.await.unwrap().ended, Ok(()));
        }
    });
    assert_eq!(shared.2.load(Ordering::SeqCst), 1, "heavy calls compute at once");
}
