//! Conveniences for [tonic](https://docs.rs/tonic) services (feature `tonic`).
//!
//! The layer itself needs nothing of this: `Server::builder().layer(layer)` authenticates every service
//! behind it, and a refusal is answered with a gRPC status.
//!
//! ```
//! use tonic::{Request, Response, Status};
//! use tower_clerk::tonic::RequestExt;
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

use ::tonic::{Code, Request, Status, metadata::MetadataMap, server::NamedService};

use crate::{Authenticate, Claims, Protocol, Rejection, Session, middleware::Passage};

/// Reads from a request what [`AuthenticateLayer`](crate::AuthenticateLayer) found out about its caller.
pub trait RequestExt: sealed::Sealed {
    /// The caller's session.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` for an anonymous caller; `INTERNAL`, saying why, where no session was looked for.
    fn session(&self) -> Result<&Session, Status>;

    /// The claims of the caller's token.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` for an anonymous caller; `INTERNAL`, saying why, where no token was looked for.
    fn claims(&self) -> Result<&Claims, Status>;
}

impl<T> RequestExt for Request<T> {
    fn session(&self) -> Result<&Session, Status> {
        let extensions = self.extensions();
        extensions.get().ok_or_else(|| absent(extensions.get(), "`claims`, or `SessionCheck::Get`"))
    }

    fn claims(&self) -> Result<&Claims, Status> {
        let extensions = self.extensions();
        extensions.get().ok_or_else(|| absent(extensions.get(), "`session`, or session tokens"))
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement the trait")]
    pub trait Sealed {}

    impl<T> Sealed for ::tonic::Request<T> {}
}

fn absent(passage: Option<&Passage>, instead: &str) -> Status {
    match passage {
        None => mistake("add `tower_clerk::AuthenticateLayer` to this service"),
        Some(Passage::Anonymous) => Rejection::missing_credential().into(),
        Some(Passage::Exempt) => mistake("this method is exempt from authentication"),
        Some(Passage::Networkless | Passage::WithoutToken) => {
            mistake(format!("not available with this check; use {instead}"))
        }
    }
}

/// In how the service is put together.
fn mistake(what: impl Into<String>) -> Status {
    let what = what.into();
    tracing::error!("{what}");
    Status::internal(what)
}

impl From<Rejection> for Status {
    fn from(rejection: Rejection) -> Self {
        let mut headers = rejection.to_response(Protocol::Grpc).into_parts().0.headers;
        headers.remove("grpc-status");
        headers.remove("grpc-message");
        headers.remove(http::header::CONTENT_TYPE);
        let code = Code::from_i32(rejection.grpc_code());
        let metadata = MetadataMap::from_headers(headers);
        let mut status = Self::with_metadata(code, rejection.detail(), metadata);
        status.set_source(std::sync::Arc::new(rejection));
        status
    }
}

impl<S: NamedService> NamedService for Authenticate<S> {
    const NAME: &'static str = S::NAME;
}
