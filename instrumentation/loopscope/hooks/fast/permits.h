/* A permit taken or given back while nobody waits: see `sync._acquiring` and `sync._releasing`. */

/* The clock of the loop that runs in this thread; borrowed, NULL if there is none. */
static PyObject *
clock_here(void)
{
    unsigned long ident = PyThread_get_thread_ident();
    if (last_here != NULL && last_thread == ident) {
        return last_here;
    }
    PyObject *thread = PyLong_FromUnsignedLong(ident);
    PyObject *clock = thread == NULL ? NULL : PyDict_GetItemWithError(known.clocks, thread);
    Py_XDECREF(thread);
    if (clock == NULL || Py_TYPE(clock) != known.clock) {
        return NULL;
    }
    last_thread = ident;
    return last_here = clock;
}

/* Is the task thin that a clock's loop runs? An error may be set if not. */
static int
runs_thin(PyObject *clock)
{
    PyObject *key = Py_NewRef(SLOT(clock, known.clock_key));
    int is_thin = PyDict_Contains(known.thin_tasks, key) == 1;
    Py_DECREF(key);
    return is_thin;
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
        if (Py_TYPE(primitive) == known.lock) {
            done = turn(primitive, Py_False, Py_True);
        }
        else if ((done = has_own(primitive, str_is_locked, known.is_locked)) > 0) {
            done = add(primitive, 1, -1);
        }
        if (done <= 0) {
            PyObject *error = done < 0 ? raised() : NULL;
            PyDict_DelItem(holders, key);
            raise_again(error);
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
    PyObject *site = NULL, *place = NULL;
    int found = optional(primitive, str_site, &site), counted = -1;
    if (found >= 0 && (place = PyTuple_Pack(2, kind, found ? site : Py_None)) != NULL) {
        counted = add_length(detail, str_waits_at, place, lasted);
    }
    Py_XDECREF(site);
    Py_XDECREF(place);
    return counted;
}

/* Was there no wait, or a short one of a task that is thin to this day, and is it counted? */
static int
count_short_wait(PyObject *primitive, PyObject *kind, PyObject *clock, PyObject *key, PyObject *began)
{
    long long lasted = ((Times *)clock)->mark - PyLong_AsLongLong(began);
    if (lasted == 0 || PyErr_Occurred()) {
        return lasted == 0;
    }
    int is_thin = lasted < budget->over && PyDict_Contains(known.open_tasks, key) == 0;
    return is_thin ? count_wait((PyObject *)budget, primitive, kind, lasted) : 0;
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
    else if (began == NULL || (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception))) {
        said = NULL; /* no error of ours, but a signal's, say */
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
    int is_lock = Py_TYPE(primitive) == known.lock, plain = is_plain_permit(primitive);
    if (plain > 0) {
        plain = is_lock ? has_own(primitive, str_wake_first, known.wake_first)
                        : has_own(primitive, str_wake_next, known.wake_next);
    }
    if (plain <= 0) {
        return plain;
    }
    return is_lock ? turn(primitive, Py_True, Py_False) : add(primitive, 0, 1);
}

/* Has the running task, which is thin, held one of these permits, and for a short time? */
static int
was_held_shortly(PyObject *holders, PyObject *key, long long mark)
{
    PyObject *acquired = PyDict_GetItemWithError(holders, key);
    int shortly = acquired != NULL && mark - PyLong_AsLongLong(acquired) <= budget->over;
    return shortly && !PyErr_Occurred();
}

/* The note goes first: the pump makes no hold, while somebody is woken, of a permit that is being given back. */
static PyObject *
give_noted(PyObject *front, PyObject *holders, PyObject *key, PyObject *const *arguments, size_t flagged)
{
    PyObject *acquired = Py_XNewRef(PyDict_GetItemWithError(holders, key)), *result = NULL;
    int given = acquired == NULL || PyDict_DelItem(holders, key) < 0 ? -1 : give(arguments[0]);
    if (given > 0) {
        result = Py_NewRef(Py_None);
    }
    else if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear(); /* the original meets it again */
        result = PyObject_Vectorcall(((Front *)front)->original, arguments, flagged, NULL);
    }
    if (result == NULL && acquired != NULL) {
        PyObject *error = raised();
        PyDict_SetItem(holders, key, acquired);
        PyErr_Clear();
        raise_again(error);
    }
    Py_XDECREF(acquired);
    return result;
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
        result = give_noted(self, holders, key, arguments, flagged);
    }
    Py_XDECREF(holders);
    Py_XDECREF(key);
    return result;
}
