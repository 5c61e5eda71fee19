"""lambda_cluster.py FUNCTION EXAMPLE: clusters through Lambda, on MiniStack, by a function that notes its effects in a file."""

import io
import json
import os
import queue
import signal
import sys
import time
import zipfile
from collections import Counter

from host import EventSource, Function, RuntimeApi, fail, run_example, run_fanfold, start_ministack

PROGRAM, EXAMPLE = sys.argv[1:]
FOLDER = os.getcwd()
EFFECTS = FOLDER + "/effects"


def same(expected, got, what):
    if expected != got:
        fail(f"{what}: expected {expected}, got {got}")


def effects():
    """Counts of ("begin" | "end", number), and of ("finish", name)."""
    if not os.path.exists(EFFECTS):
        return Counter()
    with open(EFFECTS, encoding="utf-8") as file:
        return Counter(tuple(line.split()[:2]) for line in file)


def wait_for_effect(kind, number):
    for _ in range(2000):
        if effects()[(kind, str(number))]:
            return
        time.sleep(0.01)
    fail(f"no task {number} was seen to {kind}")


def hold(number):
    with open(f"{EFFECTS}.hold-{number}", "w", encoding="utf-8"):
        pass


def let_go(number):
    os.remove(f"{EFFECTS}.hold-{number}")


def numbers_of(event):
    """The tasks' numbers of an event, in its order."""
    return [json.loads(record["body"])["body"]["number"] for record in event["Records"]]


class World:
    """A queue of its own with its events; times are in seconds. Claims last until the function's timeout."""

    def __init__(self, ministack, queue_name, timeout=30, visibility=180):
        self.variables = ministack.variables | {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ministack.port}", "FANFOLD_BUCKET": "functions", "EFFECTS": EFFECTS,
        }
        self.queue = queue_name
        run_fanfold(self.variables, "setup", "aws", "--queue", queue_name, "--visibility", f"{visibility}s")
        self.source = EventSource(ministack, queue_name)
        self.api = RuntimeApi(timeout)
        if os.path.exists(EFFECTS):
            os.remove(EFFECTS)

    def create(self, count):
        with open("tasks.txt", "w", encoding="utf-8") as file:
            file.writelines(json.dumps({"number": number}) + "\n" for number in range(count))
        run_fanfold(self.variables, "cluster", "create", "--queue", self.queue, "--name", self.queue, "--tasks", "tasks.txt")

    def start(self):
        return Function([PROGRAM], self.api, self.variables)

    def begin(self, event):
        """Gives an event and does not wait for the answer."""
        self.given = event
        self.api.events.put(("held", event))

    def settle_unless(self, event, over):
        """Waits for the answer to what was begun, as long as it is not over in another way."""
        while not over():
            try:
                _, answer = self.api.answers.get(timeout=0.01)
            except queue.Empty:
                continue
            self.source.settle(event, answer)
            return

    def finish_rest(self, seconds=60):
        """Events until the queue is empty, by a new process."""
        with self.start():
            end = time.monotonic() + seconds
            while self.source.open_count() and time.monotonic() < end:
                if event := self.source.receive():
                    self.source.settle(event, self.api.invoke(event))

    def check_cluster(self, count):
        shown = json.loads(run_fanfold(self.variables, "cluster", "watch", self.queue, "--json").splitlines()[-1])
        same("COMPLETE", shown["status"], "status")
        same(count, shown["complete"], "complete tasks")
        same(1, effects()[("finish", self.queue)], "finishes")
        run_fanfold(self.variables, "verify", self.queue)

    def check_outcome(self, count):
        self.check_cluster(count)
        seen = effects()
        ends = {number: seen[("end", str(number))] for number in range(count)}
        same({number: 1 for number in range(count)}, ends, "ends of each task")


def runs_a_cluster_to_its_finish_and_nothing_twice(ministack):
    world = World(ministack, "plain")
    world.create(60)
    events = []
    with world.start():
        while event := world.source.receive():
            answer = world.api.invoke(event)
            same('{"batchItemFailures":[]}', answer.body, "an answer")
            world.source.settle(event, answer)
            events.append(event)
        for event in events:  # All of them once more, the finish message among them.
            same('{"batchItemFailures":[]}', world.api.invoke(event).body, "the answer to an event that came twice")
    world.check_outcome(60)
    same(60, sum(count for (kind, _), count in effects().items() if kind == "begin"), "begun tasks")


def kill_in_the_middle(world, held, attempt):
    """Events until the held task begins for that time; then the function's process dies. What was done by then."""
    hold(held)
    with world.start() as function:
        end = time.monotonic() + 60
        while not has_begun(held, attempt):
            if time.monotonic() > end:
                fail(f"attempt {attempt} of task {held} does not begin")
            if event := world.source.receive():
                world.begin(event)
                world.settle_unless(event, lambda: has_begun(held, attempt))
        function.process.kill()
        function.process.wait()
    let_go(held)
    return effects()


def has_begun(number, attempt):
    return effects()[("begin", str(number))] == attempt


def survives_kills_in_the_middle_of_events(ministack):
    world = World(ministack, "killed", timeout=4, visibility=8)
    world.create(10)
    held = 5

    # A first delivery is claimed and ended together with its neighbours: none has ended, the dead process holds all.
    first = kill_in_the_middle(world, held, 1)
    event = world.given
    with world.start():
        same(len(event["Records"]), len(world.source.settle(event, world.api.invoke(event))), "messages that stay")
    same(first, effects(), "effects while the dead process holds the tasks")

    # When its time is over they come again, and end one by one: what ended before the process dies has ended.
    second = kill_in_the_middle(world, held, 2)
    world.finish_rest()
    last = effects()
    for number in map(str, range(10)):
        if second[("end", number)] > first[("end", number)]:
            same(second[("begin", number)], last[("begin", number)], f"beginnings of task {number}, which had ended")
    same(3, last[("begin", str(held))], "attempts of the task that was cut off twice")
    same(1, last[("end", str(held))], "ends of the task that was cut off twice")
    world.check_cluster(10)


def stops_at_a_signal_after_the_event(ministack):
    world = World(ministack, "stopped")
    world.create(20)
    event = world.source.receive()
    numbers = numbers_of(event)
    held = numbers[3]
    hold(held)
    with world.start() as function:
        world.begin(event)
        wait_for_effect("begin", held)
        function.process.send_signal(signal.SIGTERM)
        _, answer = world.api.answers.get(timeout=30)
        same(0, function.process.wait(30), "exit code")
    staying = world.source.settle(event, answer)
    same(len(numbers) - 3, len(staying), "messages that stay: the one that was stopped and those not begun")
    same(4, sum(count for (kind, _), count in effects().items() if kind == "begin"), "begun tasks")
    let_go(held)
    world.finish_rest()
    world.check_outcome(20)


def keeps_the_order_of_a_group(ministack):
    world = World(ministack, "orders.fifo")
    for number in range(3):
        for group, first in ("a", 0), ("b", 10):
            body = json.dumps({"number": first + number})
            run_fanfold(world.variables, "send", "--queue", "orders.fifo", "--group", group, body)
    with open(f"{EFFECTS}.retry-1", "w", encoding="utf-8"):
        pass
    world.finish_rest()
    with open(EFFECTS, encoding="utf-8") as file:
        ended = [int(line.split()[1]) for line in file if line.startswith("end")]
    same([0, 1, 2], [number for number in ended if number < 10], "the order of the group that failed once")
    same([10, 11, 12], [number for number in ended if number >= 10], "the order of the other group")
    same(2, effects()[("begin", "1")], "attempts of the message that failed once")


def runs_the_example(ministack):
    world = World(ministack, "pictures")
    with Function([EXAMPLE], world.api, world.variables) as function:
        run_example(FOLDER, function, world.api, world.variables, world.source)


def runs_on_the_lambda_of_others(ministack):
    import boto3

    world = World(ministack, "mapped")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.write(PROGRAM, "bootstrap")
    lambdas = boto3.Session("test", "test", region_name="us-east-1").client(
        "lambda", endpoint_url=world.variables["AWS_ENDPOINT_URL"]
    )
    lambdas.create_function(
        FunctionName="mapped", Runtime="provided.al2023", Handler="bootstrap", Code={"ZipFile": code.getvalue()},
        Role="arn:aws:iam::000000000000:role/mapped", Timeout=30, Environment={"Variables": world.variables},
    )
    lambdas.create_event_source_mapping(
        FunctionName="mapped", EventSourceArn=world.source.arn, BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"], ScalingConfig={"MaximumConcurrency": 2},
    )
    world.create(100)
    for _ in range(600):
        if effects()[("finish", "mapped")] and not world.source.open_count():
            break
        time.sleep(0.1)
    world.check_outcome(100)
    same(100, sum(count for (kind, _), count in effects().items() if kind == "begin"), "begun tasks")


def main():
    ministack = start_ministack(FOLDER)
    for test in (runs_a_cluster_to_its_finish_and_nothing_twice, survives_kills_in_the_middle_of_events,
                 stops_at_a_signal_after_the_event, keeps_the_order_of_a_group, runs_the_example, runs_on_the_lambda_of_others):
        started = time.monotonic()
        test(ministack)
        print(f"ok: {test.__name__} ({time.monotonic() - started:.1f} s)", flush=True)


main()
