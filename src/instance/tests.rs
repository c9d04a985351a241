use super::*;
use crate::SessionsClient;

const SECRET: (&str, &str) = ("CLERK_SECRET_KEY", "sk_test_hush");
/// Of `clerk.example.com`.
const PUBLISHABLE: (&str, &str) = ("CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k");
const ALLOWED: (&str, &str) = ("TOWER_CLERK_ALLOW_HTTP", "1");

fn of(variables: &[(&str, &str)]) -> Result<Instance, ConfigError> {
    let value = |name| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| *value);
    Instance::from_lookup(|name| value(name).map(str::to_owned))
}

fn told(variables: &[(&str, &str)]) -> String {
    let told = of(variables).unwrap_err().to_string();
    assert!(!told.contains("hush"), "{told}");
    told
}

fn issuers(instance: &Instance) -> Vec<&str> {
    instance.issuers().collect()
}

#[test]
fn the_environment_gives_key_and_origin() {
    assert!(format!("{:?}", of(&[SECRET]).unwrap()).contains("api.clerk.com"));
    let elsewhere = of(&[SECRET, ("CLERK_API_URL", "http://127.0.0.1:4000/v1")]).unwrap();
    assert!(format!("{elsewhere:?}").contains("4000"));
    assert!(of(&[SECRET, ("CLERK_API_URL", "")]).is_ok());
}

#[test]
fn what_a_lookup_does_not_know_is_unset_and_comes_from_nowhere_else() {
    let nothing = of(&[]).unwrap();
    assert!(nothing.publishable_key().is_none() && nothing.is_live().is_none());
    assert!(issuers(&nothing).is_empty() && nothing.authorized_parties().is_none());
    let without_key = SessionsClient::new(&nothing).unwrap_err().to_string();
    assert!(without_key.contains("CLERK_SECRET_KEY"), "{without_key}");
}

#[test]
fn a_wrong_environment_is_named_and_no_secret_repeated() {
    for (variables, named) in [
        (&[("CLERK_SECRET_KEY", "hush")][..], "`CLERK_SECRET_KEY`"),
        (&[("CLERK_SECRET_KEY", "sk_test_hush hush")], "`CLERK_SECRET_KEY`"),
        (&[SECRET, ("CLERK_API_URL", "http://hush.example")], "`CLERK_API_URL`"),
        (&[("CLERK_PUBLISHABLE_KEY", "sk_test_hush")], "`CLERK_PUBLISHABLE_KEY`"),
        (&[("CLERK_FRONTEND_API_URL", "clerk.example.com")], "`CLERK_FRONTEND_API_URL`"),
        (&[("CLERK_PROXY_URL", "/__clerk")], "`CLERK_PROXY_URL`"),
        (&[("CLERK_PROXY_URL", "https://app.example.com/__clerk/")], "`CLERK_PROXY_URL`"),
        (&[("CLERK_AUTHORIZED_PARTIES", " , ")], "`CLERK_AUTHORIZED_PARTIES`"),
        (&[("CLERK_AUTHORIZED_PARTIES", "app.example.com")], "`CLERK_AUTHORIZED_PARTIES`"),
        (&[("TOWER_CLERK_ALLOW_HTTP", "yes")], "`TOWER_CLERK_ALLOW_HTTP`"),
    ] {
        let told = told(variables);
        assert!(told.contains(named), "{told}");
    }
}

#[test]
fn keys_of_two_instances_do_not_go_together() {
    let live = ("CLERK_SECRET_KEY", "sk_live_hush");
    assert!(told(&[live, PUBLISHABLE]).contains("different instances"));
    assert_eq!(of(&[SECRET, PUBLISHABLE]).unwrap().is_live(), Some(false));
    assert_eq!(of(&[live]).unwrap().is_live(), Some(true));
}

#[test]
fn a_test_key_may_travel_in_the_clear_where_somebody_says_so_and_a_live_key_never() {
    let live = ("CLERK_SECRET_KEY", "sk_live_hush");
    let url = ("CLERK_API_URL", "http://clerk:4000");

    let refused = told(&[SECRET, url]);
    assert!(refused.contains("`CLERK_API_URL`") && refused.contains("TOWER_CLERK_ALLOW_HTTP=1"));
    assert!(of(&[SECRET, url, ("TOWER_CLERK_ALLOW_HTTP", "0")]).is_err());
    let allowed = of(&[SECRET, url, ALLOWED]).unwrap();
    assert!(format!("{allowed:?}").contains("http://clerk:4000/v1"));

    let refused = told(&[live, url, ALLOWED]);
    assert!(refused.contains("live") && !refused.contains("ALLOW_HTTP"), "{refused}");
    assert!(of(&[live, ("CLERK_API_URL", "http://127.0.0.1:4000")]).is_ok());

    let in_the_clear = |key: &str| {
        let builder = Instance::builder().secret_key(key.parse().unwrap());
        builder.api_url("http://clerk:4000").unwrap().allow_http_with_test_key().build()
    };
    assert!(in_the_clear("sk_test_hush").is_ok());
    assert!(in_the_clear("sk_live_hush").is_err());
    assert!(Instance::builder().api_url("http://user@clerk").is_err());
    let unsaid = Instance::builder().secret_key("sk_test_hush".parse().unwrap());
    assert!(unsaid.api_url("http://api.clerk.com").unwrap().build().is_err());
}

#[test]
fn a_proxy_and_a_frontend_api_are_accepted_beside_the_publishable_keys_own_issuer() {
    let (proxy, frontend_api) = ("https://app.example.com/__clerk", "https://clerk.app.example");
    let all =
        of(&[PUBLISHABLE, ("CLERK_PROXY_URL", proxy), ("CLERK_FRONTEND_API_URL", frontend_api)]);
    assert_eq!(issuers(&all.unwrap()), ["https://clerk.example.com", frontend_api, proxy]);
    let alone = of(&[("CLERK_FRONTEND_API_URL", frontend_api)]).unwrap();
    assert_eq!(issuers(&alone), [frontend_api]);
    let once = of(&[PUBLISHABLE, ("CLERK_PROXY_URL", "https://clerk.example.com")]).unwrap();
    assert_eq!(issuers(&once), ["https://clerk.example.com"]);
}

#[test]
fn what_is_said_further_takes_nothing_from_what_the_environment_says() {
    let proxy = "https://app.example.com/__clerk";
    let mut look_up = |name| Ok((name == "CLERK_PROXY_URL").then(|| proxy.to_owned()));
    let builder = InstanceBuilder::from_variables(&mut look_up).unwrap();
    let satellite = "https://clerk.one.example";
    let instance = builder.further_issuers([satellite]).unwrap().build().unwrap();
    assert_eq!(issuers(&instance), [proxy, satellite]);
}

#[test]
fn several_issuers_can_be_told_and_one_that_clerk_never_writes_is_refused() {
    let satellites = ["https://clerk.one.example", "https://clerk.two.example"];
    let instance = Instance::builder().further_issuers(satellites).unwrap().build().unwrap();
    assert_eq!(issuers(&instance), satellites);
    for issuer in ["", "clerk.example.com", "https://clerk.example.com/"] {
        let told = Instance::builder().further_issuers([issuer]).unwrap_err().to_string();
        assert!(told.contains("without trailing slash"), "{told}");
        assert!(Instance::builder().frontend_api(issuer).is_err());
    }
}

#[test]
fn parties_are_origins_and_at_least_one() {
    let instance = of(&[("CLERK_AUTHORIZED_PARTIES", " https://a.example , https://b.example,")]);
    let instance = instance.unwrap();
    let parties: Vec<_> = instance.authorized_parties().unwrap().collect();
    assert_eq!(parties, ["https://a.example", "https://b.example"]);
    let none = Instance::builder().authorized_parties([""; 0]).unwrap_err().to_string();
    assert!(none.contains("at least one"), "{none}");
    for party in
        ["https://app.example.com:443", "HTTPS://app.example.com", "https://app.example.com/"]
    {
        let told = Instance::builder().authorized_parties([party]).unwrap_err().to_string();
        assert!(told.contains("write `https://app.example.com` instead"), "{told}");
    }
}

#[test]
fn a_later_word_replaces_an_earlier_one() {
    let instance = Instance::builder()
        .authorized_parties(["https://a.example"])
        .and_then(|builder| builder.authorized_parties(["https://b.example"]))
        .and_then(|builder| builder.further_issuers(["https://clerk.a.example"]))
        .and_then(|builder| builder.further_issuers(["https://clerk.b.example"]))
        .and_then(InstanceBuilder::build)
        .unwrap();
    assert!(instance.authorized_parties().unwrap().eq(["https://b.example"]));
    assert_eq!(issuers(&instance), ["https://clerk.b.example"]);
}

#[test]
fn public_keys_are_believed_only_where_somebody_asks_for_them_by_name() {
    let publishable = || Instance::builder().publishable_key(PUBLISHABLE.1.parse().unwrap());
    assert!(matches!(publishable().build().unwrap().parts().keys, KeySource::Api));
    let asked = publishable().keys_from_frontend_api().build().unwrap();
    assert!(matches!(asked.parts().keys, KeySource::FrontendApi(_)));
    for (contradiction, said) in [
        (Instance::builder(), "publishable key"),
        (publishable().secret_key(SECRET.1.parse().unwrap()), "one source"),
        (publishable().jwt_key("a PEM"), "one source"),
        (publishable().jwk_set(JwkSet::default()), "one source"),
    ] {
        let told = contradiction.keys_from_frontend_api().build().unwrap_err().to_string();
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn an_instance_shows_no_secret() {
    let shown = format!(
        "{:?} {:#?}",
        of(&[SECRET]).unwrap(),
        Instance::builder().secret_key(SECRET.1.parse().unwrap())
    );
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn a_client_serves_every_handle_of_its_instance_and_no_other_instance() {
    let ours = of(&[SECRET]).unwrap();
    assert!(ours.shares_api_with(&of(&[SECRET, PUBLISHABLE]).unwrap()));
    assert!(!ours.shares_api_with(&of(&[("CLERK_SECRET_KEY", "sk_test_other")]).unwrap()));
    let elsewhere = of(&[SECRET, ("CLERK_API_URL", "http://127.0.0.1:4000")]).unwrap();
    assert!(!ours.shares_api_with(&elsewhere));
    let nothing = of(&[]).unwrap();
    assert!(
        nothing.shares_api_with(&nothing.clone()) && !nothing.shares_api_with(&of(&[]).unwrap())
    );
}
