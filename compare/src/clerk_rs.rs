//! clerk-rs, with the keys in memory as it recommends.

use std::convert::Infallible;

use axum::body::Body;
use clerk_rs::{
    Clerk, ClerkConfiguration,
    validators::{authorizer::ClerkJwt, axum::ClerkLayer, jwks::MemoryCacheJwksProvider},
};
use http::{Request, Response};
use tower::{Layer, Service};

use crate::{inner, scene::Scene};

pub(crate) fn service(
    scene: &Scene,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + use<> {
    let configuration = ClerkConfiguration::new(scene.clerk.secret_key())
        .with_base_path(format!("{}/v1", scene.clerk.base_url()));
    let keys = MemoryCacheJwksProvider::new(Clerk::new(configuration));
    let with_cookie = true;
    let inner = inner::Inner(|found| Some(found.get::<ClerkJwt>()?.sub.as_str()));
    ClerkLayer::new(keys, None, with_cookie).layer(inner)
}
