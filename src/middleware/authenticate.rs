//! The decision by itself, for those who are not in a stack of services.

use std::time::Instant;

use bytes::Bytes;
use http::{Response, request::Parts};

use super::{AuthenticateLayer, events::Source, gate::Verdict};
use crate::Rejection;

impl AuthenticateLayer {
    /// Decides on one request as the [service](super::Authenticate) does, for those who have no stack to put it into: a server of their
    /// own, a WebSocket handshake by hand. Afterwards the request's extensions say who the caller is, as behind the layer.
    ///
    /// It waits for Clerk where the service would. [`answer`](AuthenticateLayer::answer) writes the refusal.
    ///
    /// ```
    /// use http::{Method, Request, Response, StatusCode, header};
    /// use tower_clerk::{AuthenticateLayer, Session, extract::{BearerToken, Or, QueryToken}};
    ///
    /// /// The answer to a handshake; after a 101 the connection speaks WebSocket.
    /// async fn shake_hands(layer: &AuthenticateLayer, request: Request<()>) -> Response<bytes::Bytes> {
    ///     let (mut request, ()) = request.into_parts();
    ///     if let Err(rejection) = layer.authenticate(&mut request).await {
    ///         return layer.answer(rejection, &request);
    ///     }
    ///     let Some(session) = request.extensions.get::<Session>() else {
    ///         unreachable!("this layer allows nobody anonymous")
    ///     };
    ///     println!("{} is connected", session.user_id());
    ///     let mut response = Response::new(bytes::Bytes::new());
    ///     *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    ///     response
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_clerk::testing::SessionsApi;
    /// # let clerk = SessionsApi::start().await;
    /// # let token = clerk.token(&clerk.sign_in("user_ada"));
    /// let places = Or::new(BearerToken::new(), QueryToken::new("token"));
    /// let layer = AuthenticateLayer::new(clerk.resolver())?.extractor(places)?;
    ///
    /// let ada = Request::get(format!("/socket?token={token}")).body(())?;
    /// assert_eq!(shake_hands(&layer, ada).await.status(), StatusCode::SWITCHING_PROTOCOLS);
    /// let nobody = Request::get("/socket").body(())?;
    /// assert_eq!(shake_hands(&layer, nobody).await.status(), StatusCode::UNAUTHORIZED);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the service would refuse the request.
    ///
    /// # Security
    ///
    /// Whoever goes on after an error has authenticated nobody. A connection that outlives the request is not looked at again: where a
    /// revocation is to end it, have the layer [watch](AuthenticateLayer::watch), and close it when
    /// [the watch](crate::SessionWatch) says so.
    pub async fn authenticate(&self, request: &mut Parts) -> Result<(), Rejection> {
        let settings = &*self.settings;
        let (outcome, source) = match settings.admit(request) {
            Verdict::Granted => return Ok(()),
            Verdict::Refused(rejection) => (Err(rejection), Source::Hit),
            Verdict::Asking(resolving) => {
                let since = Instant::now();
                let resolved = resolving.await;
                let granted = resolved.and_then(|it| settings.grant(it, &mut request.extensions));
                (granted, Source::Miss(since.elapsed()))
            }
        };
        outcome.inspect_err(|rejection| settings.note_refusal(rejection, request, source))
    }

    /// The answer to a request that [`authenticate`](AuthenticateLayer::authenticate) refused, as the service writes it.
    #[must_use]
    pub fn answer(&self, rejection: Rejection, request: &Parts) -> Response<Bytes> {
        let refusals = &self.settings.refusals;
        refusals.write(rejection, refusals.protocol(request))
    }
}
