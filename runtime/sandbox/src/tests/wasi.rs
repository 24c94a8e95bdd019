//! Components of a toolchain that links WASI: it is there, and there is nothing behind it.

use wharf_model::grant::Limits;

use super::{block_on, load};

/// Prints what is at 64 to stdout, draws a seed, and describes itself.
const PRINTS: &str = r#"(component
    (import "wasi:random/insecure-seed@0.2.0" (instance $seed
        (export "insecure-seed" (func (result (tuple u64 u64))))))
    (import "wasi:io/error@0.2.0" (instance $errors (export "error" (type (sub resource)))))
    (alias export $errors "error" (type $error))
    (import "wasi:io/streams@0.2.0" (instance $streams
        (export "output-stream" (type $stream (sub resource)))
        (alias outer 1 $error (type $outer))
        (export "error" (type $error (eq $outer)))
        (type $failed (variant (case "last-operation-failed" (own $error)) (case "closed")))
        (export "stream-error" (type $stream-error (eq $failed)))
        (export "[method]output-stream.blocking-write-and-flush" (func
            (param "self" (borrow $stream)) (param "contents" (list u8))
            (result (result (error $stream-error)))))))
    (alias export $streams "output-stream" (type $stream))
    (import "wasi:cli/stdout@0.2.0" (instance $stdout
        (alias outer 1 $stream (type $outer))
        (export "output-stream" (type $stream (eq $outer)))
        (export "get-stdout" (func (result (own $stream))))))
    (core module $memory (memory (export "memory") 1)
        (data (i32.const 16) "{}")
        (data (i32.const 32) "\10\00\00\00\02\00\00\00")
        (data (i32.const 64) "one\n\1b[31mtwo"))
    (core instance $memory (instantiate $memory))
    (core func $seed (canon lower (func $seed "insecure-seed") (memory $memory "memory")))
    (core func $stdout (canon lower (func $stdout "get-stdout")))
    (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
        (memory $memory "memory")))
    (core module $program
        (import "host" "seed" (func $seed (param i32)))
        (import "host" "stdout" (func $stdout (result i32)))
        (import "host" "write" (func $write (param i32 i32 i32 i32)))
        (func (export "describe") (result i32)
            (call $seed (i32.const 256))
            (call $write (call $stdout) (i32.const 64) (i32.const 12) (i32.const 272))
            i32.const 32))
    (core instance $program (instantiate $program (with "host" (instance
        (export "seed" (func $seed)) (export "stdout" (func $stdout)) (export "write" (func $write))))))
    (func $describe (result string)
        (canon lift (core func $program "describe") (memory $memory "memory")))
    (instance $manifest (export "describe" (func $describe)))
    (export "wharf:connector/manifest@0.1.0" (instance $manifest)))"#;

#[test]
fn gr_14_what_is_printed_goes_to_the_log() {
    let wasm = wat::parse_str(PRINTS).unwrap();
    block_on(async {
        let connector = load(&wasm).await.unwrap();
        let finished = connector.describe(&Limits::default()).await;
        assert_eq!(finished.result, Ok("{}".into()));
        let lines: Vec<_> = finished.log.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(lines, ["one", "\\u{1b}[31mtwo"]);

        let finished = connector.describe(&Limits { log_bytes: 18, ..Limits::default() }).await;
        assert_eq!(finished.log.last().unwrap().message, "log truncated at 18 bytes");
    });
}
