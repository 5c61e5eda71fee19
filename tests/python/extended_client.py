"""Python's extended client for SQS at one end of a queue: extended_client.py send|receive QUEUE-URL BUCKET [JSON-LENGTH] [--legacy].

`send` sends a JSON string of so many characters; `receive` takes one message, prints its body's length and its body's digest,
and deletes it, payload included.
"""
import argparse
import hashlib
import json

import boto3
import sqs_extended_client  # noqa: F401 (what boto3.client makes is the extended one from here on)

arguments = argparse.ArgumentParser()
arguments.add_argument("action", choices=["send", "receive"])
arguments.add_argument("queue")
arguments.add_argument("bucket")
arguments.add_argument("length", type=int, nargs="?")
arguments.add_argument("--legacy", action="store_true", help="the attribute of the older clients")
options = arguments.parse_args()

sqs = boto3.client("sqs")
sqs.large_payload_support = options.bucket
sqs.use_legacy_attribute = options.legacy
if options.action == "send":
    sqs.send_message(QueueUrl=options.queue, MessageBody=json.dumps("p" * options.length))
else:
    messages = sqs.receive_message(QueueUrl=options.queue, WaitTimeSeconds=5, MessageAttributeNames=["All"])["Messages"]
    body = messages[0]["Body"]
    print(len(body), hashlib.sha1(json.dumps(json.loads(body)["body"]).encode()).hexdigest())
    # The client takes what follows the last dash for SQS's receipt, which is right for SQS; MiniStack's receipts have dashes.
    handle = messages[0]["ReceiptHandle"]
    sqs.delete_message_from_s3(handle)
    sqs.delete_message(QueueUrl=options.queue, ReceiptHandle=handle.split("-..s3Key..-")[-1])
