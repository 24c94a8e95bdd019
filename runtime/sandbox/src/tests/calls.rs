//! What a call may ask for, what it returns, and what it is billed.

use wharf_model::{
    call::{CallError, Outcome},
    digest::Digest,
    failure::FailureClass,
    grant::Limits,
};

use super::{
    block_on, context,
    guest::{BLOBS, Guest, HTTP, LOG},
    host::{Gate, TestHost, call},
    load,
};
use crate::{Interface, Sandbox, SandboxConfig, state::State};

#[test]
fn a_response_is_read_and_returned() {
    // Sends, reads the body, and returns its bytes as the output.
    let guest = Guest {
        imports: HTTP,
        more: r#"(data (i32.const 128) "POST") (data (i32.const 136) "https://a.test/x")"#,
        run: "(call $send (i32.const 128) (i32.const 4) (i32.const 136) (i32.const 16)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
              (call $read (i32.load (i32.const 272)) (i32.const 1000) (i32.const 288))
              (i32.store (i32.const 80) (i32.load (i32.const 292)))
              (i32.store (i32.const 84) (i32.load (i32.const 296)))
              i32.const 64",
        ..Guest::default()
    };
    block_on(async {
        let connector = load(&guest.build()).await.unwrap();
        assert!(connector.imports().contains(&"wharf:connector/http@0.1.0".to_owned()));
        let gate = Gate::Answers(r#"{"ok":true}"#);
        let finished = connector.run(call(Limits::default(), gate), "act", "{}", None, &context()).await;
        assert_eq!(finished.result, Ok(Outcome::Done(serde_json::json!({"ok": true}))));
        let metering = finished.metering;
        assert_eq!((metering.effects, metering.host_calls), (1, 2));
        assert!(metering.fuel > 50_000 && metering.host_bytes >= 31, "{metering:?}");
        assert_eq!(metering.peak_memory_bytes, 2 << 16);
    });
}

#[test]
fn describe_has_no_capability() {
    let quiet = Guest::default();
    let curious = Guest {
        imports: LOG,
        describe: "(call $log (i32.const 1) (i32.const 16) (i32.const 2) (i32.const 0) (i32.const 0)) i32.const 32",
        ..Guest::default()
    };
    block_on(async {
        let connector = load(&quiet.build()).await.unwrap();
        assert_eq!(connector.describe(&Limits::default()).await.result, Ok("{}".into()));
        let connector = load(&curious.build()).await.unwrap();
        let Err(CallError::Failed(failure)) = connector.describe(&Limits::default()).await.result else {
            panic!()
        };
        assert_eq!(failure.class, FailureClass::CapabilityDenied);
        assert!(failure.message.contains("log.write"), "{}", failure.message);
    });
}

#[test]
fn what_is_not_exported_is_not_called() {
    block_on(async {
        let connector = load(&Guest::default().build()).await.unwrap();
        let interfaces: Vec<_> = connector.interfaces().iter().collect();
        assert_eq!(interfaces, [Interface::Manifest, Interface::Actions]);
        let finished = connector.confirm(call(Limits::default(), Gate::Hangs), "act", "{}", &context()).await;
        assert_eq!(finished.result, Err(CallError::NotExported("confirmation.confirm")));
    });
}

#[test]
fn a_failure_keeps_its_fields() {
    // err(failure): class 6 (rate-limited), message `{}`, http-status 429, retry-after 3,000 ms.
    let guest = Guest {
        run: "(i32.store8 (i32.const 512) (i32.const 1))
              (i32.store8 (i32.const 520) (i32.const 6))
              (i32.store (i32.const 524) (i32.const 16)) (i32.store (i32.const 528) (i32.const 2))
              (i32.store8 (i32.const 532) (i32.const 1)) (i32.store16 (i32.const 534) (i32.const 429))
              (i32.store8 (i32.const 552) (i32.const 1)) (i64.store (i32.const 560) (i64.const 3000))
              i32.const 512",
        ..Guest::default()
    };
    block_on(async {
        let connector = load(&guest.build()).await.unwrap();
        let finished =
            connector.run(call(Limits::default(), Gate::Hangs), "act", "{}", None, &context()).await;
        let Err(CallError::Failed(failure)) = finished.result else { panic!("{finished:?}") };
        assert_eq!(failure.class, FailureClass::RateLimited);
        assert_eq!((failure.http_status, failure.retry_after_ms), (Some(429), Some(3_000)));
        assert_eq!(failure.message, "{}");
    });
}

#[test]
fn each_call_gets_a_fresh_instance() {
    // Counts in its own memory, and returns the count.
    let guest = Guest {
        run: "(i32.store8 (i32.const 128) (i32.add (i32.load8_u (i32.const 128)) (i32.const 1)))
              (i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.load8_u (i32.const 128))))
              (i32.store (i32.const 84) (i32.const 1)) i32.const 64",
        ..Guest::default()
    };
    block_on(async {
        let connector = load(&guest.build()).await.unwrap();
        for _ in 0..40 {
            let finished =
                connector.run(call(Limits::default(), Gate::Hangs), "act", "{}", None, &context()).await;
            assert_eq!(finished.result, Ok(Outcome::Done(serde_json::json!(1))));
        }
    });
}

#[track_caller]
fn returns(guest: Guest, expected: i64) {
    let finished = block_on(async {
        let connector = load(&guest.build()).await.unwrap();
        connector.run(call(Limits::default(), Gate::Hangs), "act", "{}", None, &context()).await
    });
    assert_eq!(finished.result, Ok(Outcome::Done(expected.into())));
}

#[test]
fn a_blob_is_kept_when_it_is_finished() {
    returns(
        Guest {
            imports: BLOBS,
            run: "(call $create (i32.const 16) (i32.const 2) (i32.const 16) (i32.const 2) (i32.const 256))
                  (call $write (i32.load (i32.const 264)) (i32.const 128) (i32.const 100) (i32.const 288))
                  (call $write (i32.load (i32.const 264)) (i32.const 128) (i32.const 23) (i32.const 288))
                  (call $finish (i32.load (i32.const 264)) (i32.const 320))
                  (i32.store (i32.const 80) (i32.load (i32.const 328)))
                  (i32.store (i32.const 84) (i32.load (i32.const 332)))
                  i32.const 64",
            ..Guest::default()
        },
        123,
    );
}

#[test]
fn keys_of_the_store_are_checked() {
    const GET: &str = r#"(import "wharf:connector/store@0.1.0" "get" (func $get (param i32 i32 i32 i32)))"#;
    let valid = Guest {
        imports: GET,
        more: r#"(data (i32.const 128) "12")"#,
        run: "(call $get (i32.const 0) (i32.const 128) (i32.const 2) (i32.const 256))
              (i32.store (i32.const 80) (i32.load (i32.const 268)))
              (i32.store (i32.const 84) (i32.load (i32.const 272)))
              i32.const 64",
        ..Guest::default()
    };
    returns(valid, 12);
    // What the result and the error's case are, as two digits: 1 is an error, and invalid-key.
    let judged = "(i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.load8_u (i32.const 256))))
                  (i32.store8 (i32.const 17) (i32.add (i32.const 48) (i32.load8_u (i32.const 264))))
                  i32.const 64";
    for (at, length) in [(128, 0), (128, 513), (8, 1)] {
        let run: &'static str = format!(
            "(call $get (i32.const 0) (i32.const {at}) (i32.const {length}) (i32.const 256)) {judged}"
        )
        .leak();
        returns(Guest { imports: GET, run, ..Guest::default() }, 11);
    }
}

#[test]
fn gr_25_memory_is_not_left_to_the_next_call() {
    let writes = Guest {
        run: "(drop (memory.grow (i32.const 100)))
              (memory.fill (i32.const 65536) (i32.const 170) (i32.const 6619136)) i32.const 64",
        ..Guest::default()
    };
    let reads = Guest {
        run: "(drop (memory.grow (i32.const 100))) (local.set $n (i32.const 65536))
              (loop $l
                (if (i64.ne (i64.load (local.get $n)) (i64.const 0)) (then unreachable))
                (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 8)))
                    (i32.const 6684672))))
              i32.const 64",
        ..Guest::default()
    };
    // One slot, so that the second call gets the first one's memory.
    let sandbox = Sandbox::new(SandboxConfig { slots: 1, ..SandboxConfig::default() }).unwrap();
    block_on(async {
        for guest in [writes, reads, writes, reads] {
            let wasm = guest.build();
            let connector = sandbox.load(&wasm, Digest::of(&wasm)).await.unwrap();
            let call = call(Limits::default(), Gate::Hangs);
            let finished = connector.run(call, "act", "{}", None, &context()).await;
            assert!(finished.result.is_ok(), "{finished:?}");
        }
    });
}

#[test]
fn randomness_is_the_steps() {
    let draw = |first: usize, then: usize| {
        let mut state = State::new(Some(Box::new(TestHost(Gate::Hangs))), Limits::default());
        let (mut a, mut b) = (vec![0; first], vec![0; then]);
        state.random(&mut a);
        state.random(&mut b);
        [a, b].concat()
    };
    assert_eq!(draw(10, 22), draw(20, 12), "the same stream, however it is cut");
    assert_ne!(draw(16, 16)[..16], draw(16, 16)[16..]);
}
