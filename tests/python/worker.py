"""A worker for fanfold's clusters that knows nothing but docs/wire-format.md ("A worker, step by step").

A task's body {"fail": reason} fails for good, {"retry": reason} until its attempts are used up, any other is done, with the
globals in its result. Each task that it ends and each finish message that it handles is a line of the file --log.
"""
import argparse
import json
import secrets
import time

import boto3

import wire
from wire import BACKING_OFF, DONE, FAILED, LEASED, WAITING, Cell

arguments = argparse.ArgumentParser()
arguments.add_argument("queue", help="the queue's url")
arguments.add_argument("--table", default="fanfold")
arguments.add_argument("--until", metavar="CLUSTER", help="end when this cluster's finish message was handled")
arguments.add_argument("--log", required=True)
arguments.add_argument("--lease", type=int, default=30, help="seconds")
arguments.add_argument("--work", type=float, default=0, help="seconds that a task takes")
options = arguments.parse_args()
sqs, s3, table = boto3.client("sqs"), boto3.client("s3"), boto3.resource("dynamodb").Table(options.table)
refused = table.meta.client.exceptions.ConditionalCheckFailedException


def now():
    return time.time_ns() // 1_000_000


def get(key):
    return table.get_item(Key=key, ConsistentRead=True).get("Item")


def update(key, values, seen):
    """One UpdateItem on condition that the attributes are as in `seen` (None: absent). The item as it then is; None: refused."""
    sets = [f"#{name} = " + ("if_not_exists(#ttl, :ttl)" if name == "ttl" else f":{name}") for name in values]
    clauses = [f"attribute_not_exists(#{name})" if old is None else f"#{name} = :old_{name}" for name, old in seen.items()]
    request = {"Key": key, "UpdateExpression": "SET " + ", ".join(sets), "ReturnValues": "ALL_NEW",
               "ExpressionAttributeNames": {f"#{name}": name for name in [*values, *seen]},
               "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()} |
                                            {f":old_{name}": old for name, old in seen.items() if old is not None}}
    try:
        return table.update_item(**request, **({"ConditionExpression": " AND ".join(clauses)} if clauses else {}))["Attributes"]
    except refused:
        return None


def cell_of(item, slot):
    return wire.unpack_cell(item[f"t{slot}"]) if f"t{slot}" in item else Cell(0, 0, 0, 0)


def write_cell(key, slot, cell, item, ttl):
    """On condition of the cell in `item`. Leaves come into being by their first write; single records are there."""
    is_leaf = key["rKey"] == "node"
    condition = {f"t{slot}": item.get(f"t{slot}"), "gone": None} | ({} if is_leaf else {"type": "cluster"})
    return update(key, {f"t{slot}": wire.pack_cell(cell)} | ({"ttl": ttl} if is_leaf else {}), condition)


def claim(key, slot, attempts, ttl):
    """(the item with our lease, True), or (the item, False) where there is nothing to claim now."""
    while True:
        item = get(key) or {}
        cell = cell_of(item, slot)
        busy = cell.state == WAITING or (cell.state in (LEASED, BACKING_OFF) and cell.time > now())
        if "gone" in item or cell.ended or busy:
            return item, False
        if cell.attempts >= attempts:  # Its last holder died.
            end(key, slot, item, FAILED, {"code": "attempts_used_up", "message": "the last attempt gave no answer"}, ttl)
            continue
        lease = Cell(LEASED, cell.attempts + 1, now() + options.lease * 1000, secrets.randbits(64) | 1)
        written = write_cell(key, slot, lease, item, ttl)
        if written:
            return written, True


def end(key, slot, item, state, data, ttl):
    """What belongs to the attempt first, then the cell, for as long as it has our token. The item; None: the lease is lost."""
    cell, kind = cell_of(item, slot), "result" if state == DONE else "error"
    if kind == "error":
        data = data | {"attempt": cell.attempts, "at": wire.iso(now()), "final": state == FAILED,
                       "fingerprint": wire.digest(data["message"].encode())[:8]}
    if data is not None:
        table.put_item(Item=wire.data_key(key["pKey"], kind[0], slot, cell.attempts, cell.token) | {
            kind: json.dumps(data) if kind == "result" else data, "attempt": cell.attempts, "at": wire.iso(now()), "ttl": ttl})
    return write_cell(key, slot, Cell(state, cell.attempts, now() + (1000 if state == BACKING_OFF else 0), cell.token), item, ttl)


def change_header(cluster, round_, changes_of):
    """Compare-and-swap on `version`, for the round alone. The header as it then is."""
    while True:
        header = get(wire.record_key(cluster))
        changes = changes_of(header) if header and "tombstone" not in header and header.get("round", 0) == round_ else None
        if not changes:
            return header
        after = header | changes
        is_open = after["status"] == "IN PROGRESS" or not after.get("finishDone") or not after.get("parentEnded")
        changes |= {"version": header["version"] + 1, "writeId": secrets.token_hex(8), "updatedAt": wire.iso(now()),
                    "listed": ("u" if is_open else "f") + str(wire.shard(cluster))}
        if written := update(wire.record_key(cluster), changes, {"version": header["version"]}):
            return written


def hand_up(cluster, round_, number, node):
    """From a leaf that may be full to the root, as far as nodes are full; from there the header is finished."""
    cells = [cell_of(node, slot) for slot in range(int(node.get("size", 32)))]
    if not all(cell.ended for cell in cells):
        return
    level, failed = 0, sum(cell.state == FAILED for cell in cells)
    while not node.get("root"):
        slot, level, number = number % 32, level + 1, number // 32
        node = update(wire.node_key(cluster, round_, level, number), {f"c{slot}": failed, "ttl": node["ttl"]}, {})
        counts = [node.get(f"c{child}") for child in range(int(node.get("size", 32)))]
        if None in counts:
            return
        failed = sum(counts)

    def finish(header):
        if header["status"] != "IN PROGRESS":
            return None
        total = header.get("failedCarried", 0) + failed
        allowed = max(header.get("failuresAllowed", 0), header.get("failuresAllowedPercent", 0) * header["tasks"] / 100)
        status = {"status": "COMPLETE", "statusCode": 200} if total <= allowed else {"status": "ERROR", "statusCode": 400}
        return status | {"completedAt": wire.iso(now()), "failed": failed}
    change_header(cluster, round_, finish)


def finish_up(cluster, round_):
    """What a finished cluster owes, its finish message: the record first, if absent (the body before the state), then the
    message, then the mark that it is sent. A child cluster is left to the sweep of fanfold's own workers."""
    header = get(wire.record_key(cluster))
    if header is None or header["status"] == "IN PROGRESS" or header.get("round", 0) != round_:
        return
    if "finishSentAt" in header or not header.get("parentEnded"):
        return
    key, url = wire.record_key(f"{cluster}.{round_}.finish"), header.get("finishUrl", header["url"])
    update({"pKey": key["pKey"], "rKey": "body"}, {"body": "null", "metaVersion": 1, "ttl": header["ttl"]}, {"pKey": None})
    update(key, {"type": "cluster", "url": url, "startedAt": wire.iso(now()), "expiresAt": header["expiresAt"],
                 "ttl": header["ttl"]}, {"pKey": None})
    message = {"fanfold": 1, "type": "cluster", "pKey": f"SQSMessage${cluster}", "name": header.get("name"), "round": round_,
               "bucketParams": header.get("bucketParams"), "expiresAt": header["expiresAt"],
               "traceparent": header.get("traceParent"), "tracestate": header.get("traceState")}
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": header["awsTraceHeader"]}} if "awsTraceHeader" in header else {}
    fifo = {"MessageGroupId": cluster, "MessageDeduplicationId": secrets.token_hex(16)} if url.endswith(".fifo") else {}
    sqs.send_message(QueueUrl=url, MessageBody=wire.write_message(message), MessageSystemAttributes=trace, **fifo)
    change_header(cluster, round_, lambda header: None if "finishSentAt" in header else {"finishSentAt": wire.iso(now())})


def admit(message, header):
    """What the header, strongly read, says about a message."""
    round_ = header.get("round", 0) if header else 0
    if wire.milliseconds(message["expiresAt"]) <= now() or header is not None and header.get("tombstone"):
        return "delete"
    if header is None:  # Another table's.
        return "leave"
    if message["type"] == "cluster":  # Early notices of failure are left to the workers that want them.
        is_early = message["round"] > round_ or message["round"] == round_ and header["status"] == "IN PROGRESS"
        return "leave" if is_early or message.get("firstFailure") or header.get("finishHandlerRequired") else "run"
    if message["round"] > round_ or header.get("movedTo", "").startswith("moving"):
        return "leave"
    is_paused = header.get("paused") and header["status"] == "IN PROGRESS"
    return "delete" if message["round"] < round_ or header["statusCode"] == 500 or header.get("movedTo") or is_paused else "run"


def handle(message):
    body, where = message["body"], message.get("bucketParams")
    try:
        shared = json.loads(s3.get_object(**where)["Body"].read()) if where else None
    except s3.exceptions.NoSuchKey:  # It has none.
        shared = None
    time.sleep(options.work)
    for word, state in (("fail", FAILED), ("retry", BACKING_OFF)):
        if isinstance(body, dict) and word in body:
            return state, {"code": word, "message": body[word]}
    return DONE, {"by": "python", "body": body, "globals": shared}


def process(message):
    """True where the message may be deleted; where not, it comes again."""
    cluster, round_, position = message["pKey"].removeprefix("SQSMessage$"), message["round"], message.get("position", 0)
    header = get(wire.record_key(cluster))
    decision = admit(message, header)
    if decision != "run":
        return decision == "delete"
    is_task, slot, ttl = message["type"] == "task", position % 32, header["ttl"]
    key = wire.node_key(cluster, round_, 0, position // 32) if is_task else wire.record_key(f"{cluster}.{round_}.finish")
    attempts = int(header.get("attemptsMax", 3))
    item, is_claimed = claim(key, slot, attempts, ttl)
    if is_claimed:
        state, data = handle(message) if is_task else (DONE, None)
        if state == BACKING_OFF and cell_of(item, slot).attempts >= attempts:
            state = FAILED
        while (written := end(key, slot, item, state, data, ttl)) is None:
            there = get(key) or {}  # Another cell of the leaf cannot refuse us, but this one with another token can.
            if cell_of(there, slot).token != cell_of(item, slot).token:
                return False
            item = there
        item = written
        with open(options.log, "a", encoding="utf-8") as log:
            print("task" if is_task else "finish", message.get("index", header["status"]), state, file=log)
    if not cell_of(item, slot).ended:
        return "gone" in item
    if is_task:  # Also where it had ended before: whoever ended it may have died before this.
        hand_up(cluster, round_, position // 32, item)
        finish_up(cluster, round_)
    else:
        change_header(cluster, round_, lambda header: None if header.get("finishDone") else {"finishDone": True})
    return True


def receive():
    answer = sqs.receive_message(QueueUrl=options.queue, WaitTimeSeconds=1, VisibilityTimeout=options.lease + 1,
                                 MessageAttributeNames=["All"])
    for received in answer.get("Messages", []):
        body, attributes = received["Body"], received.get("MessageAttributes", {}).keys()
        if attributes & {"ExtendedPayloadSize", "SQSLargePayloadSize"} and (where := wire.read_pointer(body)):
            body = s3.get_object(Bucket=where[0], Key=where[1])["Body"].read()
        message = wire.read_message(body)
        delivery = {"QueueUrl": options.queue, "ReceiptHandle": received["ReceiptHandle"]}
        if message and message["type"] != "message" and process(message):
            sqs.delete_message(**delivery)
        else:
            sqs.change_message_visibility(**delivery, VisibilityTimeout=1)


while not options.until or not (get(wire.record_key(options.until.removeprefix("SQSMessage$"))) or {}).get("finishDone"):
    receive()
