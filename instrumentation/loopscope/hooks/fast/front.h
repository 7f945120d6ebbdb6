/* A front: a callable that binds like a function and has a hook in Python to fall back on. */

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
    return PyObject_Repr(((Front *)self)->original);
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

/* Forget an error met on the way, which whoever goes on will meet again; -1 if it is none but, say, a signal's. */
static int
pass_by(void)
{
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyErr_Clear();
    return 0;
}

/* Leave it to the hook. */
static PyObject *
fall_back(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    return pass_by() < 0 ? NULL : PyObject_Vectorcall(((Front *)self)->hook, arguments, flagged, names);
}

/* Is an object's method this front? An error may be set if not. */
static int
is_front(PyObject *object, PyObject *name, vectorcallfunc call)
{
    PyObject *found = function_of(object, name);
    int is_it = found != NULL && Py_TYPE(found) == front_type && ((Front *)found)->call == call;
    Py_XDECREF(found);
    return is_it;
}

/* Is this the only argument given by keyword? */
static int
only_name(PyObject *names, PyObject *name)
{
    return PyTuple_GET_SIZE(names) == 1 && PyObject_RichCompareBool(PyTuple_GET_ITEM(names, 0), name, Py_EQ) == 1;
}

static PyObject *
tuple_of(PyObject *const *items, Py_ssize_t number)
{
    PyObject *tuple = PyTuple_New(number);
    for (Py_ssize_t item = 0; tuple != NULL && item < number; item++) {
        PyTuple_SET_ITEM(tuple, item, Py_NewRef(items[item]));
    }
    return tuple;
}

/* Tell what it stands before of the call, and go on with the original, which complains of what is wrong with it. */
static PyObject *
lead(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    Front *front = (Front *)self;
    PyObject *said = PyObject_Vectorcall(front->hook, arguments, PyVectorcall_NARGS(flagged), names);
    Py_XDECREF(said);
    return said == NULL && pass_by() < 0 ? NULL : PyObject_Vectorcall(front->original, arguments, flagged, names);
}
