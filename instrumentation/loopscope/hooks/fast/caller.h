/* The place of the caller, see `places.walk`. */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *origins, *stops, *hook;
    long user; /* the origin of a user's file */
} Walker;

static int
walker_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Walker *)self)->origins);
    Py_VISIT(((Walker *)self)->stops);
    Py_VISIT(((Walker *)self)->hook);
    return 0;
}

static int
walker_clear(PyObject *self)
{
    Py_CLEAR(((Walker *)self)->origins);
    Py_CLEAR(((Walker *)self)->stops);
    Py_CLEAR(((Walker *)self)->hook);
    return 0;
}

static void
walker_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    walker_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef walker_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Walker, call), READONLY, NULL},
    {NULL},
};

static PyType_Slot walker_slots[] = {
    {Py_tp_call, PyVectorcall_Call},    {Py_tp_traverse, walker_traverse}, {Py_tp_clear, walker_clear},
    {Py_tp_dealloc, walker_dealloc}, {Py_tp_members, walker_members},   {0, NULL},
};

static PyType_Spec walker_spec = {
    .name = "loopscope.hooks._fast.Walker",
    .basicsize = sizeof(Walker),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = walker_slots,
};

static PyTypeObject *walker_type;

/* Does the walk go on beyond this code? 0 at the event loop, at the user's, and at what is not known. */
static int
goes_on(Walker *walker, PyCodeObject *code, int *is_users)
{
    PyObject *whose = PyDict_GetItemWithError(walker->origins, code->co_filename);
    *is_users = whose != NULL && PyLong_AsLong(whose) == walker->user;
    if (whose == NULL || *is_users) {
        return 0;
    }
    PyObject *key = PyLong_FromVoidPtr(code);
    int stops = key == NULL ? -1 : PySet_Contains(walker->stops, key);
    Py_XDECREF(key);
    return stops == 0;
}

/* The nearest frame of the user's code; all else is left to the walk in Python. */
static PyObject *
walk(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyFrameObject *frame = NULL;
    PyObject *found = NULL;
    int more = 1, is_users = 0;
    if (PyVectorcall_NARGS(flagged) == 1 && names == NULL && PyFrame_Check(arguments[0])) {
        frame = (PyFrameObject *)Py_NewRef(arguments[0]);
    }
    while (frame != NULL && more) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        more = goes_on((Walker *)self, code, &is_users);
        if (is_users) {
            found = Py_BuildValue("(Oi)", code, PyFrame_GetLasti(frame));
        }
        Py_DECREF(code);
        PyFrameObject *outer = more ? PyFrame_GetBack(frame) : NULL;
        Py_DECREF(frame);
        frame = outer;
    }
    if (found == NULL) {
        PyErr_Clear();
        return PyObject_Vectorcall(((Walker *)self)->hook, arguments, flagged, names);
    }
    return found;
}

/* Origins of files, ids of code to stop at, the origin that is the user's, and the walk in Python. */
static PyObject *
walker(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *origins, *stops, *hook;
    long user;
    if (!PyArg_ParseTuple(args, "O!O!lO:walker", &PyDict_Type, &origins, &PySet_Type, &stops, &user, &hook)) {
        return NULL;
    }
    Walker *made = PyObject_GC_New(Walker, walker_type);
    if (made != NULL) {
        made->call = walk;
        made->origins = Py_NewRef(origins);
        made->stops = Py_NewRef(stops);
        made->hook = Py_NewRef(hook);
        made->user = user;
        PyObject_GC_Track((PyObject *)made);
    }
    return (PyObject *)made;
}
