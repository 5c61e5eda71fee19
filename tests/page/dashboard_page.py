"""What people do on the dashboard's page, done by a browser; whether it changed the store is asked of the command."""
import os
import sys
import time
import traceback

from selenium.webdriver.common.keys import Keys

import stand_ins
from browser import Browser
from steps import go, open_cluster, same
from world import EXACT, HOSTILE, UNBROKEN, Dashboard, create, fanfold, fanfold_json, fill, id_of, start_worker, state_of


def confirm(browser, button, word):
    """Presses a button that asks first, and answers it."""
    browser.click(button, "button")
    browser.wait("the dialog", "document.querySelector('dialog').open")
    said = browser.text("dialog")
    browser.click(word, "dialog button")
    browser.wait("the dialog to close", "!document.querySelector('dialog[open]') || !document.querySelector('dialog .failure').hidden")
    same(0, browser.count("dialog[open]"), browser.text("dialog"))
    return said


def lists_clusters(world):
    browser = world.browser
    go(world, "", "Clusters")
    browser.wait("fifty rows", "document.querySelectorAll('.row').length === 50")
    browser.wait_for_text("live", "#connection")
    row = browser.js("return named('.row', '')[0].innerText")
    assert "photos" in row and "0 of 60" in row and "running" in row, row
    assert "paused" in browser.js("return [...document.querySelectorAll('.row')].find((row) => row.innerText.includes('held')).innerText")
    same(50, browser.count(".row [role=progressbar][aria-label^='Progress of ']"))
    browser.click("Older")
    browser.wait("the older ones", "document.querySelectorAll('.row').length === 10")
    same("h1 Clusters", browser.focused())
    browser.click("Newest")
    browser.wait("the newer ones", "document.querySelectorAll('.row').length === 50")
    browser.driver.back()
    browser.wait("the older ones again", "document.querySelectorAll('.row').length === 10")
    browser.driver.back()
    browser.wait("the newer ones again", "document.querySelectorAll('.row').length === 50")


def filters_clusters(world):
    browser = world.browser
    browser.fill_in("#filter-name", "failing" + Keys.ENTER)
    browser.wait("one row", "document.querySelectorAll('.row').length === 1")
    assert browser.js("return location.hash") == "#/?name=failing"
    browser.click("Unfinished only", "label")
    browser.wait_for_text("No cluster has this name and is unfinished.")
    browser.driver.back()
    browser.wait("one row again", "document.querySelectorAll('.row').length === 1")


def shows_hostile_names_as_text(world):
    browser = world.browser
    go(world, "", "Clusters")
    browser.wait("the rows", "document.querySelectorAll('.row').length === 50")
    shown = browser.js("return [...document.querySelectorAll('.row-link')].map((link) => link.textContent)")
    wanted = HOSTILE.replace("\u202e", "⟨U+202E⟩").replace("\u202c", "⟨U+202C⟩")
    assert wanted in shown, shown[:8]
    assert UNBROKEN in shown
    open_id = id_of(HOSTILE)
    browser.open(f"{world.dashboard.url}#/clusters/{open_id}")
    browser.wait("its name", "document.querySelector('h1').textContent === arguments[0]", wanted)
    same(None, browser.js("return window.hostile ?? null"))
    same(0, browser.js("return document.querySelectorAll('main img, main script').length"))


def follows_a_running_cluster(world):
    browser = world.browser
    go(world, "", "Clusters")
    create("appears", 1, queue="nobody")
    browser.wait("a row of a new cluster", "named('.row-link', 'appears').length === 1")
    browser.click("photos", ".row-link")
    browser.wait_for_title("photos · fanfold")
    value = "Number(document.querySelector('.progress [role=progressbar]').ariaValueNow)"
    same(0, browser.js(f"return {value}"))
    worker = start_worker("live", "--until", "photos", "--jobs", "2", program="sleep 0.03")
    browser.wait("progress while the worker runs", f"{value} > 0 && {value} < 100")
    browser.wait("a rate", "/[0-9]\\/(s|min)/.test(document.querySelector('.pace').innerText)")
    browser.wait("its end", f"{value} === 100")
    browser.wait_for_text("complete", ".cluster-title .state")
    browser.wait("the end to be told to who cannot see it", "document.querySelector('#announcer').textContent.startsWith('photos is now complete')")
    browser.wait_for_text("60", ".tile[data-tone=complete]")
    browser.wait("the histogram", "document.querySelectorAll('.chart .chart-complete').length > 0")
    same(0, worker.wait())


def drills_down(world):
    browser = world.browser
    go(world, "", "Clusters")
    browser.click("failing", ".row-link")
    browser.wait_for_title("failing · fanfold")
    same("h1 failing", browser.focused())
    browser.click("Errors (3)")
    browser.wait("two kinds of errors", "document.querySelectorAll('.groups > li').length === 2")
    groups = browser.text(".groups")
    assert "no such album" in groups and "cannot decode picture" in groups and "exit 66" in groups, groups
    browser.click("2 tasks", ".groups a")
    browser.wait("its tasks", "document.querySelectorAll('.tasks tbody tr').length === 2")
    browser.wait_for_title("Tasks · failing · fanfold")
    assert "no such album" in browser.text(".tasks")
    browser.driver.back()
    browser.click("first: task 0", ".groups a")
    browser.wait_for_title("Task 0 · failing · fanfold")
    browser.wait_for_text("cannot decode picture", ".errors")
    browser.wait_for_text(f"reading <b>{EXACT}</b>", ".output")


def keeps_payloads_hidden_until_asked(world):
    browser = world.browser
    browser.wait_for_title("Task 0 · failing · fanfold")
    same(0, browser.count(".json"))
    same(False, browser.js("return performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/payload'))"))
    browser.click("Show payload")
    browser.wait("the payload", "document.querySelectorAll('.json').length > 0")
    assert '"id": 9007199254740993' in browser.text(".json"), browser.text(".json")
    assert '"price": 1.10' in browser.text(".json")
    browser.driver.back()
    browser.wait_for_title("Errors · failing · fanfold")
    open_cluster(world, "photos", "/globals")
    same(0, browser.count(".json"))
    browser.click("Show globals")
    browser.wait_for_text('"sum": 18014398509481985', ".json")


def lays_json_out_by_its_letters(world):
    browser = world.browser

    def lay_out(text):
        return browser.driver.execute_async_script(
            "import('/json_text.js').then(({ layOut }) => arguments[1](layOut(arguments[0]).map((piece) => piece.text).join('')))", text)

    for text in ("9007199254740993", "-0.10e+07", '"a\\"b"', "[]", "{}", "null", '{"a": 1, "a": 2}', "[1, [2, {}]]"):
        same(text, lay_out(text))
    same('{"a": [1, 2], "b": "x"}', lay_out('{"a":[1,2],"b":"x"}'))
    long = "x" * 80
    same(f'{{\n  "a": "{long}",\n  "b": [\n    "{long}"\n  ]\n}}', lay_out(f'{{"a":"{long}","b":["{long}"]}}'))
    same('"\\u202egnp"', lay_out('"\u202egnp"'))  # what turns the line around, by its escape
    for text in ("{", "[}", "1 2", '{"a" 1', "nonsense", '["\t"]'):
        same(text, lay_out(text), "what is no JSON stays as it is")
    deep = "[" * 20000 + "]" * 20000
    same(deep, lay_out(deep).replace("\n", "").replace(" ", ""))
    assert len(lay_out(deep)) < 2_000_000
    same(32, max(len(line) - len(line.lstrip()) for line in lay_out("[" * 100 + f'"{long}"' + "]" * 100).splitlines()), "the deepest indentation")
    pieces = browser.driver.execute_async_script(
        "import('/json_text.js').then(({ layOut }) => arguments[0](layOut('[' + '\"a\",'.repeat(50000) + '1]').length))")
    assert pieces < 5_000, pieces


def estimates_and_words_are_right(world):
    told = world.browser.driver.execute_async_script(r"""
        Promise.all([import('/rate.js'), import('/format.js')]).then(([{ RateEstimate }, format]) => {
          const estimate = new RateEstimate(1000);
          const state = (complete, failed = 0, round = 0) => ({ complete, failed, round });
          const told = {};
          estimate.add(state(0), 0);
          told.first = estimate.rate(0);
          for (let second = 1; second <= 10; ++second) estimate.add(state(second * 9, second), second * 1000);
          told.steady = estimate.rate(10_000);
          told.left = estimate.timeLeft(100, 10_000);
          told.standing = estimate.rate(60_000);
          estimate.add(state(3, 0, 1), 61_000);
          told.newRound = estimate.rate(61_000);
          told.words = [format.rateText(1234.5), format.rateText(0.5), format.rateText(0.01), format.rangeText({ shortest: 9, longest: 12 }),
            format.rangeText({ shortest: 170, longest: 250 }), format.duration(200_500), format.duration(90_061_000), format.bytes(2048),
            format.percent({ total: 1000, complete: 998, failed: 1, finished: false }), format.visible('a\u0007b\u202ec'),
            format.printed('\u001b[31mred\u001b[0m\r\nnext\u001b[2J')];
          arguments[0](told);
        })""")
    same((None, 10, 0, None), (told["first"], told["steady"], told["standing"], told["newRound"]))
    assert 8 < told["left"]["shortest"] < 10 < told["left"]["longest"] < 12, told
    same(["1,235/s", "0.5/s", "0.6/min", "about 9–12 s", "about 2–5 min", "3 min 20 s", "1 d 1 h", "2.0 KiB", 99, "a␇b⟨U+202E⟩c", "red\nnext␛[2J"],
         told["words"])


def asks_before_it_changes_anything(world):
    browser = world.browser
    open_cluster(world, "waiting")
    browser.click("Stop…")
    browser.wait("the dialog", "document.querySelector('dialog').open")
    said = browser.text("dialog")
    assert "waiting" in said and "30 tasks have not ended" in said, said
    browser.click("Cancel", "dialog button")
    browser.wait("the dialog to close", "!document.querySelector('dialog')")
    browser.wait("the focus back", "document.activeElement.innerText === 'Stop…'")
    same("running", state_of("waiting")["state"])
    # The end of one question is told when the next one is asked already.
    browser.driver.execute_async_script("""
        const button = document.activeElement;
        button.click();
        document.querySelector('dialog').close();
        button.click();
        requestAnimationFrame(() => setTimeout(arguments[0]))""")
    assert "30 tasks have not ended" in browser.text("dialog[open]")
    browser.press(Keys.ESCAPE)
    browser.wait("the dialog to close", "!document.querySelector('dialog')")


def pauses_resumes_and_stops(world):
    browser = world.browser
    open_cluster(world, "waiting")
    said = confirm(browser, "Pause…", "Pause cluster")
    assert "30 tasks will not start" in said, said
    browser.wait_for_text("is paused", "#notice")
    same("paused", state_of("waiting")["state"])
    browser.wait_for_text("paused", ".cluster-title .state")
    confirm(browser, "Resume…", "Resume cluster")
    browser.wait_for_text("30 open tasks sent again", "#notice")
    same("running", state_of("waiting")["state"])
    browser.wait_for_text("running", ".cluster-title .state")

    browser.click("Stop…")
    browser.wait("the dialog", "document.querySelector('dialog').open")
    same("dialog-reason", browser.js("return document.activeElement.id"))
    browser.press("wrong <folder>", Keys.ENTER)
    browser.wait("the dialog to close", "!document.querySelector('dialog')")
    browser.wait_for_text("stopped", ".cluster-title .state")
    same("stopped", state_of("waiting")["state"])
    assert "wrong <folder>" in fanfold("cluster", "show", "waiting")
    browser.wait("no more to be done", "named('button', 'Stop').length + named('button', 'Pause').length === 0")
    browser.wait_for_text("wrong <folder>", ".errors")


def retries_one_error_or_all(world):
    browser = world.browser
    open_cluster(world, "failing", "/errors")
    browser.wait("the kinds", "document.querySelectorAll('.groups > li').length === 2")
    browser.js("[...document.querySelectorAll('.groups > li')].find((row) => row.innerText.includes('no such album')).querySelector('button').click()")
    browser.wait("the dialog", "document.querySelector('dialog').open")
    said = browser.text("dialog")
    assert "Retry 2 failed tasks with this error?" in said and "no such album" in said, said
    browser.click("Retry", "dialog button")
    browser.wait_for_text("2 tasks of “failing” will run again.", "#notice")
    again = state_of("failing")
    same((1, 1), (again["round"], again["failed"]))

    open_cluster(world, "albums")
    said = confirm(browser, "Retry 3 failed…", "Retry")
    assert "3 failed tasks of “albums” will run again, with all attempts, as round 1" in said, said
    browser.wait_for_text("3 tasks of “albums” will run again.", "#notice")
    again = state_of("albums")
    same((1, 0), (again["round"], again["failed"]))
    browser.wait_for_text("running", ".cluster-title .state")


def runs_a_finish_handler_anew(world):
    browser = world.browser
    open_cluster(world, "unfinished")
    browser.wait_for_text("finish failed", ".cluster-title .state-note")
    browser.wait_for_text("no room", ".output")
    browser.wait_for_text("no room", ".facts")
    confirm(browser, "Retry finish…", "Run it anew")
    browser.wait_for_text("will run anew", "#notice")
    same(1, state_of("unfinished")["round"])


def moves_dead_letters_back(world):
    browser = world.browser
    go(world, "#/queues", "Queues")
    browser.wait("the queues", "named('.queues tr', 'mail-dead').length === 1")
    said = confirm(browser, "Move back…", "Move back")
    assert "2 messages" in said and "mail" in said, said
    browser.wait_for_text("2 messages moved back from “mail-dead”.", "#notice")
    same(2, fanfold_json("queue", "stats", "mail")[0]["visible"])
    browser.wait("the new depths", "named('button', 'Move back').length === 0")


def shows_why_an_action_was_refused(world):
    browser = world.browser
    open_cluster(world, "held")
    browser.click("Resume…")
    browser.wait("the dialog", "document.querySelector('dialog').open")
    fanfold("cluster", "stop", "held")
    browser.click("Resume cluster", "dialog button")
    browser.wait("the refusal in the dialog", "!document.querySelector('dialog .failure')?.hidden")
    assert browser.text("dialog .failure").startswith("Not done: "), browser.text("dialog .failure")
    browser.press(Keys.ESCAPE)
    browser.wait("the dialog to close", "!document.querySelector('dialog')")
    same([True], ["/resume" in complaint and "409" in complaint for complaint in browser.complaints()])  # The browser notes the refusal.


def works_by_keyboard_alone(world):
    browser = world.browser
    create("keys", 5, queue="nobody")
    go(world, "", "Clusters")
    browser.wait("the row", "named('.row-link', 'keys').length === 1")
    browser.press(Keys.TAB)
    same("a Skip to the content", browser.focused())
    browser.press(Keys.ENTER)
    same("main", browser.focused().split()[0])

    def tab_to(text):
        for _ in range(20):
            browser.press(Keys.TAB)
            if browser.focused().startswith(text):
                break
        assert browser.focused().startswith(text), browser.focused()
        assert browser.js("return document.activeElement.matches(':focus-visible')")

    tab_to("a keys")
    browser.press(Keys.ENTER)
    browser.wait_for_title("keys · fanfold")
    browser.wait("the focus on the heading", "document.activeElement.matches('h1')")
    tab_to("button Pause…")
    browser.press(Keys.ENTER)
    browser.wait("the dialog", "document.querySelector('dialog').open")
    same("button Cancel", browser.focused())
    seen = set()
    for _ in range(4):  # The page behind is out of reach.
        browser.press(Keys.TAB)
        seen.add(browser.js("return document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)"))
    same({True}, seen)
    browser.press(Keys.ESCAPE)
    browser.wait("the focus back", "document.activeElement.innerText === 'Pause…'")
    browser.press(Keys.ENTER)
    browser.wait("the dialog", "document.querySelector('dialog').open")
    tab_to("button Pause cluster")
    browser.press(Keys.ENTER)
    browser.wait("the focus back on what it became", "document.activeElement.innerText === 'Resume…'")
    same("paused", state_of("keys")["state"])
    tab_to("a Tasks")
    browser.press(Keys.ENTER)
    browser.wait_for_title("Tasks · keys · fanfold")
    browser.wait("the tasks", "document.querySelectorAll('.tasks tbody tr').length === 5")
    tab_to("a Task 0")
    browser.press(Keys.ENTER)
    browser.wait_for_title("Task 0 · keys · fanfold")
    browser.wait("the focus on the heading", "document.activeElement.matches('h1')")
    browser.wait("all that stands before the button", "document.querySelector('main').innerText.includes('No output is kept')")
    tab_to("button Show payload")
    browser.press(Keys.ENTER)
    browser.wait("the payload", "document.querySelectorAll('.json').length > 0")


def fits_a_phone(world):
    browser = world.browser
    browser.devtools("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=True)
    failing, hostile, unbroken = id_of("failing"), id_of(HOSTILE), id_of(UNBROKEN)
    for path, sign in (("", ".row"), ("#/queues", ".queues tbody tr"), (f"#/clusters/{failing}", ".chart"), (f"#/clusters/{failing}/errors", ".groups"),
                       (f"#/clusters/{failing}/tasks", ".tasks tbody tr"), (f"#/clusters/{failing}/tasks/0", ".output"),
                       (f"#/clusters/{hostile}", ".tiles"), (f"#/clusters/{unbroken}", ".tiles"), (f"#/clusters/{unbroken}/tasks/0", ".facts")):
        browser.open(world.dashboard.url + path)
        browser.wait(f"{sign} of {path}", "document.querySelectorAll(arguments[0]).length > 0", sign)
        width = browser.js("return [document.documentElement.scrollWidth, window.innerWidth]")
        same([360, 360], width, path)
    open_cluster(world, "keys")
    browser.click("Resume…")
    browser.wait("the dialog", "document.querySelector('dialog').open")
    box = browser.js("const box = document.querySelector('dialog').getBoundingClientRect(); return [box.left >= 0, box.right <= 360, box.bottom <= 740]")
    same([True, True, True], box)
    browser.press(Keys.ESCAPE)
    browser.devtools("Emulation.clearDeviceMetricsOverride")


def takes_the_scheme_and_motion_that_is_wished(world):
    browser = world.browser

    def ground():
        return browser.js("return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).map(Number)")

    def motion():
        return browser.js("return getComputedStyle(document.querySelector('.bar-part')).transitionDuration")

    go(world, "", "Clusters")
    browser.wait("the rows", "document.querySelectorAll('.row').length > 0")
    assert min(ground()) > 200 and motion() != "0s", (ground(), motion())
    browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}, {"name": "prefers-reduced-motion", "value": "reduce"}])
    assert max(ground()) < 60 and motion() == "0s", (ground(), motion())
    browser.devtools("Emulation.setEmulatedMedia", features=[])


def rests_while_it_is_hidden(world):
    browser = world.browser
    go(world, "", "Clusters")
    browser.wait_for_text("live", "#connection")
    hide = "Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true }); document.dispatchEvent(new Event('visibilitychange'))"
    browser.js(hide, True)
    browser.wait_for_text("paused", "#connection")
    browser.wait("every stream closed", "window.streams.every((stream) => stream.readyState === EventSource.CLOSED)")
    browser.js(hide, False)
    browser.wait_for_text("live", "#connection")


def tells_of_a_store_in_trouble(world):
    browser = world.browser
    go(world, "", "Clusters")
    browser.wait("the rows", "document.querySelectorAll('.row').length === 50")
    os.rename("test.db", "away.db")
    browser.wait_for_text("The store cannot be read: ", "#trouble")
    browser.wait_for_text("What is shown is as of ", "#trouble")
    same("store in trouble", browser.text("#connection").strip())
    same(50, browser.count(".row"))
    os.rename("away.db", "test.db")
    browser.wait("the end of it", "document.querySelector('#trouble').textContent === ''")
    same("live", browser.text("#connection").strip())


def has_broken_no_rule(world):
    same([], world.browser.complaints())


def says_that_something_is_not_there(world):
    browser = world.browser
    for path, title, words in (("#/clusters/nowhere", "Cluster", "No such cluster"), (f"#/clusters/{id_of('keys')}/tasks/99", "Task 99 · keys", "No such task"),
                               ("#/clusters/%E0%A4%A/", "No such page", "No such page"), ("#/elsewhere", "No such page", "No such page")):
        browser.open(world.dashboard.url + path)
        browser.wait_for_text(words)
        browser.wait_for_title(f"{title} · fanfold")
    browser.click("All clusters")
    browser.wait_for_title("Clusters · fanfold")
    browser.complaints()  # The browser notes each answer that is no 200.


def finds_a_lost_dashboard_again(world):
    browser = world.browser
    open_cluster(world, "keys")
    browser.wait_for_text("live", "#connection")
    browser.wait_for_text("paused", ".cluster-title .state")
    world.dashboard.kill()
    browser.wait_for_text("no connection", "#connection")
    browser.wait_for_text("The dashboard does not answer. Trying again.", "#trouble")
    fanfold("cluster", "resume", "keys")
    world.dashboard.start()
    browser.wait_for_text("live", "#connection")
    browser.wait_for_text("running", ".cluster-title .state")
    same("", browser.text("#trouble"))
    browser.complaints()  # The refused connections belong here.


def offers_nothing_where_it_may_only_look(world):
    browser = world.browser
    watching = Dashboard("--read-only")
    try:
        fanfold("send", "--queue", "mail-dead", "a third letter")
        for path, sign in ((f"#/clusters/{id_of('keys')}", ".tiles"), (f"#/clusters/{id_of('failing')}/errors", ".groups"),
                           (f"#/clusters/{id_of('keys')}/why", ".reasons"), ("#/queues", ".queues tbody tr")):
            browser.open(watching.url + path)
            browser.wait(f"{sign} of {path}", "document.querySelectorAll(arguments[0]).length > 0", sign)
            same(1, browser.count("#read-only"))
            same([], browser.js("return [...document.querySelectorAll('button')].filter(seen).map((button) => button.innerText).filter((word) => word.endsWith('…'))"), path)
        same([], browser.complaints())
    finally:
        watching.kill()


CHECKS = [lists_clusters, filters_clusters, shows_hostile_names_as_text, follows_a_running_cluster, drills_down, keeps_payloads_hidden_until_asked,
          lays_json_out_by_its_letters, estimates_and_words_are_right, asks_before_it_changes_anything, pauses_resumes_and_stops, retries_one_error_or_all, runs_a_finish_handler_anew,
          moves_dead_letters_back, shows_why_an_action_was_refused, works_by_keyboard_alone, fits_a_phone, takes_the_scheme_and_motion_that_is_wished,
          rests_while_it_is_hidden, *stand_ins.CHECKS, tells_of_a_store_in_trouble, has_broken_no_rule, says_that_something_is_not_there, finds_a_lost_dashboard_again, offers_nothing_where_it_may_only_look]


class World:
    def __init__(self):
        self.browser = None
        self.dashboard = None


def timed(name, run, *arguments):
    begun = time.monotonic()
    run(*arguments)
    print(f"{time.monotonic() - begun:6.2f} s  {name}", flush=True)


def main():
    world = World()
    timed("fill the store", fill)
    world.dashboard = Dashboard()
    try:
        begun = time.monotonic()
        world.browser = Browser()
        print(f"{time.monotonic() - begun:6.2f} s  start the browser", flush=True)
        for check in CHECKS:
            try:
                timed(check.__name__.replace("_", " "), check, world)
            except Exception:
                traceback.print_exc()
                browser = world.browser
                print(f"FAILED: {check.__name__}\n--- {browser.js('return location.href')} “{browser.driver.title}”, the focus on {browser.focused()}\n"
                      f"--- console: {browser.complaints()}\n--- page:\n{browser.text('body')[:4000]}", file=sys.stderr)
                browser.driver.save_screenshot("failed.png")
                print(f"--- a picture of it: {os.path.abspath('failed.png')}", file=sys.stderr)
                return 1
        print(f"{len(CHECKS)} checks passed")
        return 0
    finally:
        if world.browser:
            world.browser.close()
        world.dashboard.kill()


sys.exit(main())
