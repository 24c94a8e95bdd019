//! Values across the border: whatever bytes a guest calls a result, and whatever words it passes to
//! the host, the call ends within its limits, as a typed result, and the host stands.
//!
//! Input: byte 0 chooses the export; all of it is the guest's image (see `guest`). With the highest bit
//! of byte 1 the call is made twice, and is worth the same both times.

use std::{fmt::Debug, sync::LazyLock};

use tokio::runtime::{Builder, Runtime};
use wharf_model::{
    call::{CallError, Context, Mode},
    digest::Digest,
    event::Delivery,
    grant::Limits,
    http::Field,
    time::Timestamp,
};
use wharf_sandbox::{Call, Connector, Finished, Listing, OptionsQuery, Sandbox, SandboxConfig, Subscription};

use crate::guest::{self, IMAGE_BYTES, MAGIC};
use crate::{host::Plain, inert};

/// Small, so that an input that reaches one ends soon.
pub(crate) const LIMITS: Limits = Limits {
    fuel: 5_000_000,
    deadline_ms: 2_000,
    memory_bytes: 4 << 20,
    host_bytes_per_call: 256 << 10,
    host_bytes: 1 << 20,
    handles: 16,
    http_requests: 4,
    http_in_flight: 2,
    http_request_bytes: 64 << 10,
    http_response_bytes: 64 << 10,
    log_bytes: 16 << 10,
    output_bytes: 64 << 10,
    table_elements: 1_000,
    instances: 32,
};

struct Bed {
    runtime: Runtime,
    connector: Connector,
}

static BED: LazyLock<Bed> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build().expect("an executor starts");
    let wasm = guest::build();
    let connector = runtime.block_on(async {
        let sandbox =
            Sandbox::new(SandboxConfig { slots: 2, ..SandboxConfig::default() }).expect("the engine starts");
        sandbox.load(&wasm, Digest::of(&wasm)).await.expect("the guest loads")
    });
    Bed { runtime, connector }
});

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let Some(export) = data.first() else { return };
    let image = data.get(..IMAGE_BYTES).unwrap_or(data);
    let text = format!("{MAGIC}{}", hex::encode(image));
    let again = || BED.runtime.block_on(call(&BED.connector, export % 21, &text));
    let first = again();
    if image.get(1).is_some_and(|byte| byte & 0x80 != 0)
        // A call that meets the deadline of a busy machine says nothing.
        && let (Some(first), Some(second)) = (first, again())
    {
        assert_eq!(first, second, "the same call twice");
    }
}

async fn call(connector: &Connector, export: u8, text: &str) -> Option<String> {
    let (call, context) = (Call { limits: LIMITS, host: Box::new(Plain) }, context());
    let subscription = Subscription { id: "s".to_owned(), expires_at: None, state: "state".into() };
    match export {
        0 => ended(connector.run(call, text, "{}", None, &context).await),
        1 => ended(connector.resume(call, text, "{}", Some(&delivery()), &context).await),
        2 => ended(connector.confirm(call, text, "{}", &context).await),
        3 => ended(connector.run_batch(call, text, &["{}".to_owned(), "{}".to_owned()], &context).await),
        4 => ended(connector.validate(call, text, &context).await),
        5 => ended(connector.load_options(call, text, &OptionsQuery::default(), &context).await),
        6 => ended(connector.load_fields(call, text, "{}", &context).await),
        7 => ended(connector.poll(call, text, "{}", Some("1"), 10, &context).await),
        8 => ended(connector.receive(call, text, "{}", &delivery(), &context).await),
        9 => ended(connector.handshake(&LIMITS, text, &delivery()).await),
        10 => ended(connector.route(&LIMITS, text, &delivery()).await),
        11 => ended(connector.enable(call, text, "{}", "https://a.test/", &context).await),
        12 => ended(connector.exists(call, text, &subscription, &context).await),
        13 => ended(connector.renew(call, text, &subscription, &context).await),
        14 => ended(connector.disable(call, text, &subscription, &context).await),
        15 => ended(connector.sample(call, text, "{}", 3, &context).await),
        16 => ended(connector.list_page(call, text, &Listing::default(), &context).await),
        17 => ended(connector.get(call, text, "id", &context).await),
        18 => ended(connector.find(call, text, "{}", &context).await),
        19 => ended(connector.put(call, text, Some("id"), "{}", None, &context).await),
        _ => ended(connector.delete(call, text, "id", Some("v"), &context).await),
    }
}

/// The call is over: within its limits, and with something that can be shown. What it is worth, if it
/// went well.
pub(crate) fn ended<T: Debug>(finished: Finished<T>) -> Option<String> {
    let metering = finished.metering;
    assert!(metering.fuel <= LIMITS.fuel, "{metering:?}");
    assert!(metering.peak_memory_bytes <= LIMITS.memory_bytes, "{metering:?}");
    assert!(metering.effects <= LIMITS.http_requests, "{metering:?}");
    let log: usize = finished.log.iter().map(|line| line.message.len() + line.fields.len()).sum();
    // The line that says where it was cut comes on top.
    assert!(log as u64 <= LIMITS.log_bytes + 40, "{log} bytes of log");
    match finished.result {
        Ok(value) => {
            // In `Debug` a byte takes up to `\u{feff}`, and a list of small things their names.
            let shown = format!("{value:?}");
            assert!(shown.len() as u64 <= LIMITS.output_bytes * 16, "{} bytes came out", shown.len());
            Some(format!("{shown} for {} fuel", metering.fuel))
        }
        Err(error @ (CallError::NotExported(_) | CallError::Host(_))) => panic!("{error:?}"),
        Err(error) => {
            inert(error);
            None
        }
    }
}

fn context() -> Context {
    Context {
        run: "run".to_owned(),
        step: "step".to_owned(),
        attempt: 1,
        mode: Mode::Live,
        idempotency_key: "key".to_owned(),
        deadline: Timestamp(2_000),
        trace_parent: "00-00000000000000000000000000000001-0000000000000001-00".to_owned(),
        connection: serde_json::json!({}),
    }
}

fn delivery() -> Delivery {
    Delivery {
        method: "POST".to_owned(),
        target: "/".to_owned(),
        headers: vec![Field::new("a", "b")],
        body: b"{}".to_vec(),
        received_at: Timestamp(1_000),
    }
}
