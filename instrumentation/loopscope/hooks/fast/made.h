/* A callable made for what it is called with: some objects and numbers that it knows. */

#define MOST_PARTS 4

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *parts[MOST_PARTS]; /* NULL after the last */
    long long numbers[2];
} Made;

static int
made_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    for (int part = 0; part < MOST_PARTS; part++) {
        Py_VISIT(((Made *)self)->parts[part]);
    }
    return 0;
}

static int
made_clear(PyObject *self)
{
    for (int part = 0; part < MOST_PARTS; part++) {
        Py_CLEAR(((Made *)self)->parts[part]);
    }
    return 0;
}

static void
made_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    made_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef made_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Made, call), READONLY, NULL},
    {NULL},
};

static PyType_Slot made_slots[] = {
    {Py_tp_call, PyVectorcall_Call},  {Py_tp_traverse, made_traverse}, {Py_tp_clear, made_clear},
    {Py_tp_dealloc, made_dealloc}, {Py_tp_members, made_members},   {0, NULL},
};

static PyType_Spec made_spec = {
    .name = "loopscope.hooks._fast.Made",
    .basicsize = sizeof(Made),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = made_slots,
};

static PyTypeObject *made_type;

/* A callable that knows these objects, the last of which is NULL; the caller puts its numbers in. */
static Made *
make(vectorcallfunc call, PyObject *const parts[MOST_PARTS])
{
    Made *made = PyObject_GC_New(Made, made_type);
    if (made != NULL) {
        made->call = call;
        for (int part = 0; part < MOST_PARTS; part++) {
            made->parts[part] = Py_XNewRef(parts[part]);
        }
        PyObject_GC_Track((PyObject *)made);
    }
    return made;
}
