use std::fmt;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use reqwest::Url;

use crate::{ConfigError, fleet::LogError};

/// Where the server is, and how to log in.
#[derive(Clone)]
pub(super) struct Address {
    info: ConnectionInfo,
}

impl Address {
    pub(super) fn parse(url: &str, what: &'static str) -> Result<Self, ConfigError> {
        // Read as the library will: a scheme may be written in capitals, and white space around it is dropped.
        let is_tls = |url: Url| matches!(url.scheme(), "rediss" | "valkeys");
        if Url::parse(url).is_ok_and(is_tls) {
            tls()?;
        }
        // What is wrong with it may be the password, so it is not said.
        let malformed = |_| {
            ConfigError::malformed(
                what,
                "`redis://user:password@host:port/database`, the same with `rediss://`, or \
                 `unix:///path`, with special characters in the password percent-encoded",
            )
        };
        let info = url.into_connection_info().map_err(malformed)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(ConfigError::contradiction(
                "`#insecure` trusts whoever answers; drop it, and have the system trust the server's certificate",
            ));
        }
        // Replies are read as they are in the older protocol, and a library's name is nothing a log's user need be
        // allowed to set.
        let settings = info.redis_settings().clone();
        let settings = settings.set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
        Ok(Self { info: info.set_redis_settings(settings) })
    }

    pub(super) fn client(&self) -> Result<Client, LogError> {
        Client::open(self.info.clone()).map_err(|error| self.error(&error))
    }

    /// What went wrong, without the password: a server that does not know `AUTH` repeats what it was given.
    pub(super) fn error(&self, error: &dyn fmt::Display) -> LogError {
        let mut text = error.to_string();
        if let Some(password) = self.info.redis_settings().password().filter(|it| !it.is_empty()) {
            text = text.replace(password, "…");
        }
        LogError::new(format_args!("{}: {text}", self.info.addr()))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.info.addr())
    }
}

/// Without a provider for the whole process, a connection would panic.
#[cfg(feature = "rustls")]
fn tls() -> Result<(), ConfigError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(ConfigError::contradiction(
            "`rediss://` needs a rustls provider for the whole process; begin `main` with \
             `rustls::crypto::aws_lc_rs::default_provider().install_default()`, or that of another provider",
        ));
    }
    Ok(())
}

#[cfg(not(feature = "rustls"))]
fn tls() -> Result<(), ConfigError> {
    Err(ConfigError::contradiction(
        "`rediss://` needs the feature `rustls`; enable it, or use `redis://`",
    ))
}
