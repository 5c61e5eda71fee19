#!/usr/bin/env python3
"""Random requests, each with the Authorization that botocore gives it: make_vectors.py COUNT SEED AUTHORITY

One JSON object a line, of strings and of lists of [name, value]. AUTHORITY is what the Host header will say.
With --endpoints instead: one line "service region fips dualstack URL" for every region that botocore knows; "-" where there is none.
"""

import datetime
import json
import random
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import Loader

UNRESERVED = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
SERVICES = ["sqs", "dynamodb", "sts", "s3", "s3", "s3", "execute-api"]
REGIONS = ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"]
METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD"]
TEXT = "abcXYZ019-._~!$%&'()*+,;=:@/? #[]\"<>\\^`{|}\t\u00e4\u20ac\U0001f600"
HEADER_TEXT = "abcXYZ019-._~!$%&'()*+,;=:@/?  #[]\"<>\\^`{|}"


def encoded(text, safe=""):
    return "".join(chr(byte) if byte in UNRESERVED or chr(byte) in safe else "%%%02X" % byte for byte in text.encode())


def text_of(source, alphabet, size_max):
    return "".join(source.choice(alphabet) for _ in range(source.randint(0, size_max)))


def path_of(source, service):
    if service in ("sqs", "dynamodb", "sts") and source.random() < 0.7:
        return "/"
    segments = [source.choice(["", ".", "..", text_of(source, TEXT, 12), "SQSMessage$" + text_of(source, "abc", 5)])
                for _ in range(source.randint(1, 5))]
    return "/" + "/".join(encoded(segment) for segment in segments)


def headers_of(source):
    names = source.sample(
        ["Content-Type", "X-Amz-Target", "If-Match", "If-None-Match", "Range", "X-Amz-Meta-A", "x-amz-meta-a-b", "X-AMZ-META-A1",
         "x-amz-meta-a.b", "Content-MD5", "x-amz-acl", "Cache-Control"], source.randint(0, 8))
    headers = []
    for name in names:
        value = text_of(source, HEADER_TEXT, 20).strip() or "x"
        headers.append([name, value])
        if name.lower().startswith("x-amz-meta") and source.random() < 0.2:
            headers.append([name, "again"])
    return headers


def make(source, authority):
    service, region = source.choice(SERVICES), source.choice(REGIONS)
    method = source.choice(METHODS)
    path = path_of(source, service)
    query = sorted((encoded(text_of(source, TEXT, 6)), encoded(text_of(source, TEXT, 8))) for _ in range(source.choice([0, 0, 1, 2, 5])))
    headers = headers_of(source)
    body = text_of(source, TEXT, 200) if method in ("PUT", "POST") else ""
    key_id, secret = "AKIA" + text_of(source, "ABCDEF0123", 16), text_of(source, "abcDEF012/+", 40) + "s"
    token = text_of(source, "abcDEF012/+=", 400) if source.random() < 0.5 else ""
    now = datetime.datetime.fromtimestamp(source.randint(1_600_000_000, 2_000_000_000), datetime.timezone.utc)

    query_text = "&".join(name + "=" + value for name, value in query)
    url = "http://" + authority + path + ("?" + query_text if query_text else "")
    request = AWSRequest(method=method, url=url, data=body.encode())
    for name, value in headers:
        request.headers.add_header(name, value)
    botocore.auth.get_current_datetime = lambda *_: now.replace(tzinfo=None)
    signer = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    signer(Credentials(key_id, secret, token or None), service, region).add_auth(request)
    return {
        "service": service, "region": region, "method": method, "path": path, "query": query_text, "headers": headers, "body": body,
        "key_id": key_id, "secret": secret, "token": token, "time": str(int(now.timestamp())),
        "authorization": request.headers["Authorization"],
    }


def endpoints():
    loader = Loader()
    partitions = loader.load_data("partitions")
    for service in ("sqs", "dynamodb", "s3", "sts", "sso"):
        provider = EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions)
        for partition in partitions["partitions"]:
            for region in partition["regions"]:
                if region.endswith("global"):
                    continue
                for fips in (False, True):
                    for dualstack in (False, True):
                        try:
                            url = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dualstack).url
                        except EndpointProviderError:
                            url = "-"
                        print(service, region, str(fips).lower(), str(dualstack).lower(), url)


def main():
    if sys.argv[1:] == ["--endpoints"]:
        return endpoints()
    count, seed, authority = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    source = random.Random(seed)
    for _ in range(count):
        print(json.dumps(make(source, authority)))


main()
