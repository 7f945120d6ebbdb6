/* The thin job of a request: see `web._Request`. */

/* What names jobs knows: where a job stands in a scope, and how it is named in Python. */
enum { NAMER_KEY, NAMER_HOOK };

/* Was the job of this scope named after this route? FastAPI's routes call Starlette's. An error may be set if not. */
static int
is_named(PyObject *key, PyObject *route, PyObject *scope)
{
    PyObject *job = PyDict_CheckExact(scope) ? PyDict_GetItemWithError(scope, key) : NULL;
    PyObject *site = job != NULL && Py_TYPE(job) == known.job ? SLOT(job, known.job_site) : NULL;
    if (site == NULL || !PyTuple_CheckExact(site) || PyTuple_GET_SIZE(site) == 0) {
        return 0;
    }
    PyObject *named_after = Py_NewRef(PyTuple_GET_ITEM(site, 0)); /* what follows may be somebody's Python */
    PyObject *endpoint = PyObject_GetAttr(route, str_endpoint);
    PyObject *code = endpoint == NULL ? NULL : PyObject_GetAttr(endpoint, str_code);
    int is_it = named_after == code;
    Py_DECREF(named_after);
    Py_XDECREF(endpoint);
    Py_XDECREF(code);
    return is_it;
}

static PyObject *
name_job(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *const *parts = ((Made *)self)->parts;
    if (PyVectorcall_NARGS(flagged) >= 2 && is_named(parts[NAMER_KEY], arguments[0], arguments[1])) {
        Py_RETURN_NONE;
    }
    return pass_by() < 0 ? NULL : PyObject_Vectorcall(parts[NAMER_HOOK], arguments, flagged, names);
}

/* From the key of a job in a scope, and what names it in Python: what does so once a route. */
static PyObject *
namer(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *key, *hook;
    if (known.job == NULL) {
        return PyErr_Format(PyExc_RuntimeError, "no job is named before configure() was called");
    }
    if (!PyArg_ParseTuple(args, "O!O:namer", &PyUnicode_Type, &key, &hook)) {
        return NULL;
    }
    return (PyObject *)make(name_job, (PyObject *[MOST_PARTS]){key, hook});
}

/* What opens them: a job to copy, where it stands in the scope, how it is closed, and how what matters is sent. */
enum { OPENER_BLANK, OPENER_KEY, OPENER_CLOSE, OPENER_SEND };
enum { OPENER_FAILED }; /* HTTP status from which a request has failed */

/* Sends, as a callable, what the application answers. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *opener, *scope, *send, *job; /* no scope once it is entered, no job once the application is through */
    PyObject *weakrefs;
} Request;

/* Does nothing follow from this message for the job? */
static int
is_of_no_concern(Made *opener, PyObject *message)
{
    PyObject *type = PyDict_CheckExact(message) ? PyDict_GetItemString(message, "type") : NULL;
    if (type == NULL || !PyUnicode_CheckExact(type)) {
        return 0;
    }
    if (PyUnicode_CompareWithASCIIString(type, "http.response.body") == 0) {
        return PyDict_GetItemString(message, "more_body") == Py_True;
    }
    if (PyUnicode_CompareWithASCIIString(type, "http.response.start") == 0) {
        PyObject *status = PyDict_GetItemString(message, "status");
        int overflow, is_number = status != NULL && PyLong_CheckExact(status);
        return is_number && PyLong_AsLongAndOverflow(status, &overflow) < opener->numbers[OPENER_FAILED] && !overflow;
    }
    return 1;
}

/* Without a coroutine of ours around the server's, where nothing follows. */
static PyObject *
send_answer(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    Request *request = (Request *)self;
    Made *opener = (Made *)request->opener;
    Py_ssize_t given = PyVectorcall_NARGS(flagged);
    int is_plain_call = names == NULL ? given == 1 : given == 0 && only_name(names, str_message);
    if (request->job == NULL || !is_plain_call || is_of_no_concern(opener, arguments[0])) {
        return PyObject_Vectorcall(request->send, arguments, flagged, names);
    }
    PyObject *told[] = {request->send, request->job, arguments[0]};
    return PyObject_Vectorcall(opener->parts[OPENER_SEND], told, 3, NULL);
}

/* Close a thin job that ended well and soon, as `jobs.close` does. 0: it is another one, and left to that. */
static int
close_counted(PyObject *job)
{
    PyObject *detail = Py_NewRef(budget), *open = PyObject_GetAttr(known.recorder, str_jobs);
    PyObject *key = SLOT(job, known.job_id), *exception = SLOT(job, known.job_exception);
    long long end = moment(), lasted = open == NULL ? 0 : end - number(job, known.job_started);
    int closed = open != NULL && PyDict_CheckExact(open) && SLOT(job, known.job_thin) == Py_True && exception != NULL
                 && PyObject_Not(exception) == 1 && lasted < ((Budget *)detail)->over;
    int is_open = closed ? PyDict_Contains(open, key) : 0;
    if (is_open > 0) {
        int failed = PyDict_DelItem(open, key) < 0 || put_number(job, known.job_ended, end) < 0;
        put(job, known.job_outcome, Py_NewRef(str_ok));
        int counted = failed ? -1 : add_length(detail, str_lengths, SLOT(job, known.job_name), lasted);
        PyObject *said = counted == 0 ? PyObject_CallMethodOneArg(detail, str_count_job, job) : NULL;
        Py_XDECREF(said);
    }
    Py_DECREF(detail);
    Py_XDECREF(open);
    return PyErr_Occurred() ? -1 : closed;
}

static PyObject *
close_job(PyObject *Py_UNUSED(module), PyObject *job)
{
    int closed = known.clock == NULL || Py_TYPE(job) != known.job ? 0 : close_counted(job);
    return closed < 0 ? NULL : PyBool_FromLong(closed);
}

/* What runs here belongs to this job, or to none: with a token to go back by, there would be more to collect. */
static int
set_job(PyObject *job)
{
    PyObject *token = PyContextVar_Set(known.job_var, job);
    Py_XDECREF(token);
    return token == NULL ? -1 : 0;
}

/* From here on the job is open: before, a signal's handler could keep the `with` from taking it over. */
static PyObject *
enter_request(PyObject *self, PyObject *Py_UNUSED(none))
{
    Request *request = (Request *)self;
    PyObject *scope = request->scope, *job = request->job;
    PyObject *open = scope == NULL ? NULL : PyObject_GetAttr(known.recorder, str_jobs);
    request->scope = NULL;
    if (open == NULL || PyObject_SetItem(open, SLOT(job, known.job_id), job) < 0
        || PyDict_SetItem(scope, ((Made *)request->opener)->parts[OPENER_KEY], job) < 0 || set_job(job) < 0) {
        if (PyErr_Occurred() && pass_over("request") < 0) {
            self = NULL;
        }
    }
    Py_XDECREF(open);
    Py_XDECREF(scope);
    return Py_XNewRef(self);
}

static PyObject *
exit_request(PyObject *self, PyObject *const *raised, Py_ssize_t number)
{
    Request *request = (Request *)self;
    PyObject *job = request->job, *error = number == 3 ? raised[1] : Py_None;
    request->job = NULL;
    if (job != NULL) {
        int done = set_job(Py_None) < 0 ? -1 : error == Py_None ? close_counted(job) : 0;
        if (done == 0) {
            PyObject *close = ((Made *)request->opener)->parts[OPENER_CLOSE];
            PyObject *said = PyObject_CallFunctionObjArgs(close, job, error, NULL);
            done = said == NULL ? -1 : 1;
            Py_XDECREF(said);
        }
        Py_DECREF(job);
        if (done < 0 && pass_over("job") < 0) {
            return NULL;
        }
    }
    Py_RETURN_FALSE;
}

static int
request_traverse(PyObject *self, visitproc visit, void *arg)
{
    Request *request = (Request *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(request->opener);
    Py_VISIT(request->scope);
    Py_VISIT(request->send);
    Py_VISIT(request->job);
    return 0;
}

static int
request_clear(PyObject *self)
{
    Py_CLEAR(((Request *)self)->scope);
    Py_CLEAR(((Request *)self)->job);
    return 0;
}

static void
request_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (((Request *)self)->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    request_clear(self);
    Py_DECREF(((Request *)self)->opener);
    Py_DECREF(((Request *)self)->send);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef request_methods[] = {
    {"__enter__", enter_request, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))exit_request, METH_FASTCALL, NULL},
    {NULL},
};

static PyMemberDef request_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Request, call), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Request, weakrefs), READONLY, NULL},
    {NULL},
};

static PyType_Slot request_slots[] = {
    {Py_tp_call, PyVectorcall_Call}, {Py_tp_traverse, request_traverse}, {Py_tp_clear, request_clear},
    {Py_tp_dealloc, request_dealloc}, {Py_tp_methods, request_methods}, {Py_tp_members, request_members},
    {0, NULL},
};

static PyType_Spec request_spec = {
    .name = "loopscope.hooks._fast.Request",
    .basicsize = sizeof(Request),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = request_slots,
};

static PyTypeObject *request_type;

/* Is a job that is opened here thin, and part of no other job and no task with a record? */
static int
is_thin_here(void)
{
    PyObject *outer = thin_job(), *clock = outer == Py_None ? clock_here() : NULL;
    int is_thin = outer == Py_None && !PyErr_Occurred();
    Py_XDECREF(outer);
    return clock != NULL ? runs_thin(clock) : is_thin;
}

/* A copy of a job, under a new number; begun now. Out of the collector's sight, for it leads to nothing but words and
   numbers, and the contexts of timers keep it long after its end. */
static PyObject *
copy_of(PyObject *blank, PyObject *name)
{
    PyObject *key = PyObject_CallMethodNoArgs(known.recorder, str_new_id);
    PyObject *began = PyLong_FromLongLong(moment());
    PyObject *job = key == NULL || began == NULL ? NULL : known.job->tp_alloc(known.job, 0);
    if (job != NULL) {
        for (Py_ssize_t slot = sizeof(PyObject); slot < known.job->tp_basicsize; slot += sizeof(PyObject *)) {
            SLOT(job, slot) = Py_XNewRef(SLOT(blank, slot));
        }
        put(job, known.job_id, Py_NewRef(key));
        put(job, known.job_name, Py_NewRef(name));
        put(job, known.job_started, Py_NewRef(began));
        put(job, known.job_progress, Py_NewRef(began));
        PyObject_GC_UnTrack(job);
    }
    Py_XDECREF(key);
    Py_XDECREF(began);
    return job;
}

/* Are there fewer jobs open than the most? */
static int
has_room(void)
{
    PyObject *open = PyObject_GetAttr(known.recorder, str_jobs);
    PyObject *most = open == NULL ? NULL : PyObject_GetAttr(known.recorder, str_max_open);
    int has_some = most != NULL && PyDict_CheckExact(open) && PyDict_GET_SIZE(open) < PyLong_AsSsize_t(most);
    Py_XDECREF(open);
    Py_XDECREF(most);
    return has_some && !PyErr_Occurred();
}

static PyObject *
request_of(Made *opener, PyObject *scope, PyObject *send, PyObject *job)
{
    Request *request = PyObject_GC_New(Request, request_type);
    if (request != NULL) {
        request->call = send_answer;
        request->opener = Py_NewRef(opener);
        request->scope = Py_NewRef(scope);
        request->send = Py_NewRef(send);
        request->job = Py_NewRef(job);
        request->weakrefs = NULL;
        PyObject_GC_Track((PyObject *)request);
    }
    return (PyObject *)request;
}

/* What opens the job of a request, from its scope and what sends the answer: a context manager; None if it is not thin. */
static PyObject *
open_request(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    Made *opener = (Made *)self;
    PyObject *scope, *method = NULL, *name = NULL, *job = NULL, *request = NULL;
    if (PyVectorcall_NARGS(flagged) != 2 || names != NULL) {
        return PyErr_Format(PyExc_TypeError, "a scope and what sends the answer are expected");
    }
    scope = arguments[0];
    if (PyDict_CheckExact(scope) && is_thin_here() && has_room()) {
        method = PyDict_GetItemString(scope, "method");
    }
    if (method != NULL && PyUnicode_CheckExact(method)
        && (name = PyUnicode_Concat(method, SLOT(opener->parts[OPENER_BLANK], known.job_name))) != NULL
        && (job = copy_of(opener->parts[OPENER_BLANK], name)) != NULL) {
        request = request_of(opener, scope, arguments[1], job);
    }
    Py_XDECREF(name);
    Py_XDECREF(job);
    if (request != NULL) {
        return request;
    }
    return PyErr_Occurred() && pass_over("request") < 0 ? NULL : Py_NewRef(Py_None);
}

/* From a job to copy, whose name follows the method's, its key in a scope, `close`, what sends, and FAILED. */
static PyObject *
opener(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *blank, *key, *close, *send;
    long failed;
    if (known.job == NULL) {
        return PyErr_Format(PyExc_RuntimeError, "no request is opened before configure() was called");
    }
    if (!PyArg_ParseTuple(args, "O!O!OOl:opener", known.job, &blank, &PyUnicode_Type, &key, &close, &send, &failed)) {
        return NULL;
    }
    Made *made = make(open_request, (PyObject *[MOST_PARTS]){blank, key, close, send});
    if (made != NULL) {
        made->numbers[OPENER_FAILED] = failed;
    }
    return (PyObject *)made;
}
