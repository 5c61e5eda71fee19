"""Asks for metrics as Prometheus does and reads them with its own client's parser.

scrape.py URL [--host NAME] [--method METHOD]  prints the status, the content type, then a line for each sample; what breaks a rule of the format ends it with 1.
"""

import argparse
import http.client
import math
import sys
import urllib.parse

from prometheus_client.parser import text_string_to_metric_families


def wrong(why):
    sys.exit(f"scrape: {why}")


def check_histogram(family):
    """Buckets grow with their bounds up to +Inf, which is the count."""
    series = {}
    for sample in family.samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        rows = series.setdefault(tuple(sorted(labels.items())), {"buckets": []})
        if sample.name.endswith("_bucket"):
            rows["buckets"].append((float(sample.labels["le"]), sample.value))
        else:
            rows[sample.name.removeprefix(family.name)] = sample.value
    for labels, rows in series.items():
        bounds = [bound for bound, _ in rows["buckets"]]
        counts = [count for _, count in rows["buckets"]]
        if bounds != sorted(set(bounds)) or not math.isinf(bounds[-1]):
            wrong(f"bounds of {family.name}{labels}: {bounds}")
        if counts != sorted(counts) or counts[-1] != rows["_count"]:
            wrong(f"counts of {family.name}{labels}: {counts}, {rows['_count']} in all")
        if rows["_sum"] < 0 or (rows["_count"] == 0) != (rows["_sum"] == 0):
            wrong(f"sum of {family.name}{labels}: {rows['_sum']}")


def check(text):
    if not text.endswith("\n"):
        wrong("the last line does not end")
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    if len(names) != len(set(names)):
        wrong(f"a family comes twice: {names}")
    seen = set()
    for family in families:
        if family.type not in ("counter", "gauge", "histogram") or not family.documentation:
            wrong(f"{family.name} has no type or no help")
        if not family.samples and not family.name.startswith("fanfold_aws_"):
            wrong(f"{family.name} has no sample")
        for sample in family.samples:
            identity = (sample.name, tuple(sorted(sample.labels.items())))
            if identity in seen:
                wrong(f"a sample comes twice: {identity}")
            seen.add(identity)
            if family.type == "counter" and not sample.name.endswith("_total"):
                wrong(f"{sample.name} is a counter and no total")
            if not sample.name.startswith(("fanfold_", "process_start_time_seconds")):
                wrong(f"{sample.name} is not ours")
        if family.type == "histogram":
            check_histogram(family)
    return families


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--host")
    parser.add_argument("--method", default="GET")
    options = parser.parse_args()
    where = urllib.parse.urlsplit(options.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    headers = {"Host": options.host} if options.host else {}
    connection.request(options.method, where.path or "/", headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    print(answer.status)
    print(answer.getheader("Content-Type"))
    if answer.status != 200:
        print(text, end="")
        return
    for family in check(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            print(f"{sample.name}{{{labels}}} {sample.value:.15g}")


main()
