//! Whether a service lets anybody in without a credential.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use http_body_util::Empty;
use tower::{Service, ServiceExt};

use crate::Rejection;

/// What became of requests without a credential, route by route: "no route is unprotected" as one test.
///
/// A route is protected only where the answer is 401 or 403 (over gRPC 16 or 7) and carries this crate's
/// [`Rejection`]: a handler that answers 401 by itself was reached.
///
/// axum does not tell which routes a `Router` has. Keep them in one table that both the router and the test are made
/// from, so that what is not in it is not served:
///
/// ```
/// use axum::{Router, routing::{MethodRouter, get, post}};
/// use http::Method;
/// use tower_clerk::{AuthenticateLayer, Claims, testing::{Coverage, SessionsApi}};
///
/// fn routes() -> [(Method, &'static str, MethodRouter); 2] {
///     [
///         (Method::GET, "/reports/{id}", get(async |_: Claims| "a report")),
///         (Method::POST, "/reports", post(async |_: Claims| "written")),
///     ]
/// }
///
/// fn app(layer: AuthenticateLayer) -> Router {
///     let routes = routes().into_iter();
///     routes.fold(Router::new(), |app, (_, path, route)| app.route(path, route)).layer(layer)
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clerk = SessionsApi::start().await;
/// let app = app(AuthenticateLayer::new(clerk.resolver())?);
/// let routes = routes().map(|(method, path, _)| (method, path));
/// Coverage::of(app, routes).await.assert_protected();
/// # Ok(())
/// # }
/// ```
///
/// A service that takes another kind of body is asked through tower's
/// [`map_request`](tower::ServiceBuilder::map_request).
///
/// A gRPC method's path is `/<package>.<Service>/<Method>`: see [`Coverage::of_grpc`].
#[derive(Debug, Clone)]
pub struct Coverage {
    routes: Vec<RouteCoverage>,
}

/// What became of the request to one route.
#[derive(Debug, Clone)]
pub struct RouteCoverage {
    method: Method,
    path: String,
    outcome: CoverageOutcome,
    answer: String,
}

/// What the answer to a request without a credential says of its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CoverageOutcome {
    /// It was refused by this crate, with 401 or 403.
    Protected,
    /// 404 or 405: there is no such route, or a handler says so. Nothing is known of it.
    NotReached,
    /// Everything else, a failure included.
    Hole,
}

impl Coverage {
    /// Asks each of these routes over HTTP. A path may be a pattern: what is in its braces stands for itself.
    ///
    /// # Panics
    ///
    /// Panics where a path is none.
    pub async fn of<S, R, P>(service: S, routes: impl IntoIterator<Item = (Method, P)>) -> Self
    where
        S: Service<Request<Empty<Bytes>>, Response = Response<R>, Error: fmt::Debug> + Clone,
        P: Into<String>,
    {
        let requests = routes.into_iter().map(|(method, path)| {
            let path = path.into();
            let request = Request::builder().method(method).uri(&path).body(Empty::new());
            request.unwrap_or_else(|error| panic!("{path} is no path: {error}"))
        });
        Self::walk(service, requests).await
    }

    /// Asks each of these methods over gRPC, by its path: `/<package>.<Service>/<Method>`.
    ///
    /// # Panics
    ///
    /// Panics where a path is none.
    pub async fn of_grpc<S, R, P>(service: S, methods: impl IntoIterator<Item = P>) -> Self
    where
        S: Service<Request<Empty<Bytes>>, Response = Response<R>, Error: fmt::Debug> + Clone,
        P: Into<String>,
    {
        let requests = methods.into_iter().map(|path| {
            let path = path.into();
            let request = Request::post(&path)
                .version(Version::HTTP_2)
                .header(header::CONTENT_TYPE, "application/grpc")
                .header(header::TE, "trailers")
                .body(Empty::new());
            request.unwrap_or_else(|error| panic!("{path} is no path: {error}"))
        });
        Self::walk(service, requests).await
    }

    async fn walk<S, R>(service: S, requests: impl Iterator<Item = Request<Empty<Bytes>>>) -> Self
    where
        S: Service<Request<Empty<Bytes>>, Response = Response<R>, Error: fmt::Debug> + Clone,
    {
        let mut routes = Vec::new();
        for request in requests {
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let (outcome, answer) = match service.clone().oneshot(request).await {
                Ok(response) => (CoverageOutcome::of(&response), told(&response)),
                Err(error) => (CoverageOutcome::Hole, format!("failed: {error:?}")),
            };
            routes.push(RouteCoverage { method, path, outcome, answer });
        }
        Self { routes }
    }

    /// All routes that were asked.
    #[must_use]
    pub fn routes(&self) -> &[RouteCoverage] {
        &self.routes
    }

    /// Those with this outcome.
    pub fn with(&self, outcome: CoverageOutcome) -> impl Iterator<Item = &RouteCoverage> {
        self.routes.iter().filter(move |route| route.outcome == outcome)
    }

    /// Asserts that every route is protected.
    ///
    /// # Panics
    ///
    /// Panics where one is not, or was not reached, or where there is none, and says which.
    #[track_caller]
    pub fn assert_protected(&self) {
        let all = self.with(CoverageOutcome::Protected).count() == self.routes.len();
        assert!(!self.routes.is_empty(), "no route was asked");
        assert!(all, "not every route is protected\n{self}");
    }
}

impl RouteCoverage {
    /// The method that was asked with.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path that was asked for.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What became of it.
    #[must_use]
    pub fn outcome(&self) -> CoverageOutcome {
        self.outcome
    }
}

impl CoverageOutcome {
    fn of<B>(response: &Response<B>) -> Self {
        let refused = match grpc_status(response.headers()) {
            Some(code) => response.status() == StatusCode::OK && matches!(code, "16" | "7"),
            None => {
                matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            }
        };
        match response.status() {
            _ if refused && is_ours(response) => Self::Protected,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Self::NotReached,
            _ => Self::Hole,
        }
    }
}

fn is_ours<B>(response: &Response<B>) -> bool {
    response.extensions().get::<Rejection>().is_some() || is_in_status(response)
}

/// A method of tonic's that asks by itself returns the rejection within a status.
#[cfg(feature = "tonic")]
fn is_in_status<B>(response: &Response<B>) -> bool {
    let status = response.extensions().get::<::tonic::Status>();
    let source = status.and_then(|status| std::error::Error::source(status));
    source.is_some_and(|source| source.is::<Rejection>())
}

#[cfg(not(feature = "tonic"))]
fn is_in_status<B>(_: &Response<B>) -> bool {
    false
}

fn grpc_status(headers: &HeaderMap) -> Option<&str> {
    headers.get("grpc-status")?.to_str().ok()
}

fn told<B>(response: &Response<B>) -> String {
    let answer = match grpc_status(response.headers()) {
        Some(code) => format!("grpc-status {code}"),
        None => response.status().to_string(),
    };
    if is_ours(response) { answer } else { format!("{answer}, not by tower-clerk") }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for RouteCoverage { method, path, outcome, answer } in &self.routes {
            let outcome = match outcome {
                CoverageOutcome::Protected => "protected",
                CoverageOutcome::NotReached => "not reached",
                CoverageOutcome::Hole => "HOLE",
            };
            writeln!(f, "{outcome:<12} {:<7} {path} ({answer})", method.as_str())?;
        }
        Ok(())
    }
}
