//! From raw to checked: ranges, addresses, and what contradicts itself.

use std::{path::PathBuf, time::Duration};

use ipnet::IpNet;
use wharf_gate::EgressProxyError;
use wharf_model::grant::Limits;
use wharf_sandbox::SandboxConfig;

use super::{
    CarveOut, Compile, Config, ConfigError, EgressProxy, LogFormat, Report, SecretAt, Shares, Unsigned,
    Webhooks,
    raw::{self, Origins, Raw},
};

/// Largest body cap that may be configured: a delivery is held in memory while it is verified.
const MAX_WEBHOOK_BODY: u64 = 16 << 20;

/// Most calls that may compute at once: past the processors of any machine it means nothing.
const MAX_HEAVY_CALLS: u64 = 1024;

/// Most components that may wait for the compiler; each holds its bytes in memory.
const MAX_COMPILE_QUEUE: u64 = 256;

/// Compiled connectors on the disk: room for one of the largest, and a disk's worth.
const MIN_CACHE: u64 = 256 << 20;
const MAX_CACHE: u64 = 1 << 40;

/// Checks everything, in the order of the reference page.
pub(super) fn check(raw: Raw, origins: &Origins) -> Result<Config, ConfigError> {
    let at = Checker { origins };
    let limits = apply(&raw.limits, Limits::default());
    let ceiling = apply(&raw.ceiling, Limits::ceiling());
    at.limits(&limits, &ceiling)?;
    let listen = raw.listen.as_deref().unwrap_or("127.0.0.1:8484");
    Ok(Config {
        listen: listen.parse().map_err(|_| {
            at.wrong(
                "listen",
                format!("is `{listen}`, no address and port"),
                "write an IP address and a port, such as \"127.0.0.1:8484\"",
            )
        })?,
        data_dir: at.path("data-dir", raw.data_dir.as_deref().unwrap_or("wharf-data"))?,
        master_key: raw
            .master_key_file
            .as_deref()
            .map(|path| at.path("master-key-file", path))
            .transpose()?,
        drain: Duration::from_secs(at.within("drain-seconds", raw.drain_seconds.unwrap_or(30), 0, 30)?),
        retention: days(at.within("retention-days", raw.retention_days.unwrap_or(30), 7, 3650)?),
        audit: days(at.within("audit-days", raw.audit_days.unwrap_or(400), 30, 36_500)?),
        max_connections: at.count("max-connections", raw.max_connections.unwrap_or(4096), 65_536)?,
        watch: raw.connectors.watch.as_deref().map(|path| at.path("connectors.watch", path)).transpose()?,
        compile: at.compile(&raw.connectors)?,
        sandbox: at.sandbox(&raw.sandbox)?,
        max_concurrent_runs: at.count(
            "max-concurrent-runs",
            raw.max_concurrent_runs.unwrap_or(256),
            10_000,
        )?,
        limits,
        ceiling,
        carve_outs: at.carve_outs(&raw.egress.carve_outs)?,
        extra_roots: raw
            .egress
            .extra_roots
            .iter()
            .map(|path| at.path("egress.extra-roots", path))
            .collect::<Result<_, _>>()?,
        proxy: at.proxy(&raw.egress)?,
        proxy_credentials: at.proxy_credentials(&raw.egress)?,
        webhooks: at.webhooks(&raw.webhooks)?,
        report: at.report(raw.report)?,
    })
}

/// Checks values; what it refuses carries the place that the value came from.
struct Checker<'a> {
    origins: &'a Origins,
}

impl Checker<'_> {
    fn wrong(&self, key: &str, problem: impl Into<String>, fix: impl Into<String>) -> ConfigError {
        ConfigError::Value {
            origin: self.origins.of(key),
            key: key.to_owned(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }

    fn compile(&self, raw: &raw::Connectors) -> Result<Compile, ConfigError> {
        Ok(Compile {
            component_bytes: self.within(
                "connectors.max-component-bytes",
                raw.max_component_bytes.unwrap_or(8 << 20),
                1,
                64 << 20,
            )?,
            cpu_seconds: self.within(
                "connectors.compile-seconds",
                raw.compile_seconds.unwrap_or(20),
                1,
                600,
            )?,
            address_space: self.within(
                "connectors.compile-memory-bytes",
                raw.compile_memory_bytes.unwrap_or(1 << 30),
                64 << 20,
                16 << 30,
            )?,
        })
    }

    fn sandbox(&self, raw: &raw::Sandbox) -> Result<Shares, ConfigError> {
        let default = SandboxConfig::default();
        let each = raw.slots_each.unwrap_or_else(|| default.slots_each.into());
        let each = self.within("sandbox.slots-each", each, 1, default.slots.into())?;
        let heavy = raw.heavy_calls.map(|heavy| self.count("sandbox.heavy-calls", heavy, MAX_HEAVY_CALLS));
        let queue = raw.compile_queue.unwrap_or(default.compile_queue as u64);
        Ok(Shares {
            slots_each: u32::try_from(each).unwrap_or(default.slots_each),
            heavy_calls: heavy.transpose()?,
            compile_queue: self.count("sandbox.compile-queue", queue, MAX_COMPILE_QUEUE)?,
            cache_bytes: self.within(
                "sandbox.cache-bytes",
                raw.cache_bytes.unwrap_or(default.cache_bytes),
                MIN_CACHE,
                MAX_CACHE,
            )?,
        })
    }

    fn webhooks(&self, raw: &raw::Webhooks) -> Result<Webhooks, ConfigError> {
        Ok(Webhooks {
            unsigned: if raw.allow_unsigned.unwrap_or(false) { Unsigned::Allowed } else { Unsigned::Refused },
            max_body_bytes: self.within(
                "webhooks.max-body-bytes",
                raw.max_body_bytes.unwrap_or(1 << 20),
                1,
                MAX_WEBHOOK_BODY,
            )?,
        })
    }

    fn within(&self, key: &str, value: u64, least: u64, most: u64) -> Result<u64, ConfigError> {
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        Err(self.wrong(key, format!("is {value}"), format!("write a number from {least} to {most}")))
    }

    fn count(&self, key: &str, value: u64, most: u64) -> Result<usize, ConfigError> {
        let value = self.within(key, value, 1, most)?;
        usize::try_from(value)
            .map_err(|_| self.wrong(key, "does not fit this machine", "write a smaller number"))
    }

    fn path(&self, key: &str, text: &str) -> Result<PathBuf, ConfigError> {
        if text.is_empty() || text.contains('\0') {
            return Err(self.wrong(key, "is no path", "write the path of a file or folder"));
        }
        Ok(PathBuf::from(text))
    }

    fn proxy(&self, raw: &raw::Egress) -> Result<Option<EgressProxy>, ConfigError> {
        let Some(text) = &raw.proxy else {
            return Ok(None);
        };
        let fix = "write \"http://host:port\"; the login goes where `egress.proxy-credentials` says";
        text.parse().map(Some).map_err(|error: EgressProxyError| {
            self.wrong("egress.proxy", format!("cannot be used: {error}"), fix)
        })
    }

    fn proxy_credentials(&self, raw: &raw::Egress) -> Result<Option<SecretAt>, ConfigError> {
        let key = "egress.proxy-credentials";
        let Some(text) = &raw.proxy_credentials else {
            return Ok(None);
        };
        let variable =
            text.strip_prefix("env:").filter(|name| !name.is_empty() && !name.contains(['=', '\0']));
        match (variable, text.strip_prefix('@')) {
            (Some(name), _) => Ok(Some(SecretAt::Variable(name.to_owned()))),
            (None, Some(path)) => Ok(Some(SecretAt::File(self.path(key, path)?))),
            // What stands there may be the secret itself.
            (None, None) => Err(self.wrong(key, "names no place", "write \"@file\" or \"env:NAME\"")),
        }
    }

    fn carve_outs(&self, raw: &[raw::CarveOut]) -> Result<Vec<CarveOut>, ConfigError> {
        let key = "egress.carve-outs";
        raw.iter()
            .enumerate()
            .map(|(index, item)| {
                let name = format!("{key}[{index}]");
                let cidr: IpNet = item.cidr.parse().map_err(|_| {
                    self.wrong(
                        &name,
                        format!("has cidr `{}`", item.cidr),
                        "write a block such as \"10.1.0.0/16\" or \"127.0.0.1/32\"",
                    )
                })?;
                if cidr.trunc() != cidr {
                    let fix = format!("write \"{}\", or a /32 or /128 for one address", cidr.trunc());
                    return Err(self.wrong(
                        &name,
                        format!("has cidr `{cidr}` with bits outside its prefix"),
                        fix,
                    ));
                }
                if item.ports.as_ref().is_some_and(|ports| ports.is_empty() || ports.contains(&0)) {
                    return Err(self.wrong(
                        &name,
                        "has an empty list of ports or port 0",
                        "name the ports, or leave `ports` out for all of them",
                    ));
                }
                Ok(CarveOut { cidr, ports: item.ports.clone() })
            })
            .collect()
    }

    fn report(&self, raw: raw::Report) -> Result<Report, ConfigError> {
        let log = match raw.log.as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => {
                return Err(self.wrong("report.log", format!("is `{other}`"), "write \"text\" or \"json\""));
            }
        };
        let endpoint = raw.otlp_endpoint.as_deref();
        if endpoint.is_some_and(|url| {
            url.parse::<http::Uri>().ok().is_none_or(|uri| {
                !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty)
            })
        }) {
            return Err(self.wrong(
                "report.otlp-endpoint",
                "is no http or https URL",
                "write something like \"http://127.0.0.1:4318/v1/traces\"",
            ));
        }
        Ok(Report {
            log,
            filter: raw.filter.unwrap_or_else(|| "info".to_owned()),
            otlp_endpoint: raw.otlp_endpoint,
        })
    }

    /// No limit is zero, and no default lies above its ceiling.
    fn limits(&self, limits: &Limits, ceiling: &Limits) -> Result<(), ConfigError> {
        for ((name, limit), (_, most)) in pairs(limits).into_iter().zip(pairs(ceiling)) {
            for (table, value) in [("limits", limit), ("ceiling", most)] {
                if value == 0 {
                    let fix = "write at least 1: a limit cannot be switched off";
                    return Err(self.wrong(&format!("{table}.{name}"), "is 0", fix));
                }
            }
            if limit > most {
                let fix = format!("lower it, or raise `ceiling.{name}`");
                return Err(self.wrong(
                    &format!("limits.{name}"),
                    format!("is {limit}, above the ceiling of {most}"),
                    fix,
                ));
            }
        }
        Ok(())
    }
}

fn apply(raw: &raw::Limits, base: Limits) -> Limits {
    Limits {
        fuel: raw.fuel.unwrap_or(base.fuel),
        deadline_ms: raw.deadline_ms.unwrap_or(base.deadline_ms),
        memory_bytes: raw.memory_bytes.unwrap_or(base.memory_bytes),
        table_elements: raw.table_elements.unwrap_or(base.table_elements),
        instances: raw.instances.unwrap_or(base.instances),
        host_bytes_per_call: raw.host_bytes_per_call.unwrap_or(base.host_bytes_per_call),
        host_bytes: raw.host_bytes.unwrap_or(base.host_bytes),
        handles: raw.handles.unwrap_or(base.handles),
        http_requests: raw.http_requests.unwrap_or(base.http_requests),
        http_in_flight: raw.http_in_flight.unwrap_or(base.http_in_flight),
        http_request_bytes: raw.http_request_bytes.unwrap_or(base.http_request_bytes),
        http_response_bytes: raw.http_response_bytes.unwrap_or(base.http_response_bytes),
        log_bytes: raw.log_bytes.unwrap_or(base.log_bytes),
        output_bytes: raw.output_bytes.unwrap_or(base.output_bytes),
    }
}

/// Names and values; destructured, so that a new limit cannot be forgotten here.
fn pairs(limits: &Limits) -> [(&'static str, u64); 14] {
    let Limits {
        fuel,
        deadline_ms,
        memory_bytes,
        table_elements,
        instances,
        host_bytes_per_call,
        host_bytes,
        handles,
        http_requests,
        http_in_flight,
        http_request_bytes,
        http_response_bytes,
        log_bytes,
        output_bytes,
    } = *limits;
    [
        ("fuel", fuel),
        ("deadline-ms", deadline_ms),
        ("memory-bytes", memory_bytes),
        ("table-elements", table_elements.into()),
        ("instances", instances.into()),
        ("host-bytes-per-call", host_bytes_per_call),
        ("host-bytes", host_bytes),
        ("handles", handles.into()),
        ("http-requests", http_requests.into()),
        ("http-in-flight", http_in_flight.into()),
        ("http-request-bytes", http_request_bytes),
        ("http-response-bytes", http_response_bytes),
        ("log-bytes", log_bytes),
        ("output-bytes", output_bytes),
    ]
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(24 * 3600))
}
