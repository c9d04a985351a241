//! Fetching the keys that a Frontend API publishes to anybody, for those who have no secret key.

use std::time::Duration;

use reqwest::{ClientBuilder, redirect};

use super::{
    Error,
    answer::Answer,
    jwks,
    operation::Operation,
    transport::{in_the_clear, robust},
};
use crate::{ConfigError, JwkSet, dns::Resolver, frontend_api::FrontendApi};

/// A client of its own, which knows no secret key and follows no redirect.
#[derive(Debug, Clone)]
pub(crate) struct PublicKeys {
    http: reqwest::Client,
    frontend_api: FrontendApi,
}

const TIMEOUT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

impl PublicKeys {
    pub(crate) fn new(frontend_api: FrontendApi) -> Result<Self, ConfigError> {
        Self::with(frontend_api, robust(&Resolver::system()))
    }

    pub(super) fn with(
        frontend_api: FrontendApi,
        http: ClientBuilder,
    ) -> Result<Self, ConfigError> {
        let http = http
            .user_agent(super::builder::USER_AGENT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT);
        let http = if frontend_api.is_https() { http.https_only(true) } else { in_the_clear(http) };
        let http = http.build().map_err(|error| ConfigError::HttpClient(Box::new(error)))?;
        Ok(Self { http, frontend_api })
    }

    /// How long fetching them can take.
    pub(crate) fn timeout(&self) -> Duration {
        TIMEOUT
    }

    pub(crate) async fn fetch(&self) -> Result<JwkSet, Error> {
        let request = self.http.get(self.frontend_api.jwks_url().clone());
        let response =
            request.send().await.map_err(|error| Error::transport(Operation::Jwks, error))?;
        jwks::read(&Answer::read(Operation::Jwks, response).await?)
    }
}
