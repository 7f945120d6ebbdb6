/* Fronts of the hottest hooks, compiled: what runs once a callback, once a task, once a permit, once a loop's sleep.

   They do what `steps`, `tasks`, `cancelling` and `sync` do for callbacks, steps and thin tasks as long as nothing is
   unusual; in every other case they call the hook in Python that they stand before, and have done nothing yet. A
   call through them leaves no frame. Without this module loopscope does the same, slower. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>
#include <time.h>

#include "fast/known.h"
#include "fast/front.h"
#include "fast/made.h"
#include "fast/numbers.h"
#include "fast/handle.h"
#include "fast/recorded.h"
#include "fast/step.h"
#include "fast/sleep.h"
#include "fast/queue.h"
#include "fast/waking.h"
#include "fast/making.h"
#include "fast/permits.h"
#include "fast/caller.h"
#include "fast/primitive.h"
#include "fast/errand.h"
#include "fast/request.h"

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
BEFORE(put_soon)
BEFORE(call_soon)
BEFORE(call_at)
BEFORE(release)
BEFORE(lead)
BEFORE(init_primitive)
BEFORE(act)

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
                   || (new->handle_cancelled = offset_of(new->handle, "_cancelled", T_OBJECT_EX)) < 0
                   || (new->handle_repr = offset_of(new->handle, "_repr", T_OBJECT_EX)) < 0
                   || (new->handle_traceback = offset_of(new->handle, "_source_traceback", T_OBJECT_EX)) < 0
                   || (new->clock_key = offset_of(new->clock, "key", T_OBJECT_EX)) < 0
                   || (new->clock_loop = offset_of(new->clock, "loop", T_OBJECT_EX)) < 0
                   || (new->clock_running = offset_of(new->clock, "running", T_OBJECT_EX)) < 0
                   || (new->clock_slow = offset_of(new->clock, "slow", T_OBJECT_EX)) < 0
                   || (new->clock_long = offset_of(new->clock, "long", T_OBJECT_EX)) < 0
                   || (new->clock_on_waking = offset_of(new->clock, "on_waking", T_OBJECT_EX)) < 0
                   || (new->record_ref = offset_of(new->record, "ref", T_OBJECT_EX)) < 0
                   || (new->record_last_ran = offset_of(new->record, "last_ran", T_OBJECT_EX)) < 0
                   || (new->record_steps = offset_of(new->record, "steps", T_OBJECT_EX)) < 0
                   || (new->record_running = offset_of(new->record, "running", T_OBJECT_EX)) < 0
                   || (new->item_started = offset_of(new->item, "started", T_OBJECT_EX)) < 0
                   || (new->item_worker = offset_of(new->item, "worker", T_OBJECT_EX)) < 0
                   || (new->item_thread = offset_of(new->item, "thread", T_OBJECT_EX)) < 0
                   || offset_of(new->detail, "over", T_LONGLONG) < 0 || offset_of(new->detail, "left", T_DOUBLE) < 0
                   || offset_of(new->clock, "mark", T_LONGLONG) < 0 || offset_of(new->clock, "limit", T_LONGLONG) < 0
                   || (new->job_id = offset_of(new->job, "id", T_OBJECT_EX)) < 0
                   || (new->job_name = offset_of(new->job, "name", T_OBJECT_EX)) < 0
                   || (new->job_started = offset_of(new->job, "started", T_OBJECT_EX)) < 0
                   || (new->job_ended = offset_of(new->job, "ended", T_OBJECT_EX)) < 0
                   || (new->job_outcome = offset_of(new->job, "outcome", T_OBJECT_EX)) < 0
                   || (new->job_exception = offset_of(new->job, "exception", T_OBJECT_EX)) < 0
                   || (new->job_progress = offset_of(new->job, "progress", T_OBJECT_EX)) < 0
                   || (new->job_thin = offset_of(new->job, "thin", T_OBJECT_EX)) < 0
                   || (new->job_thinned = offset_of(new->job, "thinned", T_OBJECT_EX)) < 0
                   || (new->job_site = offset_of(new->job, "site", T_OBJECT_EX)) < 0
               ? -1
               : 0;
}

/* Is an instance nothing but slots with objects in them? */
static int
has_slots_only(PyTypeObject *type)
{
    if (type->tp_base == &PyBaseObject_Type && type->tp_dictoffset == 0 && type->tp_weaklistoffset == 0) {
        return 1;
    }
    PyErr_Format(PyExc_TypeError, "%s has more than slots", type->tp_name);
    return 0;
}

/* Of what is not plain these are not asked for, and may be missing. */
static int
find_methods(Known *new)
{
    int missing = (new->done = PyObject_GetAttr((PyObject *)new->task, str_done)) == NULL
                  || (new->append = PyObject_GetAttr((PyObject *)deque_type, str_append)) == NULL;
    if (!missing && new->permits_are_plain) {
        missing = (new->is_locked = PyObject_GetAttr((PyObject *)new->semaphore, str_is_locked)) == NULL
                  || (new->wake_next = PyObject_GetAttr((PyObject *)new->semaphore, str_wake_next)) == NULL
                  || (new->wake_first = PyObject_GetAttr((PyObject *)new->lock, str_wake_first)) == NULL;
    }
    return missing ? -1 : 0;
}

static PyObject *
configure(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyTypeObject *type = &PyType_Type, *dict = &PyDict_Type;
    Known new = {0};
    if (!PyArg_ParseTuple(args, "(O!O!O!)(O!O!O!p)(O!O!O!O!O!)(O!O!O!)(OO)O(OOOOOOOOOOO)(OOOO)(LL):configure",
                          type, &new.handle, type, &new.future, type, &new.task,
                          type, &new.semaphore, type, &new.bounded, type, &new.lock, &new.permits_are_plain,
                          type, &new.clock, type, &new.job, type, &new.detail, type, &new.record, type, &new.item,
                          dict, &new.thin_tasks, dict, &new.open_tasks, dict, &new.clocks,
                          &new.job_var, &new.worker, &new.recorder,
                          &new.say_unhandled, &new.look_for_long_step, &new.thin_ended, &new.address_reused, &new.took,
                          &new.resumed, &new.ended, &new.worker_name, &new.end_item, &new.note_creation, &new.current_task,
                          &new.check_closed, &new.get_debug, &new.init_handle, &new.task_names,
                          &new.long_wait, &new.long_step)
        || find_slots(&new) < 0 || !has_slots_only(new.job) || find_methods(&new) < 0) {
        Py_XDECREF(new.done);
        Py_XDECREF(new.append);
        Py_XDECREF(new.is_locked);
        Py_XDECREF(new.wake_next);
        Py_XDECREF(new.wake_first);
        return NULL; /* and fronts made before go on with what they know */
    }
    /* The references are kept for good: a front may outlive the hooks, when somebody has wrapped it. */
    Py_INCREF(args);
    known = new;
    last_clock = NULL;
    looked_at = 0;
    untouched.loop = NULL;
    Py_RETURN_NONE;
}

static PyObject *
is_configured(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return PyBool_FromLong(known.clock != NULL);
}

/* Of types that bear to be freed untracked. Weak references stay: the collector moves them from list to list, and would
   trip over one that is in none. */
static PyObject *
untrack(PyObject *Py_UNUSED(module), PyObject *const *objects, Py_ssize_t number)
{
    for (Py_ssize_t object = 0; object < number; object++) {
        PyTypeObject *type = Py_TYPE(objects[object]);
        int is_made_in_python = PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && PyType_IS_GC(type);
        if (type == deque_type || (is_made_in_python && !PyWeakref_Check(objects[object]))) {
            PyObject_GC_UnTrack(objects[object]);
        }
    }
    Py_RETURN_NONE;
}

/* What is untracked until the end: kept alive, for not every type bears to be freed untracked. */
static PyObject *kept;

static PyObject *
untrack_for_good(PyObject *Py_UNUSED(module), PyObject *const *objects, Py_ssize_t number)
{
    if (kept == NULL && (kept = PyList_New(0)) == NULL) {
        return NULL;
    }
    PyObject_GC_UnTrack(kept); /* or the collector would find them all in it */
    for (Py_ssize_t object = 0; object < number; object++) {
        if (PyObject_GC_IsTracked(objects[object]) && !PyWeakref_Check(objects[object])) {
            if (PyList_Append(kept, objects[object]) < 0) {
                return NULL;
            }
            PyObject_GC_UnTrack(objects[object]);
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
track_again(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    for (Py_ssize_t object = kept == NULL ? 0 : PyList_GET_SIZE(kept); object > 0; object--) {
        if (!PyObject_GC_IsTracked(PyList_GET_ITEM(kept, object - 1))) {
            PyObject_GC_Track(PyList_GET_ITEM(kept, object - 1));
        }
    }
    Py_CLEAR(kept);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"configure", configure, METH_VARARGS, PyDoc_STR("Tell the fronts what they have to know; see `compiled`.")},
    {"is_configured", is_configured, METH_NOARGS, PyDoc_STR("Whether they have been told.")},
    {"before_step", before_step, METH_VARARGS, PyDoc_STR("The front of a hook, and what that replaced.")},
    {"before_create_task", before_create_task, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"before_put_soon", before_put_soon, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"before_call_soon", before_call_soon, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"before_call_at", before_call_at, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"before_release", before_release, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"before_init_primitive", before_init_primitive, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"before_act", before_act, METH_VARARGS, PyDoc_STR("Likewise.")},
    {"before_lead", before_lead, METH_VARARGS, PyDoc_STR("A function, and what is called after it with the same.")},
    {"take", take, METH_O, PyDoc_STR("Take a free permit for a thin task: True, else its clock; None if it is not thin.")},
    {"timed", timed, METH_VARARGS, PyDoc_STR("A selector's `select` that reads a loop's clock before and after.")},
    {"errand", errand, METH_VARARGS, PyDoc_STR("A work item and its function: what to give to an executor instead.")},
    {"walker", walker, METH_VARARGS, PyDoc_STR("Makes `places.note_caller`.")},
    {"noter", noter, METH_VARARGS, PyDoc_STR("Makes `places.note_creation`.")},
    {"took", (PyCFunction)(void (*)(void))took, METH_FASTCALL, PyDoc_STR("As `thin.took`.")},
    {"namer", namer, METH_VARARGS, PyDoc_STR("Makes what names the jobs of requests after their routes.")},
    {"opener", opener, METH_VARARGS, PyDoc_STR("Makes what opens the thin jobs of requests.")},
    {"close_job", close_job, METH_O, PyDoc_STR("Close a thin job that ended well and soon; else False, and nothing done.")},
    {"untrack", (PyCFunction)(void (*)(void))untrack, METH_FASTCALL, PyDoc_STR("See `loopscope.untracked`.")},
    {"untrack_for_good", (PyCFunction)(void (*)(void))untrack_for_good, METH_FASTCALL, PyDoc_STR("Likewise.")},
    {"track_again", track_again, METH_NOARGS, PyDoc_STR("Undo it.")},
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
    made_type = (PyTypeObject *)PyType_FromSpec(&made_spec);
    request_type = (PyTypeObject *)PyType_FromSpec(&request_spec);
    PyObject *collections = PyImport_ImportModule("collections");
    deque_type = collections == NULL ? NULL : (PyTypeObject *)PyObject_GetAttrString(collections, "deque");
    Py_XDECREF(collections);
    one = PyLong_FromLong(1);
    names_of_task = Py_BuildValue("(ss)", "loop", "name");
    str_soon = PyUnicode_InternFromString("call_soon");
    str_Task = PyUnicode_InternFromString("Task");
    str_clock = PyUnicode_InternFromString("_loopscope_clock");
    str_self = PyUnicode_InternFromString("__self__");
    str_done = PyUnicode_InternFromString("done");
    str_factory = PyUnicode_InternFromString("_task_factory");
    str_name = PyUnicode_InternFromString("name");
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
    str_is_locked = PyUnicode_InternFromString("locked");
    str_wake_next = PyUnicode_InternFromString("_wake_up_next");
    str_wake_first = PyUnicode_InternFromString("_wake_up_first");
    str_locked = PyUnicode_InternFromString("_locked");
    str_select = PyUnicode_InternFromString("select");
    str_item = PyUnicode_InternFromString("item");
    str_ok = PyUnicode_InternFromString("ok");
    str_error = PyUnicode_InternFromString("error");
    str_init = PyUnicode_InternFromString("__init__");
    str_context = PyUnicode_InternFromString("context");
    str_closed = PyUnicode_InternFromString("_closed");
    str_debug = PyUnicode_InternFromString("_debug");
    str_check_closed = PyUnicode_InternFromString("_check_closed");
    str_get_debug = PyUnicode_InternFromString("get_debug");
    str_call_soon = PyUnicode_InternFromString("_call_soon");
    str_wake_up = PyUnicode_InternFromString("wake_up");
    str_co_name = PyUnicode_InternFromString("co_name");
    str_permits = PyUnicode_InternFromString("_loopscope_permits");
    str_message = PyUnicode_InternFromString("message");
    str_jobs = PyUnicode_InternFromString("jobs");
    str_lengths = PyUnicode_InternFromString("_jobs");
    str_count_job = PyUnicode_InternFromString("count_job");
    str_new_id = PyUnicode_InternFromString("new_id");
    str_max_open = PyUnicode_InternFromString("max_open");
    str_endpoint = PyUnicode_InternFromString("endpoint");
    str_code = PyUnicode_InternFromString("__code__");
    str_threadsafe = PyUnicode_InternFromString("call_soon_threadsafe");
    int failed = times == NULL || PyModule_AddObjectRef(module, "Times", times) < 0 || budgets == NULL
                 || PyModule_AddObjectRef(module, "Budget", budgets) < 0 || request_type == NULL
                 || PyModule_AddObjectRef(module, "Request", (PyObject *)request_type) < 0;
    Py_XDECREF(times);
    Py_XDECREF(budgets);
    return failed || front_type == NULL || made_type == NULL || PyErr_Occurred() ? -1 : 0;
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
