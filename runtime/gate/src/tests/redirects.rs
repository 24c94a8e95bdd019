//! Redirects: off unless asked for, and each hop judged like a first request.

use wharf_model::http::{HttpRequest, Redirects};

use super::bed::{A, A2, ANY, Bed, SENTINEL, authority, get, post, redirect, reply, signed, with_header};

const URL: &str = "https://api.allowed.test/v1/x";

fn following(request: HttpRequest) -> HttpRequest {
    HttpRequest { redirects: Redirects::Follow, ..request }
}

#[tokio::test]
async fn hc_19_and_20_the_connector_gets_the_redirect() {
    for location in
        ["https://sink.denied.test/", "http://169.254.169.254/latest/meta-data/", "http://2852039166/"]
    {
        let bed = Bed::new(move |_, _| redirect(302, location)).await;
        let sent = bed.send(&authority(&[A, ANY]), signed(URL)).await;
        assert_eq!(sent.verdict, "302");
        assert_eq!(bed.hits(), [1, 0, 0, 0]);
    }
}

#[tokio::test]
async fn hc_20_and_21_each_hop_is_judged() {
    for (location, rules, expected) in [
        ("https://sink.denied.test/", &[A] as &[&str], "host"),
        ("https://api.allowed.test/admin", &[A], "path"),
        ("../../admin", &[A], "path"),
        ("//sink.denied.test/v1/", &[A], "host"),
        ("https://u@api.allowed.test/v1/", &[A], "userinfo"),
        ("/v1/\ty", &[A], "invalid"),
        ("https://169.254.169.254/latest/meta-data/", &[A, ANY], "ip"),
        ("https://2852039166/", &[A, ANY], "ip"),
        ("http://api.allowed.test/v1/", &[A, ANY], "downgrade"),
        ("http://169.254.169.254/", &[A, ANY], "downgrade"),
        ("file:///etc/passwd", &[A, ANY], "scheme"),
        ("https://\u{e9}/", &[A], "host"),
        ("\\\\sink.denied.test/v1/", &[A], "host"),
        ("/\\sink.denied.test/v1/", &[A], "host"),
        ("https:\\sink.denied.test\\v1/", &[A], "path"),
        ("HTTPS:sink.denied.test", &[A], "host"),
        ("//api.allowed.test@sink.denied.test/v1/", &[A], "userinfo"),
        ("//u:p@api.allowed.test/v1/", &[A], "userinfo"),
        ("https://api.allowed.test/v1/../admin#/v1/", &[A], "path"),
        ("/v1/%2e%2e/admin", &[A], "path"),
        ("//api.allowed.test:8443/v1/", &[A], "port"),
        ("//api.allowed.test:0/v1/", &[A], "port"),
        ("//api.allowed.test:65536/v1/", &[A], "invalid"),
        ("//api..allowed.test/v1/", &[A], "host"),
        ("//[fe80::1%25eth0]/v1/", &[A, ANY], "invalid"),
        ("//[::ffff:127.0.0.1]/v1/", &[A, ANY], "ip"),
        ("//0x7f.1/", &[A, ANY], "ip"),
        ("javascript:alert(1)", &[A, ANY], "scheme"),
    ] {
        let bed = Bed::new(move |_, _| redirect(302, location)).await;
        let sent = bed.send(&authority(rules), following(signed(URL))).await;
        assert_eq!(sent.verdict, expected, "{location}: {:?}", sent.result);
        assert_eq!((bed.hits(), bed.m.connections()), ([1, 0, 0, 0], 0), "{location}");
    }
}

#[tokio::test]
async fn a_followed_redirect_arrives() {
    let bed =
        Bed::new(|number, _| if number == 0 { redirect(302, "y?z=1#f") } else { reply(200, "there") }).await;
    let sent = bed.send(&authority(&[A]), following(signed(URL))).await;
    assert_eq!((sent.verdict.as_str(), sent.body().as_str()), ("200", "there"));
    let second = bed.a.requests().pop().unwrap();
    assert!(second.starts_with("GET /v1/y?z=1 HTTP/1.1\r\n") && second.contains(SENTINEL), "{second}");
}

#[tokio::test]
async fn hc_22_another_origin_gets_no_secret_and_no_body() {
    for status in [301, 302, 303, 307, 308] {
        let bed = Bed::new(move |_, _| redirect(status, "https://api2.allowed.test/y")).await;
        let mut request = following(signed(URL));
        for name in ["Cookie", "X-Auth", "X-Custom", "Accept", "Content-Type"] {
            request = with_header(request, name, "guest");
        }
        assert_eq!(bed.send(&authority(&[A, A2]), request).await.body(), "a2");
        let elsewhere = bed.a2.requests().pop().unwrap().to_ascii_lowercase();
        assert!(elsewhere.contains("accept: guest"), "{elsewhere}");
        for name in ["authorization", "cookie", "x-auth", "x-custom", "sk_live"] {
            assert!(!elsewhere.contains(name), "{status} {name}: {elsewhere}");
        }
    }
}

#[tokio::test]
async fn a_body_is_not_sent_elsewhere() {
    for (status, to, expected, methods) in [
        // (the redirect, where to, the verdict, the methods that A and A2 saw)
        (303, "https://api2.allowed.test/y", "200", "POST GET"),
        (302, "https://api2.allowed.test/y", "200", "POST GET"),
        (303, "/v1/y", "200", "POST GET"),
        (307, "/v1/y", "200", "POST POST"),
        // The first request was a write and has been answered: not a plain denial any more.
        (307, "https://api2.allowed.test/y", "bad-response", "POST"),
        (308, "https://sink.denied.test/y", "bad-response", "POST"),
        (303, "https://sink.denied.test/y", "bad-response", "POST"),
    ] {
        let bed =
            Bed::new(move |number, _| if number == 0 { redirect(status, to) } else { reply(200, "a") }).await;
        let request = following(with_header(post(URL, "body"), "content-type", "text/plain"));
        let sent = bed.send(&authority(&[A, A2]), request).await;
        assert_eq!(sent.verdict, expected, "{status} {to}: {:?}", sent.result);
        let seen: Vec<String> = bed.a.requests().into_iter().chain(bed.a2.requests()).collect();
        let words: Vec<&str> = seen.iter().filter_map(|request| request.split(' ').next()).collect();
        assert_eq!(words.join(" "), methods, "{status} {to}");
        for request in seen.iter().filter(|request| request.starts_with("GET")) {
            assert!(!request.contains("body") && !request.contains("content-"), "{request}");
        }
        if expected != "200" {
            assert!(sent.result.unwrap_err().may_have_been_applied());
        }
    }
}

#[tokio::test]
async fn hc_23_at_most_five_hops() {
    let bed = Bed::new(|number, _| redirect(302, &format!("/v1/{number}"))).await;
    assert_eq!(bed.send(&authority(&[A]), following(get(URL))).await.verdict, "too-many-redirects");
    assert_eq!(bed.a.hits(), 6);
    let bed = Bed::new(|number, _| if number < 5 { redirect(302, URL) } else { reply(200, "there") }).await;
    assert_eq!(bed.send(&authority(&[A]), following(get(URL))).await.verdict, "200");
}

#[tokio::test]
async fn a_hop_outside_the_audience_is_refused_on_the_same_origin() {
    let bed = Bed::new(|_, _| redirect(302, "/v2/")).await;
    let rules = &[A, "GET https://api.allowed.test/v2/"];
    assert_eq!(bed.send(&authority(rules), following(signed(URL))).await.verdict, "secret-binding");
    assert_eq!(bed.a.hits(), 1);
}
