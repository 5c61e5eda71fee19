"""A headless Chromium and the waits on conditions in it. Nothing here sleeps for a fixed time."""
import os
import re
import shutil
import subprocess
import tempfile
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection
from selenium.webdriver.common.action_chains import ActionChains

from world import WITH_US

PATIENCE = 30  # seconds; a loaded machine is slow, a broken page fails all the same
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--window-size=1280,900"]

# In every document before its own scripts: notes what the security policy refuses, and the event streams. A check may
# set window.standIn(path, real): what it returns is the answer to a request, nothing lets the dashboard answer.
SPY = """
window.refused = [];
document.addEventListener('securitypolicyviolation', (event) => window.refused.push(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));
window.streams = [];
const Real = window.EventSource;
window.EventSource = class extends Real {
  constructor(...all) {
    super(...all);
    window.streams.push(this);
    this.toldCount = 0;  // what the dashboard has told, not a check
    for (const name of ['cluster', 'clusters']) this.addEventListener(name, (event) => (this.toldCount += event.isTrusted));
  }
};
window.tell = (name, data) => window.streams.at(-1).dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
const fetchReal = window.fetch;
window.standIn = null;
window.fetch = (path, options) => {
  const real = () => fetchReal(path, options);
  return window.standIn?.(path, async () => (await real()).json()) || real();
};
// An answer; window.read counts those that the page has dealt with.
window.read = 0;
window.answer = async (data, status = 200) => ({
  ok: status === 200,
  status,
  text() {
    setTimeout(() => ++window.read);
    return Promise.resolve(JSON.stringify(data));
  },
});
window.at = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
"""

VISIBLE = """
const words = (text) => text.replace(/\\s+/g, ' ').trim();
const seen = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length > 0;
const named = (css, text) => [...document.querySelectorAll(css)].filter((node) => seen(node) && words(node.innerText).startsWith(text));
"""


class Browser:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="profile-", dir=".")
        self.service = subprocess.Popen([*WITH_US, "chromedriver", "--port=0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        port = next(found[1] for line in self.service.stdout if (found := re.search(r"successfully on port (\d+)", line)))
        options = webdriver.ChromeOptions()
        for argument in [*ARGUMENTS, f"--user-data-dir={os.path.abspath(self.profile)}"]:
            options.add_argument(argument)
        options.binary_location = shutil.which("chromium")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Remote(ChromeRemoteConnection(f"http://127.0.0.1:{port}"), options=options)
        self.driver.set_script_timeout(PATIENCE)
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source=SPY)

    def close(self):
        try:
            self.driver.quit()
        finally:
            self.service.kill()
            self.service.wait()
            self.service.stdout.close()
            shutil.rmtree(self.profile, ignore_errors=True)

    def devtools(self, command, **parameters):
        return self.driver.execute("executeCdpCommand", {"cmd": command, "params": parameters})["value"]

    def open(self, url):
        self.driver.get(url)

    def js(self, script, *arguments):
        return self.driver.execute_script(VISIBLE + script, *arguments)

    def wait(self, what, condition, *arguments):
        """Until a function, or an expression of JavaScript, is true; its value. What is not there yet is not true yet."""
        until = time.monotonic() + PATIENCE
        while True:
            value = condition() if callable(condition) else self.js(f"try {{ return {condition}; }} catch (missing) {{ return false; }}", *arguments)
            if value:
                return value
            if time.monotonic() > until:
                raise AssertionError(f"waited in vain for: {what}")
            time.sleep(0.03)

    def wait_for_stream(self):
        """Until the dashboard told how things stand. What it tells later would come after what a check tells."""
        self.wait("the stream's first event", "streams.at(-1).toldCount > 0")

    def wait_for_text(self, text, css="main"):
        self.wait(f"'{text}' in {css}", "(document.querySelector(arguments[0])?.innerText ?? '').includes(arguments[1])", css, text)

    def wait_for_title(self, title):
        self.wait(f"the title '{title}'", "document.title === arguments[0]", title)

    def text(self, css="main"):
        return self.js("return document.querySelector(arguments[0])?.innerText ?? ''", css)

    def count(self, css):
        return self.js("return [...document.querySelectorAll(arguments[0])].filter(seen).length", css)

    def has(self, word, css="button"):
        return self.js("return named(arguments[0], arguments[1]).length > 0", css, word)

    def click(self, word, css="button, a"):
        """Clicks the first visible element whose text begins so, with the mouse of the driver: what is covered is not clicked."""
        what = f"something to click that says '{word}'"

        def clicked():
            try:
                self.wait(what, "named(arguments[0], arguments[1])[0]", css, word).click()
                return True
            except StaleElementReferenceException:  # The page put another one in its place since.
                return False

        self.wait(what, clicked)

    def fill_in(self, css, text):
        self.js("const input = document.querySelector(arguments[0]); input.focus(); input.select();", css)
        self.press(text)

    def press(self, *keys):
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def focused(self):
        """What has the focus: its tag and the beginning of its text."""
        return self.js("const node = document.activeElement; return node.localName + ' ' + words(node.innerText || node.getAttribute('aria-label') || node.id || '').slice(0, 60)")

    def complaints(self):
        """What the browser's console has got since the last call, and what the policy refused in this document."""
        console = [entry["message"] for entry in self.driver.execute("getLog", {"type": "browser"})["value"] if entry["level"] in ("SEVERE", "WARNING")]
        return console + self.js("return window.refused")
