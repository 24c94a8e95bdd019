//! The oracles themselves, by examples.

use wharf_fuzz::urls::{Parts, is_aton, readings};

#[test]
fn reads_urls() {
    let parts = Parts::of("https://a.test:8443/x/y?q#").or(Parts::of("https://a.test:8443/x/y?q=/")).unwrap();
    assert_eq!((parts.host, parts.port, parts.path, parts.query), ("a.test", 8443, "/x/y", Some("q=/")));
    assert_eq!(Parts::of("http://[::1]/").unwrap().literal(), Some("::1".parse().unwrap()));
    for bad in ["https://u@a.test/", "ftp://a.test/", "https://a.test", "https:///x", "https://a.test/#f"] {
        assert_eq!(Parts::of(bad), None, "{bad}");
    }
}

#[test]
fn reads_addresses_as_c_does() {
    for name in ["0", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0X7F.0.0.1", "0x"] {
        assert!(is_aton(name), "{name}");
    }
    for name in ["a.1", "1.2.3.4.5", "1..2", "", "0xg", "1.a"] {
        assert!(!is_aton(name), "{name}");
    }
}

#[test]
fn reads_paths_as_servers_do() {
    let leaves = |path: &str| readings(path).iter().any(|reading| !reading.starts_with(b"/v1/"));
    for path in [
        "/v1/../x",
        "/v1/%2e%2e/x",
        "/v1/%252e%252e/x",
        "/v1/..%2fx",
        "/v1/..;a/x",
        "/v1\\..\\x",
        "/v1/..%5cx",
    ] {
        assert!(leaves(path), "{path}");
    }
    for path in ["/v1/", "/v1/x", "/v1/a..b", "/v1/./x", "/v1/a/../b", "/v1/%20", "/v1/;x=1/"] {
        assert!(!leaves(path), "{path}");
    }
}

#[test]
fn the_table_of_addresses_is_ordered_and_right_at_its_edges() {
    wharf_fuzz::ip_class::check_table();
}
