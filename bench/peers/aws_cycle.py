"""Receive 10, claim and complete each, delete 10, send 10, with boto3; prints the microseconds of CPU time a message.

aws_cycle.py ENDPOINT CYCLES
"""

import resource
import sys

import boto3
from botocore.config import Config

QUEUE = "http://127.0.0.1/000000000000/bench"
BODY = '{"fanfold":1,"type":"TASK","body":"' + "x" * 198 + '"}'


def cycle(sqs, dynamodb):
    messages = sqs.receive_message(
        QueueUrl=QUEUE, MaxNumberOfMessages=10, WaitTimeSeconds=0, VisibilityTimeout=30,
        MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"])["Messages"]
    for message in messages:
        key = {"pKey": {"S": "c#bench#0.0.32"}, "rKey": {"S": "node"}}
        dynamodb.update_item(
            TableName="bench", Key=key, ReturnValues="NONE",
            UpdateExpression="SET #t = :new", ConditionExpression="attribute_not_exists(#t)",
            ExpressionAttributeNames={"#t": "t0"}, ExpressionAttributeValues={":new": {"B": b"0123456789abcdef"}})
        dynamodb.update_item(
            TableName="bench", Key=key, ReturnValues="ALL_NEW",
            UpdateExpression="SET #t = :new", ConditionExpression="#t = :old",
            ExpressionAttributeNames={"#t": "t0"},
            ExpressionAttributeValues={":new": {"B": b"fedcba9876543210"}, ":old": {"B": b"0123456789abcdef"}})
    deleted = sqs.delete_message_batch(QueueUrl=QUEUE, Entries=[
        {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)])
    sent = sqs.send_message_batch(QueueUrl=QUEUE, Entries=[
        {"Id": str(i), "MessageBody": BODY} for i in range(10)])
    assert len(messages) == len(deleted["Successful"]) == len(sent["Successful"]) == 10


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    endpoint, cycles = sys.argv[1], int(sys.argv[2])
    config = Config(region_name="us-east-1", retries={"max_attempts": 0})
    sqs = boto3.client("sqs", endpoint_url=endpoint, config=config)
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint, config=config)
    cycle(sqs, dynamodb)
    before = cpu_seconds()
    for _ in range(cycles):
        cycle(sqs, dynamodb)
    print((cpu_seconds() - before) * 1e6 / (10 * cycles))


main()
