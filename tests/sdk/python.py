"""Clerk's own Python SDK against the emulator, as if it were Clerk. The emulator's line of JSON is the argument."""

import json
import sys
import urllib.request

from clerk_backend_api import Clerk, models
from clerk_backend_api.security import TokenVerificationError, VerifyTokenOptions, verify_token

emulator = json.loads(sys.argv[1])
api_url = emulator["base_url"]
clerk = Clerk(bearer_auth=emulator["secret_key"], server_url=api_url + "/v1")
options = VerifyTokenOptions(secret_key=emulator["secret_key"], api_url=api_url)


def control(path, body):
    request = urllib.request.Request(
        f"{api_url}/emulator/{path}", json.dumps(body).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def refused(status, code, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except models.ClerkErrors as error:
        assert error.status_code == status, error
        assert error.data.errors[0].code == code, error
    else:
        raise AssertionError(f"expected {status} {code}")


# create, get, list
session = clerk.sessions.create(request={"user_id": "user_py"})
assert session.status == models.Status.ACTIVE
assert clerk.sessions.get(session_id=session.id) == session
assert clerk.sessions.list(user_id="user_py", status=models.QueryParamStatus.ACTIVE) == [session]
refused(404, "resource_not_found", clerk.sessions.create, request={"user_id": "user_nobody"})
refused(404, "resource_not_found", clerk.sessions.get, session_id="sess_none")
refused(422, "form_param_value_invalid", clerk.sessions.list, limit=501)

# tokens, verified with the published keys
jwt = clerk.sessions.create_token(session_id=session.id).jwt
claims = verify_token(jwt, options)
assert (claims["sid"], claims["sub"]) == (session.id, "user_py")
assert clerk.jwks.get_jwks().keys[0].kid.startswith("ins_")
longer = clerk.sessions.create_token(session_id=session.id, expires_in_seconds=3600).jwt
claims = verify_token(longer, options)
assert claims["exp"] - claims["iat"] == 3600
templated = clerk.sessions.create_token_from_template(session_id=session.id, template_name="hasura")
assert verify_token(templated.jwt, options)["sub"] == "user_py"

# a token made for a party is good for that party only
party = "https://app.example.com"
jwt = control("session-tokens", {"session_id": session.id, "authorized_party": party})["jwt"]
for parties, reason in [([party], None), (["https://other.example.com"], "authorized")]:
    for_parties = VerifyTokenOptions(
        secret_key=emulator["secret_key"], api_url=api_url, authorized_parties=parties
    )
    try:
        verify_token(jwt, for_parties)
        assert reason is None
    except TokenVerificationError as error:
        assert reason in str(error), error

# refresh
refresh_token = control("refresh-tokens", {"session_id": session.id})["refresh_token"]
fresh = clerk.sessions.refresh(
    session_id=session.id,
    expired_token=jwt,
    refresh_token=refresh_token,
    request_origin=party,
)
assert verify_token(fresh.jwt, options)["azp"] == party
cookies = clerk.sessions.refresh(
    session_id=session.id,
    expired_token=jwt,
    refresh_token=refresh_token,
    request_origin=party,
    format_=models.Format.COOKIE,
)
assert cookies.cookies[0].startswith("__session=")

# revoke
assert clerk.sessions.revoke(session_id=session.id).status == models.Status.REVOKED
assert clerk.sessions.revoke(session_id=session.id).status == models.Status.REVOKED
refused(404, "resource_not_found", clerk.sessions.create_token, session_id=session.id)

# a wrong key
stranger = Clerk(bearer_auth="sk_test_wrong", server_url=api_url + "/v1")
refused(401, "clerk_key_invalid", stranger.sessions.get, session_id=session.id)

print("Python SDK: every call as at Clerk")
