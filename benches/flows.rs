//! The flows that are measured, and deliveries signed as GitHub signs them.

use anyhow::Result;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The connection that holds the secret.
pub const CONNECTION: &str = "bench";

/// With what deliveries are signed.
pub const SECRET: &str = "it's a secret to everybody";

/// What is measured: a name, and the steps.
const SHAPES: [(&str, &str); 3] = [
    (
        "map-1",
        r#"
  - id: one
    action: bench/map
    with:
      id: "${event.id}"
      action: "${event.action}"
      sender: "${event.sender}"
      repository: "${event.repository}"
      issue: "${event.issue}"
"#,
    ),
    ("empty-1", "\n  - { id: one, action: bench/empty }\n"),
    (
        "empty-3",
        "\n  - { id: one, action: bench/empty }\n  - { id: two, action: bench/empty }\n  - { id: three, action: bench/empty }\n",
    ),
];

/// A flow's name and file: one mapping of the 1 KB event, one empty call, three empty calls in a row.
#[must_use]
pub fn all() -> Vec<(&'static str, String)> {
    let file = |name: &str, steps: &str| {
        format!(
            "flow: {name}\non: {{ webhook: hmac-sha256, header: x-hub-signature-256, prefix: \"sha256=\", \
             connection: {CONNECTION}, delivery-id-header: x-github-delivery }}\nsteps:{steps}"
        )
    };
    SHAPES.iter().map(|(name, steps)| (*name, file(name, steps))).collect()
}

/// The value of `x-hub-signature-256` for a body.
///
/// # Errors
/// None: HMAC takes keys of every length.
pub fn signature(body: &[u8]) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(body);
    Ok(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}
