//! This crate.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use tower::{Layer, Service};
use tower_clerk::{AuthenticateLayer, Claims, Session, SessionCheck, SessionResolver};

use crate::{
    inner,
    scene::{LONG, Scene},
};

pub(crate) fn get(
    scene: &Scene,
) -> impl Service<
    Request<Body>,
    Response = Response<impl Sized + use<>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ use<> {
    let inner = inner::asking(|found| Some(found.get::<Session>()?.user_id().as_str()));
    layer(scene, SessionCheck::Get).layer(inner)
}

pub(crate) fn networkless(
    scene: &Scene,
) -> impl Service<
    Request<Body>,
    Response = Response<impl Sized + use<>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ use<> {
    let inner = inner::asking(|found| Some(found.get::<Claims>()?.user_id().as_str()));
    layer(scene, SessionCheck::Networkless).layer(inner)
}

/// On the system's clock, as a service has it.
fn layer(scene: &Scene, check: SessionCheck) -> AuthenticateLayer {
    let resolver = SessionResolver::builder(scene.clerk.client())
        .issuer(scene.clerk.issuer())
        .check(check)
        .ttl(LONG)
        .build()
        .expect("these settings go together");
    AuthenticateLayer::new(resolver).expect("these settings go together")
}
