"""Reads a timeline of `fanfold run --trace` or `work --trace` as Perfetto does and checks what holds for every one.

trace_check.py FILE [--cut]  prints a line of counts, as in "spans=60 lanes=4 task=60 done=58 failed=2"; with --cut the file may end in the middle.
"""

import collections
import json
import sys


def wrong(why):
    sys.exit(f"trace_check: {why}")


def read(path, may_be_cut):
    text = open(path, encoding="utf-8").read()
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if not may_be_cut:
            wrong(f"{path} is no JSON: {error}")
    lines = text.splitlines()
    if lines[0] != "[":
        wrong(f"{path} begins with {lines[0]}")
    events = []
    for line in lines[1:-1]:
        events.append(json.loads(line.removesuffix(",")))
    return events


def check_lanes(spans, lanes):
    """Spans of one lane follow one another."""
    by_lane = collections.defaultdict(list)
    for span in spans:
        if span["tid"] not in lanes:
            wrong(f"lane {span['tid']} has no name")
        by_lane[span["tid"]].append((span["ts"], span["ts"] + span["dur"], span["args"]))
    for lane, rows in by_lane.items():
        rows.sort(key=lambda row: row[:2])
        for before, after in zip(rows, rows[1:]):
            if after[0] < before[1]:
                wrong(f"spans of lane {lane} overlap: {before} {after}")
    if lanes and sorted(lanes) != list(range(1, len(lanes) + 1)):
        wrong(f"lanes are {sorted(lanes)}")


def check_span(span):
    for name in ("ts", "dur", "pid", "tid"):
        if not isinstance(span[name], int) or span[name] < 0:
            wrong(f"{name} of {span}")
    known = {"cluster", "message", "task", "attempt", "outcome", "reason"}
    args = span["args"]
    if not set(args) <= known or "outcome" not in args or args.get("attempt", 0) < 1:
        wrong(f"args of {span}")
    if span["cat"] == "task" and span["name"] != f"#{args['task']}":
        wrong(f"name of {span}")


def main():
    events = read(sys.argv[1], "--cut" in sys.argv[2:])
    first = events[0]
    if (first["name"], first["ph"]) != ("process_name", "M"):
        wrong(f"begins with {first}")
    if {event["pid"] for event in events} != {first["pid"]}:
        wrong("there are several processes")
    of = lambda phase: [event for event in events if event["ph"] == phase]
    if set(event["ph"] for event in events) - set("MXiC"):
        wrong("there are other kinds of events")
    lanes = [event["tid"] for event in of("M") if event["name"] == "thread_name"]
    spans = of("X")
    for span in spans:
        check_span(span)
    check_lanes(spans, lanes)
    running = [event["args"]["running"] for event in sorted(of("C"), key=lambda event: event["ts"])]
    if any(count < 0 or count > len(lanes) for count in running):
        wrong(f"{running} ran in {len(lanes)} lanes")
    counts = collections.Counter(span["cat"] for span in spans)
    counts.update(span["args"]["outcome"].replace(" ", "-") for span in spans)
    counts.update("instant-" + event["name"].replace(" ", "-") for event in of("i"))
    words = [f"name={first['args']['name'].replace(' ', '-')}", f"spans={len(spans)}", f"lanes={len(lanes)}"]
    words += [f"{name}={count}" for name, count in sorted(counts.items())]
    if running:
        words.append(f"running-at-the-end={running[-1]}")
    print(" ".join(words))


main()
