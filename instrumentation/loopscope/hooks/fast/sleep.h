/* The loop's sleep, timed: see `loop_clock.timed`. */

#define LAG_FLOOR 1000000 /* ns; as in Python */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *clock, *sleep;
    long long long_step;
} Sleep;

static int
sleep_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Sleep *)self)->clock);
    Py_VISIT(((Sleep *)self)->sleep);
    return 0;
}

static int
sleep_clear(PyObject *self)
{
    Py_CLEAR(((Sleep *)self)->clock);
    Py_CLEAR(((Sleep *)self)->sleep);
    return 0;
}

static void
sleep_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    sleep_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef sleep_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Sleep, call), READONLY, NULL},
    {NULL},
};

static PyType_Slot sleep_slots[] = {
    {Py_tp_call, PyVectorcall_Call},   {Py_tp_traverse, sleep_traverse}, {Py_tp_clear, sleep_clear},
    {Py_tp_dealloc, sleep_dealloc}, {Py_tp_members, sleep_members},   {0, NULL},
};

static PyType_Spec sleep_spec = {
    .name = "loopscope.hooks._fast.Sleep",
    .basicsize = sizeof(Sleep),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = sleep_slots,
};

static PyTypeObject *sleep_type;

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
    if (waiting == NULL || !PyList_CheckExact(waiting) || PyList_GET_SIZE(waiting) == 0) {
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
    PyObject *clock = Py_NewRef(((Sleep *)self)->clock), *sleep = Py_NewRef(((Sleep *)self)->sleep), *result = NULL;
    Times *times = (Times *)clock;
    double timeout = timeout_of(arguments, flagged, names);
    long long slept = moment(), asked = (long long)(timeout * 1e9) + LAG_FLOOR;
    if (fall_asleep(times, clock, slept) == 0) {
        times->asleep = timeout != 0;
        result = PyObject_Vectorcall(sleep, arguments, flagged, names);
        times->asleep = 0;
    }
    times->woke = times->mark = moment();
    times->limit = times->woke + ((Sleep *)self)->long_step;
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
    Sleep *made = PyObject_GC_New(Sleep, sleep_type);
    if (made != NULL) {
        made->call = sleep_and_wake;
        made->clock = Py_NewRef(clock);
        made->sleep = Py_NewRef(sleep);
        made->long_step = long_step;
        PyObject_GC_Track((PyObject *)made);
    }
    return (PyObject *)made;
}
