use reqwest::StatusCode;

use crate::{http::Caller, process::Server};

#[tokio::test]
async fn whoever_has_the_token_is_admitted_until_it_signs_out() {
    let app = Server::start("hyper");
    let token = app.process.line_after("token: ");
    let caller = Caller::of(&app);
    assert_eq!(caller.get("/", Some(&token)).await.status(), StatusCode::NOT_FOUND);
    caller.is_admitted_until_it_signs_out(&token, "user_ada").await;
    app.stops_when_asked_to();
}
