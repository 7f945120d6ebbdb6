"""The explorer in a real browser: what people see, and what their mouse and keyboard do."""

import shutil
from functools import partial

import pytest
from handmade_journal import deadlocked
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.browser

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
WINDOW = {"width": 1440, "height": 1000}
BARS = "window.__loopscope.timeline.bars()"
PIXEL = """([x, y]) => {
    const component = document.querySelector('.stBidiComponent [data-testid]').shadowRoot;
    const canvas = component.querySelector('canvas');
    const ratio = window.devicePixelRatio;
    return [...canvas.getContext('2d').getImageData(x * ratio, y * ratio, 1, 1).data].slice(0, 3);
}"""


@pytest.fixture(scope="module")
def chromium():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.fail("chromium was not found; install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


class Visit:
    """A page of the explorer, with everything it asked for and complained about."""

    def __init__(self, browser, address, **options):
        self.context = browser.new_context(viewport=WINDOW, **options)
        self.page = self.context.new_page()
        self.address = address
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _listen(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def open(self, query=""):
        self.page.goto(f"{self.address}/{query}")
        self.page.wait_for_selector("[data-ready='1']")
        return self

    @property
    def root(self):
        return self.page.locator(".timeline")

    def data(self, name):
        return self.root.get_attribute(f"data-{name}")

    def number(self, name):
        return int(self.data(name))

    def bars(self, kind):
        return [bar for bar in self.page.evaluate(BARS) if bar["kind"] == kind]

    def point(self, bar):
        """The middle of a bar, in the page's pixels."""
        box = self.page.locator("canvas").bounding_box()
        return box["x"] + bar["x"] + bar["width"] / 2, box["y"] + bar["y"] + bar["height"] / 2

    def until(self, condition):
        self.page.wait_for_function(
            f"() => {{ const view = window.__loopscope.timeline.view(); return {condition}; }}"
        )

    def colour(self, bar):
        """What stands on the canvas near a bar's right end, where no label is."""
        x, y = bar["x"] + bar["width"] - 3, bar["y"] + 2
        return tuple(self.page.evaluate(PIXEL, [x, y]))


@pytest.fixture
def tour(chromium):
    """Opens pages at an address and closes them after the test."""
    visits = []

    def open_page(address, query="", **options):
        visits.append(Visit(chromium, address, **options))
        return visits[-1].open(query)

    yield open_page
    for one in visits:
        one.context.close()


@pytest.fixture
def visit(tour, explorer):
    """Opens pages of an explorer on what this test writes."""
    return partial(tour, explorer)


@pytest.fixture
def see(tour, gallery):
    """Opens pages of an explorer on jobs that do not change."""
    return partial(tour, gallery[0])


@pytest.fixture
def done(gallery):
    """Id of a finished job with something of everything."""
    return gallery[1]


@pytest.fixture
def lost(gallery):
    """Id of a job whose process died."""
    return gallery[2]


def test_from_the_list_to_a_painted_timeline_and_back(see, done):
    """A click on a job opens it, the address says which one, and its bars are on the canvas."""
    seen = see()
    seen.page.get_by_role("row", name="ep-1041").get_by_role("link", name="podcast", exact=True).click()
    seen.page.wait_for_selector(".timeline[data-ready='1']")
    assert f"job={done}" in seen.page.url
    assert seen.number("tasks") == seen.number("lanes") == 15
    assert seen.colour(seen.bars("http")[0]) == (0x7C, 0x5C, 0xD3)
    assert seen.colour(seen.bars("semaphore")[0]) == (0xE8, 0xA3, 0x3D)
    assert seen.colour(seen.bars("blocked")[0]) == (0xD6, 0x30, 0x4A)
    seen.page.get_by_role("link", name="← Jobs").click()
    seen.page.wait_for_selector(".jobs[data-ready='1']")


def test_nothing_is_asked_of_anyone_else_and_nothing_complains(see, done):
    """Everything comes from the explorer itself, under its own policy."""
    for query in ("", f"?job={done}"):
        seen = see(query)
        foreign = [url for url in seen.requests if not url.startswith((seen.address, "blob:", "data:"))]
        assert foreign == []
        assert seen.complaints == []


def test_a_click_on_a_bar_tells_where_its_task_was_created(see, done):
    """And what it waited for, who held that, and on which lines."""
    seen = see(f"?job={done}")
    seen.page.mouse.click(*seen.point(seen.bars("semaphore")[0]))
    site = seen.page.locator("[data-fact='created at']")
    site.wait_for()
    assert site.inner_text() == "/srv/podcast/engine.py:42 in speak"
    assert "chunk-1 (line 51)" in seen.page.locator(".details").inner_text()
    seen.page.keyboard.press("Escape")
    seen.page.locator(".details").wait_for(state="hidden")


def test_a_click_on_a_block_names_its_line_and_stack(see, done):
    """The culprit, the call, and the way there."""
    seen = see(f"?job={done}")
    seen.page.mouse.click(*seen.point(seen.bars("blocked")[0]))
    culprit = seen.page.locator("[data-fact='culprit']")
    culprit.wait_for()
    assert culprit.inner_text() == "/srv/podcast/engine.py:80 in _send"
    assert seen.page.locator("[data-fact='call']").inner_text() == "time.sleep(3)"


def test_the_wheel_zooms_and_a_double_click_shows_everything(see, done):
    """The time under the pointer stays under it."""
    seen = see(f"?job={done}")
    whole = seen.page.evaluate("window.__loopscope.timeline.view()")
    bar = seen.bars("blocked")[0]
    seen.page.mouse.move(*seen.point(bar))
    seen.page.mouse.wheel(0, -600)
    seen.until(f"view.end - view.start < {(whole['end'] - whole['start']) * 0.6}")
    again = seen.bars("blocked")[0]
    assert again["width"] > bar["width"]
    assert seen.number("start") < 4_500_000 < seen.number("end")
    seen.page.mouse.dblclick(*seen.point(again))
    seen.until(f"view.start === {whole['start']} && view.end === {whole['end']}")


def test_dragging_pans(see, done):
    """The view moves with the hand and keeps its width."""
    seen = see(f"?job={done}")
    seen.page.mouse.move(*seen.point(seen.bars("blocked")[0]))
    seen.page.mouse.wheel(0, -600)
    seen.until("view.start > 1e6")
    before = seen.page.evaluate("window.__loopscope.timeline.view()")
    seen.page.mouse.down()
    seen.page.mouse.move(1000, 500)
    seen.page.mouse.move(1100, 500)
    seen.page.mouse.up()
    seen.until(f"view.start < {before['start'] - 1e5}")
    after = seen.page.evaluate("window.__loopscope.timeline.view()")
    assert after["end"] - after["start"] == pytest.approx(before["end"] - before["start"])


def test_the_keyboard_reaches_everything(see, done):
    """Choose a task, read it, zoom, move, and go back to the whole."""
    seen = see(f"?job={done}")
    seen.page.locator("canvas").focus()
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("ArrowDown")
    assert seen.page.locator(".spoken").inner_text().startswith("chunk-1, ok")
    seen.page.keyboard.press("Enter")
    seen.page.locator("[data-fact='created at']").wait_for()
    whole = seen.page.evaluate("window.__loopscope.timeline.view()")
    seen.page.keyboard.press("+")
    seen.until(f"view.start > {whole['start']}")
    zoomed = seen.page.evaluate("window.__loopscope.timeline.view()")
    seen.page.keyboard.press("ArrowRight")
    seen.until(f"view.start > {zoomed['start']}")
    seen.page.keyboard.press("0")
    seen.until(f"view.start === {whole['start']}")


def test_hovering_says_what_a_task_does(see, done):
    """Task, kind, duration and label beside the pointer."""
    seen = see(f"?job={done}")
    seen.page.mouse.move(*seen.point(seen.bars("worker")[0]))
    seen.page.locator(".tooltip").wait_for()
    said = seen.page.locator(".tooltip").inner_text()
    assert "chunk-1" in said
    assert "in a worker" in said


def test_dark_and_light_follow_the_browser(see, done):
    """The same bar in the colour of its theme, on that theme's ground."""
    for scheme, colour in (("light", (0x7C, 0x5C, 0xD3)), ("dark", (0xA0, 0x84, 0xF0))):
        seen = see(f"?job={done}", color_scheme=scheme)
        assert seen.colour(seen.bars("http")[0]) == colour


def test_a_sharp_screen_gets_a_sharp_canvas(see, done):
    """Two device pixels for each of the page's."""
    seen = see(f"?job={done}", device_scale_factor=2)
    canvas = seen.page.locator("canvas")
    assert canvas.evaluate("it => it.width") == 2 * canvas.evaluate("it => it.clientWidth")


def test_a_dead_process_is_plain_on_both_pages(see, lost):
    """That it died, when, and on what each open task was waiting."""
    listed = see()
    assert "died" in listed.page.locator(".process-card").first.inner_text()
    seen = see(f"?job={lost}")
    assert " died at " in seen.page.locator(".process-line").inner_text()
    rows = seen.page.locator(".open tbody tr")
    assert "semaphore speech" in rows.first.inner_text()
    rows.first.locator("button").click()
    seen.page.locator("[data-fact='created at']").wait_for()


def test_a_running_job_grows_until_somebody_looks_elsewhere(visit, segment):
    """The right edge follows the records; after a pan it stays, while the job goes on."""
    job = segment.job("podcast", "live", 0, -5)
    segment.task("chunk", -4)
    seen = visit(f"?job={job}")
    assert seen.data("live") == "true"
    segment.beat_at(20)
    seen.until("view.end > 24e6")
    seen.page.locator("canvas").focus()
    seen.page.keyboard.press("+")
    seen.until("view.start > 1e6")
    before = seen.page.evaluate("window.__loopscope.timeline.view()")
    segment.beat_at(60)
    seen.page.wait_for_function("() => window.__loopscope.timeline.extent().end > 60e6")
    assert seen.page.evaluate("window.__loopscope.timeline.view()") == before


def test_a_new_job_appears_in_the_open_list(visit, segment):
    """Nobody has to reload."""
    seen = visit()
    assert "Nothing recorded yet" in seen.page.locator(".empty").inner_text()
    segment.job("podcast", "ep-7", 0, -5, -1)
    seen.page.get_by_text("ep-7").wait_for()


def test_search_and_state_narrow_the_list(see):
    """By what it is called and by how it fares."""
    seen = see()
    rows = seen.page.locator(".jobs tbody tr")
    assert rows.count() == 2
    seen.page.get_by_role("button", name="lost").click()
    assert rows.count() == 1
    seen.page.get_by_role("button", name="lost").click()
    seen.page.get_by_role("searchbox").fill("ep-1041")
    assert rows.count() == 1
    assert "ok" in rows.inner_text()


def test_thousands_of_tasks_paint_only_what_is_in_sight(visit, segment):
    """Lanes scroll; the canvas stays as high as the window allows."""
    job = segment.job("crowd", "1", 0, -9, -1)
    for number in range(3000):
        segment.task(f"t{number}", -8.5 + number / 1000, -2)
    seen = visit(f"?job={job}")
    assert seen.number("tasks") == 3000
    assert seen.number("lanes") < 40
    seen.page.mouse.move(150, 500)
    seen.page.mouse.wheel(0, 22 * 1000)
    seen.page.wait_for_function("() => window.__loopscope.timeline.bars().some((bar) => bar.lane > 1000)")


def test_what_is_wrong_stands_above_the_jobs_and_leads_to_its_job(visit, deadlock):
    """Severity, kind, sentence and line at a glance; the job is marked, and its page explains."""
    seen = visit()
    finding = seen.page.locator(".finding summary")
    finding.wait_for()
    said = finding.inner_text()
    assert said.startswith("critical")
    assert "semaphore starvation" in said
    assert '3 tasks wait for semaphore "tts"' in said
    assert "engine.py:145" in said
    assert seen.page.locator(".jobs tbody .mark").get_attribute("aria-label") == "critical finding"
    finding.get_by_role("link", name="podcast 9f3c").click()
    seen.page.wait_for_selector(".timeline[data-ready='1']")
    assert f"job={deadlock.current}" in seen.page.url
    explained = seen.page.locator(".finding[open]")
    assert "Do not take the same semaphore" in explained.locator("[data-fact=do]").inner_text()
    assert "/srv/podcast/engine.py:145 in speak" in explained.locator(".line").inner_text()
    assert "permits 3" in explained.locator("[data-fact=numbers]").inner_text()
    assert seen.complaints == []


def test_an_opened_finding_stays_open_while_the_journal_grows(visit, segment):
    """The sentence goes on with the time, the reader and the keyboard keep their place."""
    deadlocked(segment)
    seen = visit()
    seen.page.locator(".finding summary").focus()
    seen.page.keyboard.press("Enter")
    explanation = seen.page.locator(".finding[open] .explain")
    assert "for 18 s" in explanation.inner_text()
    segment.beat_at(30)
    seen.page.get_by_text("for 48 s").last.wait_for()
    assert "for 48 s" in explanation.inner_text()
    seen.page.keyboard.press("Enter")
    seen.page.locator(".finding:not([open])").wait_for()


def test_where_nothing_is_wrong_the_page_says_so_calmly(visit, segment):
    """A line, no box; the same on the page of a job."""
    job = segment.job("podcast", "ep-7", 0, -5, -1)
    for query, said in (
        ("", "Nothing wrong was found in 1 process."),
        (f"?job={job}", "No finding is about this job."),
    ):
        seen = visit(query)
        seen.page.locator(".findings .calm").wait_for()
        assert said in seen.page.locator(".findings").inner_text()
        assert seen.page.locator(".finding, .mark").count() == 0


def test_a_real_programs_journal_names_its_line(tour, blocked_explorer):
    """From a loop that really stood still to the line in the browser."""
    seen = tour(blocked_explorer)
    seen.page.locator(".finding[data-kind='loop blocked'] a.job").first.click()
    line = seen.page.locator(".timeline .finding[open] .line")
    line.wait_for()
    assert "time.sleep(2)" in line.inner_text()
    assert "program.py" in line.inner_text()
