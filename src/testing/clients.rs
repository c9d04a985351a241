//! This crate's own client and resolver, pointed at the emulator.

use super::SessionsApi;
use crate::{
    SessionResolver, SessionResolverBuilder, SessionsClient,
    client::{Quota, SessionsClientBuilder},
};

impl SessionsApi {
    /// A client of this emulator, which makes as many calls as are asked for.
    ///
    /// Where tokio's clock is [paused](super#in-a-test-whose-clock-is-paused), it stands still while the client
    /// waits for an answer.
    ///
    /// # Panics
    ///
    /// Panics where the system has no room for another HTTP client.
    #[must_use]
    pub fn client(&self) -> SessionsClient {
        let client = self.client_builder().quota(Quota::Unlimited).build();
        client.expect("an HTTP client can be built")
    }

    /// A client of this emulator, to be set up further. As any other, it keeps to its share of the
    /// [quota](SessionsClientBuilder::quota), unless it is told otherwise.
    #[expect(clippy::missing_panics_doc, reason = "the emulator's key is well-formed")]
    pub fn client_builder(&self) -> SessionsClientBuilder {
        let secret_key = self.secret_key().parse().expect("the emulator's key is well-formed");
        let standstill = self.server.shared.standstill.clone();
        SessionsClient::builder(secret_key)
            .base_url(self.base_url())
            .companion(move || standstill.hold())
    }

    /// A resolver of this emulator's sessions, which goes by its clock.
    ///
    /// # Panics
    ///
    /// Panics as [`client`](Self::client) does.
    #[must_use]
    pub fn resolver(&self) -> SessionResolver {
        self.resolver_builder().build().expect("the emulator's settings are well-formed")
    }

    /// The same, to be set up further.
    ///
    /// # Panics
    ///
    /// Panics as [`client`](Self::client) does.
    pub fn resolver_builder(&self) -> SessionResolverBuilder {
        SessionResolver::builder(self.client()).issuer(self.issuer()).clock(self.clock())
    }
}
