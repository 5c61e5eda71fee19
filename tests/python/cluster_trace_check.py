"""Reads a timeline of `fanfold trace` as Perfetto does, and checks what holds for every one.

cluster_trace_check.py TRACE [SHOWN]  prints a line of counts, as in "complete=58 failed=2 failed-attempts=3 rounds=2"; SHOWN is what `fanfold cluster show --json` printed, whose lists the last counts have to equal.
"""

import collections
import json
import sys


def wrong(why):
    sys.exit(f"cluster_trace_check: {why}")


def check_spans(spans):
    """In a lane, a span is within another one or apart from it."""
    by_lane = collections.defaultdict(list)
    for span in spans:
        if span["dur"] < 0:
            wrong(f"{span} ends before it begins")
        by_lane[span["pid"], span["tid"]].append((span["ts"], -span["dur"], span["name"]))
    for lane, rows in by_lane.items():
        open_ends = []
        for begin, negative, name in sorted(rows):
            end = begin - negative
            while open_ends and open_ends[-1] <= begin:
                open_ends.pop()
            if open_ends and end > open_ends[-1]:
                wrong(f"'{name}' of lane {lane} overlaps another span")
            open_ends.append(end)


def counter(events, name):
    found = [event for event in events if event["ph"] == "C" and event["name"] == name]
    if [event["ts"] for event in found] != sorted(event["ts"] for event in found):
        wrong(f"'{name}' goes back in time")
    return [event["args"] for event in found]


def check_shown(path, last):
    shown = json.loads(open(path, encoding="utf-8").read().splitlines()[-1])
    complete = sum(task["status"] == "COMPLETE" for task in shown["completedTasks"])
    failed = sum(task["status"] == "ERROR" for task in shown["incompleteTasks"])
    if (last["complete"], last["failed"]) != (complete, failed):
        wrong(f"the last counts are {last}, and cluster show has {complete} complete and {failed} failed")


def main():
    events = json.load(open(sys.argv[1], encoding="utf-8"))
    first = events[0]
    if (first["name"], first["ph"]) != ("process_name", "M"):
        wrong(f"begins with {first}")
    if {event["ph"] for event in events} - set("MXiC"):
        wrong("there are other kinds of events")
    processes = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    lanes = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
    for event in events:
        if event["pid"] not in processes or ("tid" in event and (event["pid"], event["tid"]) not in lanes):
            wrong(f"{event} is in no lane that has a name")
        if event["ph"] != "M" and not isinstance(event["ts"], int):
            wrong(f"{event} is at no time")
    spans = [event for event in events if event["ph"] == "X"]
    marks = [event for event in events if event["ph"] == "i"]
    check_spans(spans)
    own = [span for span in spans if span["pid"] == first["pid"]]
    cluster = next(span for span in own if "cluster" in span.get("args", {}))

    tasks = counter(events, "tasks")
    for before, after in zip(tasks, tasks[1:]):
        if after["complete"] < before["complete"]:
            wrong("a task was complete and is no more")
    last = tasks[-1] if tasks else {"complete": 0, "failed": 0}
    if any(cluster["args"][name] != last[name] for name in ("complete", "failed")):
        wrong(f"the cluster says {cluster['args']}, the last counts are {last}")
    if len(sys.argv) > 2:
        check_shown(sys.argv[2], last)
    attempts = counter(events, "failed attempts")
    rates = counter(events, "tasks ended a second")
    if rates and rates[-1]["rate"] != 0:
        wrong("tasks end for ever")

    of_lane = lambda name: [mark for mark in marks if lanes[mark["pid"], mark["tid"]].startswith(name)]
    counts = {
        "complete": last["complete"],
        "failed": last["failed"],
        "failed-at-most": max((count["failed"] for count in tasks), default=0),
        "failed-attempts": attempts[-1]["failed"] if attempts else 0,
        "rounds": max(sum(span["name"].startswith("round") for span in own), 1),
        "finishes": sum(span["name"].startswith("finish of") for span in own),
        "ends": len(of_lane("ends of tasks")),
        "failures": len(of_lane("failures")),
        "open": len(of_lane("begun and not ended")),
        "goes-on": int(cluster["args"].get("goes_on", False)),
        "children": sum(processes[span["pid"]].startswith("child clusters of ") for span in spans),
        "parents": sum(processes[span["pid"]].startswith("parents of ") for span in spans),
        "events": len(events),
    }
    print(" ".join(f"{name}={count}" for name, count in counts.items()))


main()
