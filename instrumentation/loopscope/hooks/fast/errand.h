/* A work item that has a context of its own, on its way through a worker thread: see `executors.Call`. */

enum { ERRAND_ITEM, ERRAND_FUNCTION }; /* what it knows */

static int
begin_item(PyObject *item)
{
    PyObject *name = PyObject_CallNoArgs(known.worker_name);
    PyObject *thread = name == NULL ? NULL : PyLong_FromUnsignedLong(PyThread_get_thread_ident());
    if (thread == NULL || put_number(item, known.item_started, moment()) < 0) {
        Py_XDECREF(name);
        Py_XDECREF(thread);
        return -1;
    }
    put(item, known.item_worker, name);
    put(item, known.item_thread, thread);
    return PyObject_SetAttr(known.worker, str_item, item);
}

static int
end_item(PyObject *item, PyObject *outer, PyObject *error)
{
    PyObject *outcome = error == NULL ? str_ok : str_error, *said = NULL;
    if (PyObject_SetAttr(known.worker, str_item, outer) == 0) {
        said = PyObject_CallFunctionObjArgs(known.end_item, item, outcome, error == NULL ? Py_None : error, NULL);
    }
    Py_XDECREF(said);
    return said == NULL ? -1 : 0;
}

static PyObject *
run_errand(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *item = Py_NewRef(((Made *)self)->parts[ERRAND_ITEM]);
    PyObject *function = Py_NewRef(((Made *)self)->parts[ERRAND_FUNCTION]);
    PyObject *outer = PyObject_GetAttr(known.worker, str_item), *result = NULL, *error = NULL;
    if ((outer != NULL && begin_item(item) == 0) || pass_over("work item") == 0) {
        result = PyObject_Vectorcall(function, arguments, flagged, names);
    }
    error = result == NULL ? raised() : NULL;
    if (end_item(item, outer == NULL ? Py_None : outer, error) < 0 && pass_over("work item") < 0) {
        Py_CLEAR(result);
        Py_CLEAR(error);
    }
    raise_again(error);
    Py_XDECREF(outer);
    Py_DECREF(item);
    Py_DECREF(function);
    return result;
}

/* A work item and its function: what to give to the executor instead. */
static PyObject *
errand(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *item, *function;
    if (known.clock == NULL) {
        return PyErr_Format(PyExc_RuntimeError, "no errand is run before configure() was called");
    }
    if (!PyArg_ParseTuple(args, "O!O:errand", known.item, &item, &function)) {
        return NULL;
    }
    return (PyObject *)make(run_errand, (PyObject *[MOST_PARTS]){item, function});
}
