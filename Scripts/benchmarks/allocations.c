// Counts the allocations of a process, in memory that another process can read.
//
// Preloaded (LD_PRELOAD) by Scripts/benchmarks/allocations.py. Each process has a file of the folder ALLOCATIONS_FOLDER with its
// process id as name: the number of allocations and their bytes, since the process began. A realloc counts as an allocation
// of its new size. The memory comes from glibc's own functions, by the names under which it exports them: no look-up is
// needed that could itself allocate, so it works before the first constructor has run.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

struct counts {
    _Atomic uint64_t calls, bytes;
};

// Until the file is mapped, and for ever when it cannot be.
static struct counts unmapped;
static struct counts *_Atomic counts = &unmapped;

static void count(size_t bytes) {
    struct counts *into = atomic_load_explicit(&counts, memory_order_relaxed);
    atomic_fetch_add_explicit(&into->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&into->bytes, bytes, memory_order_relaxed);
}

static void map_counts(void) {
    const char *folder = getenv("ALLOCATIONS_FOLDER");
    char path[PATH_MAX];
    if (!folder || snprintf(path, sizeof path, "%s/%d", folder, getpid()) >= (int)sizeof path) return;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    // Of the same size after an exec: the counts of the process go on.
    void *mapped = ftruncate(file, sizeof(struct counts)) ? MAP_FAILED
        : mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED) return;
    struct counts *into = mapped;
    atomic_fetch_add(&into->calls, atomic_exchange(&unmapped.calls, 0));
    atomic_fetch_add(&into->bytes, atomic_exchange(&unmapped.bytes, 0));
    atomic_store(&counts, into);
}

// A forked child shares the memory of its parent's file: it counts into its own.
static void forked(void) {
    atomic_store(&counts, &unmapped);
    map_counts();
}

__attribute__((constructor)) static void begin(void) {
    map_counts();
    pthread_atfork(NULL, NULL, forked);
}

void *malloc(size_t size) {
    count(size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count(size);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) || !alignment || alignment & (alignment - 1)) return EINVAL;
    count(size);
    int before = errno;
    void *memory = __libc_memalign(alignment, size);
    errno = before;
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}
