//! Where an instance's public keys are, for those who have no secret key.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use crate::{ConfigError, issuer::Issuer};

/// The JWK Set that a Frontend API publishes to anybody.
#[derive(Debug, Clone)]
pub(crate) struct FrontendApi(Url);

impl FrontendApi {
    /// That of the Frontend API which issues tokens under this name. Over http it is asked on a literal loopback address only, as a
    /// stand-in of a development instance.
    pub(crate) fn new(issuer: &Issuer, is_development: bool) -> Result<Self, ConfigError> {
        let malformed = || {
            ConfigError::malformed(
                "the Frontend API",
                "https, unless it is at a literal loopback address and the publishable key is `pk_test_…`",
            )
        };
        let mut url = Url::parse(issuer.as_str()).map_err(|_| malformed())?;
        let is_stand_in = is_development && is_literal_loopback(&url);
        if is_stand_in {
            url.set_scheme("http").map_err(|()| malformed())?;
        } else if url.scheme() != "https" {
            return Err(malformed());
        }
        let mut path = url.path_segments_mut().map_err(|()| malformed())?;
        path.pop_if_empty().extend([".well-known", "jwks.json"]);
        drop(path);
        Ok(Self(url))
    }

    pub(crate) fn jwks_url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

fn is_literal_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || v6.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(issuer: &str, is_development: bool) -> Option<String> {
        let api = FrontendApi::new(&issuer.parse().unwrap(), is_development).ok()?;
        Some(api.jwks_url().to_string())
    }

    #[test]
    fn public_keys_are_fetched_over_https_or_from_this_very_host() {
        for (issuer, is_development, expected) in [
            (
                "https://clerk.example.com",
                false,
                Some("https://clerk.example.com/.well-known/jwks.json"),
            ),
            (
                "https://clerk.example.com",
                true,
                Some("https://clerk.example.com/.well-known/jwks.json"),
            ),
            (
                "https://app.example.com/__clerk",
                false,
                Some("https://app.example.com/__clerk/.well-known/jwks.json"),
            ),
            ("https://127.0.0.1:4000", true, Some("http://127.0.0.1:4000/.well-known/jwks.json")),
            ("https://[::1]:4000", true, Some("http://[::1]:4000/.well-known/jwks.json")),
            ("http://127.0.0.1:4000", true, Some("http://127.0.0.1:4000/.well-known/jwks.json")),
            ("http://127.0.0.1:4000", false, None),
            ("http://clerk.example.com", true, None),
            ("http://localhost:4000", true, None),
            ("http://10.0.0.1", true, None),
        ] {
            assert_eq!(url(issuer, is_development).as_deref(), expected, "{issuer}");
        }
    }
}
