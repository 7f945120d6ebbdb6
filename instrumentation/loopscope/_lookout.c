/* A lookout: a thread that needs no GIL, and has the main thread look around when the watchdog cannot.

   C code that keeps the GIL keeps it from the watchdog, too. When that code returns, whoever gets the GIL first goes
   on, and the line is lost if that is not the watchdog. What CPython calls a pending call comes before: the main thread
   makes it between two instructions, on top of the frame that stands there, and only then hands the GIL on. */

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

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    pid_t process;    /* that the thread runs in: it does not survive a fork; 0 if there is none */
    long long due;    /* when the watchdog is overdue, ns of the monotonic clock */
    long long until;  /* when the thread wakes up to look */
    int halt;
    atomic_int asked; /* whether the main thread has a call to make: there is room for a few only */
    PyObject *look;   /* the GIL's */
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

/* The pending call. -1 with what was raised, if that is not for us to pass over: an interrupt. */
static int
look(void *Py_UNUSED(nothing))
{
    atomic_store(&lookout.asked, 0);
    if (lookout.look == NULL) {
        return 0;
    }
    PyObject *called = Py_NewRef(lookout.look), *answer = PyObject_CallNoArgs(called);
    Py_DECREF(called);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

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
                asked_for = lookout.due;
                if (Py_AddPendingCall(look, NULL) != 0) {
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

static PyObject *
stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing))
{
    if (lookout.process == getpid()) {
        lookout.process = 0;
        Py_BEGIN_ALLOW_THREADS
        pthread_mutex_lock(&lookout.lock);
        lookout.halt = 1;
        pthread_cond_signal(&lookout.changed);
        pthread_mutex_unlock(&lookout.lock);
        pthread_join(lookout.thread, NULL);
        Py_END_ALLOW_THREADS
    }
    Py_CLEAR(lookout.look);
    Py_RETURN_NONE;
}

static PyObject *
start(PyObject *module, PyObject *look)
{
    PyObject *stopped = stop(module, NULL);
    pthread_condattr_t by;
    Py_DECREF(stopped);
    pthread_mutex_init(&lookout.lock, NULL);
    pthread_condattr_init(&by);
    pthread_condattr_setclock(&by, CLOCK_MONOTONIC);
    pthread_cond_init(&lookout.changed, &by);
    pthread_condattr_destroy(&by);
    lookout.halt = 0;
    atomic_store(&lookout.asked, 0);
    lookout.due = lookout.until = LLONG_MAX;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are the program's threads' */
    int failed = pthread_create(&lookout.thread, NULL, keep_watch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        PyErr_SetString(PyExc_RuntimeError, "no thread could be started");
        return NULL;
    }
    lookout.process = getpid();
    lookout.look = Py_NewRef(look);
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

static PyMethodDef methods[] = {
    {"start", start, METH_O, PyDoc_STR("Keep watch: call this on the main thread when the watchdog is overdue.")},
    {"expect", expect, METH_O, PyDoc_STR("From this moment on the watchdog is overdue, ns of the monotonic clock.")},
    {"stop", stop, METH_NOARGS, PyDoc_STR("Stop it, and wait until its thread has ended.")},
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
