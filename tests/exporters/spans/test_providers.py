"""Where spans go: the program's provider, one made from OTEL_*, or nowhere, at no cost."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import NoOpTracer

import loopscope
from loopscope import tracing


def one_job():
    with loopscope.job("podcast"):
        pass


def run(program, **variables):
    """A program in a process of its own, without the variables that speak of spans."""
    spoken_of = ("OTEL_", "LOOPSCOPE_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(spoken_of)}
    settings = {"LOOPSCOPE_JOURNAL": "off", "LOOPSCOPE_METRICS_PORT": "-1"}
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**clean, **settings, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def collector():
    """A real HTTP server that takes OTLP, as the OpenTelemetry Collector does."""
    received = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()
    thread.join()


ONE_JOB = """
import loopscope
handle = loopscope.instrument()
handle.exporter("spans")
with loopscope.job("podcast"):
    pass
"""


def test_without_any_configuration_opentelemetry_is_not_even_imported():
    """Who wants no spans pays nothing, not even at the start."""
    done = run(ONE_JOB + "import sys; print('opentelemetry.trace' in sys.modules)")

    assert done.stdout == "False\n"
    assert "span" not in done.stderr


def test_an_endpoint_in_the_environment_is_enough(collector):
    """The last spans are sent before the program ends, under the service's name."""
    address, received = collector

    done = run(ONE_JOB, OTEL_EXPORTER_OTLP_ENDPOINT=address, LOOPSCOPE_SERVICE="radio")

    assert done.returncode == 0, done.stderr
    (resource,) = received[0].resource_spans
    attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert attributes["service.name"] == "radio"
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["podcast"]


def test_spans_off_wins_over_the_environment(collector):
    """LOOPSCOPE_SPANS is about our spans, OTEL_* about where the program sends its own."""
    address, received = collector

    run(ONE_JOB, OTEL_EXPORTER_OTLP_ENDPOINT=address, LOOPSCOPE_SPANS="off")

    assert received == []


def test_a_missing_exporter_is_a_sentence_that_says_what_to_install():
    """The program itself goes on."""
    done = run(ONE_JOB + "handle.close(); print('went on')", OTEL_TRACES_EXPORTER="otlp_by_pigeon")

    assert done.stdout == "went on\n"
    assert "'otlp_by_pigeon', which is not installed; install" in done.stderr


def test_spans_on_without_a_place_to_go_is_said():
    """Asked for and impossible is worth a line; merely not configured is not."""
    done = run(ONE_JOB, LOOPSCOPE_SPANS="on")

    assert "spans are on, but the program has set no TracerProvider" in done.stderr


def test_an_unknown_mode_is_a_sentence():
    """It names what was found and what is expected."""
    done = run(ONE_JOB, LOOPSCOPE_SPANS="maybe")

    assert "the setting spans is 'maybe'; expected one of auto, on, off" in done.stderr


def test_a_job_that_ends_with_the_program_is_still_sent():
    """The provider, made after `instrument()`, closes at exit; what ended last comes before that."""
    done = run(
        "import loopscope; loopscope.instrument().exporter('spans')\n"
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))\n"
        "trace.set_tracer_provider(provider)\n"
        "import loopscope.tracing, time\n"
        "while not loopscope.tracing.enabled: time.sleep(0.01)\n"
        "with loopscope.job('podcast'): pass\n"
    )

    assert '"name": "podcast"' in done.stdout, done.stderr


def test_a_child_forked_at_once_sends_its_spans_too():
    """The fork must not fall into the middle of what the exporter imports on its thread."""
    done = run(
        "import os, sys\n"
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor\n"
        "provider = TracerProvider()\n"
        "console = ConsoleSpanExporter(formatter=lambda span: span.name + ' sent\\n')\n"
        "provider.add_span_processor(SimpleSpanProcessor(console))\n"
        "trace.set_tracer_provider(provider)\n"
        "import loopscope; loopscope.instrument()\n"
        "child = os.fork()\n"
        "with loopscope.job('parent' if child else 'child'): pass\n"
        "if child: os.waitpid(child, 0)\n"
    )

    assert sorted(done.stdout.split("\n")) == ["", "child sent", "parent sent"], done.stderr


def test_a_provider_set_after_instrument_is_taken_up(instrument, use_provider, provider, memory):
    """Jobs that were open before it are sent as well."""
    instrument()
    taken_up = threading.Event()
    forget = tracing.when_enabled(taken_up.set)

    with loopscope.job("podcast"):
        use_provider(provider)
        taken_up.wait()
    loopscope.uninstrument()
    forget()

    assert "podcast" in [span.name for span in memory.get_finished_spans()]


def test_a_provider_that_is_not_the_sdks_is_a_sentence(instrument, use_provider, caplog):
    """Its spans cannot be given ids and times; all else of loopscope works."""

    class Foreign:
        def get_tracer(self, *_, **__):
            return NoOpTracer()

    use_provider(Foreign())
    instrument()
    one_job()
    loopscope.uninstrument()

    assert "the program set a" in caplog.text
    assert "Foreign without _active_span_processor" in caplog.text


def test_a_span_processor_that_fails_is_counted_and_said_once(
    instrument, use_provider, provider, memory, caplog
):
    """A bug in the program's processor costs neither the other spans nor the service."""

    class Failing(SpanProcessor):
        def on_end(self, span):
            raise ValueError(span.name)

    provider.add_span_processor(Failing())
    use_provider(provider)
    handle = instrument()
    one_job()
    one_job()
    loopscope.uninstrument()

    assert len(memory.get_finished_spans()) == 2
    assert handle.state.faults["span processor"] == 2
    assert caplog.text.count("a span processor of the program's TracerProvider failed") == 1
