"""What the page makes of answers that are seldom: late, partial or refused ones, which a check gives in the dashboard's place."""
from steps import go, open_cluster, same
from world import id_of


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


CHECKS = [says_how_much_errors_are_of, keeps_the_focus_in_what_moves, reads_globals_again]
