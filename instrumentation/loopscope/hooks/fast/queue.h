/* A callback on its way into a loop's queue: what asyncio's `_call_soon` and the making of a handle do. */

/* The version of the class of handles that was looked at last, 0 for none. */
static unsigned int looked_at;

/* Are handles made by asyncio's own `__init__` alone? Looked up anew only when their class has changed. */
static int
handles_are_own(void)
{
    if (looked_at == 0 || looked_at != known.handle->tp_version_tag) {
        int are_own = is_same(PyObject_GetAttr((PyObject *)known.handle, str_init), known.init_handle) > 0
                      && known.handle->tp_new == PyBaseObject_Type.tp_new;
        PyErr_Clear();
        looked_at = are_own ? known.handle->tp_version_tag : 0;
        return are_own;
    }
    return 1;
}

static PyObject *
make_handle(PyObject *loop, PyObject *callback, PyObject *args, PyObject *context)
{
    PyObject *own = context == Py_None ? PyContext_CopyCurrent() : Py_NewRef(context);
    PyObject *handle = own == NULL ? NULL : known.handle->tp_alloc(known.handle, 0);
    if (handle == NULL) {
        Py_XDECREF(own);
        return NULL;
    }
    put(handle, known.handle_context, own);
    put(handle, known.handle_loop, Py_NewRef(loop));
    put(handle, known.handle_callback, Py_NewRef(callback));
    put(handle, known.handle_args, Py_NewRef(args));
    put(handle, known.handle_cancelled, Py_NewRef(Py_False));
    put(handle, known.handle_repr, Py_NewRef(Py_None));
    put(handle, known.handle_traceback, Py_NewRef(Py_None));
    return handle;
}

/* Make a handle and have the loop run it. `is_plain` says that it will not remember who made it. */
static PyObject *
enqueue(PyObject *loop, PyObject *callback, PyObject *args, PyObject *context, int is_plain)
{
    PyObject *ready, *handle, *said = NULL;
    if (is_plain && handles_are_own()) {
        handle = make_handle(loop, callback, args, context);
    }
    else {
        handle = PyObject_Vectorcall((PyObject *)known.handle, (PyObject *[]){callback, args, loop, context}, 4, NULL);
    }
    if (handle == NULL) {
        return NULL;
    }
    ready = PyObject_GetAttr(loop, str_ready);
    if (ready != NULL) {
        PyObject *to_deque[] = {ready, handle};
        said = Py_TYPE(ready) == deque_type ? PyObject_Vectorcall(known.append, to_deque, 2, NULL)
                                            : PyObject_CallMethodOneArg(ready, str_append, handle);
    }
    if (said == NULL) {
        Py_CLEAR(handle);
    }
    Py_XDECREF(ready);
    Py_XDECREF(said);
    return handle;
}
