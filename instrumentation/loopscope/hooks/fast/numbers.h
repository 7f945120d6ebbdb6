/* The numbers that a step and a thin task read and write, as bases of classes in Python. */

/* The base of `LoopClock`: the numbers that a step and a sleep read and write. */

typedef struct {
    PyObject_HEAD
    long long mark, limit, woke, iterations, busy;
    double overslept;
    char asleep;
} Times;

/* The clock that was asked for last, or NULL: the dictionary of its loop is not looked into again. */
static PyObject *last_clock;

/* Likewise of the loop that runs in this thread, until any loop begins to run or stops. */
static PyObject *last_here;
static unsigned long last_thread;

static void
times_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    last_clock = last_clock == self ? NULL : last_clock;
    last_here = last_here == self ? NULL : last_here;
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
forget(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    last_clock = last_here = NULL;
    Py_RETURN_NONE;
}

static PyMethodDef times_methods[] = {
    {"forget", forget, METH_NOARGS | METH_STATIC, PyDoc_STR("Which loop has or runs which clock has changed.")},
    {NULL},
};

static PyMemberDef times_members[] = {
    {"mark", T_LONGLONG, offsetof(Times, mark), 0, NULL},
    {"limit", T_LONGLONG, offsetof(Times, limit), 0, NULL},
    {"woke", T_LONGLONG, offsetof(Times, woke), 0, NULL},
    {"iterations", T_LONGLONG, offsetof(Times, iterations), 0, NULL},
    {"busy", T_LONGLONG, offsetof(Times, busy), 0, NULL},
    {"overslept", T_DOUBLE, offsetof(Times, overslept), 0, NULL},
    {"asleep", T_BOOL, offsetof(Times, asleep), 0, NULL},
    {NULL},
};

static PyType_Slot times_slots[] = {
    {Py_tp_dealloc, times_dealloc},
    {Py_tp_methods, times_methods},
    {Py_tp_members, times_members},
    {0, NULL},
};

static PyType_Spec times_spec = {
    .name = "loopscope.hooks._fast.Times",
    .basicsize = sizeof(Times),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = times_slots,
};

/* The base of `Detail`: the numbers that are read and written once a thin task. */

typedef struct {
    PyObject_HEAD
    double left;
    long long over, tasks;
} Budget;

/* The recorder's; NULL before there is one. */
static Budget *budget;

static PyObject *
serve(PyObject *self, PyObject *Py_UNUSED(none))
{
    Py_XSETREF(budget, (Budget *)Py_NewRef(self));
    Py_RETURN_NONE;
}

static PyMethodDef budget_methods[] = {
    {"serve", serve, METH_NOARGS, PyDoc_STR("Be the one that all hooks ask from now on.")},
    {NULL},
};

static PyMemberDef budget_members[] = {
    {"left", T_DOUBLE, offsetof(Budget, left), 0, NULL},
    {"over", T_LONGLONG, offsetof(Budget, over), 0, NULL},
    {"tasks", T_LONGLONG, offsetof(Budget, tasks), 0, NULL},
    {NULL},
};

static PyType_Slot budget_slots[] = {
    {Py_tp_methods, budget_methods},
    {Py_tp_members, budget_members},
    {0, NULL},
};

static PyType_Spec budget_spec = {
    .name = "loopscope.hooks._fast.Budget",
    .basicsize = sizeof(Budget),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = budget_slots,
};

/* Add a duration to a `Lengths` of the budget's, if there is one of its key: 1, 0 if not, -1 with an error set. */
static int
add_length(PyObject *detail, PyObject *of, PyObject *key, long long length)
{
    PyObject *lengths = PyObject_GetAttr(detail, of), *array = NULL, *said = NULL;
    PyObject *arrays = lengths == NULL ? NULL : PyObject_GetAttr(lengths, str_arrays);
    PyObject *added = arrays == NULL || !PyDict_CheckExact(arrays) ? NULL : PyLong_FromLongLong(length);
    if (added != NULL && (array = Py_XNewRef(PyDict_GetItemWithError(arrays, key))) != NULL) {
        said = PyObject_CallMethodOneArg(array, str_append, added);
    }
    Py_XDECREF(lengths);
    Py_XDECREF(arrays);
    Py_XDECREF(array);
    Py_XDECREF(added);
    Py_XDECREF(said);
    return PyErr_Occurred() ? -1 : said != NULL;
}
