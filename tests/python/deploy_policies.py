"""The policies of deploy/fanfold.yaml, and what fanfold asks a service for under them.

    deploy_policies.py serve TEMPLATE POLICY UPSTREAM LOG [PARAMETER=VALUE ...]
        Prints a port. Passes on to UPSTREAM (http://host:port) what POLICY allows, answers all else as AWS does where
        access is denied, and writes a line for each permission asked for into LOG.
    deploy_policies.py check TEMPLATE POLICY LOG [PARAMETER=VALUE ...]
        Fails unless the policy allows everything in LOG, and grants nothing that is not in LOG.
"""

import http.client
import http.server
import json
import os
import re
import sys
import threading
import urllib.parse
import xml.sax.saxutils

import yaml

REGION, ACCOUNT = "us-east-1", "000000000000"

class TemplateLoader(yaml.SafeLoader):
    """Takes the short forms of CloudFormation's functions: !Sub, !GetAtt, ..."""


def construct_function(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {"!" + suffix: value}


TemplateLoader.add_multi_constructor("!", construct_function)
NO_VALUE = object()


class Template:
    def __init__(self, path, parameters):
        with open(path, encoding="utf-8") as file:
            self.document = yaml.load(file, Loader=TemplateLoader)
        known = self.document["Parameters"]
        unknown = set(parameters) - set(known)
        if unknown:
            raise SystemExit(f"{path} has no parameter {unknown}")
        self.values = {name: parameter.get("Default") for name, parameter in known.items()} | parameters
        for name, parameter in known.items():
            if parameter["Type"] == "CommaDelimitedList":
                self.values[name] = str(self.values[name]).split(",") if self.values[name] else [""]

    def name_of(self, resource):
        properties = self.document["Resources"][resource]["Properties"]
        return self.resolve(properties[self.document["Resources"][resource]["Type"].split("::")[-1] + "Name"])

    def arn_of(self, resource):
        kind, name = self.document["Resources"][resource]["Type"], self.name_of(resource)
        return {
            "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
            "AWS::S3::Bucket": f"arn:aws:s3:::{name}",
        }[kind]

    def attribute(self, text):
        resource, attribute = text.split(".")
        return self.arn_of(resource) if attribute == "Arn" else self.name_of(resource)

    def reference(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        return self.values[name] if name in self.values else self.name_of(name)

    def condition(self, value):
        if isinstance(value, str):
            return self.condition(self.document["Conditions"][value])
        ((function, argument),) = value.items()
        if function == "!Not":
            return not self.condition(argument[0])
        if function == "!Equals":
            return self.resolve(argument[0]) == self.resolve(argument[1])
        raise SystemExit(f"{function} is not known here")

    def resolve(self, value):
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) != 1 or not next(iter(value)).startswith("!"):
            return {key: self.resolve(item) for key, item in value.items()}
        ((function, argument),) = value.items()
        if function == "!Ref":
            return self.reference(argument)
        if function == "!GetAtt":
            return self.attribute(argument)
        if function == "!Sub":
            return re.sub(
                r"\$\{([^}]*)\}",
                lambda match: self.attribute(match[1]) if "." in match[1] else self.reference(match[1]),
                argument,
            )
        if function == "!If":
            return self.resolve(argument[1 if self.condition(argument[0]) else 2])
        if function == "!Join":
            return argument[0].join(self.resolve(argument[1]))
        raise SystemExit(f"{function} is not known here")


def listed(value):
    return value if isinstance(value, list) else [value]


def matches(pattern, text):
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None


class Policy:
    """What one managed policy of the template grants: pairs of action and pattern of a resource."""

    def __init__(self, template, name):
        document = template.resolve(template.document["Resources"][name]["Properties"]["PolicyDocument"])
        self.name = name
        self.grants = []
        for statement in document["Statement"]:
            if statement["Effect"] != "Allow" or set(statement) - {"Effect", "Action", "Resource", "Sid"}:
                raise SystemExit(f"{name}: a statement of a form that is not known here: {statement}")
            for action in listed(statement["Action"]):
                self.grants += [(action, resource) for resource in listed(statement["Resource"])]

    def allows(self, action, resource):
        return any(
            matches(granted.lower(), action.lower()) and matches(pattern, resource) for granted, pattern in self.grants
        )


def dynamodb_permissions(operation, body):
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
    if operation in ("BatchGetItem", "BatchWriteItem"):
        return [(f"dynamodb:{operation}", table + name) for name in body["RequestItems"]]
    if operation == "TransactWriteItems":
        one = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
        return [
            (f"dynamodb:{one[kind]}", table + item["TableName"])
            for entry in body["TransactItems"]
            for kind, item in entry.items()
        ]
    index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
    return [(f"dynamodb:{operation}", table + body.get("TableName", "*") + index)]


def sqs_permissions(operation, body):
    name = body.get("QueueName") or urllib.parse.urlsplit(body.get("QueueUrl", "*")).path.rsplit("/", 1)[-1]
    return [("sqs:" + operation.removesuffix("Batch"), f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")]


def s3_permissions(method, path):
    parts = urllib.parse.urlsplit(path)
    bucket, _, key = parts.path.lstrip("/").partition("/")
    if not key:
        return [("s3:ListBucket" if method in ("GET", "HEAD") else f"s3:{method}Bucket", f"arn:aws:s3:::{bucket}")]
    action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[method]
    return [("s3:" + action, f"arn:aws:s3:::{bucket}/{urllib.parse.unquote(key)}")]


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def asked(self, action, resource):
        allowed = self.server.policy.allows(action, resource)
        with self.server.lock, open(self.server.log, "a", encoding="utf-8") as file:
            file.write(f"{'allowed' if allowed else 'denied'} {action} {resource}\n")
        return allowed

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.headers.get("X-Amz-Target", "")
        if target:
            service, operation = target.split(".")
            ask = dynamodb_permissions if service.startswith("DynamoDB") else sqs_permissions
            permissions = ask(operation, json.loads(body))
        else:
            permissions = s3_permissions(self.command, self.path)
        denied = [permission for permission in dict.fromkeys(permissions) if not self.asked(*permission)]
        if denied:
            return self.deny(*denied[0], is_json=bool(target))
        answer, content = self.pass_on(body)
        # Who may not list a bucket is not told that an object is missing.
        if not target and answer.status == 404 and self.command in ("GET", "HEAD"):
            bucket = permissions[0][1].partition("/")[0]
            if not self.asked("s3:ListBucket", bucket):
                return self.deny("s3:ListBucket", bucket, is_json=False)
        headers = [pair for pair in answer.getheaders() if pair[0].lower() not in ("transfer-encoding", "connection")]
        return self.reply(answer.status, headers, content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def pass_on(self, body):
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "connection":
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def deny(self, action, resource, is_json):
        message = f"User: tests is not authorized to perform: {action} on resource: {resource}"
        if is_json:
            content = {"__type": "com.amazon.coral.service#AccessDeniedException", "Message": message}
            return self.reply(400, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(content).encode())
        text = f"<Error><Code>AccessDenied</Code><Message>{xml.sax.saxutils.escape(message)}</Message></Error>"
        return self.reply(403, [("Content-Type", "application/xml")], text.encode())

    def reply(self, status, headers, content):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD" and status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(content)


def serve(policy, upstream, log):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    server.policy, server.log, server.lock = policy, log, threading.Lock()
    server.upstream = urllib.parse.urlsplit(upstream).netloc
    print(server.server_port, flush=True)
    os.close(1)
    server.serve_forever()


def problems_of(policy, log):
    with open(log, encoding="utf-8") as file:
        asked = sorted({tuple(line.rstrip("\n").split(" ", 2)[1:]) for line in file})
    for action, _ in policy.grants:
        if "*" in action or "?" in action:
            yield f"{action} is granted: a wildcard"
    for action, resource in asked:
        if not policy.allows(action, resource):
            yield f"{action} is called on {resource} and not permitted"
    for action, pattern in policy.grants:
        if "*" in pattern and not re.fullmatch(r"arn:aws:s3:::[^*]+/\*", pattern):
            yield f"{action} is permitted on {pattern}: a wildcard"
        if not any(action == called and matches(pattern, resource) for called, resource in asked):
            yield f"{action} is permitted on {pattern} and nothing calls it"
    if len(set(policy.grants)) < len(policy.grants):
        yield "something is granted twice"


def main(arguments):
    command, path, name, *rest = arguments
    count = 2 if command == "serve" else 1
    parameters = dict(pair.split("=", 1) for pair in rest[count:])
    policy = Policy(Template(path, parameters), name)
    if command == "serve":
        return serve(policy, *rest[:count])
    problems = list(problems_of(policy, rest[0]))
    for problem in problems:
        print(f"{name}: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
