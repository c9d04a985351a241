use super::super::RedisLog;
use crate::ConfigError;

#[test]
fn the_url_names_a_server_and_nothing_of_it_is_repeated_where_it_does_not() {
    for good in [
        "redis://127.0.0.1",
        "redis://user:pass@redis.internal:6380/2",
        "redis://[::1]:6379",
        "unix:///run/redis.sock",
        "valkey://valkey.internal",
    ] {
        let _ = RedisLog::new(good).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    for bad in [
        "",
        "hush",
        "http://hush",
        "redis://",
        "redis://:hush#@host",
        "redis://:hu/sh@host",
        "redis://host/hush",
        "redis://host:hush",
    ] {
        let error = RedisLog::new(bad).unwrap_err();
        assert!(matches!(error, ConfigError::Malformed { .. }), "{bad}: {error}");
        assert!(!format!("{error} {error:?}").contains("hush"), "{bad}: {error}");
    }
}

#[test]
fn debug_never_shows_the_password() {
    let log = RedisLog::new("redis://user:hush@host:1234/0").unwrap().key("k");
    let shown = format!("{log:?} {log:#?}");
    assert!(shown.contains("host:1234") && !shown.contains("hush"), "{shown}");
}

#[cfg(feature = "rustls")]
#[test]
fn tls_without_a_provider_is_refused_by_the_line_to_add() {
    // No test of this process installs one. A URL says the same in more ways than one.
    for url in
        ["rediss://host", "valkeys://host", "REDISS://host", " rediss://host", "re\tdiss://host"]
    {
        let error = RedisLog::new(url).unwrap_err();
        assert!(matches!(error, ConfigError::Contradiction { .. }), "{url:?}: {error}");
        assert!(error.to_string().contains("install_default()"), "{error}");
    }
}

#[cfg(not(feature = "rustls"))]
#[test]
fn tls_without_its_feature_is_refused_by_the_feature_to_enable() {
    let error = RedisLog::new("rediss://host").unwrap_err();
    assert!(error.to_string().contains("feature `rustls`"), "{error}");
}

#[test]
fn a_password_that_a_server_repeats_is_not_shown() {
    let log = RedisLog::new("redis://:hu%20sh@host").unwrap();
    let error =
        log.server.address.error(&"unknown command `AUTH`, with args beginning with: `hu sh`");
    assert_eq!(
        error.to_string(),
        "host:6379: unknown command `AUTH`, with args beginning with: `…`"
    );
}
