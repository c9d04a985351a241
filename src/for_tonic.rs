//! Conveniences for [tonic](https://docs.rs/tonic) services (feature `tonic`).
//!
//! The layer itself needs nothing of this: `Server::builder().layer(layer)` authenticates every service
//! behind it, and a refusal is answered with a gRPC status.
//!
//! ```
//! use tonic::{Request, Response, Status};
//! use tower_clerk::for_tonic::RequestExt;
//!
//! async fn who_am_i(request: Request<()>) -> Result<Response<String>, Status> {
//!     let session = request.session()?;
//!     Ok(Response::new(session.user_id().to_string()))
//! }
//!
//! # #[tokio::main]
//! # async fn main() {
//! let status = who_am_i(Request::new(())).await.unwrap_err();
//! assert_eq!(status.code(), tonic::Code::Internal);
//! assert!(status.message().contains("AuthenticateLayer"));
//! # }
//! ```

use http::{Extensions, header};
use tonic::{Code, Request, Status, metadata::MetadataMap, server::NamedService};

use crate::{
    Authenticate, Authorization, Authorize, Claims, Protocol, Rejection, Session, SessionWatch,
    middleware::{Refusals, Wanted, find, require},
};

/// Reads from a request what [`AuthenticateLayer`](crate::AuthenticateLayer) found out about its caller.
///
/// A refusal says what the layer's [`rejection_response`](crate::AuthenticateLayer::rejection_response)
/// writes over gRPC: its `grpc-status`, `grpc-message` and other headers.
pub trait RequestExt: sealed::Sealed {
    /// The caller's session.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` for an anonymous caller; `UNAVAILABLE` for one whose session cannot be described just now
    /// ([`networkless_if_error`](crate::SessionResolverBuilder::networkless_if_error)); `INTERNAL`, saying why, where
    /// no session was looked for.
    fn session(&self) -> Result<&Session, Status>;

    /// The claims of the caller's token.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` for an anonymous caller; `INTERNAL`, saying why, where no token was looked for.
    fn claims(&self) -> Result<&Claims, Status>;

    /// Tells when the caller's session is over, where the layer [watches](crate::AuthenticateLayer::watch): for a method that
    /// receives its client's stream, which [`end_streams`](crate::AuthenticateLayer::end_streams) does not end.
    ///
    /// ```
    /// use tonic::{Request, Response, Status, Streaming};
    /// use tower_clerk::for_tonic::RequestExt;
    ///
    /// async fn upload(request: Request<Streaming<Vec<u8>>>) -> Result<Response<u64>, Status> {
    ///     let watch = request.watch()?.clone();
    ///     let (mut chunks, mut bytes) = (request.into_inner(), 0);
    ///     loop {
    ///         let chunk = tokio::select! {
    ///             chunk = chunks.message() => chunk?,
    ///             rejection = watch.ended() => return Err(rejection.into()),
    ///         };
    ///         let Some(chunk) = chunk else { return Ok(Response::new(bytes)) };
    ///         bytes += chunk.len() as u64;
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` for an anonymous caller; `INTERNAL`, saying why, where nobody watches.
    fn watch(&self) -> Result<&SessionWatch, Status>;

    /// The claims of a caller who [may](Claims::has).
    ///
    /// ```
    /// # use tonic::{Request, Response, Status};
    /// use tower_clerk::{Authorization, for_tonic::RequestExt};
    ///
    /// struct Reports {
    ///     readers: Authorization,
    /// }
    ///
    /// impl Reports {
    ///     async fn read(&self, request: Request<()>) -> Result<Response<()>, Status> {
    ///         let claims = request.require(&self.readers)?;
    ///         tracing::info!(user = %claims.user_id(), "reads reports");
    ///         Ok(Response::new(()))
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `PERMISSION_DENIED` where they may not; `UNAUTHENTICATED` for an anonymous caller; `INTERNAL`,
    /// saying why, where no token was looked for.
    fn require(&self, authorization: &Authorization) -> Result<&Claims, Status>;
}

impl<T> RequestExt for Request<T> {
    fn session(&self) -> Result<&Session, Status> {
        found(self.extensions())
    }

    fn claims(&self) -> Result<&Claims, Status> {
        found(self.extensions())
    }

    fn watch(&self) -> Result<&SessionWatch, Status> {
        found(self.extensions())
    }

    fn require(&self, authorization: &Authorization) -> Result<&Claims, Status> {
        let extensions = self.extensions();
        require(extensions, authorization)
            .map_err(|rejection| status(rejection, &Refusals::of(extensions)))
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement the trait")]
    pub trait Sealed {}

    impl<T> Sealed for tonic::Request<T> {}
}

fn found<T: Wanted>(extensions: &Extensions) -> Result<&T, Status> {
    find(extensions).map_err(|rejection| status(rejection, &Refusals::of(extensions)))
}

/// What this answer says over gRPC, if it says anything there; else the rejection's own.
fn status(rejection: Rejection, refusals: &Refusals) -> Status {
    let mut headers = refusals.write(rejection.clone(), Protocol::Grpc).into_parts().0.headers;
    headers.remove(header::CONTENT_TYPE);
    let Some(mut status) = Status::from_header_map(&headers) else { return own(rejection) };
    status.set_source(std::sync::Arc::new(rejection));
    status
}

/// One that [`Claims::require`] gave says what the layer writes that the caller came through.
impl From<Rejection> for Status {
    fn from(rejection: Rejection) -> Self {
        match rejection.refusals() {
            Some(_) => {
                let refusals = Refusals::of_rejection(&rejection);
                status(rejection, &refusals)
            }
            None => own(rejection),
        }
    }
}

fn own(rejection: Rejection) -> Status {
    let mut headers = rejection.to_response(Protocol::Grpc).into_parts().0.headers;
    headers.remove("grpc-status");
    headers.remove("grpc-message");
    headers.remove(header::CONTENT_TYPE);
    let code = Code::from_i32(rejection.grpc_code());
    let metadata = MetadataMap::from_headers(headers);
    let mut status = Status::with_metadata(code, rejection.detail(), metadata);
    status.set_source(std::sync::Arc::new(rejection));
    status
}

impl<S: NamedService> NamedService for Authenticate<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: NamedService> NamedService for Authorize<S> {
    const NAME: &'static str = S::NAME;
}
