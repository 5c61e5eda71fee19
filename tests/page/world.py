"""The store that the page shows: filled by commands, looked at by commands, served by `fanfold dashboard`."""
import json
import os
import subprocess

FANFOLD = os.environ["FANFOLD_BIN"]
# The kernel ends what is started here with this process, however that ends.
WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]


def fanfold(*arguments, code=0):
    """Runs a command, checks its exit code and gives what it printed."""
    done = subprocess.run([FANFOLD, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode}, expected {code}: {arguments}\n{done.stdout}{done.stderr}")
    return done.stdout


def fanfold_json(*arguments, code=0):
    """The objects that a command prints with --json."""
    return [json.loads(line) for line in fanfold(*arguments, "--json", code=code).splitlines()]


def state_of(name):
    return fanfold_json("cluster", "ls", "--name", name)[0]


def id_of(name):
    return state_of(name)["cluster"].split("$")[1]


def task_list(name, lines):
    path = f"{name}.txt"
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    return path


def create(name, count, queue="resize", file="tasks"):
    fanfold("cluster", "create", "--queue", queue, "--name", name, "--tasks", task_list(file, map(str, range(count))))


def start_worker(queue, *arguments, program):
    return subprocess.Popen([*WITH_US, FANFOLD, "work", "--queue", queue, *arguments, "--", "sh", "-c", program, "sh", "{task}"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Dashboard:
    """`fanfold dashboard` on a port of this machine; the same one again after kill() and start()."""

    def __init__(self, *arguments):
        self.arguments = arguments
        self.port = 0
        self.url = None
        self.process = None
        self.start()

    def start(self):
        command = [*WITH_US, FANFOLD, "dashboard", "--listen", str(self.port), "--json", *self.arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, "the dashboard did not start"
        self.url = json.loads(line)["url"].rstrip("/") + "/"
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


HOSTILE = '<script>window.hostile=1</script><img src=x onerror="window.hostile=1"> \u202egnp.exe \u202c👩‍👩‍👧‍👦 שלום'
UNBROKEN = "W" * 200
EXACT = '{"id":9007199254740993,"path":"/albums/2026/17","price":1.10}'
FAILING = 'case $1 in *fine*) exit 0 ;; *odd*) echo "no such album" >&2; exit 66 ;; esac; echo "reading <b>$1</b>"; echo "cannot decode picture" >&2; exit 65'


def fill():
    """What the page is to show. Newer clusters stand above older ones."""
    for number in range(52):
        create(f"old-{number}", 1, queue="nobody", file="one")
    failing = [EXACT, '{"odd":1}', '{"odd":2}', '{"fine":1}']
    fanfold("run", "--name", "failing", "--retries", "0", "--tasks", task_list("failing", failing), "--", "sh", "-c", FAILING, "sh", "{task}", code=1)
    fanfold("run", "--name", "albums", "--retries", "0", "--tasks", task_list("albums", failing), "--", "sh", "-c", FAILING, "sh", "{task}", code=1)
    fanfold("run", "--name", "unfinished", "--retries", "0", "--tasks", task_list("unfinished", ["a"]), "--on-finish", "echo no room >&2; exit 1", "--", "true", "{task}", code=1)
    create("waiting", 30)
    create("held", 30)
    fanfold("cluster", "pause", "held")
    create(HOSTILE, 3, queue="nobody")
    create(UNBROKEN, 3, queue="nobody")
    fanfold("cluster", "create", "--queue", "live", "--name", "photos", "--globals", '{"width":200,"sum":18014398509481985}',
            "--tasks", task_list("photos", map(str, range(60))))
    fanfold("queue", "create", "mail", "--dead-letter", "mail-dead", "--max-receives", "1")
    fanfold("send", "--queue", "mail-dead", "a letter", "another")
