//! This crate.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use tower::{Layer, Service};
use tower_clerk::{AuthenticateLayer, Claims, Session, SessionCheck, SessionResolver};

use crate::{
    inner::Inner,
    scene::{LONG, Scene},
};

/// How many sessions are kept in mind, and twice as many tokens.
#[derive(Clone, Copy)]
pub(crate) enum Room {
    /// For all there are here.
    Ample,
    /// For so few that each new token takes the place of an old one, as in a service that has run for a while.
    Full,
}

pub(crate) fn service(
    scene: &Scene,
    check: SessionCheck,
    room: Room,
) -> impl Service<
    Request<Body>,
    Response = Response<impl Sized + use<>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ use<> {
    let inner = match check {
        SessionCheck::Networkless => Inner(|found| Some(found.get::<Claims>()?.user_id().as_str())),
        _ => Inner(|found| Some(found.get::<Session>()?.user_id().as_str())),
    };
    layer(scene, check, room).layer(inner)
}

/// On the system's clock, as a service has it.
fn layer(scene: &Scene, check: SessionCheck, room: Room) -> AuthenticateLayer {
    let resolver = SessionResolver::builder(&scene.clerk.instance())
        .client(scene.clerk.client())
        .check(check)
        .ttl(LONG)
        .capacity(match room {
            Room::Ample => 100_000,
            Room::Full => 50,
        })
        .build()
        .expect("these settings go together");
    AuthenticateLayer::new(resolver).expect("these settings go together")
}
