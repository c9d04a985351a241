//! What a webhook is answered.

use std::sync::atomic::AtomicBool;

use http::header::{ALLOW, CONTENT_LENGTH, RETRY_AFTER};
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};
use tower_clerk::{SessionStatus, testing::MemoryLog};

use super::*;

#[tokio::test]
async fn only_a_post_is_a_webhook() {
    for world in World::of_each_stack(SessionCheck::Get).await {
        let http = reqwest::Client::new();
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = http.request(method.clone(), &world.url).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert_eq!(answer.headers()[ALLOW], "POST", "{method}");
        }
    }
}

#[tokio::test]
async fn a_body_is_taken_up_to_256_kib_and_no_further() {
    for world in World::of_each_stack(SessionCheck::Networkless).await {
        let (session, token) = world.sign_in("user_ada").await;
        let mut event: Value =
            serde_json::from_str(&event("session.ended", &json!({ "id": session }))).unwrap();
        event["more"] = json!("");
        let padding = (256 << 10) - event.to_string().len();
        event["more"] = json!("x".repeat(padding + 1));
        let too_long = event.to_string();
        let answer = world.post(world.signed(&too_long), too_long).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(world.admits(&token).await);
        event["more"] = json!("x".repeat(padding));
        let longest = event.to_string();
        assert_eq!(world.post(world.signed(&longest), longest).await.status(), 204);
        assert!(!world.admits(&token).await);
    }
}

#[tokio::test]
async fn what_is_too_long_is_answered_while_the_rest_is_yet_to_come() {
    for world in World::of_each_stack(SessionCheck::Get).await {
        let host = world.url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        for (head, body) in [
            ("content-length: 1000000000\r\n", Vec::new()),
            (
                "transfer-encoding: chunked\r\n",
                [b"40001\r\n".as_slice(), &[b'x'; 0x40001], b"\r\n"].concat(),
            ),
        ] {
            let mut stream = TcpStream::connect(&host).await.unwrap();
            let head = format!("POST /webhooks/clerk HTTP/1.1\r\nhost: {host}\r\n{head}\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap();
            let mut status = [0; 12];
            stream.read_exact(&mut status).await.unwrap();
            assert_eq!(&status, b"HTTP/1.1 413");
        }
    }
}

/// A body that goes on for ever, or stands still.
fn endless(every: Duration) -> impl Body<Data = Bytes, Error = Infallible> + Send + 'static {
    StreamBody::new(tokio_stream::StreamExt::throttle(
        tokio_stream::iter(std::iter::repeat_with(|| Ok(Frame::data(Bytes::from_static(b" "))))),
        every,
    ))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_takes_for_ever_is_given_ten_seconds() {
    let world = World::new(SessionCheck::Get).await;
    for every in [Duration::from_millis(100), Duration::from_secs(3600)] {
        let began = Instant::now();
        let request = Request::post("/").body(endless(every)).unwrap();
        let answer = world.receiver().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(began.elapsed().as_secs(), 10);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let world = World::new(SessionCheck::Get).await;
    let frames = [Ok(Frame::data(Bytes::from_static(b"{"))), Err("cut")];
    let request = Request::post("/").body(StreamBody::new(tokio_stream::iter(frames))).unwrap();
    let answer = world.receiver().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(!answer.headers().contains_key(CONTENT_LENGTH), "that is the server's to say");
}

/// A networkless resolver whose log is cut, and a session.
async fn with_a_cut_log() -> (World, MemoryLog, String, String) {
    let world = World::new(SessionCheck::Networkless).await;
    let log = MemoryLog::new();
    let handle = log.handle();
    handle.cut();
    let builder = world.clerk.resolver_builder().check(SessionCheck::Networkless);
    let world = World { resolver: builder.revocation_log(log).build().unwrap(), ..world };
    let session = world.clerk.sign_in("user_ada");
    let token = world.long_lived(&session);
    world.resolver.warm_up().await.unwrap();
    (world, handle, token, event("session.ended", &json!({ "id": session })))
}

#[tokio::test]
async fn what_the_log_has_not_acknowledged_is_in_force_here_and_asked_for_again() {
    let (world, log, token, ended) = with_a_cut_log().await;
    let receiver = world.receiver();
    assert!(world.admits(&token).await);
    let answer = answer(&receiver, &world.clerk, &ended).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[RETRY_AFTER], "5");
    assert!(text(answer).await.contains("send it again"));
    assert!(!world.admits(&token).await, "it is in force here");
    assert_eq!(world.events.load(Ordering::SeqCst), 1, "and handed on");
    log.mend();
    while !world.resolver.readiness().revocation_log().unwrap().is_usable() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(super::answer(&receiver, &world.clerk, &ended).await.status(), 204);
    assert!(log.entries().iter().any(|entry| entry.to_string().contains("t ended")));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_log_has_no_endpoint_switched_off() {
    let (world, _log, token, ended) = with_a_cut_log().await;
    let receiver = world.receiver();
    let status = || async { answer(&receiver, &world.clerk, &ended).await.status().as_u16() };
    assert_eq!(status().await, 503);
    tokio::time::sleep(Duration::from_secs(9 * 60)).await;
    assert_eq!(status().await, 503);
    tokio::time::sleep(Duration::from_secs(2 * 60)).await;
    assert_eq!(status().await, 204);
    assert!(!world.admits(&token).await);
}

#[tokio::test]
async fn what_is_not_logged_asks_nothing_of_the_log() {
    let (world, log, _, _) = with_a_cut_log().await;
    let receiver = world.receiver();
    for body in [
        event("session.created", &json!({ "id": "sess_1" })),
        event("user.updated", &json!({ "id": "user_ada", "banned": false })),
        event("email.created", &json!({})),
    ] {
        assert_eq!(answer(&receiver, &world.clerk, &body).await.status(), 204, "{body}");
    }
    assert_eq!(log.entries(), []);
}

#[tokio::test]
async fn what_follows_may_fail_or_panic_and_comes_again_and_nothing_is_undone() {
    for panics in [false, true] {
        let world = World::new(SessionCheck::Networkless).await;
        let (session, token) = world.sign_in("user_ada").await;
        let (_, eve) = world.sign_in("user_eve").await;
        assert!(world.admits(&token).await);
        let fails = Arc::new(AtomicBool::new(true));
        let failing = Arc::clone(&fails);
        let receiver = receiver(&world.resolver).and_then(move |_| {
            let fails = failing.load(Ordering::SeqCst);
            async move {
                tokio::task::yield_now().await;
                assert!(!(fails && panics), "it panics");
                if fails { Err("the database is away") } else { Ok(()) }
            }
        });
        let addr = stacks::serve_hyper(receiver).await;
        let world = world.listening(addr);
        let body = event("session.ended", &json!({ "id": session }));
        for _ in 0..3 {
            let answer = world.post(world.signed(&body), body.clone()).await;
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert!(!answer.text().await.unwrap().contains("database"), "that is for operators");
            assert_eq!(world.refusal(&token).await, Some("session-ended"));
        }
        fails.store(false, Ordering::SeqCst);
        assert_eq!(world.post(world.signed(&body), body.clone()).await.status(), 204);
        assert_eq!(world.refusal(&token).await, Some("session-ended"));
        assert!(world.admits(&eve).await, "nothing is broken for others");
    }
}

#[tokio::test]
async fn a_panic_before_anything_was_awaited_is_a_failure_too() {
    let world = World::new(SessionCheck::Networkless).await;
    let receiver = receiver(&world.resolver)
        .and_then(|_| -> std::future::Ready<Result<(), Infallible>> { panic!("at once") });
    let body = event("email.created", &json!({}));
    assert_eq!(answer(&receiver, &world.clerk, &body).await.status(), 500);
}

#[tokio::test]
async fn a_handler_of_ones_own_does_with_an_event_what_the_service_does() {
    let world = World::new(SessionCheck::Networkless).await;
    let (session, token) = world.sign_in("user_ada").await;
    assert!(world.admits(&token).await);
    let verifier = tower_clerk::webhook::WebhookVerifier::new(SECRET.parse().unwrap())
        .clock(world.clerk.clock());
    let body = event("session.ended", &json!({ "id": session }));
    let verified = verifier.verify(&world.signed(&body), body.as_bytes()).unwrap();
    drop(world.resolver.apply(&verified));
    assert_eq!(world.refusal(&token).await, Some("session-ended"), "whoever waits for it or not");
    assert!(world.resolver.end(&session, SessionStatus::Revoked).await);
}

#[test]
fn outside_of_a_runtime_it_says_what_is_missing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new(SessionCheck::Networkless));
    let request = Request::post("/").body(Full::<Bytes>::default()).unwrap();
    let mut answering = tokio_test::task::spawn(world.receiver().oneshot(request));
    let std::task::Poll::Ready(Ok(answer)) = answering.poll() else { panic!("it waits") };
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
