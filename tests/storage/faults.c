/*
 * A layer between a process and the operating system that fails at one chosen step.
 *
 * Loaded before the C library (LD_PRELOAD), it counts every call that changes a file: from Python and from SQLite
 * alike, since both come through here. `fault_arm(step, mode)` starts the count in this process; at that step:
 *
 *   KILL   the process dies before the call, as if the power went (what was written stays in the page cache)
 *   TORN   a write writes half of its bytes, and the process dies
 *   ERROR  this one call fails with EIO
 *   FULL   from here on every call that needs space fails with ENOSPC
 *
 * `fault_steps()` says how many were counted, `fault_names()` which. File descriptors 0 to 2 are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { OFF = 0, KILL = 1, TORN = 2, ERROR = 3, FULL = 4 };

static int mode = OFF;
static long chosen = 0;
static long counted = 0;

void fault_arm(long step, int new_mode) {
    chosen = step;
    mode = new_mode;
    counted = 0;
}

long fault_steps(void) { return counted; }

/* The calls that were counted, by name. */
static char names[65536];
const char *fault_names(void) { return names; }

/* Whether this call has to fail; sets errno. `needs_space`: a full disk stops it. */
static int strikes(const char *name, int needs_space) {
    if (mode == OFF) return 0;
    counted++;
    if (strlen(names) + strlen(name) + 2 < sizeof names) {
        strcat(names, name);
        strcat(names, " ");
    }
    if (mode == FULL) {
        if (counted < chosen || !needs_space) return 0;
        errno = ENOSPC;
        return 1;
    }
    if (counted != chosen) return 0;
    if (mode == ERROR) {
        errno = EIO;
        return 1;
    }
    if (mode == KILL) kill(getpid(), SIGKILL);
    return 0;
}

static int tears(void) { return mode == TORN && counted == chosen; }

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

ssize_t write(int fd, const void *bytes, size_t count) {
    if (fd > 2) {
        if (strikes("write", 1)) return -1;
        if (tears()) {
            REAL(write)(fd, bytes, count / 2);
            kill(getpid(), SIGKILL);
        }
    }
    return REAL(write)(fd, bytes, count);
}

#define POSITIONED(name, offset_type)                                                    \
    ssize_t name(int fd, const void *bytes, size_t count, offset_type offset) {          \
        if (strikes(#name, 1)) return -1;                                                \
        if (tears()) {                                                                   \
            REAL(name)(fd, bytes, count / 2, offset);                                    \
            kill(getpid(), SIGKILL);                                                     \
        }                                                                                \
        return REAL(name)(fd, bytes, count, offset);                                     \
    }
POSITIONED(pwrite, off_t)
POSITIONED(pwrite64, off64_t)

#define SIMPLE(name, needs_space, parameters, arguments) \
    int name parameters {                                \
        if (strikes(#name, needs_space)) return -1;      \
        if (tears()) kill(getpid(), SIGKILL);            \
        return REAL(name) arguments;                     \
    }
SIMPLE(fsync, 0, (int fd), (fd))
SIMPLE(fdatasync, 0, (int fd), (fd))
SIMPLE(ftruncate, 0, (int fd, off_t size), (fd, size))
SIMPLE(ftruncate64, 0, (int fd, off64_t size), (fd, size))
SIMPLE(rename, 0, (const char *from, const char *to), (from, to))
SIMPLE(renameat, 0, (int from_fd, const char *from, int to_fd, const char *to), (from_fd, from, to_fd, to))
SIMPLE(unlink, 0, (const char *path), (path))
SIMPLE(unlinkat, 0, (int fd, const char *path, int flags), (fd, path, flags))
SIMPLE(rmdir, 0, (const char *path), (path))
SIMPLE(mkdir, 1, (const char *path, mode_t rights), (path, rights))

#define OPENS(name)                                          \
    int name(const char *path, int flags, ...) {             \
        mode_t rights = 0;                                   \
        if (flags & O_CREAT) {                               \
            va_list rest;                                    \
            va_start(rest, flags);                           \
            rights = va_arg(rest, mode_t);                   \
            va_end(rest);                                    \
            if (access(path, F_OK) != 0) {                   \
                if (strikes(#name, 1)) return -1;            \
                if (tears()) kill(getpid(), SIGKILL);        \
            }                                                \
        }                                                    \
        return REAL(name)(path, flags, rights);              \
    }
OPENS(open)
OPENS(open64)
