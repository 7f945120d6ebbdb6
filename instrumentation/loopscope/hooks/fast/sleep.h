/* The loop's sleep, timed: see `loop_clock.timed`. */

#define LAG_FLOOR 1000000 /* ns; as in Python */

/* What a sleep knows: a clock and a selector's `select`, and how many ns a long step has. */
enum { SLEEP_CLOCK, SLEEP_SELECT };

/* The time-out that a sleep was given, s; -1 for none. */
static double
timeout_of(PyObject *const *arguments, size_t flagged, PyObject *names)
{
    int given = PyVectorcall_NARGS(flagged) + (names != NULL ? PyTuple_GET_SIZE(names) : 0) > 0;
    double seconds = given && arguments[0] != Py_None ? PyFloat_AsDouble(arguments[0]) : -1;
    PyErr_Clear(); /* the selector will complain */
    return seconds;
}

/* Tell those who wait for it that the loop is awake. */
static int
wake_up(PyObject *clock)
{
    PyObject *waiting = SLOT(clock, known.clock_on_waking);
    if (waiting == NULL || Py_TYPE(waiting) != deque_type || Py_SIZE(waiting) == 0) {
        return 0;
    }
    PyObject *said = PyObject_CallMethodNoArgs(clock, str_wake_up);
    Py_XDECREF(said);
    return said == NULL ? pass_over("select") : 0;
}

static int
fall_asleep(Times *times, PyObject *clock, long long slept)
{
    long long woke = times->woke, busy = woke ? slept - woke : 0; /* somebody turns a loop that does not run by hand */
    times->iterations += 1;
    times->busy += busy;
    times->woke = 0;
    if (busy <= LAG_FLOOR) {
        return 0;
    }
    PyObject *pair = Py_BuildValue("(LL)", woke, slept), *said = NULL, *iterations = Py_XNewRef(SLOT(clock, known.clock_long));
    if (pair != NULL && iterations != NULL) {
        said = PyObject_CallMethodOneArg(iterations, str_append, pair);
    }
    Py_XDECREF(pair);
    Py_XDECREF(iterations);
    Py_XDECREF(said);
    return said == NULL ? pass_over("select") : 0;
}

static PyObject *
sleep_and_wake(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    Made *of_it = (Made *)self;
    PyObject *clock = Py_NewRef(of_it->parts[SLEEP_CLOCK]), *sleep = Py_NewRef(of_it->parts[SLEEP_SELECT]);
    PyObject *result = NULL;
    Times *times = (Times *)clock;
    double timeout = timeout_of(arguments, flagged, names);
    long long slept = moment(), asked = (long long)(timeout * 1e9) + LAG_FLOOR;
    if (fall_asleep(times, clock, slept) == 0) {
        times->asleep = timeout != 0;
        result = PyObject_Vectorcall(sleep, arguments, flagged, names);
        times->asleep = 0;
    }
    times->woke = times->mark = moment();
    times->limit = times->woke + of_it->numbers[0];
    if (timeout >= 0 && times->woke - slept > asked) {
        times->overslept += times->woke - slept - asked;
    }
    PyObject *error = result == NULL ? raised() : NULL;
    if (wake_up(clock) < 0) {
        Py_CLEAR(result);
        Py_CLEAR(error);
    }
    raise_again(error);
    Py_DECREF(clock);
    Py_DECREF(sleep);
    return result;
}

/* A clock, a selector's `select`, and what is a long step, ns: the `select` that reads the clock before and after. */
static PyObject *
timed(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *clock, *sleep;
    long long long_step;
    if (known.clock == NULL) {
        return PyErr_Format(PyExc_RuntimeError, "nothing is timed before configure() was called");
    }
    if (!PyArg_ParseTuple(args, "O!OL:timed", known.clock, &clock, &sleep, &long_step)) {
        return NULL;
    }
    Made *made = make(sleep_and_wake, (PyObject *[MOST_PARTS]){clock, sleep});
    if (made != NULL) {
        made->numbers[0] = long_step;
    }
    return (PyObject *)made;
}
