"""The byte forms of docs/wire-format.md in Python, for programs that work beside fanfold's own."""
import base64
import hashlib
import json
import struct
from datetime import datetime, timezone
from typing import NamedTuple

LEASED, BACKING_OFF, WAITING, DONE, FAILED = 1, 2, 3, 4, 5
POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer"
POINTERS = (POINTER, "com.amazon.sqs.javamessaging.MessageS3Pointer")


# --- times and digests

def iso(milliseconds):
    return datetime.fromtimestamp(milliseconds // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03}Z"


def milliseconds(text):
    at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(at.timestamp() * 1000)


def digest(data):
    return base64.b32hexencode(hashlib.sha1(data).digest()[:16]).decode().rstrip("=").lower()


def shard(cluster):
    number = 0xCBF29CE484222325
    for byte in cluster.encode():
        number = (number ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return number % 4


# --- keys

def record_key(identifier):
    return {"pKey": f"SQSMessage${identifier}", "rKey": f"SQSMessage${identifier}"}


def node_key(cluster, round_, level, number):
    return {"pKey": f"SQSMessage${cluster}#{round_}.{level}.{number}", "rKey": "node"}


def data_key(leaf, kind, slot, attempt, token):
    return {"pKey": leaf, "rKey": f"{kind}#{slot:02}#{attempt:04}#{token:016x}"}


def payload_name(cluster, index):
    return f"SQSMessage${cluster}/payloads/{index:012}"


# --- cells

class Cell(NamedTuple):
    state: int
    attempts: int
    time: int  # Milliseconds since 1970.
    token: int

    @property
    def ended(self):
        return self.state in (DONE, FAILED)


def pack_cell(cell):
    return struct.pack(">QQ", cell.state << 61 | cell.attempts << 48 | cell.time, cell.token)


def unpack_cell(data):
    head, token = struct.unpack(">QQ", bytes(data))
    return Cell(head >> 61, head >> 48 & 0x1FFF, head & 0xFFFFFFFFFFFF, token)


# --- lists of later rounds

def pack_numbers(numbers):
    data, before = bytearray(), 0
    for number in numbers:
        rest, before = number - before, number
        while rest >= 0x80:
            data.append(rest & 0x7F | 0x80)
            rest >>= 7
        data.append(rest)
    return bytes(data)


def unpack_numbers(data):
    numbers, before, number, shift = [], 0, 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            before += number
            numbers.append(before)
            number = shift = 0
    return numbers


# --- messages

def read_message(text):
    """The message's members, or None where it is somebody else's."""
    message = json.loads(text)
    if not isinstance(message, dict) or "fanfold" not in message:
        return None
    if message["fanfold"] != 1:
        raise NotImplementedError("a message of a newer version goes back to its queue")
    return message


def write_message(members):
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False)


def read_pointer(text):
    """(bucket, key), or None where the text is no pointer."""
    try:
        name, where = json.loads(text)
        return (where["s3BucketName"], where["s3Key"]) if name in POINTERS else None
    except (ValueError, TypeError, KeyError):
        return None


def write_pointer(bucket, key):
    return json.dumps([POINTER, {"s3BucketName": bucket, "s3Key": key}], separators=(",", ":"))


# --- globals

def join_write_ids(identifiers):
    return ",".join(identifiers[-64:])


def split_write_ids(text):
    return [identifier for identifier in text.split(",") if identifier]
