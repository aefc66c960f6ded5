"""The threads that compute chunks: one pool for the process, in a C library of its own, for all compiled programs.

Whoever calls computes chunks himself; threads that have nothing to do help. So calls by several threads at once share
the pool, and none waits for it. A child of `fork` begins with no threads, and makes its own.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

from paramprog.compile.cache import cached, key
from paramprog.compile.source import CSource
from paramprog.compile.toolchain import NoCompiler, cpu, toolchain

SHARED = """#include <stdint.h>
#include <string.h>
static void (*pp_pool)(void (*)(void *, int64_t), void *, int64_t, int64_t);
static __thread int64_t pp_threads;
void pp_use_pool(void *share) { memcpy(&pp_pool, &share, sizeof share); }
void pp_use_threads(int64_t count) { pp_threads = count; }
static void pp_shared(void (*run)(void *, int64_t), void *in, int64_t count) {
    if (count > 1 && pp_threads > 1 && pp_pool) pp_pool(run, in, count, pp_threads);
    else
        for (int64_t c = 0; c < count; c++) run(in, c);
}
#define pp_chunks pp_shared
#define pp_workers pp_threads
"""
"""What a library has before its text, if there are chunks in it."""

POOL = """#define _GNU_SOURCE
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>

typedef struct job {
    void (*run)(void *, int64_t);
    void *in;
    int64_t count, next, wanted, active;
    fenv_t numbers;
    struct job *after;
} job;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static job *jobs;
static int64_t helpers;

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
static void in_child(void) {
    pthread_mutex_init(&lock, 0);
    pthread_cond_init(&more, 0);
    pthread_cond_init(&done, 0);
    jobs = 0;
    helpers = 0;
}
static void begin(void) { pthread_atfork(before_fork, after_fork, in_child); }

static void compute(job *j) {
    for (;;) {
        const int64_t c = __atomic_fetch_add(&j->next, 1, __ATOMIC_RELAXED);
        if (c >= j->count) return;
        j->run(j->in, c);
    }
}

static void *help(void *nothing) {
    pthread_mutex_lock(&lock);
    for (;;) {
        job *j = jobs;
        while (j && !j->wanted) j = j->after;
        if (!j) {
            pthread_cond_wait(&more, &lock);
            continue;
        }
        j->wanted--;
        j->active++;
        pthread_mutex_unlock(&lock);
        fesetenv(&j->numbers); /* rounding and subnormal numbers are those of the caller */
        compute(j);
        pthread_mutex_lock(&lock);
        if (!--j->active) pthread_cond_broadcast(&done);
    }
    return nothing;
}

/* one more thread, which leaves signals to others; 0 if there can be none */
static int hire(void) {
    sigset_t all, old;
    pthread_t made;
    pthread_attr_t how;
    sigfillset(&all);
    pthread_attr_init(&how);
    pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&how, 8 << 20);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const int failed = pthread_create(&made, &how, help, 0);
    pthread_sigmask(SIG_SETMASK, &old, 0);
    pthread_attr_destroy(&how);
    return !failed;
}

/* run(in, c) for all c below count, by at most so many threads */
void pp_share(void (*run)(void *, int64_t), void *in, int64_t count, int64_t threads) {
    job mine = {run, in, count, 0, (threads < count ? threads : count) - 1, 0};
    pthread_once(&once, begin);
    fegetenv(&mine.numbers);
    pthread_mutex_lock(&lock);
    while (helpers < mine.wanted && hire()) helpers++;
    mine.after = jobs;
    jobs = &mine;
    for (int64_t k = 0; k < mine.wanted; k++) pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
    compute(&mine);
    pthread_mutex_lock(&lock);
    job **place = &jobs;
    while (*place != &mine) place = &(*place)->after;
    *place = mine.after;
    while (mine.active) pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
}
"""


def has_chunks(source: CSource) -> bool:
    return any("pp_chunks(" in text for text in (source.helpers, *source.kernels))


def connect(handle: ctypes.CDLL) -> None:
    """Give a library that begins with `SHARED` the pool, if there is one."""
    share = pool()
    if share:
        use = handle.pp_use_pool
        use.argtypes, use.restype = [ctypes.c_void_p], None
        use(share)


@cache
def pool() -> int:
    """The address of `pp_share`; 0 where it cannot be made, as without threads of POSIX."""
    tool = toolchain()
    if tool is None:
        return 0
    extra = ("-pthread",)

    def make(to: Path) -> None:
        written = to.with_suffix(".c")
        written.write_text(POOL)
        try:
            tool.compile(written, to, extra)
        finally:
            written.unlink()

    try:
        library = ctypes.CDLL(str(cached(key(POOL, " ".join(tool.flags + extra), tool.version, cpu()), make)))
        return ctypes.cast(library.pp_share, ctypes.c_void_p).value or 0
    except (NoCompiler, OSError, AttributeError):
        return 0
