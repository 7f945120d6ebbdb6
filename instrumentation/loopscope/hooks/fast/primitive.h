/* The making of a primitive, and an act on it: see `sync._noting_creation` and `partners._noting`. */

/* Note on it where it was made, as in Python, and how many permits it has. */
static int
note_made(PyObject *primitive)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *site = frame == NULL ? Py_NewRef(Py_None) : PyObject_CallOneArg(known.note_creation, (PyObject *)frame);
    PyObject *permits = NULL;
    int failed = site == NULL || PyObject_SetAttr(primitive, str_site, site) < 0;
    if (!failed && PyObject_TypeCheck(primitive, known.semaphore)) {
        permits = PyObject_GetAttr(primitive, str_value);
        failed = permits == NULL || PyObject_SetAttr(primitive, str_permits, permits) < 0;
    }
    Py_XDECREF(frame);
    Py_XDECREF(site);
    Py_XDECREF(permits);
    return failed ? -1 : 0;
}

static PyObject *
init_primitive(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *result = PyObject_Vectorcall(((Front *)self)->original, arguments, flagged, names);
    if (result != NULL && PyVectorcall_NARGS(flagged) > 0 && note_made(arguments[0]) < 0 && pass_over("primitive") < 0) {
        Py_CLEAR(result);
    }
    return result;
}

/* Does what runs here have a record, see `context.recorded_task`? Also 1 with an error set if that fails. */
static int
has_record_here(void)
{
    PyObject *clock = clock_here(), *loop, *task;
    if (clock == NULL) {
        return PyErr_Occurred() != NULL;
    }
    Py_INCREF(clock);
    int has_one = !runs_thin(clock);
    if (has_one && SLOT(clock, known.clock_running) == Py_None) {
        loop = PyObject_CallNoArgs(SLOT(clock, known.clock_loop));
        task = loop == NULL ? NULL : loop == Py_None ? Py_NewRef(Py_None) : PyObject_CallOneArg(known.current_task, loop);
        has_one = task != Py_None;
        Py_XDECREF(loop);
        Py_XDECREF(task);
    }
    Py_DECREF(clock);
    return has_one;
}

/* Only a task with a record is noted. */
static PyObject *
act(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    if (has_record_here()) {
        return fall_back(self, arguments, flagged, names);
    }
    return PyObject_Vectorcall(((Front *)self)->original, arguments, flagged, names);
}
