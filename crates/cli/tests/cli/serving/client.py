"""A client that learns the services from the server: calls the rpcs of a list, and prints what each answered.

client.py HOST:PORT '[["package.Service/Method", {message as JSON}, {headers, if any}], ...]'

{"@certificate": FILE} in a message stands for the SignedTopologyTransaction in the wrapper of the file.
"""

import json
import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SIGNED = "com.digitalasset.canton.protocol.v30.SignedTopologyTransaction"


def certificate(pool, path):
    """The message in field 1 of the wrapper; field 2 is the version."""
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            _version, at = varint(data, at)
            continue
        length, at = varint(data, at)
        if tag >> 3 == 1:
            message = GetMessageClass(pool.FindMessageTypeByName(SIGNED))()
            message.ParseFromString(data[at : at + length])
            return json_format.MessageToDict(message)
        at += length
    raise ValueError(f"{path} is no wrapper")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def filled(pool, message):
    if isinstance(message, dict):
        if "@certificate" in message:
            return certificate(pool, message["@certificate"])
        return {key: filled(pool, value) for key, value in message.items()}
    if isinstance(message, list):
        return [filled(pool, value) for value in message]
    return message


def call(channel, pool, rpc, message, headers=None):
    service, method = rpc.split("/")
    method = pool.FindServiceByName(service).FindMethodByName(method)
    request = GetMessageClass(method.input_type)()
    json_format.ParseDict(filled(pool, message), request)
    send = channel.unary_unary(
        "/" + rpc,
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    metadata = list((headers or {}).items())
    try:
        return {"ok": json_format.MessageToDict(send(request, timeout=30, metadata=metadata))}
    except grpc.RpcError as error:
        return {"error": {"code": error.code().name, "details": error.details()}}


def main():
    with grpc.insecure_channel(sys.argv[1]) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        steps = json.loads(sys.argv[2])
        print(json.dumps([call(channel, pool, *step) for step in steps]))


main()
