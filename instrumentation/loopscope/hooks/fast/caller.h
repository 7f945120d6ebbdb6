/* The place of the caller, see `places.walk`. */

/* What a walker knows: origins of files, ids of code to stop at, NOWHERE, the walk in Python; and the origins that are
   a user's and a package's. */
enum { WALKER_ORIGINS, WALKER_STOPS, WALKER_NOWHERE, WALKER_HOOK };
enum { WALKER_USER, WALKER_PACKAGE };

/* Is this the event loop's own frame of a callback? Not while the loop sleeps. -1 with an error set if that fails. */
static int
is_the_loops(Made *walker, PyCodeObject *code, PyObject *inner_name)
{
    PyObject *key = PyLong_FromVoidPtr(code);
    int stops = key == NULL ? -1 : PySet_Contains(walker->parts[WALKER_STOPS], key);
    Py_XDECREF(key);
    return stops != 1 || inner_name == NULL ? stops : PyObject_RichCompareBool(inner_name, str_select, Py_NE);
}

/* What the walk finds from here on; NULL without an error where a file is not known, which Python has to look at. */
static PyObject *
find_caller(Made *walker, PyFrameObject *frame)
{
    PyObject *found = Py_NewRef(walker->parts[WALKER_NOWHERE]), *inner_name = NULL;
    int more = 1;
    Py_INCREF(frame);
    while (more && frame != NULL && found != NULL) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        PyObject *whose = PyDict_GetItemWithError(walker->parts[WALKER_ORIGINS], code->co_filename);
        long origin = whose != NULL ? PyLong_AsLong(whose) : -1;
        if (whose == NULL) {
            Py_CLEAR(found);
        }
        else if (origin == walker->numbers[WALKER_USER]) {
            Py_SETREF(found, Py_BuildValue("(Oi)", code, PyFrame_GetLasti(frame)));
            more = 0;
        }
        else if ((more = is_the_loops(walker, code, inner_name)) < 0) {
            Py_CLEAR(found);
        }
        else if ((more = !more) && origin == walker->numbers[WALKER_PACKAGE] && found == walker->parts[WALKER_NOWHERE]) {
            Py_SETREF(found, Py_BuildValue("(Oi)", code, PyFrame_GetLasti(frame)));
        }
        Py_XSETREF(inner_name, Py_NewRef(code->co_name));
        Py_DECREF(code);
        Py_SETREF(frame, PyFrame_GetBack(frame));
    }
    Py_XDECREF(inner_name);
    Py_XDECREF(frame);
    return found;
}

static PyObject *
walk(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    PyObject *found = NULL;
    if (PyVectorcall_NARGS(flagged) == 1 && names == NULL && PyFrame_Check(arguments[0])) {
        found = find_caller((Made *)self, (PyFrameObject *)arguments[0]);
    }
    if (found == NULL) {
        PyErr_Clear();
        return PyObject_Vectorcall(((Made *)self)->parts[WALKER_HOOK], arguments, flagged, names);
    }
    return found;
}

/* From origins, stops, the origins of a user and of a package, NOWHERE and the walk in Python: `places.note_caller`. */
static PyObject *
walker(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *origins, *stops, *nowhere, *hook;
    long user, package;
    if (!PyArg_ParseTuple(args, "O!O!llOO:walker", &PyDict_Type, &origins, &PySet_Type, &stops, &user, &package,
                          &nowhere, &hook)) {
        return NULL;
    }
    Made *made = make(walk, (PyObject *[MOST_PARTS]){origins, stops, nowhere, hook});
    if (made != NULL) {
        made->numbers[WALKER_USER] = user;
        made->numbers[WALKER_PACKAGE] = package;
    }
    return (PyObject *)made;
}

/* What notes where an object is created knows: a walker, the places noted so far, and how it is done in Python. */
enum { NOTER_WALKER, NOTER_NOTED, NOTER_HOOK };

static PyObject *
note_creation(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    Made *noter = (Made *)self;
    PyObject *place = NULL, *key = NULL, *known_place = NULL;
    if (PyVectorcall_NARGS(flagged) == 1 && names == NULL && PyFrame_Check(arguments[0])) {
        place = find_caller((Made *)noter->parts[NOTER_WALKER], (PyFrameObject *)arguments[0]);
    }
    if (place != NULL && PyTuple_CheckExact(place) && PyTuple_GET_SIZE(place) == 2) {
        key = Py_BuildValue("(NO)", PyLong_FromVoidPtr(PyTuple_GET_ITEM(place, 0)), PyTuple_GET_ITEM(place, 1));
    }
    if (key != NULL) {
        known_place = Py_XNewRef(PyDict_GetItemWithError(noter->parts[NOTER_NOTED], key));
    }
    Py_XDECREF(place);
    Py_XDECREF(key);
    if (known_place != NULL) {
        return known_place;
    }
    PyErr_Clear();
    return PyObject_Vectorcall(noter->parts[NOTER_HOOK], arguments, flagged, names);
}

/* From a walker, the places noted so far and what notes in Python: `places.note_creation`. */
static PyObject *
noter(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *walker, *noted, *hook;
    if (!PyArg_ParseTuple(args, "O!O!O:noter", made_type, &walker, &PyDict_Type, &noted, &hook)) {
        return NULL;
    }
    if (((Made *)walker)->call != walk) {
        return PyErr_Format(PyExc_TypeError, "a walker is expected");
    }
    return (PyObject *)make(note_creation, (PyObject *[MOST_PARTS]){walker, noted, hook});
}
