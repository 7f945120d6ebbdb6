/* The making of a task, see `tasks._creating_thin`. */

/* The job of the caller, or None, if a task that it makes now is thin; else NULL. */
static PyObject *
thin_job(void)
{
    PyObject *job = NULL;
    if (PyContextVar_Get(known.job_var, Py_None, &job) < 0) {
        return NULL;
    }
    int is_thin = 0;
    if (job == Py_None) {
        is_thin = budget->left <= 0;
    }
    else if (Py_TYPE(job) == known.job) {
        is_thin = SLOT(job, known.job_thin) == Py_True;
    }
    if (!is_thin) {
        Py_CLEAR(job);
    }
    return job;
}

static int
has_no_factory(PyObject *loop)
{
    return is_same(PyObject_GetAttr(loop, str_factory), Py_None) > 0;
}

static int
count_thin(PyObject *job)
{
    PyObject *more = PyNumber_Add(SLOT(job, known.job_thinned), one);
    if (more == NULL) {
        return -1;
    }
    put(job, known.job_thinned, more);
    return 0;
}

static int
note_thin(PyObject *task, PyObject *job)
{
    PyObject *key = PyLong_FromVoidPtr(task), *created = PyLong_FromLongLong(moment()), *said = NULL;
    int failed = key == NULL || created == NULL ? -1 : 0;
    if (!failed && (PyDict_Contains(known.thin_tasks, key) == 1 || PyDict_Contains(known.open_tasks, key) == 1)) {
        said = PyObject_CallOneArg(known.address_reused, key);
        failed = said == NULL ? -1 : 0;
    }
    failed = failed || PyDict_SetItem(known.thin_tasks, key, created) < 0 || (job != Py_None && count_thin(job) < 0);
    Py_XDECREF(said);
    Py_XDECREF(key);
    Py_XDECREF(created);
    return failed ? -1 : 0;
}

/* Is calling asyncio's own class all that `create_task` would do here, and sure to go well? */
static int
is_plain_making(PyObject *loop, PyObject *coroutine, PyObject *name)
{
    return PyCoro_CheckExact(coroutine) && (name == Py_None || PyUnicode_CheckExact(name))
           && PyDict_CheckExact(known.task_names)
           && PyDict_GetItemWithError(known.task_names, str_Task) == (PyObject *)known.task
           && is_front(loop, str_soon, call_soon) && goes_straight(loop);
}

static PyObject *
make_task(PyObject *original, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *name = names == NULL ? Py_None : arguments[2];
    if (is_plain_making(arguments[0], arguments[1], name)) {
        PyObject *given[] = {arguments[1], arguments[0], name};
        return PyObject_Vectorcall((PyObject *)known.task, given, 1, names_of_task);
    }
    return pass_by() < 0 ? NULL : PyObject_Vectorcall(original, arguments, flagged, names);
}

/* A name is all there may be by keyword: others, such as a context, say what the hook in Python has to know. */
static PyObject *
create_task(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *job = NULL, *task;
    int is_plain_call = PyVectorcall_NARGS(flagged) == 2 && (names == NULL || only_name(names, str_name))
                        && has_no_factory(arguments[0]);
    if (!is_plain_call || (job = thin_job()) == NULL) {
        return fall_back(self, arguments, flagged, names);
    }
    task = make_task(((Front *)self)->original, arguments, flagged, names);
    if (task != NULL && note_thin(task, job) < 0 && pass_over("create_task") < 0) {
        Py_CLEAR(task);
    }
    Py_DECREF(job);
    return task;
}
