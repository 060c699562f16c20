/* Before Python.h: otherwise fd_set is declared twice, once by Glibc's own module. */
#include <features.h>
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Python's exception classes are mutable globals, which Swift refuses to read. */
static inline int lachesis_python_is_system_exit(void) { return PyErr_ExceptionMatches(PyExc_SystemExit); }
