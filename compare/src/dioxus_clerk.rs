//! dioxus-clerk's layer, which leaves the refusing to the service within.

use std::convert::Infallible;

use axum::body::Body;
use dioxus_clerk::server::{ClerkAuthLayer, ClerkAuthLayerConfig, VerificationOutcome};
use http::{Request, Response};
use tower::{Layer, Service};

use crate::{inner, scene::Scene};

pub(crate) fn service(
    scene: &Scene,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + use<> {
    let config = ClerkAuthLayerConfig::new(scene.clerk.secret_key())
        .with_insecure_backend_api_base_url(format!("{}/v1", scene.clerk.base_url()))
        .add_issuer(scene.clerk.issuer());
    let layer = ClerkAuthLayer::from_config(config).expect("these settings go together");
    layer.layer(inner::Inner(|found| {
        Some(found.get::<VerificationOutcome>()?.auth()?.user_id.as_str())
    }))
}
