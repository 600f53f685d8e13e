/* Loaded before the C library: writes down what a process does to the files of one folder, and
 * lets its writes or syncs fail when it is told to.
 *
 * TOWLINE_SHIM_FOLDER   the folder; files ending in -shm are memory and not written down
 * TOWLINE_SHIM_LOG      where each call is appended, as one record in one write
 * TOWLINE_SHIM_CONTROL  five 64-bit numbers shared with the test: see `control`
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 4096

enum { WRITES = 1, SYNCS = 2 };

static volatile struct {
    uint64_t calls;  /* calls of the kinds below so far */
    uint64_t from;   /* the first that fails; 0: none does */
    uint64_t times;  /* how many fail; 0: all that follow */
    uint64_t kinds;  /* WRITES, SYNCS or both */
    uint64_t error;  /* errno of those that fail */
} *control;

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_length;
static int log_file = -1;
static char *names[FILES];

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("TOWLINE_SHIM_FOLDER");
    if (!name || strlen(name) >= sizeof folder) return;
    strcpy(folder, name);
    folder_length = strlen(folder);
    if ((name = getenv("TOWLINE_SHIM_LOG")))
        log_file = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    if ((name = getenv("TOWLINE_SHIM_CONTROL"))) {
        int fd = syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
        void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED) control = at;
        syscall(SYS_close, fd);
    }
}

/* The name within the folder, or NULL. The folder itself is the empty name. */
static const char *within(const char *path) {
    if (!folder_length || !path || strncmp(path, folder, folder_length)) return NULL;
    const char *name = path + folder_length;
    if (*name && *name != '/') return NULL;
    return *name ? name + 1 : name;
}

static int is_memory(const char *name) {
    size_t length = strlen(name);
    return length >= 4 && !strcmp(name + length - 4, "-shm");
}

static const char *name_of(int fd) { return fd >= 0 && fd < FILES ? names[fd] : NULL; }

static void record(char kind, const char *name, uint64_t at, const void *data, size_t length) {
    if (log_file < 0 || is_memory(name)) return;
    struct { uint32_t kind, name, length, zero; uint64_t at; } head =
        { kind, strlen(name), length, 0, at };
    struct iovec parts[] = { { &head, sizeof head }, { (void *)name, head.name },
                             { (void *)data, length } };
    int before = errno;
    syscall(SYS_writev, log_file, parts, 3);
    errno = before;
}

/* Whether this call is one that has to fail. */
static int fails(uint64_t kind) {
    if (!control || !(control->kinds & kind)) return 0;
    uint64_t call = ++control->calls, from = control->from;
    if (!from || call < from || (control->times && call >= from + control->times)) return 0;
    errno = control->error;
    return 1;
}

static int opened(const char *path, int flags, mode_t mode) {
    const char *name = within(path);
    if (!name) return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_lock(&turn);
    struct stat there;
    int fresh = (flags & O_CREAT) && stat(path, &there) < 0;
    int emptied = !fresh && (flags & O_TRUNC);
    int fd = -1;
    if (!((fresh || emptied) && fails(WRITES)))
        fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd >= 0 && fd < FILES) {
        free(names[fd]);
        names[fd] = strdup(name);
        if (fresh) record('C', name, 0, NULL, 0);
        if (emptied) record('T', name, 0, NULL, 0);
    }
    pthread_mutex_unlock(&turn);
    return fd;
}

#define OPEN(function)                                        \
    int function(const char *path, int flags, ...) {          \
        va_list list;                                         \
        va_start(list, flags);                                \
        mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0; \
        va_end(list);                                         \
        return opened(path, flags, mode);                     \
    }
OPEN(open)
OPEN(open64)
int __open_2(const char *path, int flags) { return opened(path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened(path, flags, 0); }

int close(int fd) {
    pthread_mutex_lock(&turn);
    if (name_of(fd)) {
        free(names[fd]);
        names[fd] = NULL;
    }
    int result = syscall(SYS_close, fd);
    pthread_mutex_unlock(&turn);
    return result;
}

static ssize_t written(int fd, const void *data, size_t length, off_t at, int placed) {
    const char *name = name_of(fd);
    if (!name) {
        return placed ? syscall(SYS_pwrite64, fd, data, length, at)
                      : syscall(SYS_write, fd, data, length);
    }
    pthread_mutex_lock(&turn);
    ssize_t result = -1;
    if (!fails(WRITES)) {
        if (!placed) at = syscall(SYS_lseek, fd, 0, SEEK_CUR);
        result = placed ? syscall(SYS_pwrite64, fd, data, length, at)
                        : syscall(SYS_write, fd, data, length);
        if (result > 0) record('W', name, at, data, result);
    }
    pthread_mutex_unlock(&turn);
    return result;
}

ssize_t write(int fd, const void *data, size_t length) { return written(fd, data, length, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) {
    return written(fd, data, length, at, 1);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off_t at) {
    return written(fd, data, length, at, 1);
}

static int cut(int fd, off_t length) {
    const char *name = name_of(fd);
    if (!name) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&turn);
    int result = -1;
    struct stat now;
    /* To make a file shorter takes no room. */
    if (!fstat(fd, &now) && (length <= now.st_size || !fails(WRITES))) {
        result = syscall(SYS_ftruncate, fd, length);
        if (!result) record('T', name, length, NULL, 0);
    }
    pthread_mutex_unlock(&turn);
    return result;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off_t length) { return cut(fd, length); }

static int synced(int fd, long call) {
    const char *name = name_of(fd);
    if (!name) return syscall(call, fd);
    pthread_mutex_lock(&turn);
    int result = -1;
    if (!fails(SYNCS)) {
        result = syscall(call, fd);
        if (!result) record(*name ? 'S' : 'D', name, 0, NULL, 0);
    }
    pthread_mutex_unlock(&turn);
    return result;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int unlink(const char *path) {
    const char *name = within(path);
    pthread_mutex_lock(&turn);
    int result = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (name && !result) record('U', name, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int rename(const char *from, const char *to) {
    const char *name = within(from), *after = within(to);
    pthread_mutex_lock(&turn);
    int result = syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    if (name && after && !result) record('R', name, 0, after, strlen(after));
    pthread_mutex_unlock(&turn);
    return result;
}
