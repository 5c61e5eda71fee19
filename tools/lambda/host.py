"""Plays Lambda for one function: its Runtime API and its process. For checks and tests."""

import base64
import ctypes
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER_SECONDS_MAX = 60

# Nothing of whoever runs this is to be used: no profile, no endpoint, no proxy.
for name in list(os.environ):
    if name.startswith("AWS_") or name.lower().endswith("_proxy") or name in ("FANFOLD_STORE", "FANFOLD_TABLE", "FANFOLD_BUCKET"):
        del os.environ[name]
os.environ |= {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}


def fail(why):
    print(f"FAILED: {why}", file=sys.stderr)
    sys.exit(1)


def end_with_parent():
    """For the new process, before its program: the kernel ends it with this one, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for_port(port, process):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
        if process.poll() is not None:
            break
    fail(f"nothing answers on port {port}")


@dataclass
class Answer:
    is_error: bool
    body: str


class RuntimeApi:
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html; the next event is given when there is one."""

    def __init__(self, seconds=30):
        self.expect_process()
        self.answers = queue.Queue()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                events = api.events
                api.polled.set()
                request_id, event = events.get()
                deadline = int((time.time() + seconds) * 1000)
                headers = {
                    "Lambda-Runtime-Aws-Request-Id": request_id,
                    "Lambda-Runtime-Deadline-Ms": str(deadline),
                    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:pictures",
                    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
                    "Content-Type": "application/json",
                }
                self.reply(200, headers, json.dumps(event).encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                parts = self.path.split("/")
                api.answers.put((parts[-2], Answer(parts[-1] == "error", body)))
                self.reply(202, {}, b'{"status":"OK"}')

            def reply(self, status, headers, body):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # A process that ends resets its connection.
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def expect_process(self):
        """What is given from now on is for a process yet to come: one that was killed while it waited gets none of it."""
        self.events = queue.Queue()
        self.polled = threading.Event()

    def wait_for_poll(self):
        if not self.polled.wait(ANSWER_SECONDS_MAX):
            fail("the function does not ask for an event")

    def invoke(self, event):
        request_id = str(uuid.uuid4())
        self.events.put((request_id, event))
        try:
            answered_id, answer = self.answers.get(timeout=ANSWER_SECONDS_MAX)
        except queue.Empty:
            fail("the function does not answer")
        if answered_id != request_id:
            fail(f"the function answered {answered_id} ({answer.body}) instead of {request_id}")
        return answer


class Function:
    """A function's process, with the environment that Lambda gives and no other; where a root is named, in it."""

    def __init__(self, command, api, variables, root=None):
        api.expect_process()
        self.log_path = root + ".log" if root else os.getcwd() + "/function.log"
        environment = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "pictures",
            "LAMBDA_TASK_ROOT": "/var/task",
            "TZ": ":UTC",
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        } | variables

        def enter():
            end_with_parent()
            if root:
                os.chroot(root)
                os.chdir("/var/task")

        with open(self.log_path, "wb") as log:
            try:
                self.process = subprocess.Popen(
                    command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=enter
                )
            except OSError as error:
                fail(f"{command[0]} does not start: {error.strerror}; is it a static program for this machine?")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class start_ministack:
    """A server that speaks as AWS does, as long as this process lives."""

    def __init__(self, folder):
        self.port = free_port()
        self.variables = {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
        }
        program = os.path.join(os.path.dirname(sys.executable), "ministack")
        settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "ERROR"}
        with open(folder + "/ministack.log", "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, program], env=os.environ | settings, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=end_with_parent,
            )
        wait_for_port(self.port, self.process)


class EventSource:
    """What Lambda does with a queue: events of its messages, and deletion of what an answer does not list."""

    def __init__(self, ministack, queue):
        import boto3

        session = boto3.Session("test", "test", region_name="us-east-1")
        self.sqs = session.client("sqs", endpoint_url=f"http://127.0.0.1:{ministack.port}")
        self.url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        self.arn = self.attributes("QueueArn")["QueueArn"]

    def attributes(self, *names):
        return self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names))["Attributes"]

    def open_count(self):
        counts = self.attributes("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(count) for count in counts.values())

    def receive(self, count=10, wait=2):
        """An event as https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html shows it; none where no message comes."""
        messages = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=count, WaitTimeSeconds=wait,
            AttributeNames=["All"], MessageAttributeNames=["All"],
        ).get("Messages", [])
        return {"Records": [self.record(message) for message in messages]} if messages else None

    def record(self, message):
        attributes = {}
        for name, value in message.get("MessageAttributes", {}).items():
            attributes[name] = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
            if "StringValue" in value:
                attributes[name]["stringValue"] = value["StringValue"]
            if "BinaryValue" in value:
                attributes[name]["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": attributes,
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
            "awsRegion": "us-east-1",
        }

    def settle(self, event, answer):
        """Deletes what succeeded; returns the ids that stay."""
        if answer.is_error:
            fail(f"an event of {len(event['Records'])} records was answered by {answer.body}")
        staying = {failure["itemIdentifier"] for failure in json.loads(answer.body)["batchItemFailures"]}
        gone = [record for record in event["Records"] if record["messageId"] not in staying]
        for record in gone:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=record["receiptHandle"])
        return staying


def run_fanfold(variables, *words):
    """What the command prints."""
    done = subprocess.run(
        [os.environ["FANFOLD_BIN"], "--store", "aws", *words], env=os.environ | variables, capture_output=True, text=True
    )
    if done.returncode:
        fail(f"fanfold {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def run_example(folder, function, api, variables, source):
    """A cluster for examples/09_lambda.cpp, to its finish, by events of the queue's messages."""
    with open(folder + "/pictures.txt", "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"name": f"{number}.jpg", "width": 50 * number}) + "\n" for number in range(1, 41))
    run_fanfold(variables, "cluster", "create", "--queue", "pictures", "--name", "album", "--tasks", file.name)
    event_count = 0
    while event := source.receive():
        event_count += 1
        if staying := source.settle(event, api.invoke(event)):
            fail(f"{staying} stay in the queue")
    shown = json.loads(run_fanfold(variables, "cluster", "watch", "album", "--json").splitlines()[-1])
    if shown["status"] != "COMPLETE" or shown["complete"] != 40:
        fail(f"the cluster is {shown}")
    if "album: 7700 pixels side by side" not in function.log():
        fail(f"the finish handler did not run; the function's log:\n{function.log()}")
    print(f"processed a cluster of 40 tasks and its finish in {event_count} events")
