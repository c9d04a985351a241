use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, WWW_AUTHENTICATE},
};
use tonic::Code;

use crate::{
    http::{Caller, header},
    process::Server,
    tonic::read_report,
};

#[tokio::test(flavor = "multi_thread")]
async fn http_and_grpc_are_each_answered_in_their_own_protocol_on_one_port() {
    let app = Server::start("one_port");
    let token = app.process.line_after("token: ");
    let caller = Caller::of(&app);

    let refused = caller.get("/me", None).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&refused, &CONTENT_TYPE), "application/problem+json");
    assert_eq!(header(&refused, &WWW_AUTHENTICATE), "Bearer");
    assert_eq!(caller.get("/me", Some(&token)).await.text().await.unwrap(), "user_ada");

    assert_eq!(read_report(&app, None).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(read_report(&app, Some(&token)).await.unwrap(), "all is well, user_ada");

    assert_eq!(caller.get("/no-such-path", None).await.status(), StatusCode::NOT_FOUND);
    app.stops_when_asked_to();
}
