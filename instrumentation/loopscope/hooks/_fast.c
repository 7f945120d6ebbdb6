/* Fronts of the hottest hooks, compiled: what runs once a callback, once a task, once a permit.

   They do what `steps`, `tasks`, `cancelling` and `sync` do for callbacks and thin tasks as long as nothing is
   unusual; in every other case they call the hook in Python that they stand before, and have done nothing yet. A
   call through them leaves no frame. Without this module loopscope does the same, slower. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>
#include <time.h>

#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* What `configure` was given: types of ours and of asyncio's, where their slots lie, and what lives in Python. */
typedef struct {
    PyTypeObject *handle, *clock, *job, *future, *task, *deque, *semaphore, *bounded, *lock, *detail;
    Py_ssize_t handle_loop, handle_callback, handle_args, handle_context;
    Py_ssize_t clock_key, clock_loop;
    Py_ssize_t job_thin, job_thinned;
    PyObject *job_var, *recorder, *thin_tasks, *open_tasks, *clocks;
    PyObject *say_unhandled, *look_for_long_step, *thin_ended, *address_reused, *took;
    PyObject *done, *append; /* of `Task` and of `deque`: looked up once */
    int permits_are_plain;   /* asyncio's own are taken and given back as `move` does */
} Known;

static Known known;

static PyObject *str_clock, *str_self, *str_done, *str_factory, *str_name, *str_detail, *str_fault, *one;
static PyObject *str_exception, *str_cancelled, *str_ready, *str_append, *str_state;
static PyObject *str_CANCELLED, *str_thin, *str_waiters, *str_value, *str_locked, *str_site;
static PyObject *str_waits_at, *str_arrays;

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

/* ---- A front: a callable that binds like a function and has a hook in Python to fall back on. ---- */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *hook, *original, *dict, *weakrefs;
} Front;

static PyObject *
front_get(PyObject *self, PyObject *instance, PyObject *Py_UNUSED(owner))
{
    return instance == NULL || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}

static PyObject *
front_repr(PyObject *self)
{
    return PyObject_Repr(((Front *)self)->hook);
}

/* Pickled by name, as a function is. */
static PyObject *
front_reduce(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyObject_GetAttrString(self, "__qualname__");
}

static int
front_traverse(PyObject *self, visitproc visit, void *arg)
{
    Front *front = (Front *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(front->hook);
    Py_VISIT(front->original);
    Py_VISIT(front->dict);
    return 0;
}

static int
front_clear(PyObject *self)
{
    Front *front = (Front *)self;
    Py_CLEAR(front->hook);
    Py_CLEAR(front->original);
    Py_CLEAR(front->dict);
    return 0;
}

static void
front_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (((Front *)self)->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    front_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef front_methods[] = {
    {"__reduce__", front_reduce, METH_NOARGS, NULL},
    {NULL},
};

static PyMemberDef front_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(Front, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Front, weakrefs), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Front, call), READONLY, NULL},
    {NULL},
};

static PyGetSetDef front_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL},
};

static PyType_Slot front_slots[] = {
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, front_get},
    {Py_tp_repr, front_repr},
    {Py_tp_traverse, front_traverse},
    {Py_tp_clear, front_clear},
    {Py_tp_dealloc, front_dealloc},
    {Py_tp_methods, front_methods},
    {Py_tp_members, front_members},
    {Py_tp_getset, front_getset},
    {0, NULL},
};

static PyType_Spec front_spec = {
    .name = "loopscope.hooks._fast.Front",
    .basicsize = sizeof(Front),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = front_slots,
};

static PyTypeObject *front_type;

/* Leave it to the hook. An error met on the way is the hook's to meet again, but not, say, a signal's. */
static PyObject *
fall_back(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) {
        return NULL;
    }
    PyErr_Clear();
    return PyObject_Vectorcall(((Front *)self)->hook, arguments, flagged, names);
}

/* ---- The base of `LoopClock`: the numbers that a step reads and writes. ---- */

typedef struct {
    PyObject_HEAD
    long long mark, limit;
} Times;

/* The clock that was asked for last, or NULL: the dictionary of its loop is not looked into again. */
static PyObject *last_clock;

static void
times_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (last_clock == self) {
        last_clock = NULL;
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef times_members[] = {
    {"mark", T_LONGLONG, offsetof(Times, mark), 0, NULL},
    {"limit", T_LONGLONG, offsetof(Times, limit), 0, NULL},
    {NULL},
};

static PyType_Slot times_slots[] = {
    {Py_tp_dealloc, times_dealloc},
    {Py_tp_members, times_members},
    {0, NULL},
};

static PyType_Spec times_spec = {
    .name = "loopscope.hooks._fast.Times",
    .basicsize = sizeof(Times),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = times_slots,
};

/* ---- The base of `Detail`: the numbers that are read and written once a thin task. ---- */

typedef struct {
    PyObject_HEAD
    double left;
    long long over, tasks;
} Budget;

static PyMemberDef budget_members[] = {
    {"left", T_DOUBLE, offsetof(Budget, left), 0, NULL},
    {"over", T_LONGLONG, offsetof(Budget, over), 0, NULL},
    {"tasks", T_LONGLONG, offsetof(Budget, tasks), 0, NULL},
    {NULL},
};

static PyType_Slot budget_slots[] = {
    {Py_tp_members, budget_members},
    {0, NULL},
};

static PyType_Spec budget_spec = {
    .name = "loopscope.hooks._fast.Budget",
    .basicsize = sizeof(Budget),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = budget_slots,
};

/* The recorder's; NULL if there is none, with an error set if that was met. */
static Budget *
budget(void)
{
    PyObject *detail = PyObject_GetAttr(known.recorder, str_detail);
    if (detail != NULL && Py_TYPE(detail) != known.detail) {
        Py_CLEAR(detail);
    }
    return (Budget *)detail;
}

/* ---- A step: see `steps._timed`. ---- */

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

/* A loop's clock; borrowed, NULL if it has none of ours. */
static PyObject *
clock_of(PyObject *loop)
{
    if (last_clock != NULL && PyWeakref_GET_OBJECT(SLOT(last_clock, known.clock_loop)) == loop) {
        return last_clock;
    }
    PyObject *clock = PyObject_GetAttr(loop, str_clock);
    Py_XDECREF(clock); /* it is its loop's */
    return last_clock = clock != NULL && Py_TYPE(clock) == known.clock ? clock : NULL;
}

/* The clock, the owner of the callback and its address, for a step that leaves no record; else 0. */
static int
is_unrecorded(PyObject *handle, PyObject **clock, PyObject **task, PyObject **key, int *is_thin)
{
    PyObject *loop = Py_NewRef(SLOT(handle, known.handle_loop)); /* either may be asked in Python, and cancel it */
    PyObject *callback = Py_NewRef(SLOT(handle, known.handle_callback));
    *clock = Py_XNewRef(clock_of(loop));
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

/* ---- The making of a task: see `tasks._creating_thin`. ---- */

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
        Budget *detail = budget();
        is_thin = detail != NULL && detail->left <= 0;
        Py_XDECREF(detail);
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
    PyObject *factory = PyObject_GetAttr(loop, str_factory);
    Py_XDECREF(factory);
    return factory == Py_None;
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

/* No argument by keyword but a name: others, such as a context, say what the hook in Python has to know. */
static int
only_named(PyObject *names)
{
    return names == NULL
           || (PyTuple_GET_SIZE(names) == 1 && PyObject_RichCompareBool(PyTuple_GET_ITEM(names, 0), str_name, Py_EQ) == 1);
}

static PyObject *
create_task(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *job = NULL, *task;
    int is_plain_call = PyVectorcall_NARGS(flagged) == 2 && only_named(names) && has_no_factory(arguments[0]);
    if (!is_plain_call || (job = thin_job()) == NULL) {
        return fall_back(self, arguments, flagged, names);
    }
    task = PyObject_Vectorcall(((Front *)self)->original, arguments, flagged, names);
    if (task != NULL && note_thin(task, job) < 0 && pass_over("create_task") < 0) {
        Py_CLEAR(task);
    }
    Py_DECREF(job);
    return task;
}

/* ---- The waking of a task: see `cancelling._calling_soon`. ---- */

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

static PyObject *
call_soon(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *ready, *handle, *said = NULL;
    if (PyVectorcall_NARGS(flagged) != 4 || names != NULL || !PyTuple_CheckExact(arguments[2])
        || tells_of_cancellation(arguments[2])) {
        return fall_back(self, arguments, flagged, names);
    }
    PyObject *of_handle[] = {arguments[1], arguments[2], arguments[0], arguments[3]};
    handle = PyObject_Vectorcall((PyObject *)known.handle, of_handle, 4, NULL);
    if (handle == NULL) {
        return NULL;
    }
    /* In debug mode asyncio takes its own frame off the handle's traceback here. There is none. */
    ready = PyObject_GetAttr(arguments[0], str_ready);
    if (ready != NULL) {
        PyObject *to_deque[] = {ready, handle};
        said = Py_TYPE(ready) == known.deque ? PyObject_Vectorcall(known.append, to_deque, 2, NULL)
                                             : PyObject_CallMethodOneArg(ready, str_append, handle);
    }
    if (said == NULL) {
        Py_CLEAR(handle);
    }
    Py_XDECREF(ready);
    Py_XDECREF(said);
    return handle;
}

/* ---- A permit taken or given back while nobody waits: see `sync._acquiring` and `sync._releasing`. ---- */

/* The clock of the loop that runs in this thread; borrowed, NULL if there is none. */
static PyObject *
clock_here(void)
{
    PyObject *thread = PyLong_FromUnsignedLong(PyThread_get_thread_ident());
    PyObject *clock = thread == NULL ? NULL : PyDict_GetItemWithError(known.clocks, thread);
    Py_XDECREF(thread);
    return clock != NULL && Py_TYPE(clock) == known.clock ? clock : NULL;
}

/* Is it a semaphore or a lock of asyncio's own, which nobody waits for? -1 with an error set if that fails. */
static int
is_plain_permit(PyObject *primitive)
{
    PyTypeObject *type = Py_TYPE(primitive);
    if (!known.permits_are_plain || (type != known.semaphore && type != known.bounded && type != known.lock)) {
        return 0;
    }
    PyObject *waiters = PyObject_GetAttr(primitive, str_waiters);
    Py_ssize_t waiting = waiters == NULL ? -1 : waiters == Py_None ? 0 : PyObject_Size(waiters);
    Py_XDECREF(waiters);
    return waiting < 0 ? -1 : waiting == 0;
}

/* Do to a lock what `acquire` and `release` do. 0: it is not as it should be for that, -1: an error is set. */
static int
turn(PyObject *lock, PyObject *from, PyObject *to)
{
    PyObject *locked = PyObject_GetAttr(lock, str_locked);
    Py_XDECREF(locked); /* of what never dies */
    return locked != from ? (locked == NULL ? -1 : 0) : PyObject_SetAttr(lock, str_locked, to) < 0 ? -1 : 1;
}

/* Likewise to a semaphore, which has `least` permits or more. */
static int
add(PyObject *semaphore, long least, long more)
{
    PyObject *value = PyObject_GetAttr(semaphore, str_value), *sum = NULL;
    int overflow = 0, done = value == NULL ? -1 : 0;
    long permits = value != NULL && PyLong_CheckExact(value) ? PyLong_AsLongAndOverflow(value, &overflow) : -1;
    if (!overflow && permits >= least && permits < LONG_MAX) {
        sum = PyLong_FromLong(permits + more);
        done = sum == NULL || PyObject_SetAttr(semaphore, str_value, sum) < 0 ? -1 : 1;
    }
    Py_XDECREF(value);
    Py_XDECREF(sum);
    return done;
}

/* The table of a primitive's thin holders, made at the first one; NULL if it is no table or there is an error. */
static PyObject *
holders_of(PyObject *primitive)
{
    PyObject *holders = NULL;
    int found = optional(primitive, str_thin, &holders);
    if (found == 0 && (holders = PyDict_New()) != NULL && PyObject_SetAttr(primitive, str_thin, holders) < 0) {
        Py_CLEAR(holders);
    }
    if (holders != NULL && !PyDict_CheckExact(holders)) {
        Py_CLEAR(holders);
    }
    return holders;
}

/* Note that the task of a clock has a permit. 0: it has another one, which is too much for one number. */
static int
note_holder(PyObject *primitive, PyObject *clock, PyObject *key, PyObject **holders)
{
    *holders = holders_of(primitive);
    int has = *holders == NULL ? -1 : PyDict_Contains(*holders, key);
    if (has != 0) {
        return has > 0 ? 0 : -1;
    }
    PyObject *mark = PyLong_FromLongLong(((Times *)clock)->mark);
    int failed = mark == NULL || PyDict_SetItem(*holders, key, mark) < 0;
    Py_XDECREF(mark);
    return failed ? -1 : 1;
}

/* Take a permit for a thin task and note that it has it: 0 if not, -1 with an error set if that failed. */
static int
take_noted(PyObject *primitive, PyObject *clock, PyObject *key)
{
    PyObject *holders = NULL;
    int done = note_holder(primitive, clock, key, &holders);
    if (done > 0) {
        done = Py_TYPE(primitive) == known.lock ? turn(primitive, Py_False, Py_True) : add(primitive, 1, -1);
        if (done == 0) {
            done = PyDict_DelItem(holders, key);
        }
    }
    Py_XDECREF(holders);
    return done;
}

/* Take a free permit for the running task, if that is thin: True if so, else its clock; None if it is not thin. */
static PyObject *
take(PyObject *Py_UNUSED(module), PyObject *primitive)
{
    PyObject *clock = known.clock == NULL ? NULL : clock_here(), *key = NULL, *answer = Py_None;
    if (clock != NULL) {
        Py_INCREF(clock);
        key = Py_NewRef(SLOT(clock, known.clock_key));
        if (PyDict_Contains(known.thin_tasks, key) == 1) {
            answer = is_plain_permit(primitive) > 0 && take_noted(primitive, clock, key) > 0 ? Py_True : clock;
        }
    }
    Py_INCREF(answer);
    Py_XDECREF(clock);
    Py_XDECREF(key);
    if (PyErr_Occurred() && pass_over("acquire") < 0) {
        Py_CLEAR(answer);
    }
    return answer;
}

/* Count a wait of a thin task, as `Detail.count_wait_at` does, if its kind was counted there before; else 0. */
static int
count_wait(PyObject *detail, PyObject *primitive, PyObject *kind, long long lasted)
{
    PyObject *site = NULL, *place = NULL, *waits = PyObject_GetAttr(detail, str_waits_at), *said = NULL;
    PyObject *arrays = waits == NULL ? NULL : PyObject_GetAttr(waits, str_arrays), *array = NULL, *length;
    int found = arrays == NULL || !PyDict_CheckExact(arrays) ? -1 : optional(primitive, str_site, &site);
    if (found >= 0 && (place = PyTuple_Pack(2, kind, found ? site : Py_None)) != NULL) {
        array = Py_XNewRef(PyDict_GetItemWithError(arrays, place));
    }
    if (array != NULL && (length = PyLong_FromLongLong(lasted)) != NULL) {
        said = PyObject_CallMethodOneArg(array, str_append, length);
        Py_DECREF(length);
    }
    Py_XDECREF(site);
    Py_XDECREF(place);
    Py_XDECREF(waits);
    Py_XDECREF(arrays);
    Py_XDECREF(array);
    Py_XDECREF(said);
    return PyErr_Occurred() ? -1 : said != NULL;
}

/* Was there no wait, or a short one of a task that is thin to this day, and is it counted? */
static int
count_short_wait(PyObject *primitive, PyObject *kind, PyObject *clock, PyObject *key, PyObject *began)
{
    long long lasted = ((Times *)clock)->mark - PyLong_AsLongLong(began);
    if (lasted == 0 || PyErr_Occurred()) {
        return lasted == 0;
    }
    Budget *detail = budget();
    int counted = 0;
    if (detail != NULL && lasted < detail->over && PyDict_Contains(known.open_tasks, key) == 0) {
        counted = count_wait((PyObject *)detail, primitive, kind, lasted);
    }
    Py_XDECREF(detail);
    return counted;
}

/* See `thin.took`, which is called for what is unusual. */
static PyObject *
took(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t number)
{
    if (number != 4 || known.clock == NULL || Py_TYPE(arguments[2]) != known.clock) {
        PyErr_SetString(PyExc_TypeError, "took() takes a primitive, its kind, a loop's clock and when the wait began");
        return NULL;
    }
    PyObject *primitive = arguments[0], *clock = arguments[2], *holders = NULL, *said;
    PyObject *key = Py_NewRef(SLOT(clock, known.clock_key)), *began = Py_NewRef(arguments[3]);
    int done = count_short_wait(primitive, arguments[1], clock, key, began);
    if (done > 0) {
        Py_SETREF(began, PyLong_FromLongLong(((Times *)clock)->mark)); /* what was counted is not to be counted twice */
        done = began == NULL ? -1 : note_holder(primitive, clock, key, &holders);
    }
    Py_XDECREF(holders);
    Py_DECREF(key);
    if (done > 0) {
        said = Py_NewRef(Py_None);
    }
    else {
        PyErr_Clear();
        said = PyObject_CallFunctionObjArgs(known.took, primitive, arguments[1], clock, began, NULL);
    }
    Py_XDECREF(began);
    return said;
}

/* Give back a permit as asyncio does while nobody waits. 0: that is left to `release`. */
static int
give(PyObject *primitive)
{
    int plain = Py_TYPE(primitive) == known.bounded ? 0 : is_plain_permit(primitive);
    return plain <= 0 ? plain : Py_TYPE(primitive) == known.lock ? turn(primitive, Py_True, Py_False) : add(primitive, 0, 1);
}

/* Has the running task, which is thin, held one of these permits, and for a short time? */
static int
was_held_shortly(PyObject *holders, PyObject *key, long long mark)
{
    PyObject *acquired = PyDict_GetItemWithError(holders, key);
    Budget *detail = acquired == NULL ? NULL : budget();
    int shortly = detail != NULL && mark - PyLong_AsLongLong(acquired) <= detail->over;
    Py_XDECREF(detail);
    return shortly && !PyErr_Occurred();
}

static PyObject *
release(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *holders = NULL, *key = NULL, *clock, *result;
    int is_plain_call = PyVectorcall_NARGS(flagged) == 1 && names == NULL;
    int is_noted = is_plain_call && optional(arguments[0], str_thin, &holders) > 0 && PyDict_CheckExact(holders);
    clock = is_noted && PyDict_GET_SIZE(holders) > 0 ? clock_here() : NULL;
    if (clock != NULL) {
        key = Py_NewRef(SLOT(clock, known.clock_key));
    }
    if (key == NULL || !was_held_shortly(holders, key, ((Times *)clock)->mark)) {
        result = fall_back(self, arguments, flagged, names);
    }
    else {
        int given = give(arguments[0]);
        PyErr_Clear(); /* the original meets it again */
        result = given > 0 ? Py_NewRef(Py_None)
                           : PyObject_Vectorcall(((Front *)self)->original, arguments, flagged, names);
        if (result != NULL && PyDict_Contains(holders, key) == 1 && PyDict_DelItem(holders, key) < 0
            && pass_over("release") < 0) {
            Py_CLEAR(result);
        }
    }
    Py_XDECREF(holders);
    Py_XDECREF(key);
    return result;
}

/* ---- The module. ---- */

static PyObject *
make_front(vectorcallfunc call, PyObject *hook, PyObject *original)
{
    if (known.handle == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "there is no front before configure() was called");
        return NULL;
    }
    Front *front = PyObject_GC_New(Front, front_type);
    if (front == NULL) {
        return NULL;
    }
    front->call = call;
    front->hook = Py_NewRef(hook);
    front->original = Py_NewRef(original);
    front->dict = front->weakrefs = NULL;
    PyObject_GC_Track((PyObject *)front);
    return (PyObject *)front;
}

#define BEFORE(call)                                                          \
    static PyObject *before_##call(PyObject *Py_UNUSED(module), PyObject *args) \
    {                                                                         \
        PyObject *hook, *original;                                            \
        if (!PyArg_ParseTuple(args, "OO", &hook, &original)) {                \
            return NULL;                                                      \
        }                                                                     \
        return make_front(call, hook, original);                              \
    }

BEFORE(step)
BEFORE(create_task)
BEFORE(call_soon)
BEFORE(release)

/* Where a slot of a class lies; -1 with TypeError set if it has no such slot of that kind. */
static Py_ssize_t
offset_of(PyTypeObject *type, const char *name, int kind)
{
    PyObject *member = PyObject_GetAttrString((PyObject *)type, name);
    Py_ssize_t offset = -1;
    if (member != NULL && Py_TYPE(member) == &PyMemberDescr_Type
        && ((PyMemberDescrObject *)member)->d_member->type == kind) {
        offset = ((PyMemberDescrObject *)member)->d_member->offset;
    }
    else {
        PyErr_Format(PyExc_TypeError, "%s has no slot %s", type->tp_name, name);
    }
    Py_XDECREF(member);
    return offset;
}

static int
find_slots(Known *new)
{
    return (new->handle_loop = offset_of(new->handle, "_loop", T_OBJECT_EX)) < 0
                   || (new->handle_callback = offset_of(new->handle, "_callback", T_OBJECT_EX)) < 0
                   || (new->handle_args = offset_of(new->handle, "_args", T_OBJECT_EX)) < 0
                   || (new->handle_context = offset_of(new->handle, "_context", T_OBJECT_EX)) < 0
                   || (new->clock_key = offset_of(new->clock, "key", T_OBJECT_EX)) < 0
                   || (new->clock_loop = offset_of(new->clock, "loop", T_OBJECT_EX)) < 0
                   || offset_of(new->detail, "over", T_LONGLONG) < 0 || offset_of(new->detail, "left", T_DOUBLE) < 0
                   || offset_of(new->clock, "mark", T_LONGLONG) < 0 || offset_of(new->clock, "limit", T_LONGLONG) < 0
                   || (new->job_thin = offset_of(new->job, "thin", T_OBJECT_EX)) < 0
                   || (new->job_thinned = offset_of(new->job, "thinned", T_OBJECT_EX)) < 0
               ? -1
               : 0;
}

static PyObject *
configure(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyTypeObject *type = &PyType_Type, *dict = &PyDict_Type;
    Known new = {0};
    if (!PyArg_ParseTuple(args, "(O!O!O!O!)(O!O!O!p)(O!O!O!)(O!O!O!)OO(OOOOO):configure", type, &new.handle, type, &new.future,
                          type, &new.task, type, &new.deque, type, &new.semaphore, type, &new.bounded, type, &new.lock,
                          &new.permits_are_plain, type, &new.clock, type, &new.job, type, &new.detail, dict, &new.thin_tasks, dict,
                          &new.open_tasks, dict, &new.clocks, &new.job_var, &new.recorder, &new.say_unhandled,
                          &new.look_for_long_step, &new.thin_ended, &new.address_reused,
                          &new.took)
        || find_slots(&new) < 0 || (new.done = PyObject_GetAttr((PyObject *)new.task, str_done)) == NULL
        || (new.append = PyObject_GetAttr((PyObject *)new.deque, str_append)) == NULL) {
        Py_XDECREF(new.done);
        return NULL; /* and fronts made before go on with what they know */
    }
    /* The references are kept for good: a front may outlive the hooks, when somebody has wrapped it. */
    Py_INCREF(args);
    known = new;
    last_clock = NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"configure", configure, METH_VARARGS, PyDoc_STR("Tell the fronts what they have to know; see `compiled`.")},
    {"before_step", before_step, METH_VARARGS, PyDoc_STR("The front of a hook, and what that replaced.")},
    {"before_create_task", before_create_task, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"before_call_soon", before_call_soon, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"before_release", before_release, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"take", take, METH_O, PyDoc_STR("Take a free permit for a thin task: True, else its clock; None if it is not thin.")},
    {"took", (PyCFunction)(void (*)(void))took, METH_FASTCALL, PyDoc_STR("As `thin.took`.")},
    {NULL},
};

static int
prepare(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) { /* older Pythons, and mod_wsgi, would let it pass */
        PyErr_SetString(PyExc_ImportError, "what it knows is the main interpreter's");
        return -1;
    }
    PyObject *times = PyType_FromSpec(&times_spec), *budgets = PyType_FromSpec(&budget_spec);
    front_type = (PyTypeObject *)PyType_FromSpec(&front_spec);
    one = PyLong_FromLong(1);
    str_clock = PyUnicode_InternFromString("_loopscope_clock");
    str_self = PyUnicode_InternFromString("__self__");
    str_done = PyUnicode_InternFromString("done");
    str_factory = PyUnicode_InternFromString("_task_factory");
    str_name = PyUnicode_InternFromString("name");
    str_detail = PyUnicode_InternFromString("detail");
    str_fault = PyUnicode_InternFromString("fault");
    str_exception = PyUnicode_InternFromString("_exception");
    str_cancelled = PyUnicode_InternFromString("cancelled");
    str_ready = PyUnicode_InternFromString("_ready");
    str_append = PyUnicode_InternFromString("append");
    str_state = PyUnicode_InternFromString("_state");
    str_CANCELLED = PyUnicode_InternFromString("CANCELLED");
    str_thin = PyUnicode_InternFromString("_loopscope_thin");
    str_waiters = PyUnicode_InternFromString("_waiters");
    str_value = PyUnicode_InternFromString("_value");
    str_site = PyUnicode_InternFromString("_loopscope_site");
    str_waits_at = PyUnicode_InternFromString("_waits_at");
    str_arrays = PyUnicode_InternFromString("_arrays");
    str_locked = PyUnicode_InternFromString("_locked");
    int failed = times == NULL || PyModule_AddObjectRef(module, "Times", times) < 0 || budgets == NULL
                 || PyModule_AddObjectRef(module, "Budget", budgets) < 0;
    Py_XDECREF(times);
    Py_XDECREF(budgets);
    return failed || front_type == NULL || PyErr_Occurred() ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, prepare},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "loopscope.hooks._fast",
    .m_doc = PyDoc_STR("Fronts of the hottest hooks, compiled."),
    .m_methods = methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit__fast(void)
{
    return PyModuleDef_Init(&module);
}
