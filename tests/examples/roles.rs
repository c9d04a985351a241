use reqwest::{Method, StatusCode};

use crate::{http::Caller, process::Server};

#[tokio::test]
async fn everybody_may_what_their_role_or_permission_says_and_nothing_else() {
    let app = Server::start("roles");
    let admin = app.process.line_after("admin: ");
    let reader = app.process.line_after("reader: ");
    let outsider = app.process.line_after("outsider: ");
    let caller = Caller::of(&app);
    for (token, members, reports, account) in [
        (Some(&admin), 200, 403, 200),
        (Some(&reader), 403, 200, 200),
        (Some(&outsider), 403, 403, 200),
        (None, 401, 401, 401),
    ] {
        for (method, path, status) in [
            (Method::POST, "/members", members),
            (Method::GET, "/reports", reports),
            (Method::GET, "/account", account),
        ] {
            let answer = caller.send(method, path, token.map(String::as_str)).await;
            assert_eq!(answer.status(), StatusCode::from_u16(status).unwrap(), "{path}");
        }
    }
    app.stops_when_asked_to();
}
