/* What a loop is given to run, and by whom, see `waking`. */

/* Is a callback about to hear that what it waits for was cancelled? Then somebody on the stack did so. */
static int
tells_of_cancellation(PyObject *args)
{
    PyObject *given = PyTuple_GET_SIZE(args) > 0 ? PyTuple_GET_ITEM(args, 0) : NULL;
    if (given == NULL || (Py_TYPE(given) != known.future && Py_TYPE(given) != known.task)) {
        return 0;
    }
    PyObject *state = PyObject_GetAttr(given, str_state);
    int cancelled = state == NULL ? -1 : PyObject_RichCompareBool(state, str_CANCELLED, Py_EQ);
    Py_XDECREF(state);
    return cancelled;
}

/* Does the loop sleep? Then it is another thread that calls, or a signal's handler. */
static int
sleeps(PyObject *loop)
{
    PyObject *clock = clock_of(loop);
    int asleep = clock != NULL && ((Times *)clock)->asleep;
    if (clock == NULL) {
        PyErr_Clear(); /* it has not run since we came */
    }
    Py_XDECREF(clock);
    return asleep;
}

/* Is what calls `_call_soon` about to wake the loop? -1 with an error set if that fails. */
static int
will_wake(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyCodeObject *code = frame != NULL ? PyFrame_GetCode(frame) : NULL;
    PyObject *name = code != NULL ? PyObject_GetAttr((PyObject *)code, str_co_name) : NULL;
    int answer = name != NULL ? PyObject_RichCompareBool(name, str_threadsafe, Py_EQ) : -1;
    Py_XDECREF(name);
    Py_XDECREF(code);
    Py_XDECREF(frame);
    return answer;
}

/* `_call_soon`: a loop's own, and that of what another thread gives it to run. */
static PyObject *
put_soon(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    if (PyVectorcall_NARGS(flagged) != 4 || names != NULL || !PyTuple_CheckExact(arguments[2])
        || tells_of_cancellation(arguments[2]) || (sleeps(arguments[0]) && will_wake() != 1)) {
        return fall_back(self, arguments, flagged, names);
    }
    /* In debug mode asyncio takes its own frame off the handle's traceback here. There is none. */
    return enqueue(arguments[0], arguments[1], arguments[2], arguments[3], 0);
}

/* The loop that was looked at last, when it woke for the iteration that it was in, and its class's version. */
static struct {
    PyObject *loop;
    long long woke;
    unsigned int version;
} untouched;

/* Is a loop open, are its methods that asyncio's `call_soon` asks asyncio's own, and `_call_soon` ours? Looked up anew in
   each of its iterations, and when its class has changed. An error may be set if not. */
static int
is_untouched(PyObject *loop)
{
    unsigned int version = Py_TYPE(loop)->tp_version_tag;
    PyObject *clock = clock_of(loop);
    long long woke = clock != NULL ? ((Times *)clock)->woke : 0; /* 0: it does not run */
    Py_XDECREF(clock);
    PyErr_Clear();
    if (untouched.loop == loop && woke != 0 && untouched.woke == woke && version != 0 && untouched.version == version) {
        return 1;
    }
    int is_so = is_same(PyObject_GetAttr(loop, str_closed), Py_False) > 0
                && has_own(loop, str_get_debug, known.get_debug) > 0 && has_own(loop, str_check_closed, known.check_closed) > 0
                && is_front(loop, str_call_soon, put_soon);
    untouched.loop = is_so ? loop : NULL;
    untouched.woke = woke;
    untouched.version = Py_TYPE(loop)->tp_version_tag;
    return is_so;
}

/* Would asyncio do nothing with it but call our `_call_soon`? A loop in one of its iterations cannot be closed. */
static int
goes_straight(PyObject *loop)
{
    return is_untouched(loop) && is_same(PyObject_GetAttr(loop, str_debug), Py_False) > 0;
}

static PyObject *
call_soon(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    Py_ssize_t given = PyVectorcall_NARGS(flagged);
    PyObject *context = names == NULL ? Py_None : only_name(names, str_context) ? arguments[given] : NULL;
    PyObject *args = NULL, *handle = NULL;
    if (given >= 2 && context != NULL && goes_straight(arguments[0])) {
        args = tuple_of(arguments + 2, given - 2);
    }
    if (args == NULL || tells_of_cancellation(args) || sleeps(arguments[0])) {
        handle = fall_back(self, arguments, flagged, names);
    }
    else {
        handle = enqueue(arguments[0], arguments[1], args, context, 1);
    }
    Py_XDECREF(args);
    return handle;
}

static PyObject *
call_at(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    if (PyVectorcall_NARGS(flagged) == 0 || sleeps(arguments[0])) {
        return fall_back(self, arguments, flagged, names);
    }
    return PyObject_Vectorcall(((Front *)self)->original, arguments, flagged, names);
}
