/* A handle of a loop: whether it is a plain one, the clock of its loop, and its callback run. */

/* Does a method without arguments, or an attribute, give what is expected? -1 with an error set if it fails. */
static int
is_same(PyObject *found, PyObject *expected)
{
    Py_XDECREF(found); /* of what never dies */
    return found == NULL ? -1 : found == expected;
}

/* Call a function of the hooks in Python with the end of the step. */
static int
tell(PyObject *function, PyObject *first, PyObject *second, long long end)
{
    PyObject *moment = PyLong_FromLongLong(end);
    PyObject *said = moment == NULL ? NULL : PyObject_CallFunctionObjArgs(function, first, second, moment, NULL);
    Py_XDECREF(moment);
    Py_XDECREF(said);
    return said == NULL ? -1 : 0;
}

/* Run the handle in its context, and report what it raises as asyncio would. -1: what ends the loop is raised. */
static int
run_handle(PyObject *handle)
{
    PyObject *context = Py_NewRef(SLOT(handle, known.handle_context)); /* cancelling a handle takes these away */
    PyObject *callback = Py_NewRef(SLOT(handle, known.handle_callback));
    PyObject *args = Py_NewRef(SLOT(handle, known.handle_args));
    PyObject *result = NULL;
    if (PyContext_Enter(context) == 0) {
        result = PyObject_Call(callback, args, NULL);
        if (PyContext_Exit(context) < 0) {
            Py_CLEAR(result);
        }
    }
    Py_DECREF(context);
    Py_DECREF(callback);
    Py_DECREF(args);
    if (result == NULL && !PyErr_ExceptionMatches(PyExc_SystemExit)
        && !PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyObject *error = raised();
        result = while_handled(error, known.say_unhandled, handle, error);
        Py_XDECREF(error);
    }
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int
is_plain(PyObject *handle)
{
    if (!PyObject_TypeCheck(handle, known.handle)) {
        return 0;
    }
    PyObject *args = SLOT(handle, known.handle_args), *context = SLOT(handle, known.handle_context);
    return SLOT(handle, known.handle_loop) != NULL && SLOT(handle, known.handle_callback) != NULL && args != NULL
           && PyTuple_CheckExact(args) && context != NULL && PyContext_CheckExact(context);
}

/* A loop's clock; NULL if it has none of ours. That of the last one may be half taken apart. */
static PyObject *
clock_of(PyObject *loop)
{
    PyObject *of = last_clock != NULL && Py_REFCNT(last_clock) > 0 ? SLOT(last_clock, known.clock_loop) : NULL;
    if (of != NULL && PyWeakref_CheckRef(of) && ((PyWeakReference *)of)->wr_object == loop) {
        return Py_NewRef(last_clock);
    }
    PyObject *clock = PyObject_GetAttr(loop, str_clock);
    if (clock != NULL && Py_TYPE(clock) != known.clock) {
        Py_CLEAR(clock);
    }
    return last_clock = clock;
}
