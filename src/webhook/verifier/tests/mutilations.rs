//! What is nearly a webhook.

use super::*;

#[test]
fn what_was_mutilated_in_any_of_forty_ways_is_no_event() {
    use WebhookErrorKind::{Header, Payload, Signature, Timestamp};
    type Mutilate = fn(&mut Message) -> &mut Message;
    const AGO: u64 = SENT_AT - 301;
    const AHEAD: u64 = SENT_AT + 301;
    let mutilations: [(&str, WebhookErrorKind, Mutilate); 42] = [
        ("no headers", Header, |it| {
            it.without("svix-id").without("svix-timestamp").without("svix-signature")
        }),
        ("no id", Header, |it| it.without("svix-id")),
        ("no timestamp", Header, |it| it.without("svix-timestamp")),
        ("no signature", Header, |it| it.without("svix-signature")),
        ("an empty id", Header, |it| it.set("svix-id", "")),
        ("an empty timestamp", Header, |it| it.set("svix-timestamp", " ")),
        ("an empty signature", Header, |it| it.set("svix-signature", "")),
        ("two ids", Header, |it| it.add("svix-id", ID)),
        ("two timestamps", Header, |it| it.add("svix-timestamp", SENT_AT.to_string())),
        ("two signatures", Header, |it| it.add("svix-signature", it.text("svix-signature"))),
        ("an id with a full stop", Header, |it| it.set("svix-id", "msg.1").resign()),
        ("an id with a space", Header, |it| it.set("svix-id", "msg 1").resign()),
        ("an id without an end", Header, |it| it.set("svix-id", "m".repeat(257)).resign()),
        ("an id in no ASCII", Header, |it| it.set("svix-id", "msg_é")),
        ("a timestamp with a sign", Header, |it| it.set("svix-timestamp", "+1700000000")),
        ("a timestamp in hex", Header, |it| it.set("svix-timestamp", "0x6553f100")),
        ("a timestamp with a zero", Header, |it| it.set("svix-timestamp", "01700000000")),
        ("a timestamp with a fraction", Header, |it| it.set("svix-timestamp", "1700000000.0")),
        ("a negative timestamp", Header, |it| it.set("svix-timestamp", "-1700000000")),
        ("a timestamp with a tail", Header, |it| it.set("svix-timestamp", "1700000000abc")),
        ("a timestamp beyond all", Header, |it| it.set("svix-timestamp", "9".repeat(30))),
        ("names of both kinds", Header, |it| {
            it.without("svix-timestamp").set("webhook-timestamp", SENT_AT.to_string())
        }),
        ("another id", Signature, |it| it.set("svix-id", "msg_2")),
        ("another time", Signature, |it| it.set("svix-timestamp", (SENT_AT + 1).to_string())),
        ("another body", Signature, |it| it.edit(|body| body[20] ^= 1)),
        ("a longer body", Signature, |it| it.edit(|body| body.push(b' '))),
        ("a shorter body", Signature, |it| it.edit(|body| body.truncate(body.len() - 1))),
        ("no body", Signature, |it| it.edit(Vec::clear)),
        ("a body that was written anew", Signature, |it| {
            it.edit(|body| *body = format!("{:#}", ended()).into_bytes())
        }),
        ("another's secret", Signature, |it| it.sign_with(OTHER)),
        ("another version", Signature, |it| {
            it.set("svix-signature", it.text("svix-signature").replace("v1,", "v2,"))
        }),
        ("a version in capitals", Signature, |it| {
            it.set("svix-signature", it.text("svix-signature").replace("v1,", "V1,"))
        }),
        ("no version", Signature, |it| {
            it.set("svix-signature", it.text("svix-signature").replace("v1,", ""))
        }),
        ("an empty signature of the version", Signature, |it| it.set("svix-signature", "v1,")),
        ("a signature without its padding", Signature, |it| {
            it.set("svix-signature", it.text("svix-signature").trim_end_matches('='))
        }),
        ("a signature in part", Signature, |it| {
            it.set("svix-signature", &it.text("svix-signature")[..27])
        }),
        ("a signature and more", Signature, |it| {
            it.set("svix-signature", it.text("svix-signature") + ",v1")
        }),
        ("a signature of zeros", Signature, |it| {
            it.set("svix-signature", format!("v1,{}=", "A".repeat(43)))
        }),
        ("a signature in hex", Signature, |it| {
            it.set("svix-signature", format!("v1,{}", "0a".repeat(32)))
        }),
        ("old", Timestamp, |it| it.set("svix-timestamp", AGO.to_string()).resign()),
        ("from the future", Timestamp, |it| it.set("svix-timestamp", AHEAD.to_string()).resign()),
        ("no UTF-8", Payload, |it| {
            it.edit(|body| *body = b"{\"type\":\"\xff\"}".to_vec()).resign()
        }),
    ];
    assert!(Message::of(&ended()).verify().is_ok(), "unharmed");
    for (name, kind, mutilate) in mutilations {
        let mut message = Message::of(&ended());
        mutilate(&mut message);
        assert_eq!(message.verify().unwrap_err(), kind, "{name}");
    }
}
