use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE},
    redirect::Policy,
};

use crate::{http::header, process::Server};

const PAGE: &str = "/dashboard?tab=2&q=a%20b";

#[tokio::test]
async fn a_browser_signs_in_and_is_back_where_it_wanted_to_go() {
    let app = Server::start("redirect");
    let browser = Browser::of(&app);

    let sent_away = browser.open(PAGE).await;
    assert_eq!(sent_away.status(), StatusCode::SEE_OTHER);
    let sign_in = header(&sent_away, &LOCATION).to_owned();
    assert!(sign_in.starts_with(&format!("{}/sign-in?redirect_url=http", app.url)), "{sign_in}");

    let sent_back = browser.open(&sign_in[app.url.len()..]).await;
    assert_eq!(header(&sent_back, &LOCATION), format!("{}{PAGE}", app.url));
    let (cookie, _) = header(&sent_back, &SET_COOKIE).split_once(';').unwrap();
    let page = browser.request(PAGE).header(COOKIE, cookie).send().await.unwrap();
    assert_eq!(page.text().await.unwrap(), "hello, user_ada\n");

    // A cookie of a session that is over is no reason to be answered 401 for ever.
    let stale = browser.request(PAGE).header(COOKIE, format!("{cookie}x")).send().await.unwrap();
    assert_eq!(stale.status(), StatusCode::SEE_OTHER);
    app.stops_when_asked_to();
}

#[tokio::test]
async fn whatever_is_no_page_that_somebody_opens_is_answered_401() {
    let app = Server::start("redirect");
    let browser = Browser::of(&app);
    let script = browser.http.get(format!("{}{PAGE}", app.url)).header(ACCEPT, "application/json");
    assert_eq!(script.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(browser.open("/no-such-page").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_way_back_leads_nowhere_else() {
    let app = Server::start("redirect");
    let browser = Browser::of(&app);
    let elsewhere = browser.open("/sign-in?redirect_url=https%3A%2F%2Fevil.example.com%2F").await;
    assert_eq!(elsewhere.status(), StatusCode::BAD_REQUEST);
    let pretended = browser.request(PAGE).header("host", "evil.example.com");
    let sent_away = pretended.send().await.unwrap();
    assert!(!header(&sent_away, &LOCATION).contains("evil"));
}

struct Browser<'a> {
    server: &'a Server,
    http: Client,
}

impl<'a> Browser<'a> {
    fn of(server: &'a Server) -> Self {
        let http = Client::builder().no_proxy().redirect(Policy::none());
        Self { server, http: http.build().unwrap() }
    }

    fn request(&self, path: &str) -> RequestBuilder {
        let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
        self.http.get(format!("{}{path}", self.server.url)).header(ACCEPT, accept)
    }

    async fn open(&self, path: &str) -> Response {
        self.request(path).send().await.unwrap()
    }
}
