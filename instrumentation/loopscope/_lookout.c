/* A lookout: a thread that needs no GIL, and has the main thread look around when the watchdog cannot.

   C code that keeps the GIL keeps it from the watchdog, too. When that code returns, whoever gets the GIL first goes
   on, and the line is lost if that is not the watchdog. What CPython calls a pending call comes before: the main thread
   makes it between two instructions, where the program stands, and hands the GIL on afterwards. The call runs nothing
   in Python: no signal is handled in it, no other thread runs or forks meanwhile, and nothing that fails is seen. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define PATIENCE (SECOND / 50) /* between two looks at a watchdog that is overdue */
#define MOST_FRAMES 200        /* of a stack, innermost first */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    pid_t process;     /* that the thread runs in: it does not survive a fork; 0 if there is none */
    pid_t stopping_in; /* the same while somebody waits for its end */
    long long due;     /* when the watchdog is overdue, ns of the monotonic clock */
    long long until;   /* when the thread wakes up to look */
    int halt;
    atomic_int asked;  /* whether the main thread has a call to make: there is room for a few only */
    PyObject *owner, *loops, *frames_of, *seen; /* the GIL's */
} lookout;

static long long
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static int
is_ending(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing() || !Py_IsInitialized();
#else
    return _Py_IsFinalizing() || !Py_IsInitialized();
#endif
}

/* A frame and those that called it, as pairs of code and offset. No frame is kept, nor what is in it. */
static PyObject *
stack_of(PyObject *innermost)
{
    PyObject *stack = PyList_New(0);
    PyFrameObject *frame = (PyFrameObject *)Py_NewRef(innermost);
    for (int depth = 0; stack != NULL && frame != NULL && depth < MOST_FRAMES; depth++) {
        PyObject *pair = Py_BuildValue("(Ni)", PyFrame_GetCode(frame), PyFrame_GetLasti(frame));
        if (pair == NULL || PyList_Append(stack, pair) < 0) {
            Py_CLEAR(stack);
        }
        Py_XDECREF(pair);
        PyFrameObject *caller = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = caller;
    }
    Py_XDECREF(frame);
    return stack;
}

static PyObject *
stacks(void)
{
    PyObject *frames = PyObject_CallNoArgs(lookout.frames_of), *found = frames == NULL ? NULL : PyDict_New();
    PyObject *thread, *frame, *stack;
    Py_ssize_t position = 0;
    while (found != NULL && PyDict_Next(frames, &position, &thread, &frame)) {
        stack = stack_of(frame);
        if (stack == NULL || PyDict_SetItem(found, thread, stack) < 0) {
            Py_CLEAR(found);
        }
        Py_XDECREF(stack);
    }
    Py_XDECREF(frames);
    return found;
}

/* Of each loop its clock, when it woke, when its handle began, and whose that is. */
static PyObject *
handles(void)
{
    PyObject *found = PyList_New(0);
    for (Py_ssize_t i = 0; found != NULL && i < PyList_GET_SIZE(lookout.loops); i++) {
        PyObject *clock = Py_NewRef(PyList_GET_ITEM(lookout.loops, i));
        PyObject *woke = PyObject_GetAttrString(clock, "woke"), *mark = PyObject_GetAttrString(clock, "mark");
        PyObject *task = PyObject_GetAttrString(clock, "running");
        PyObject *handle = woke && mark && task ? PyTuple_Pack(4, clock, woke, mark, task) : NULL;
        if (handle == NULL || PyList_Append(found, handle) < 0) {
            Py_CLEAR(found);
        }
        Py_DECREF(clock);
        Py_XDECREF(woke);
        Py_XDECREF(mark);
        Py_XDECREF(task);
        Py_XDECREF(handle);
    }
    return found;
}

static int
is_overdue(long long moment)
{
    pthread_mutex_lock(&lookout.lock);
    int overdue = moment >= lookout.due;
    pthread_mutex_unlock(&lookout.lock);
    return overdue;
}

/* The pending call. A garbage collection would run what the program wrote. */
static int
look(void *Py_UNUSED(nothing))
{
    long long moment = now();
    atomic_store(&lookout.asked, 0);
    if (lookout.process != getpid() || lookout.seen != NULL || !is_overdue(moment)) {
        return 0;
    }
    int collects = PyGC_Disable();
    PyObject *all = stacks(), *awake = all == NULL ? NULL : handles();
    lookout.seen = awake == NULL ? NULL : Py_BuildValue("(LOO)", moment, all, awake);
    Py_XDECREF(all);
    Py_XDECREF(awake);
    PyErr_Clear();
    if (collects) {
        PyGC_Enable();
    }
    return 0;
}

#if PY_VERSION_HEX < 0x030C0000
/* The public one asks the interpreter that has the GIL just then. */
int _PyEval_AddPendingCall(PyInterpreterState *, int (*)(void *), void *);
#define ASK() _PyEval_AddPendingCall(PyInterpreterState_Main(), look, NULL)
#else
#define ASK() Py_AddPendingCall(look, NULL)
#endif

static void *
keep_watch(void *Py_UNUSED(nothing))
{
    long long asked_for = 0;
    pthread_mutex_lock(&lookout.lock);
    while (!lookout.halt && !is_ending()) {
        long long moment = now();
        lookout.until = lookout.due;
        if (moment >= lookout.due) {
            if (asked_for != lookout.due && !atomic_exchange(&lookout.asked, 1)) {
                if (ASK() == 0) {
                    asked_for = lookout.due;
                }
                else {
                    atomic_store(&lookout.asked, 0);
                }
            }
            lookout.until = moment + PATIENCE;
        }
        struct timespec end = {lookout.until / SECOND, lookout.until % SECOND};
        pthread_cond_timedwait(&lookout.changed, &lookout.lock, &end);
    }
    pthread_mutex_unlock(&lookout.lock);
    return NULL;
}

/* Let go of what one owner's lookout was given and has seen. */
static void
forget(void)
{
    Py_CLEAR(lookout.owner);
    Py_CLEAR(lookout.loops);
    Py_CLEAR(lookout.frames_of);
    Py_CLEAR(lookout.seen);
}

static void
end_thread(void)
{
    if (lookout.process == getpid()) {
        lookout.process = 0;
        lookout.stopping_in = getpid();
        Py_BEGIN_ALLOW_THREADS
        pthread_mutex_lock(&lookout.lock);
        lookout.halt = 1;
        pthread_cond_signal(&lookout.changed);
        pthread_mutex_unlock(&lookout.lock);
        pthread_join(lookout.thread, NULL);
        Py_END_ALLOW_THREADS
        lookout.stopping_in = 0;
    }
}

static PyObject *
stop(PyObject *Py_UNUSED(module), PyObject *owner)
{
    if (lookout.owner == owner) {
        forget();
        end_thread();
    }
    Py_RETURN_NONE;
}

static int
start_thread(void)
{
    pthread_condattr_t by;
    sigset_t all, before;
    pthread_mutex_init(&lookout.lock, NULL);
    pthread_condattr_init(&by);
    pthread_condattr_setclock(&by, CLOCK_MONOTONIC);
    pthread_cond_init(&lookout.changed, &by);
    pthread_condattr_destroy(&by);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are for the program's threads */
    int failed = pthread_create(&lookout.thread, NULL, keep_watch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? -1 : 0;
}

static PyObject *
start(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *owner, *loops, *frames_of;
    if (!PyArg_ParseTuple(args, "OO!O:start", &owner, &PyList_Type, &loops, &frames_of)) {
        return NULL;
    }
    forget();
    end_thread();
    while (lookout.stopping_in == getpid()) { /* another thread ends the one before */
        struct timespec moment = {0, SECOND / 1000};
        Py_BEGIN_ALLOW_THREADS
        nanosleep(&moment, NULL);
        Py_END_ALLOW_THREADS
    }
    forget();
    lookout.halt = 0;
    lookout.due = lookout.until = LLONG_MAX;
    atomic_store(&lookout.asked, 0);
    if (start_thread() < 0) {
        PyErr_SetString(PyExc_RuntimeError, "no thread could be started");
        return NULL;
    }
    lookout.process = getpid();
    lookout.owner = Py_NewRef(owner);
    lookout.loops = Py_NewRef(loops);
    lookout.frames_of = Py_NewRef(frames_of);
    Py_RETURN_NONE;
}

static PyObject *
expect(PyObject *Py_UNUSED(module), PyObject *moment)
{
    long long due = PyLong_AsLongLong(moment);
    if (due == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (lookout.process == getpid()) {
        pthread_mutex_lock(&lookout.lock);
        lookout.due = due;
        if (due < lookout.until) {
            pthread_cond_signal(&lookout.changed);
        }
        pthread_mutex_unlock(&lookout.lock);
    }
    Py_RETURN_NONE;
}

static PyObject *
take(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    PyObject *seen = lookout.seen;
    lookout.seen = NULL;
    return seen != NULL ? seen : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"start", start, METH_VARARGS, PyDoc_STR("Keep watch for an owner: over these clocks, by `sys._current_frames`.")},
    {"expect", expect, METH_O, PyDoc_STR("From this moment on the watchdog is overdue, ns of the monotonic clock.")},
    {"take", take, METH_NOARGS, PyDoc_STR("What was seen, if anything: when, stacks by thread, and handles of loops.")},
    {"stop", stop, METH_O, PyDoc_STR("Stop that owner's, if it is not another's by now, and wait for its thread.")},
    {NULL},
};

static int
prepare(PyObject *Py_UNUSED(module))
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) { /* whose main thread it asks */
        PyErr_SetString(PyExc_ImportError, "there is one lookout, the main interpreter's");
        return -1;
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, prepare},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "loopscope._lookout",
    .m_doc = PyDoc_STR("Has the main thread look around when the watchdog cannot."),
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__lookout(void)
{
    return PyModuleDef_Init(&definition);
}
