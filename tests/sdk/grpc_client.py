"""Asks the tonic example who the caller is: refused, admitted, signed out, refused.

    python grpc_client.py HOST:PORT TOKEN
"""

import sys

import grpc
import identity_pb2
import identity_pb2_grpc


def main(address, token):
    with grpc.insecure_channel(address) as channel:
        identity = identity_pb2_grpc.IdentityStub(channel)
        bearer = (("authorization", f"Bearer {token}"),)

        def who_am_i(metadata):
            try:
                reply, call = identity.WhoAmI.with_call(
                    identity_pb2.WhoAmIRequest(), metadata=metadata, timeout=10
                )
                return call.code(), reply
            except grpc.RpcError as refused:
                return refused.code(), refused.details()

        refused, why = who_am_i(())
        expect(refused == grpc.StatusCode.UNAUTHENTICATED, why)
        admitted, reply = who_am_i(bearer)
        expect(admitted == grpc.StatusCode.OK and reply.user_id == "user_ada", reply)
        identity.SignOut(identity_pb2.SignOutRequest(), metadata=bearer, timeout=10)
        again, why = who_am_i(bearer)
        expect(again == grpc.StatusCode.UNAUTHENTICATED, why)
        print("gRPC for Python: codes", *(code.value[0] for code in (refused, admitted, again)))


def expect(holds, otherwise):
    if not holds:
        sys.exit(f"not as expected: {otherwise}")


main(*sys.argv[1:])
