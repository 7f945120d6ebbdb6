/* A step of a task that has a record: see `steps._recorded_step`. */

static long long
number(PyObject *record, Py_ssize_t slot)
{
    PyObject *value = SLOT(record, slot);
    return value == NULL ? 0 : PyLong_AsLongLong(value);
}

static int
put_number(PyObject *record, Py_ssize_t slot, long long number)
{
    PyObject *value = PyLong_FromLongLong(number);
    if (value == NULL) {
        return -1;
    }
    put(record, slot, value);
    return 0;
}

/* Is it ours, of this very task, and is that asyncio's own? Another task may have the address of a collected one. */
static int
is_record_of(PyObject *record, PyObject *task)
{
    PyObject *of = Py_TYPE(record) == known.record ? SLOT(record, known.record_ref) : NULL;
    return Py_TYPE(task) == known.task && of != NULL && PyWeakref_CheckRef(of)
           && ((PyWeakReference *)of)->wr_object == task;
}

/* Tell of the first step of a task, and of the end of a long wait. */
static int
resume(PyObject *handle, PyObject *record, PyObject *task, long long began)
{
    PyObject *moment = PyLong_FromLongLong(began), *args = Py_NewRef(SLOT(handle, known.handle_args)), *said = NULL;
    if (moment != NULL) {
        said = PyObject_CallFunctionObjArgs(known.resumed, record, task, args, moment, NULL);
    }
    Py_XDECREF(moment);
    Py_DECREF(args);
    Py_XDECREF(said);
    return said == NULL ? -1 : 0;
}

static int
note_slow(PyObject *clock, PyObject *record, long long began, long long end)
{
    PyObject *slice = Py_BuildValue("(OLL)", record, began, end);
    PyObject *slow = Py_XNewRef(SLOT(clock, known.clock_slow));
    PyObject *said = slice == NULL || slow == NULL ? NULL : PyObject_CallMethodOneArg(slow, str_append, slice);
    Py_XDECREF(slice);
    Py_XDECREF(slow);
    Py_XDECREF(said);
    return said == NULL ? -1 : 0;
}

static int
after_recorded_step(PyObject *clock, PyObject *task, PyObject *record)
{
    Times *times = (Times *)clock;
    long long end = moment(), began = times->mark, spent = end - began;
    put(clock, known.clock_running, Py_NewRef(Py_None));
    times->mark = end;
    int failed = put_number(record, known.record_last_ran, end) < 0
                 || put_number(record, known.record_steps, number(record, known.record_steps) + 1) < 0
                 || put_number(record, known.record_running, number(record, known.record_running) + spent) < 0;
    int done = failed ? -1 : is_same(PyObject_Vectorcall(known.done, &task, 1, NULL), Py_True);
    failed = done < 0 || (done && tell(known.ended, record, task, end) < 0);
    return failed || (spent > known.long_step && note_slow(clock, record, began, end) < 0) ? -1 : 0;
}

/* -1: what ends the loop is raised. */
static int
recorded_step(PyObject *handle, PyObject *clock, PyObject *task, PyObject *record)
{
    long long began = ((Times *)clock)->mark;
    put(clock, known.clock_running, Py_NewRef(record));
    if (began - number(record, known.record_last_ran) > known.long_wait && resume(handle, record, task, began) < 0
        && pass_over("step") < 0) {
        return -1;
    }
    PyObject *ending = run_handle(handle) < 0 ? raised() : NULL;
    int failed = after_recorded_step(clock, task, record) < 0 ? pass_over("step") : 0;
    if (ending != NULL && !failed) {
        raise_again(ending);
        return -1;
    }
    Py_XDECREF(ending);
    return failed;
}
