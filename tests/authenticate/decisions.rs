//! The decision by itself, for those who are not in a stack: the same as the layer's.

use http::{Request, StatusCode};
use tower::{Layer, ServiceExt, service_fn};
use tower_clerk::{
    Authenticate, AuthenticateLayer, Protocol, Session, SessionCheck,
    testing::{Fault, Operation, SessionsApi},
};

#[tokio::test]
async fn it_says_of_every_request_what_the_service_says() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let ended = clerk.sign_in("user_bob");
    clerk.set_status(&ended, "ended");
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let service = layer.layer(service_fn(async |request: Request<()>| {
        let user = request.extensions().get::<Session>().map(|it| it.user_id().to_string());
        Ok::<_, std::convert::Infallible>(http::Response::new(user.unwrap_or_default()))
    }));
    for token in [
        String::new(),
        "x".to_owned(),
        clerk.mint(&session).forged().sign(),
        clerk.token(&ended),
        clerk.token(&session),
        // Known by now.
        clerk.token(&session),
    ] {
        let request = || {
            let mut request = Request::new(());
            if !token.is_empty() {
                let value = format!("Bearer {token}").parse().unwrap();
                request.headers_mut().insert("authorization", value);
            }
            request
        };
        let (mut parts, ()) = request().into_parts();
        let decided = layer.authenticate(&mut parts).await;
        let response = service.clone().oneshot(request()).await.unwrap();
        match decided {
            Ok(()) => {
                assert_eq!(response.status(), StatusCode::OK);
                assert_eq!(parts.extensions.get::<Session>().unwrap().id(), &session);
            }
            Err(rejection) => {
                let reason = rejection.reason();
                let answer = layer.answer(rejection, &parts);
                assert_eq!(answer.status(), response.status(), "{reason}");
                assert_eq!(answer.headers(), response.headers(), "{reason}");
                assert!(parts.extensions.get::<Session>().is_none(), "{reason}");
            }
        }
    }
}

#[tokio::test]
async fn it_answers_in_the_layers_own_words_and_waits_for_clerk_as_the_layer_does() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let resolver = clerk.resolver_builder().check(SessionCheck::Get).build().unwrap();
    let layer = AuthenticateLayer::new(resolver).unwrap().protocol(Protocol::Http);
    let layer = layer.rejection_response(|rejection, _| {
        let mut response = http::Response::new(format!("no: {}", rejection.public_reason()));
        *response.status_mut() = rejection.status();
        response
    });
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    clerk.fail(Operation::Get, Fault::status(500));
    let rejection = layer.authenticate(&mut parts).await.unwrap_err();
    let answer = layer.answer(rejection, &parts);
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body(), "no: clerk-unavailable");
    clerk.clear_faults();
    layer.authenticate(&mut parts).await.unwrap();
    assert_eq!(parts.extensions.get::<Session>().unwrap().user_id().as_str(), "user_ada");
}

#[tokio::test]
async fn a_service_can_be_made_without_a_stack() {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let inner = service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    });
    let response = Authenticate::new(inner, layer).oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}
