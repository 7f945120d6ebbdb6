/* A step: see `steps._timed`. */

/* Does a method without arguments, or an attribute, give what is expected? -1 with an error set if it fails. */
static int
is_same(PyObject *found, PyObject *expected)
{
    Py_XDECREF(found); /* of what never dies */
    return found == NULL ? -1 : found == expected;
}

/* Count a thin task that ended well and soon: 1, 0 if it did not, -1 with an error set. */
static int
counted(PyObject *key, PyObject *task, long long end)
{
    Budget *detail = budget();
    PyObject *created = detail == NULL ? NULL : PyDict_GetItemWithError(known.thin_tasks, key);
    int well = created != NULL && end - PyLong_AsLongLong(created) < detail->over; /* none: it has a record by now */
    if (well && (well = is_same(PyObject_GetAttr(task, str_exception), Py_None)) > 0
        && (well = is_same(PyObject_CallMethodNoArgs(task, str_cancelled), Py_False)) > 0) {
        detail->tasks += 1;
        well = PyDict_DelItem(known.thin_tasks, key) < 0 ? -1 : 1;
    }
    Py_XDECREF(detail);
    return PyErr_Occurred() ? -1 : well;
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

static int
after_thin_step(PyObject *key, PyObject *task, long long end)
{
    int found = is_same(PyObject_Vectorcall(known.done, &task, 1, NULL), Py_True);
    if (found > 0 && (found = counted(key, task, end)) == 0) {
        found = tell(known.thin_ended, key, task, end);
    }
    return found;
}

static int
after_step(PyObject *clock, PyObject *task, PyObject *key, int is_thin)
{
    Times *times = (Times *)clock;
    long long end = moment();
    int failed = end > times->limit ? tell(known.look_for_long_step, clock, task, end) : 0;
    times->mark = end;
    return !failed && is_thin ? after_thin_step(key, task, end) : failed;
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

/* The clock, the owner of the callback and its address, for a step that leaves no record; else 0. */
static int
is_unrecorded(PyObject *handle, PyObject **clock, PyObject **task, PyObject **key, int *is_thin)
{
    PyObject *loop = Py_NewRef(SLOT(handle, known.handle_loop)); /* either may be asked in Python, and cancel it */
    PyObject *callback = Py_NewRef(SLOT(handle, known.handle_callback));
    *clock = clock_of(loop);
    if (*clock != NULL) {
        *task = owner_of(callback);
    }
    Py_DECREF(loop);
    Py_DECREF(callback);
    if (*task == NULL || (*key = PyLong_FromVoidPtr(*task)) == NULL) {
        return 0;
    }
    *is_thin = PyDict_Contains(known.thin_tasks, *key);
    return (*is_thin > 0 && Py_TYPE(*task) == known.task) /* else of another make, or at a collected task's address */
           || (*is_thin == 0 && PyDict_Contains(known.open_tasks, *key) == 0);
}

static PyObject *
step(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *clock = NULL, *task = NULL, *key = NULL, *result = NULL;
    int is_thin = 0;
    if (PyVectorcall_NARGS(flagged) != 1 || names != NULL || !is_plain(arguments[0])
        || !is_unrecorded(arguments[0], &clock, &task, &key, &is_thin) || !is_plain(arguments[0])) {
        result = fall_back(self, arguments, flagged, names);
        goto end;
    }
    put(clock, known.clock_key, Py_NewRef(key));
    if (run_handle(arguments[0]) == 0
        && (after_step(clock, task, key, is_thin) >= 0 || pass_over("step") == 0)) {
        result = Py_NewRef(Py_None);
    }
end:
    Py_XDECREF(clock);
    Py_XDECREF(task);
    Py_XDECREF(key);
    return result;
}
