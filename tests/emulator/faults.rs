//! What goes wrong on request.

use super::*;

#[tokio::test]
async fn each_fault_is_felt_at_the_other_end() -> Outcome {
    let api = SessionsApi::start().await;
    let jwks = || ask(&api, Method::GET, "/jwks");

    api.fail(Operation::Jwks, Fault::reset().times(1));
    assert!(error_chain(&jwks().await.unwrap_err()).contains("reset"));

    api.fail(Operation::Jwks, Fault::truncate().times(1));
    let answer = jwks().await?;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());

    api.fail(Operation::Jwks, Fault::garbage().times(1));
    assert!(jwks().await?.json::<Value>().await.is_err());

    api.fail(Operation::Jwks, Fault::content_type().times(1));
    assert_eq!(jwks().await?.headers()["content-type"], "text/html; charset=utf-8");

    api.fail(Operation::Jwks, Fault::status(429).retry_after(Duration::from_secs(7)).times(1));
    let answer = jwks().await?;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse()?));

    api.fail(Operation::Jwks, Fault::delay(Duration::from_millis(50)).times(1));
    let start = std::time::Instant::now();
    assert_eq!(jwks().await?.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(50));

    api.fail(Operation::Jwks, Fault::hang());
    let patience = Duration::from_millis(50);
    assert!(tokio::time::timeout(patience, jwks()).await.is_err());
    api.clear_faults();
    assert_eq!(jwks().await?.status(), 200);
    Ok(())
}

fn error_chain(error: &dyn Error) -> String {
    let source = error.source().map(error_chain).unwrap_or_default();
    format!("{error}: {source}")
}

#[tokio::test]
async fn an_error_can_have_a_code_of_its_own() -> Outcome {
    let api = SessionsApi::start().await;
    let code = async || {
        let answer: Value = ask(&api, Method::GET, "/jwks").await?.json().await?;
        reqwest::Result::Ok(answer["errors"][0]["code"].clone())
    };
    api.fail(Operation::Jwks, Fault::status(403).code("resource_forbidden").times(1));
    assert_eq!(code().await?, "resource_forbidden");
    let fault = json!({
        "operation": "jwks", "kind": "status", "status": 403, "code": "authorization_invalid",
    });
    control(&api, Method::POST, "faults", fault).await?;
    assert_eq!(code().await?, "authorization_invalid");
    Ok(())
}
