//! This crate's own client and resolver, pointed at the emulator.

use super::SessionsApi;
use crate::{
    Instance, SessionResolver, SessionResolverBuilder, SessionsClient,
    client::{Quota, SessionsClientBuilder},
};

impl SessionsApi {
    /// The emulated instance, with everything that is known of it but [authorized
    /// parties](crate::InstanceBuilder::authorized_parties).
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the emulator's settings are well-formed")]
    pub fn instance(&self) -> Instance {
        self.instance_builder().build().expect("the emulator's settings are well-formed")
    }

    /// The same, to be described further.
    #[expect(clippy::missing_panics_doc, reason = "the emulator's settings are well-formed")]
    pub fn instance_builder(&self) -> crate::InstanceBuilder {
        let builder = Instance::builder()
            .secret_key(self.secret_key().parse().expect("the emulator's key is well-formed"))
            .publishable_key(self.publishable_key().parse().expect("the same"));
        builder.api_url(self.base_url()).expect("loopback")
    }

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
        self.client_of(&self.instance())
    }

    /// The same for an instance that was [described further](Self::instance_builder).
    ///
    /// # Panics
    ///
    /// Panics as [`client`](Self::client) does, and where the instance has no secret key.
    #[must_use]
    pub fn client_of(&self, instance: &Instance) -> SessionsClient {
        let client = self.client_builder_of(instance).quota(Quota::Unlimited).build();
        client.expect("an HTTP client can be built")
    }

    /// A client of this emulator, to be set up further. As any other, it keeps to its share of the
    /// [quota](SessionsClientBuilder::quota), unless it is told otherwise.
    pub fn client_builder(&self) -> SessionsClientBuilder {
        self.client_builder_of(&self.instance())
    }

    fn client_builder_of(&self, instance: &Instance) -> SessionsClientBuilder {
        let standstill = self.server.shared.standstill.clone();
        SessionsClient::builder(instance).companion(move || standstill.hold())
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
        self.resolver_builder_of(&self.instance())
    }

    /// The same for an instance that was [described further](Self::instance_builder).
    ///
    /// # Panics
    ///
    /// Panics as [`client_of`](Self::client_of) does.
    pub fn resolver_builder_of(&self, instance: &Instance) -> SessionResolverBuilder {
        SessionResolver::builder(instance).client(self.client_of(instance)).clock(self.clock())
    }
}
