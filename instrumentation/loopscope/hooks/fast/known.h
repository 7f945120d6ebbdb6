/* What all fronts know and share: the names, how an error of ours is passed over, how an attribute is looked up. */

#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* What `configure` was given: types of ours and of asyncio's, where their slots lie, and what lives in Python. */
typedef struct {
    PyTypeObject *handle, *clock, *job, *future, *task, *semaphore, *bounded, *lock, *detail, *record, *item;
    Py_ssize_t handle_loop, handle_callback, handle_args, handle_context;
    Py_ssize_t handle_cancelled, handle_repr, handle_traceback;
    Py_ssize_t clock_key, clock_loop, clock_running, clock_slow, clock_long, clock_on_waking;
    Py_ssize_t record_ref, record_last_ran, record_steps, record_running;
    Py_ssize_t job_id, job_name, job_started, job_ended, job_outcome, job_exception, job_progress, job_thin, job_thinned,
        job_site;
    Py_ssize_t item_started, item_worker, item_thread;
    PyObject *job_var, *worker, *recorder, *thin_tasks, *open_tasks, *clocks;
    PyObject *say_unhandled, *look_for_long_step, *thin_ended, *address_reused, *took, *resumed, *ended;
    PyObject *worker_name, *end_item, *note_creation, *current_task;
    PyObject *done, *append;                       /* of `Task` and of `deque`: looked up once */
    PyObject *is_locked, *wake_next, *wake_first; /* asyncio's own methods of semaphores and locks */
    PyObject *init_handle, *check_closed, *get_debug; /* and of handles and loops; None where they do other things */
    PyObject *task_names; /* where `create_task` looks for its class; None likewise */
    long long long_wait, long_step; /* ns: what is told of */
    int permits_are_plain;   /* asyncio's own are taken and given back as `move` does */
} Known;

static Known known;

static PyTypeObject *deque_type;

static PyObject *str_clock, *str_self, *str_done, *str_factory, *str_name, *str_fault, *one;
static PyObject *str_exception, *str_cancelled, *str_ready, *str_append, *str_state;
static PyObject *str_CANCELLED, *str_thin, *str_waiters, *str_value, *str_locked, *str_site;
static PyObject *str_waits_at, *str_arrays, *str_is_locked, *str_wake_next, *str_wake_first;
static PyObject *names_of_task, *str_Task, *str_soon, *str_call_soon, *str_init, *str_context;
static PyObject *str_closed, *str_debug, *str_check_closed, *str_get_debug;
static PyObject *str_wake_up, *str_co_name, *str_threadsafe, *str_item, *str_ok, *str_error, *str_select;
static PyObject *str_permits, *str_message, *str_jobs, *str_lengths, *str_count_job, *str_new_id, *str_max_open;
static PyObject *str_endpoint, *str_code;

static long long
moment(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* what `time.monotonic_ns` reads */
    return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
put(PyObject *object, Py_ssize_t offset, PyObject *value) /* steals the value */
{
    PyObject *before = SLOT(object, offset);
    SLOT(object, offset) = value;
    Py_XDECREF(before);
}

static PyObject *
raised(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(error, traceback);
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return error;
#endif
}

/* Set an error that was taken by `raised`, which may be NULL. */
static void
raise_again(PyObject *error)
{
    if (error != NULL) {
#if PY_VERSION_HEX >= 0x030C0000
        PyErr_SetRaisedException(error);
#else
        PyErr_Restore(Py_NewRef(Py_TYPE(error)), error, PyException_GetTraceback(error)); /* its context is as it was */
#endif
    }
}

/* Call a function as an `except` block would, for the exception that was raised. */
static PyObject *
while_handled(PyObject *error, PyObject *function, PyObject *first, PyObject *second)
{
    /* Of this frame: PyErr_GetHandledException finds a generator's caller's, which would stick to the generator. */
    PyObject **handled = &PyThreadState_Get()->exc_info->exc_value, *outer = *handled;
    *handled = Py_NewRef(error);
    PyObject *result = PyObject_CallFunctionObjArgs(function, first, second, NULL);
    Py_XSETREF(*handled, outer);
    return result;
}

/* Count an error of ours, which the service shall not see; -1 if it is none but, say, a signal's. */
static int
pass_over(const char *place)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyObject *error = raised(), *name = PyUnicode_FromString(place);
    PyObject *fault = name == NULL ? NULL : PyObject_GetAttr(known.recorder, str_fault);
    PyObject *result = fault == NULL ? NULL : while_handled(error, fault, name, NULL);
    Py_XDECREF(name);
    Py_XDECREF(fault);
    Py_XDECREF(error);
    if (result == NULL && !PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyErr_Clear();
    Py_XDECREF(result);
    return 0;
}

/* An attribute that need not be there: 1, 0, or -1 with an error set; `found` is NULL unless 1. */
static int
optional(PyObject *object, PyObject *name, PyObject **found)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyObject_GetOptionalAttr(object, name, found);
#else
    return _PyObject_LookupAttr(object, name, found);
#endif
}

/* `getattr(callback, "__self__", None)`; NULL with an error set if that fails. */
static PyObject *
owner_of(PyObject *callback)
{
    PyObject *owner = NULL;
    return optional(callback, str_self, &owner) == 0 ? Py_NewRef(Py_None) : owner;
}

/* The function that an object's method is; NULL, maybe with an error set, if there is no such method. */
static PyObject *
function_of(PyObject *object, PyObject *name)
{
    PyObject *found = NULL;
#if PY_VERSION_HEX >= 0x030D0000
    if ((found = PyObject_GetAttr(object, name)) != NULL) {
        Py_SETREF(found, PyMethod_Check(found) ? Py_NewRef(PyMethod_GET_FUNCTION(found)) : NULL);
    }
#else
    if (!_PyObject_GetMethod(object, name, &found)) {
        Py_CLEAR(found);
    }
#endif
    return found;
}

/* Is this method asyncio's own, and not somebody's, on the object or its class? */
static int
has_own(PyObject *object, PyObject *name, PyObject *own)
{
    PyObject *found = function_of(object, name);
    int is_own = found != NULL ? found == own : PyErr_Occurred() ? -1 : 0;
    Py_XDECREF(found);
    return is_own;
}
