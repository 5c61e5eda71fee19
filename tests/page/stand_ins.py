"""What the page makes of answers that are seldom: late, partial or refused ones, which a check gives in the dashboard's place."""
from selenium.webdriver.common.keys import Keys

from steps import go, open_cluster, same
from world import create, id_of


def says_how_much_errors_are_of(world):
    browser = world.browser
    open_cluster(world, "failing")
    browser.js("window.standIn = (path) => path.endsWith('/errors') && answer({ groups: [], looked_at: 0, tasks: 65536, complete: false })")
    browser.click("Errors")
    browser.wait_for_text("Among the first 65,536 tasks; fanfold errors looks at all.")
    assert "No task has failed" not in browser.text(), browser.text()
    browser.js("window.standIn = (path) => path.endsWith('/errors') && answer({ groups: [], looked_at: 0, tasks: 4, complete: true })")
    browser.click("Overview")
    browser.click("Errors")
    browser.wait_for_text("No task has failed.")
    assert "Among the first" not in browser.text(), browser.text()
    browser.js("window.standIn = null")


def looks_again_when_a_lease_has_passed(world):
    browser = world.browser
    create("leased", 3, queue="nobody")
    open_cluster(world, "leased")
    for path, place in (("/tasks", ".tasks"), ("/tasks/0", ".facts")):
        browser.js("""
            const held = (task) => ({ ...task, state: 'running', attempts: 1, completed_at: null, lease_end: at(looks > 3 ? 3660 : -60) });
            let looks = 0;  // the stream has it looked at up to three times
            window.standIn = (path, real) => /\\/tasks([?]|\\/0$)/.test(path) && real().then((told) => {
              ++looks;
              return answer(told.tasks ? { ...told, tasks: told.tasks.map(held) } : held(told));
            });
            location.hash = '#/clusters/' + arguments[0] + arguments[1]""", id_of("leased"), path)
        browser.wait_for_text("lease ends in 1 h", place)
        browser.js("window.standIn = null")
    same(["lease ended ", "lease ends ", "next attempt ", ""], browser.driver.execute_async_script("""
        import('/parts.js').then(({ taskTime }) => {
          const now = Date.parse('2026-11-24T09:30:00Z');
          const wordOf = (task) => {
            const time = taskTime();
            time.set(task);
            time.update(now);
            return time.node.firstChild.textContent;
          };
          const running = { state: 'running', completed_at: null, lease_end: '2026-11-24T09:29:59Z' };
          const later = { ...running, lease_end: '2026-11-24T09:30:01Z' };
          arguments[0]([wordOf(running), wordOf(later), wordOf({ ...running, state: 'to be tried again' }),
            wordOf({ ...running, state: 'complete', completed_at: '2026-11-24T09:29:58Z' })]);
        })"""))


def tells_that_a_filter_failed(world):
    browser = world.browser
    open_cluster(world, "failing", "/tasks")
    browser.wait("its tasks", "document.querySelectorAll('.tasks tbody tr').length === 4")
    browser.js("window.standIn = (path) => path.includes('contains=') && answer({ error: { code: 'unavailable', message: 'not today' } }, 503)")
    browser.fill_in("#task-contains", "album" + Keys.ENTER)
    browser.wait_for_text("not today", ".failure")
    same(0, browser.count(".tasks tbody tr"))
    browser.js("window.standIn = null")
    browser.click("Try again")
    browser.wait("the tasks that match", "named('.tasks tbody tr', '').length > 0")
    same(0, browser.count(".failure"))


def keeps_the_newest_of_stream_and_answers(world):
    browser = world.browser
    create("overtaken", 5, queue="nobody")
    cluster = id_of("overtaken")
    go(world, "", "Clusters")
    hold = """
        window.held = [];
        const late = (real) => real().then((told) => answer({ ...told, ...arguments[1] }));
        window.standIn = (path, real) => path === arguments[0] && new Promise((resolve) => held.push(() => resolve(late(real))));
        window.release = () => {
          window.standIn = (path, real) => path === arguments[0] && late(real);
          for (const go of held) go();
        };"""
    browser.js(hold + "location.hash = '#/clusters/' + arguments[2]", f"api/clusters/{cluster}", {}, cluster)
    browser.wait("the question for details", "held.length > 0")
    browser.wait_for_stream()
    browser.js("""
        fetchReal('api/clusters/' + arguments[0]).then((answer) => answer.json()).then(({ policy, finish, error, meta, parent, ...told }) => {
          window.told = told;
          tell('cluster', { ...told, complete: 3, at: at(60) });
          release();
        })""", cluster)
    browser.wait_for_text("3 of 5 complete", ".pace")

    browser.js(hold + "tell('cluster', { ...told, complete: 4, finish_failed: true, at: at(61) })", f"api/clusters/{cluster}", {"meta": '"late"'})
    browser.wait("the question for details", "held.length > 0")
    browser.js("release()")
    browser.wait_for_text('"late"', ".json")
    assert "4 of 5 complete" in browser.text(".pace"), browser.text(".pace")

    browser.js("window.standIn = null")
    go(world, "#/?unfinished=1", "Clusters")
    browser.wait("the unfinished ones", "document.querySelectorAll('.row').length > 1")
    browser.js(hold + "location.hash = '#/'", "api/clusters?limit=50", {})
    browser.wait("the question for the list", "held.length > 0")
    browser.wait_for_stream()
    browser.js("tell('clusters', { at: at(60), clusters: [told], next_cursor: '' }); read = 0; release()")
    browser.wait("the late answer", "window.read > 0")
    same(1, browser.count(".row"))
    browser.js("window.standIn = null")


def keeps_the_focus_in_what_moves(world):
    browser = world.browser
    go(world, "", "Clusters")
    same("c", browser.driver.execute_async_script("""
        const done = arguments[0];
        import('/dom.js').then(({ element, reconcile }) => {
          const list = element('div');
          document.body.append(list);
          const make = (key) => ({ node: element('button', { type: 'button' }, key) });
          const show = (...keys) => reconcile(list, keys, (key) => key, make, document.querySelector('h1'));
          show('a', 'b', 'c');
          list.lastChild.focus();
          show('c', 'a', 'b', 'd');
          const told = document.activeElement.textContent;
          list.remove();
          done(told);
        })"""))


def finds_output_again(world):
    browser = world.browser
    open_cluster(world, "failing", "/tasks")
    browser.js("location.hash = location.hash.replace(/tasks.*/, 'tasks/0')")
    browser.wait_for_text("reading <b>", ".output")
    browser.wait_for_stream()
    browser.js("""
        window.before = document.querySelector('.output');
        window.standIn = (path, real) => path.endsWith('/output')
          ? answer({ error: { code: 'unavailable', message: 'not today' } }, 503)
          : path.endsWith('/tasks/0') && real().then((task) => answer({ ...task, attempts: 7 }));
        fetchReal('api/clusters/' + arguments[0]).then((answer) => answer.json()).then((told) => tell('cluster', { ...told, round: told.round + 1 }))""",
               id_of("failing"))
    browser.wait_for_text("not today", ".failure")
    browser.js("window.standIn = null")
    browser.click("Try again")
    browser.wait("the failure to go", "document.querySelector('.failure') === null")
    same(True, browser.js("return window.before === document.querySelector('.output')"))
    same("h1 Task 0", browser.focused())


def reads_globals_again(world):
    browser = world.browser
    open_cluster(world, "photos", "/globals")
    browser.click("Show globals")
    browser.wait_for_text('"width": 200', ".json")
    browser.js("window.standIn = (path, real) => path.endsWith('/globals') && answer({ globals: '{\"width\":300}' })")
    browser.click("Read again")
    browser.wait_for_text('"width": 300', ".json")
    same("button Read again", browser.focused())
    # As in a browser that does not focus what is clicked.
    browser.js("""
        window.standIn = (path, real) => path.endsWith('/globals') && answer({ globals: '{\"width\":400}' });
        document.activeElement.blur();
        named('button', 'Read again')[0].click()""")
    browser.wait_for_text('"width": 400', ".json")
    browser.js("window.standIn = null")


def asks_once_for_what_is_not_there(world):
    browser = world.browser
    open_cluster(world, "leased", "/tasks")
    browser.js("""
        window.asked = 0;
        window.setTimeoutReal = setTimeout;
        window.setTimeout = (run) => setTimeoutReal(run);  // so that no interval has to be waited for
        window.standIn = (path, real) => {
          if (path.endsWith('/tasks/7/output')) return answer({ attempts: [] });
          if (!path.endsWith('/tasks/7')) return null;
          ++window.asked;
          return window.added
            ? fetchReal(path.replace(/7$/, '0')).then((told) => told.json()).then((task) => answer(task))
            : answer({ error: { code: 'not_found', message: 'no such task' } }, 404);
        };
        location.hash += '/7'""")
    browser.wait_for_text("No such task")
    browser.wait_for_stream()
    tell = """
        const done = arguments[arguments.length - 1];
        fetchReal('api/clusters/' + arguments[0]).then((answer) => answer.json()).then((told) => {
          window.asked = 0;
          window.added = arguments[1] > 7;
          tell('cluster', { ...told, total: arguments[1] });
          setTimeout(() => setTimeout(() => done(window.asked)));
        })"""
    cluster = id_of("leased")
    browser.driver.execute_async_script(tell, cluster, 3)
    same(0, browser.driver.execute_async_script(tell, cluster, 4))
    same(1, browser.driver.execute_async_script(tell, cluster, 8))
    browser.wait_for_text("Attempts", ".facts")
    browser.wait_for_text("No output is kept of it.")
    browser.js("window.standIn = null; window.setTimeout = setTimeoutReal")


def notices_another_dashboard_from_any_view(world):
    browser = world.browser
    go(world, "", "Clusters")
    browser.wait_for_text("live", "#connection")
    browser.js("""
        window.old = true;
        window.standIn = (path, real) => path === 'api/store' && real().then((store) => answer({ ...store, version: 'another' }));
        const stream = streams.at(-1);
        stream.dispatchEvent(new Event('error'));
        location.hash = '#/clusters/' + arguments[0]""", id_of("leased"))
    browser.wait("the page to be loaded anew", "window.old === undefined && document.querySelector('h1') !== null")


def goes_back_to_where_one_was(world):
    browser = world.browser
    go(world, "", "Clusters")
    browser.wait("the rows", "document.querySelectorAll('.row').length === 50")
    name = browser.js("scrollTo(0, 1000); return named('.row-link', 'old-').find((row) => row.getBoundingClientRect().top > 200).innerText")
    browser.click(name, ".row-link")
    browser.wait_for_title(f"{name} · fanfold")
    same(0, browser.js("return scrollY"))
    browser.driver.back()
    browser.wait("the place in the list", "scrollY === 1000")
    browser.driver.refresh()
    browser.wait("the place after a reload", "scrollY === 1000 && document.querySelectorAll('.row').length === 50")


CHECKS = [says_how_much_errors_are_of, looks_again_when_a_lease_has_passed, tells_that_a_filter_failed, keeps_the_newest_of_stream_and_answers,
          keeps_the_focus_in_what_moves, finds_output_again, reads_globals_again, asks_once_for_what_is_not_there, notices_another_dashboard_from_any_view,
          goes_back_to_where_one_was]
