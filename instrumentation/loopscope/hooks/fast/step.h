/* A step: see `steps._timed`. */

/* Count a thin task that ended well and soon: 1, 0 if it did not, -1 with an error set. */
static int
counted(PyObject *key, PyObject *task, long long end)
{
    PyObject *created = PyDict_GetItemWithError(known.thin_tasks, key);
    int well = created != NULL && end - PyLong_AsLongLong(created) < budget->over; /* none: it has a record by now */
    if (well && (well = is_same(PyObject_GetAttr(task, str_exception), Py_None)) > 0
        && (well = is_same(PyObject_CallMethodNoArgs(task, str_cancelled), Py_False)) > 0) {
        budget->tasks += 1;
        well = PyDict_DelItem(known.thin_tasks, key) < 0 ? -1 : 1;
    }
    return PyErr_Occurred() ? -1 : well;
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

/* Whose step it is: the owner of the callback, its address, and its record if it has one. */
typedef struct {
    PyObject *clock, *task, *key, *record;
    int is_thin;
} Owner;

/* Is the step a plain one? */
static int
find_owner(PyObject *handle, Owner *owner)
{
    PyObject *loop = Py_NewRef(SLOT(handle, known.handle_loop)); /* either may be asked in Python, and cancel it */
    PyObject *callback = Py_NewRef(SLOT(handle, known.handle_callback));
    owner->clock = clock_of(loop);
    if (owner->clock != NULL) {
        owner->task = owner_of(callback);
    }
    Py_DECREF(loop);
    Py_DECREF(callback);
    if (owner->task == NULL || (owner->key = PyLong_FromVoidPtr(owner->task)) == NULL) {
        return 0;
    }
    owner->is_thin = PyDict_Contains(known.thin_tasks, owner->key);
    if (owner->is_thin == 0) {
        owner->record = Py_XNewRef(PyDict_GetItemWithError(known.open_tasks, owner->key));
    }
    if (owner->is_thin > 0) {
        return Py_TYPE(owner->task) == known.task; /* else of another make, or at a collected task's address */
    }
    return !PyErr_Occurred() && (owner->record == NULL || is_record_of(owner->record, owner->task));
}

static int
after_unrecorded_step(const Owner *owner)
{
    Times *times = (Times *)owner->clock;
    long long end = moment();
    int failed = end > times->limit ? tell(known.look_for_long_step, owner->clock, owner->task, end) : 0;
    times->mark = end;
    return !failed && owner->is_thin ? after_thin_step(owner->key, owner->task, end) : failed;
}

/* As in `steps._timed`, of a thin task or no task. */
static int
unrecorded_step(PyObject *handle, const Owner *owner)
{
    return run_handle(handle) < 0 || (after_unrecorded_step(owner) < 0 && pass_over("step") < 0) ? -1 : 0;
}

static PyObject *
step(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    Owner owner = {0};
    PyObject *result = NULL;
    if (PyVectorcall_NARGS(flagged) != 1 || names != NULL || !is_plain(arguments[0]) || !find_owner(arguments[0], &owner)
        || !is_plain(arguments[0])) {
        result = fall_back(self, arguments, flagged, names);
        goto end;
    }
    put(owner.clock, known.clock_key, Py_NewRef(owner.key));
    if (owner.record != NULL ? recorded_step(arguments[0], owner.clock, owner.task, owner.record) == 0
                             : unrecorded_step(arguments[0], &owner) == 0) {
        result = Py_NewRef(Py_None);
    }
end:
    Py_XDECREF(owner.clock);
    Py_XDECREF(owner.task);
    Py_XDECREF(owner.key);
    Py_XDECREF(owner.record);
    return result;
}
