use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, request::Parts, uri::Authority};

use crate::origin::Origin;

/// Whether a page of this service sent the request, as far as the browser says: by `Sec-Fetch-Site`,
/// or else by `Origin`, which must be one of the service's public origins or, if none is known, of the
/// host that was asked.
pub(super) fn is_same_origin(request: &Parts, public_origins: &[Origin]) -> bool {
    let headers = &request.headers;
    if headers.contains_key("sec-fetch-site") {
        return matches!(only(headers, "sec-fetch-site"), Some("same-origin" | "none"));
    }
    let Some(origin) = only(headers, "origin") else { return false };
    if public_origins.is_empty() {
        is_of_this_host(origin, request)
    } else {
        public_origins.iter().any(|own| own.as_str() == origin)
    }
}

/// Whether this is the origin of the host that was asked. Its scheme is known to nobody behind a proxy,
/// and anybody on the way can write a page of an `http` one: that is obeyed on this very machine only.
fn is_of_this_host(origin: &str, request: &Parts) -> bool {
    let (authority, default_port) = match origin.split_once("://") {
        Some(("https", authority)) => (authority, 443),
        Some(("http", authority)) => (authority, 80),
        _ => return false,
    };
    let Ok(origin) = authority.parse() else { return false };
    let host = only(&request.headers, "host").and_then(|host| host.parse().ok());
    let Some(host) = request.uri.authority().cloned().or(host) else { return false };
    let (Some(origin), Some(host)) =
        (host_and_port(&origin, default_port), host_and_port(&host, default_port))
    else {
        return false;
    };
    let same = origin.0.eq_ignore_ascii_case(host.0) && origin.1 == host.1;
    same && (default_port == 443 || is_loopback(host.0))
}

/// Without anything else, such as a user's name.
fn host_and_port(authority: &Authority, default_port: u16) -> Option<(&str, u16)> {
    let host = authority.host();
    let port = match authority.as_str().strip_prefix(host)? {
        "" => default_port,
        port => port.strip_prefix(':')?.parse().ok()?,
    };
    Some((host, port))
}

fn is_loopback(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || v6.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()))
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn is_obeyed(host: &str, origin: &str, public_origins: &[&str]) -> bool {
        let request = Request::post("/").header("host", host).header("origin", origin);
        let public_origins: Vec<_> = public_origins.iter().map(|it| it.parse().unwrap()).collect();
        is_same_origin(&request.body(()).unwrap().into_parts().0, &public_origins)
    }

    #[test]
    fn a_host_and_its_origin_agree_whichever_of_them_writes_the_port() {
        for (host, origin, obeyed) in [
            ("a.example", "https://a.example", true),
            ("a.example:443", "https://a.example", true),
            ("a.example", "https://a.example:443", true),
            ("A.example", "https://a.example", true),
            ("a.example:8443", "https://a.example:8443", true),
            ("[::1]:8443", "https://[::1]:8443", true),
            ("a.example:80", "https://a.example", false),
            ("a.example:8443", "https://a.example", false),
            ("a.example", "https://a.example:8443", false),
            ("a.example", "https://b.example", false),
            ("a.example", "https://a.example.", false),
            ("a.example:99999", "https://a.example", false),
            ("a.example:x", "https://a.example", false),
            ("user@a.example", "https://a.example", false),
            ("a.example", "https://user@a.example", false),
            ("a.example", "https://a.example:", false),
            ("a.example", "HTTPS://a.example", false),
            ("a.example", "wss://a.example", false),
            ("", "https://", false),
        ] {
            assert_eq!(is_obeyed(host, origin, &[]), obeyed, "{host} {origin}");
        }
    }

    #[test]
    fn an_http_page_is_obeyed_on_this_machine_only() {
        for (host, origin, obeyed) in [
            ("localhost:3000", "http://localhost:3000", true),
            ("127.0.0.1", "http://127.0.0.1", true),
            ("[::1]:80", "http://[::1]", true),
            ("localhost:3000", "http://localhost", false),
            ("a.example", "http://a.example", false),
            ("a.example:80", "http://a.example", false),
            ("a.example:443", "http://a.example:443", false),
            ("localhost.example", "http://localhost.example", false),
            ("127.0.0.1.example", "http://127.0.0.1.example", false),
            ("192.168.1.7", "http://192.168.1.7", false),
        ] {
            assert_eq!(is_obeyed(host, origin, &[]), obeyed, "{host} {origin}");
        }
    }

    #[test]
    fn public_origins_are_compared_exactly_whatever_a_proxy_makes_of_the_host() {
        let public = ["https://app.example.com", "http://intranet:8080"];
        for (origin, obeyed) in [
            ("https://app.example.com", true),
            ("http://intranet:8080", true),
            ("http://app.example.com", false),
            ("https://app.example.com:443", false),
            ("https://backend.internal", false),
            ("https://evil.example", false),
            ("null", false),
        ] {
            assert_eq!(is_obeyed("backend.internal", origin, &public), obeyed, "{origin}");
        }
    }
}
