/* Calls of the file system that concern a folder are counted, and one of them fails or is the last of its process.
 *
 * Loaded before the C library (LD_PRELOAD), it sees the calls of Python and of every native library alike. A call
 * concerns the folder when a path that it is given, or that its handle was opened by, is the folder or below it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { OPEN, READ, WRITE, FSYNC, RENAME, LINK, SYMLINK, UNLINK, MKDIR, RMDIR, FLOCK, CALLS };

static char folder[PATH_MAX];
static size_t length;
static int kind, at, code; /* the call that fails, its number, and how */
static atomic_int seen[CALLS];

/* Count from now on; the call number `which` (from 1) of a kind fails with `error`, or kills where `error` is 0. */
void calls_arm(const char *path, int call, int which, int error) {
    for (int each = 0; each < CALLS; each++) seen[each] = 0;
    kind = call, at = which, code = error;
    length = strlen(path);
    snprintf(folder, sizeof folder, "%s", path);
}

void calls_disarm(void) { length = 0; }

int calls_seen(int call) { return seen[call]; }

static int below(const char *path) {
    return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int handle_below(int handle) {
    char link[40], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return below(path);
}

static int concerns(int handle, const char *path) {
    if (!length) return 0;
    if (path && path[0] == '/') return below(path);
    return handle != AT_FDCWD && handle_below(handle);
}

/* Whether a call that concerns the folder is the one that fails. */
static int fails(enum call call, int concerned) {
    if (!concerned) return 0;
    if (++seen[call] != at || (int)call != kind) return 0;
    if (!code) raise(SIGKILL);
    errno = code;
    return 1;
}

#define REAL(type, name, ...)                                                     \
    static type (*real)(__VA_ARGS__);                                             \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define OPENS(name)                                                               \
    int name(const char *path, int flags, ...) {                                  \
        REAL(int, #name, const char *, int, ...);                                 \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        return fails(OPEN, concerns(AT_FDCWD, path)) ? -1 : real(path, flags, mode); \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                                            \
    int name(int at_folder, const char *path, int flags, ...) {                   \
        REAL(int, #name, int, const char *, int, ...);                            \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        return fails(OPEN, concerns(at_folder, path)) ? -1 : real(at_folder, path, flags, mode); \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

#define ON_HANDLE(call, type, name, parameters, arguments)                        \
    type name parameters {                                                        \
        static type(*real) parameters;                                            \
        if (!real) real = (type(*) parameters)dlsym(RTLD_NEXT, #name);            \
        return fails(call, concerns(handle, NULL)) ? -1 : real arguments;         \
    }
ON_HANDLE(READ, ssize_t, read, (int handle, void *buffer, size_t size), (handle, buffer, size))
ON_HANDLE(READ, ssize_t, pread, (int handle, void *buffer, size_t size, off_t from), (handle, buffer, size, from))
ON_HANDLE(READ, ssize_t, pread64, (int handle, void *buffer, size_t size, off64_t from), (handle, buffer, size, from))
ON_HANDLE(WRITE, ssize_t, write, (int handle, const void *buffer, size_t size), (handle, buffer, size))
ON_HANDLE(WRITE, ssize_t, writev, (int handle, const struct iovec *parts, int count), (handle, parts, count))
ON_HANDLE(WRITE, ssize_t, pwrite64, (int handle, const void *buffer, size_t size, off64_t to), (handle, buffer, size, to))
ON_HANDLE(WRITE, ssize_t, sendfile, (int handle, int from, off_t *offset, size_t size), (handle, from, offset, size))
ON_HANDLE(WRITE, ssize_t, sendfile64, (int handle, int from, off64_t *offset, size_t size), (handle, from, offset, size))
ON_HANDLE(FSYNC, int, fsync, (int handle), (handle))
ON_HANDLE(FSYNC, int, fdatasync, (int handle), (handle))
ON_HANDLE(FLOCK, int, flock, (int handle, int operation), (handle, operation))

#define ON_PATH(call, name, parameters, arguments, folder_handle, path)           \
    int name parameters {                                                         \
        static int(*real) parameters;                                             \
        if (!real) real = (int(*) parameters)dlsym(RTLD_NEXT, #name);             \
        return fails(call, concerns(folder_handle, path)) ? -1 : real arguments;  \
    }
ON_PATH(RENAME, rename, (const char *from, const char *to), (from, to), AT_FDCWD, from)
ON_PATH(RENAME, renameat, (int f, const char *from, int t, const char *to), (f, from, t, to), f, from)
ON_PATH(LINK, link, (const char *from, const char *to), (from, to), AT_FDCWD, to)
ON_PATH(LINK, linkat, (int f, const char *from, int t, const char *to, int flags), (f, from, t, to, flags), t, to)
ON_PATH(SYMLINK, symlink, (const char *to, const char *path), (to, path), AT_FDCWD, path)
ON_PATH(SYMLINK, symlinkat, (const char *to, int f, const char *path), (to, f, path), f, path)
ON_PATH(UNLINK, unlink, (const char *path), (path), AT_FDCWD, path)
ON_PATH(MKDIR, mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
ON_PATH(MKDIR, mkdirat, (int f, const char *path, mode_t mode), (f, path, mode), f, path)
ON_PATH(RMDIR, rmdir, (const char *path), (path), AT_FDCWD, path)

int unlinkat(int f, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    return fails(flags & AT_REMOVEDIR ? RMDIR : UNLINK, concerns(f, path)) ? -1 : real(f, path, flags);
}
