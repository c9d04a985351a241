//! A webhook that one process takes is in force at all of them.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_clerk::{
    ReceiveWebhooks, SessionCheck, SessionResolver,
    testing::{Membership, SessionsApi, sign_webhook},
};

use crate::fleet::{Log, admits, all_admit, all_refuse_within};

/// By when every process refuses, on a machine that has other things to do.
const BOUND: Duration = Duration::from_secs(2);

/// As Clerk's sender hands it to one of the processes, in its own time.
async fn deliver(process: &SessionResolver, clerk: &SessionsApi, kind: &str, data: &Value) -> u16 {
    let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".parse().unwrap();
    let body = json!({ "type": kind, "data": data }).to_string();
    let mut request = Request::post("/").body(Full::<Bytes>::from(body.clone())).unwrap();
    let now = clerk.clock().now();
    *request.headers_mut() = sign_webhook(&secret, "msg_1", now, body.as_bytes());
    let receiver = ReceiveWebhooks::new(process.clone(), secret);
    receiver.oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn an_event_that_one_process_takes_makes_all_three_refuse() {
    for log in Log::of_each_kind() {
        for (round, check) in [SessionCheck::Get, SessionCheck::Networkless].into_iter().enumerate()
        {
            let clerk = SessionsApi::start().await;
            let fleet: [_; 3] = log.fleet(&clerk, check).await;
            let stays = clerk.token(&clerk.sign_in("user_eve"));
            all_admit(&fleet, &stays).await;
            for (at, process) in fleet.iter().enumerate() {
                // The log remembers whom an earlier round denied.
                let user = format!("user_{round}{at}");
                let session = clerk.sign_in_with(&user, |session| {
                    session.organization = "org_1".parse().ok().map(Membership::new);
                });
                let member = json!({
                    "organization": { "id": "org_1" }, "public_user_data": { "user_id": user },
                });
                let (kind, data) = match at {
                    0 => ("session.ended", json!({ "id": session })),
                    1 => ("user.deleted", json!({ "id": user })),
                    _ => ("organizationMembership.deleted", member),
                };
                let token = clerk.token(&session);
                all_admit(&fleet, &token).await;
                assert_eq!(deliver(process, &clerk, kind, &data).await, 204);
                assert!(!admits(process, &token).await, "{kind}: at once where it was taken");
                all_refuse_within(BOUND, &fleet, &token).await;
                // In this order and no other: whoever has refused goes on to.
                for process in &fleet {
                    assert!(!admits(process, &token).await, "{kind}");
                }
            }
            all_admit(&fleet, &stays).await;
        }
    }
}
