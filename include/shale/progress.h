/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_PROGRESS_H
#define SHALE_PROGRESS_H
/*
 * What long work tells its caller: one event struct to one callback. The callback may be called
 * from several threads at once and must not block for long. Pointers are borrowed for the call.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shale_progress_kind {
    SHALE_PROGRESS_MESSAGE, /* `text`: a line about the whole operation */
    SHALE_PROGRESS_PULLING, /* `text` is the tag, `id` the repository: "latest: Pulling from …" */
    SHALE_PROGRESS_QUEUED,  /* layer `id`: "Pulling fs layer" */
    SHALE_PROGRESS_WAITING, /* another process or pull fetches it, or no thread is free */
    SHALE_PROGRESS_DOWNLOADING, /* `current` of `total` compressed bytes (total 0: unknown) */
    SHALE_PROGRESS_VERIFYING,   /* "Verifying Checksum" */
    SHALE_PROGRESS_DOWNLOADED,  /* "Download complete" */
    SHALE_PROGRESS_DONE,        /* "Pull complete" */
    SHALE_PROGRESS_PRESENT,     /* "Already exists" */
    SHALE_PROGRESS_RESUMED,     /* `current` bytes were there from an earlier attempt */
    SHALE_PROGRESS_RETRY,       /* trying again in `current` seconds; `text` says why */
    SHALE_PROGRESS_DIGEST,      /* `text` is the digest of what was pulled */
    SHALE_PROGRESS_STATUS,      /* `text`: the closing status line */
    SHALE_PROGRESS_INDEX,       /* `current` of `total` steps of preparing the root file system */
    /* of a push */
    SHALE_PROGRESS_PREPARING,    /* layer `id`: "Preparing" */
    SHALE_PROGRESS_PUSHING,      /* `current` of `total` compressed bytes */
    SHALE_PROGRESS_PUSHED,       /* "Pushed" */
    SHALE_PROGRESS_LAYER_EXISTS, /* "Layer already exists" */
    SHALE_PROGRESS_MOUNTED,      /* "Mounted from `text`" */
};

struct shale_progress {
    enum shale_progress_kind kind;
    const char *id; /* short layer ID (12 hex) or what `kind` says; may be NULL */
    const char *text;
    uint64_t current, total; /* bytes unless said otherwise */
};

typedef void (*shale_progress_fn)(void *arg, const struct shale_progress *p);

#ifdef __cplusplus
}
#endif
#endif
