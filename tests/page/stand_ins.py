"""What the page makes of answers that are seldom: late, partial or refused ones, which a check gives in the dashboard's place."""
from steps import go, same


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


CHECKS = [keeps_the_focus_in_what_moves]
