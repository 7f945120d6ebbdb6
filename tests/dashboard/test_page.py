"""The page that Streamlit runs, without a browser."""

from importlib import resources

import pytest
from streamlit.testing.v1 import AppTest

from loopscope_dashboard.explorer import launch
from loopscope_dashboard.explorer.reading import Reading

PAGE = str(resources.files("loopscope_dashboard.explorer") / "page.py")


@pytest.fixture
def page(tmp_path):
    launch.begin(launch.Launch(Reading(tmp_path)))
    return AppTest.from_file(PAGE, default_timeout=30)


def component(page):
    [element] = page.get("bidi_component")
    return element.proto


def test_the_list_of_jobs_comes_first(page):
    """Without a job in the address."""
    page.run()
    assert not page.exception
    assert component(page).component_name == "loopscope_jobs"


def test_an_address_with_a_job_leads_to_its_timeline(page, podcast):
    """The deep link that people send each other."""
    page.query_params["job"] = str(podcast)
    page.run()
    assert not page.exception
    assert component(page).component_name == "loopscope_timeline"
    assert str(podcast) in component(page).json


def test_an_address_with_nonsense_leads_to_the_list(page):
    """Whatever somebody typed."""
    page.query_params["job"] = "<script>"
    page.run()
    assert not page.exception
    assert component(page).component_name == "loopscope_jobs"


def test_the_page_alone_says_how_to_start_the_explorer(monkeypatch):
    """`streamlit run page.py` has no journal to show."""
    monkeypatch.setattr(launch, "_current", None)
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert "loopscope dashboard" in page.exception[0].message
