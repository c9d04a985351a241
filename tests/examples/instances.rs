use reqwest::StatusCode;

use crate::{http::Caller, process::Server};

#[tokio::test]
async fn customers_and_staff_get_in_at_their_own_instances_and_not_at_the_others() {
    let app = Server::start("instances");
    let shop = app.process.line_after("SHOP token: ");
    let staff = app.process.line_after("STAFF token: ");
    let caller = Caller::of(&app);
    for (path, token, status) in [
        ("/shop/me", &shop, StatusCode::OK),
        ("/staff/me", &staff, StatusCode::OK),
        ("/shop/me", &staff, StatusCode::UNAUTHORIZED),
        ("/staff/me", &shop, StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(caller.get(path, Some(token)).await.status(), status, "{path}");
    }
    for (host, token, status) in [
        ("shop.example.com", &shop, StatusCode::OK),
        ("staff.example.com", &staff, StatusCode::OK),
        ("shop.example.com", &staff, StatusCode::UNAUTHORIZED),
        ("staff.example.com", &shop, StatusCode::UNAUTHORIZED),
        ("example.com", &shop, StatusCode::NOT_FOUND),
    ] {
        assert_eq!(caller.get_from(host, "/me", token).await.status(), status, "{host}");
    }
    app.stops_when_asked_to();
}
