//! Where the secret key goes.

use std::{
    env,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{io::AsyncReadExt, net::TcpListener, task::JoinSet};
use tower_clerk::{
    Instance, SessionsClient,
    client::Quota,
    testing::{Fault, SessionsApi},
};

const SECRET_KEY: &str = "sk_test_StaysWithClerk";

#[tokio::test]
async fn the_secret_key_follows_no_redirect() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    for status in [301, 302, 303, 307, 308] {
        clerk.fail_all(Fault::status(status));
        let client = clerk.client();
        assert_eq!(client.get(&session).await.unwrap_err().status().unwrap(), status);
        assert_eq!(client.revoke(&session).await.unwrap_err().status().unwrap(), status);
        assert_eq!(client.jwks().await.unwrap_err().status().unwrap(), status);
        let credential = tower_clerk::Credential::session_token(token.as_bytes());
        let resolver = clerk.resolver();
        let refused = resolver.resolve(credential, &tower_clerk::Policy::new()).await.unwrap_err();
        assert_eq!(refused.kind(), tower_clerk::RejectionKind::Unavailable);
        clerk.clear_faults();
    }
    // Redirects lead to a path that does not exist.
    assert_eq!(clerk.requests().unknown(), 0);
}

#[test]
fn the_secret_key_travels_in_the_clear_on_this_host_only() {
    let build = |api_url: &str| {
        Instance::builder().secret_key(SECRET_KEY.parse().unwrap()).api_url(api_url)?.build()
    };
    for mistaken_for_loopback in [
        "http://api.clerk.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://example.com#127.0.0.1",
        "http://127.0.0.1@example.com",
        "http://example.com\\@127.0.0.1",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://[::]",
        "http://[::ffff:10.0.0.1]",
        "ftp://127.0.0.1",
        "//127.0.0.1",
    ] {
        assert!(build(mistaken_for_loopback).is_err(), "{mistaken_for_loopback}");
    }
    for good in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://10.0.0.1"] {
        assert!(build(good).is_ok(), "{good}");
    }
}

/// Counts those who come, and turns them away.
async fn turnstile() -> (String, Arc<AtomicUsize>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let visitors = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    tasks.spawn({
        let visitors = Arc::clone(&visitors);
        async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                visitors.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 1024]).await;
            }
        }
    });
    (origin, visitors, tasks)
}

const BASE_URL: &str = "TEST_BASE_URL";

#[tokio::test]
async fn a_proxy_in_the_environment_does_not_see_calls_to_this_host() {
    // This binary again, told to run this test alone, in another environment.
    if let Ok(base_url) = env::var(BASE_URL) {
        return call_past_a_proxy(&base_url).await;
    }
    let clerk = SessionsApi::builder().secret_key(SECRET_KEY).start().await.unwrap();
    let (proxy, visitors, _tasks) = turnstile().await;
    let mut child = Command::new(env::current_exe().unwrap());
    let this_test = "travels::a_proxy_in_the_environment_does_not_see_calls_to_this_host";
    child.args(["--exact", this_test]);
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        child.env(name, &proxy);
    }
    child.env(BASE_URL, clerk.base_url());
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    assert_eq!(visitors.load(Ordering::SeqCst), 1, "the plain client's visit, and no other");
    assert_eq!(clerk.requests().total(), 2);
}

async fn call_past_a_proxy(base_url: &str) {
    // A client that does not mind goes to the proxy, which turns it away.
    let plain = reqwest::Client::new();
    assert!(plain.get(base_url).send().await.is_err());

    let instance = Instance::builder().secret_key(SECRET_KEY.parse().unwrap());
    let instance = instance.api_url(base_url).unwrap().build().unwrap();
    let client = SessionsClient::builder(&instance).quota(Quota::Unlimited).build().unwrap();
    client.jwks().await.unwrap();
    assert!(client.get(&"sess_none".parse().unwrap()).await.unwrap_err().is_not_found());
}
