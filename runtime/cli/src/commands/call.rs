//! `wharf call`: one action of a connector file, in the sandbox, with its bill; no server.
//!
//! Nothing is granted by being asked for: without `--allow` every request is denied, and the denial
//! names the flag that would let it pass.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use wharf_gate::{Authority, CarveOut, Credentials, Gate, GateConfig, Redactor, Secret};
use wharf_harness::{Effects, LoneHost};
use wharf_model::{
    call::{CallError, Context, Mode, Outcome},
    digest::Digest,
    effect::{Effect, EffectResult},
    failure::FailureClass,
    flow::InputValidator,
    grant::{Grant, Limits},
    manifest::{Action, EgressRequest, Manifest},
};
use wharf_sandbox::{Call, Connector, Finished, Sandbox, SandboxConfig, ScanLimits, WorkerCommand};

use super::{
    connector::{LimitFlags, egress, roots, slot},
    inspect::open,
};
use crate::{
    clock,
    exit::{Exit, Fault},
    input,
    output::Output,
    render, view,
};

/// Arguments of `wharf call`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf call http.wasm get --input '{\"url\": \"https://x.test/\"}' --allow 'GET https://x.test/'
  wharf call slack.wasm list-channels --secret token=@t --allow 'GET https://slack.com/api/'
  wharf call slack.wasm post-message --input @in --secret token=@t --allow 'POST https://x.test/'
  wharf call http.wasm get --allow 'GET http://127.0.0.1:9000/' --allow-private 127.0.0.1/32:9000

It exits 0 when the action is done, 1 when it fails or is stopped, and 3 when the gate denied something and it failed.")]
pub struct Args {
    /// The connector file.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// The action's name.
    action: String,
    /// The input: JSON, `@file`, or `-` for stdin.
    #[arg(long, default_value = "{}", value_name = "JSON")]
    input: String,
    /// Let it call this: methods and an address; may be repeated.
    #[arg(long, value_name = "METHODS URL", value_parser = egress)]
    allow: Vec<EgressRequest>,
    /// Let addresses of this block be called although they are not public: `127.0.0.1/32:9000`; may be repeated.
    #[arg(long, value_name = "CIDR[:PORTS]")]
    allow_private: Vec<CarveOut>,
    /// The way to connect, where the connector offers several.
    #[arg(long)]
    method: Option<String>,
    /// A setting of the connection; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    setting: Vec<String>,
    /// A secret by its slot: `SLOT=env:NAME`, `SLOT=@file`, `SLOT=-` for stdin, `SLOT=value`; may be repeated.
    #[arg(long, value_name = "SLOT=VALUE")]
    secret: Vec<String>,
    /// Let it READ this secret, not only use it: an auth method and a slot that its manifest asks to reveal,
    /// as `key/private`; may be repeated.
    #[arg(long, value_name = "METHOD/SLOT", value_parser = slot)]
    reveal: Vec<String>,
    /// Trust the certificate authorities of this PEM file, besides the built-in ones; may be repeated.
    #[arg(long, value_name = "@FILE")]
    root: Vec<String>,
    /// Continue a list: the `next` of the page before.
    #[arg(long)]
    page: Option<String>,
    /// The idempotency key of its writes; without it, one made of the input.
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    limits: LimitFlags,
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let (package, wasm) = open(&args.file)?;
    let input = input::json(&args.input)?;
    let manifest = &package.manifest;
    let action = action(manifest, &args.action)?;
    check(action, &args.action, &input)?;
    let limits = Limits::default()
        .with(&args.limits.over(wharf_model::grant::LimitOverrides::default()), &Limits::ceiling());
    let settings = input::settings(&args.setting)?;
    for secret in revealed(&args.reveal, manifest)? {
        output.note(&render::connector::reveals(&manifest.name, secret));
    }
    let authority = authority(&args, manifest, &settings)?;
    let redactor = authority.redactor().clone();
    let scope = authority.action(&args.action, &limits).context("the gate does not know the action")?;
    let effects = Effects::default();
    let host = LoneHost {
        gate: Gate::new(GateConfig { carve_outs: args.allow_private.clone(), ..GateConfig::default() })?,
        scope: scope.with_key(key(&args, &input)),
        authority,
        effects: effects.clone(),
        store: HashMap::new(),
        store_max_bytes: manifest.store.as_ref().map_or(0, |store| store.max_bytes),
        scratch_bytes: manifest.scratch.as_ref().map_or(0, |scratch| scratch.max_bytes),
        now: clock::now(),
        seed: seed(&input),
    };
    let place = tempfile::tempdir().context("no place for scratch files")?;
    let connector = load(&wasm, package.digest, place.path()).await?;
    let context = context(&args, &input, settings, &limits);
    let call = Call { limits, host: Box::new(host) };
    let finished =
        connector.run(call, &args.action, &input.to_string(), args.page.as_deref(), &context).await;
    Ok(report(&manifest.name, &args.action, &finished, (&effects.take(), &redactor), output))
}

/// Compiles in a process of its own, as the server does: the file may be anybody's.
///
/// A large component is no danger to other tenants here: there are none.
async fn load(wasm: &[u8], digest: Digest, scratch: &Path) -> Result<Connector> {
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let sandbox = Sandbox::new(SandboxConfig {
        slots: 1,
        scratch: Some(scratch.to_owned()),
        scan: ScanLimits { component_bytes: wharf_package::MAX_BYTES as u64, ..ScanLimits::default() },
        worker: Some(WorkerCommand {
            cpu_seconds: 300,
            address_space: 4 << 30,
            ..WorkerCommand::new(program, ["__compile"])
        }),
        ..SandboxConfig::default()
    })?;
    let loaded = sandbox.load(wasm, digest).await;
    Ok(loaded.map_err(|error| Fault::new(Exit::Invalid, error.reason(), error.to_string()))?)
}

fn action<'a>(manifest: &'a Manifest, name: &str) -> Result<&'a Action, Fault> {
    manifest.actions.get(name).ok_or_else(|| {
        let known: Vec<&str> = manifest.actions.keys().map(String::as_str).collect();
        Fault::new(
            Exit::NotFound,
            "no-such-action",
            format!("{} has no action `{name}`; it has {}", manifest.name, known.join(", ")),
        )
    })
}

fn check(action: &Action, name: &str, input: &Value) -> Result<(), Fault> {
    let check = InputValidator::new(action).map_err(|error| {
        Fault::new(Exit::Invalid, "bad-manifest", format!("the input schema of `{name}`: {error}"))
    })?;
    check.check(input).map_err(|failure| {
        let failure = view::Failure::from(&failure);
        Fault::new(Exit::Invalid, "invalid-input", format!("the input does not fit `{name}`"))
            .detail(render::failure::detail(&failure))
    })
}

fn authority(args: &Args, manifest: &Manifest, settings: &Value) -> Result<Authority> {
    let mut grant = Grant { egress: args.allow.clone(), reveal: args.reveal.clone(), ..Grant::default() };
    roots::change(&mut grant.roots, &args.root, &[])?;
    let slots = args
        .secret
        .iter()
        .map(|given| input::secret(given).map(|(slot, value)| (slot, Secret::new(value))))
        .collect::<Result<std::collections::BTreeMap<_, _>, _>>()?;
    let method = args.method.clone().or_else(|| manifest.auth.keys().next().cloned());
    let credentials = match method {
        Some(method) if !slots.is_empty() => Some(Credentials { method, slots }),
        Some(_) | None if slots.is_empty() => None,
        Some(_) | None => anyhow::bail!(Fault::usage(format!("{} takes no credential", manifest.name))),
    };
    Ok(Authority::new(&manifest.name, manifest, &grant, Some(settings), credentials)?)
}

/// The secrets that are given to be read; each must be asked for by the manifest.
fn revealed<'a>(given: &'a [String], manifest: &Manifest) -> Result<&'a [String], Fault> {
    let asks = |secret: &String| {
        let named = secret.split_once('/');
        let slot = named.and_then(|(method, slot)| manifest.auth.get(method)?.slots.get(slot));
        slot.is_some_and(|slot| slot.reveal.is_some())
    };
    match given.iter().find(|secret| !asks(secret)) {
        Some(secret) => Err(Fault::new(
            Exit::Invalid,
            "not-asked-for",
            format!(
                "{} does not ask to read the secret `{secret}`; leave --reveal {secret} out",
                manifest.name
            ),
        )),
        None => Ok(given),
    }
}

/// The same input has the same key, unless another one is given.
fn key(args: &Args, input: &Value) -> String {
    args.key.clone().unwrap_or_else(|| Digest::of(format!("{} {input}", args.action).as_bytes()).to_hex())
}

fn seed(input: &Value) -> [u8; 32] {
    let mut seed = [0; 32];
    let digest = Digest::of(input.to_string().as_bytes()).to_hex();
    for (byte, digit) in seed.iter_mut().zip(digest.bytes()) {
        *byte = digit;
    }
    seed
}

fn context(args: &Args, input: &Value, connection: Value, limits: &Limits) -> Context {
    Context {
        run: "call".to_owned(),
        step: args.action.clone(),
        attempt: 1,
        mode: Mode::Test,
        idempotency_key: key(args, input),
        deadline: clock::now().after(std::time::Duration::from_millis(limits.deadline_ms)),
        trace_parent: format!("00-{}-{}-00", "0".repeat(31) + "1", "0".repeat(15) + "1"),
        connection,
    }
}

fn report(
    connector: &str,
    action: &str,
    finished: &Finished<Outcome>,
    (effects, redactor): (&[Effect], &Redactor),
    output: &mut Output,
) -> Exit {
    let exit = match &finished.result {
        Ok(_) => Exit::Ok,
        Err(_) if denied(effects) => Exit::Refused,
        Err(_) => Exit::Failed,
    };
    // What it was let read must not end up on a screen or in a file by way of its output or log.
    output.text(&redactor.text(&text(connector, action, finished, effects)));
    let (failure, trap, host) = match &finished.result {
        Ok(_) => (None, None, None),
        Err(CallError::Failed(failure)) => (Some(failure), None, None),
        Err(CallError::Stopped(report)) => (None, Some(report), None),
        Err(error @ (CallError::NotExported(_) | CallError::Host(_))) => {
            (None, None, Some(error.to_string()))
        }
    };
    output.json(&redactor.json(json!({
        "ok": finished.result.is_ok(), "outcome": finished.result.as_ref().ok().map(outcome), "error": host,
        "failure": failure.map(render::document::snake_case),
        "trap": trap.map(render::document::snake_case),
        "metering": render::document::snake_case(&finished.metering),
        "effects": render::document::snake_case(effects), "log": render::document::snake_case(&finished.log),
    })));
    exit
}

fn denied(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect.result, EffectResult::Denied { .. }))
}

/// The outcome as `--json` shows it: `done`, `items` and `next`, or `suspended`.
fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Done(output) => json!({ "done": output }),
        Outcome::Page { items, next } => json!({ "items": items, "next": next }),
        Outcome::Suspended { state, .. } => json!({ "suspended": state }),
    }
}

fn text(connector: &str, action: &str, finished: &Finished<Outcome>, effects: &[Effect]) -> String {
    let what = format!("{connector}/{action}");
    let mut text = render::call::headline(&what, &finished.result, &view::Metering::from(&finished.metering));
    for effect in effects.iter().map(view::Effect::from) {
        text.push_str(&match &effect.result {
            view::EffectResult::Denied { reason, message } => {
                // There is no server to grant it: here it is a flag.
                let grants = format!("wharf connector grant {connector} --egress");
                let message = message.replace(&grants, "--allow");
                render::failure::denial(connector, &effect, reason, &message)
            }
            _ => format!("  {}\n", render::failure::effect(&effect)),
        });
    }
    for line in finished.log.iter().map(view::LogLine::from) {
        text.push_str(&format!("  {}\n", render::failure::log_line(&line)));
    }
    match &finished.result {
        Ok(done) => text.push_str(&render::call::output(done)),
        Err(CallError::Failed(failure))
            if failure.class == FailureClass::CapabilityDenied && denied(effects) => {}
        Err(CallError::Failed(failure)) => text.push_str(&render::failure::detail(&failure.into())),
        Err(CallError::Stopped(report)) => {
            text.push_str(&render::failure::trap(&what, connector, &report.into()))
        }
        Err(error @ (CallError::NotExported(_) | CallError::Host(_))) => {
            text.push_str(&format!("  {error}\n"))
        }
    }
    text
}
