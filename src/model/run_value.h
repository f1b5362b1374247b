/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Values of options of run and create that have a form of their own, in docker's words where they
 * are wrong (INVALID). Pure; results live in the arena.
 */
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define RUN_VALUE_BYTES  4096 /* of one value: -SHALE_LIMIT above */
#define RUN_HOST_GATEWAY "host-gateway"

/* --add-host NAME:ADDRESS or NAME=ADDRESS, brackets around the address allowed -> "NAME:ADDRESS" */
int run_extra_host(const char *text, struct arena *a, char **ret, struct shale_err *e);
/* --dns: the address in its usual form */
int run_dns(const char *text, struct arena *a, char **ret, struct shale_err *e);
/* --dns-search: a domain, or "." for none at all */
int run_dns_search(const char *text, struct arena *a, char **ret, struct shale_err *e);
/* --sysctl K=V, where K is one that belongs to the container's namespaces */
int run_sysctl(const char *text, struct arena *a, char **ret, struct shale_err *e);

/* --ulimit NAME=SOFT[:HARD]; -1: unlimited */
struct run_ulimit {
    const char *name; /* a constant: "nofile" */
    int64_t soft, hard;
};
int run_ulimit(const char *text, struct run_ulimit *ret, struct shale_err *e);

/* --device HOST[:INSIDE][:rwm] */
struct run_device {
    const char *host, *inside, *access;
};
int run_device(const char *text, struct arena *a, struct run_device *ret, struct shale_err *e);

/* --device-cgroup-rule "c 1:3 rwm": "invalid device cgroup format 'x'". */
struct run_device_rule {
    char type;            /* 'a', 'b', 'c' */
    int64_t major, minor; /* -1: all */
    const char *access;   /* in the text */
};
int run_device_rule(const char *text, struct run_device_rule *ret, struct shale_err *e);

/* --mac-address: of six bytes, not one of many receivers; "02:42:ac:11:00:02" whichever way it was
 * written. */
int run_mac(const char *text, struct arena *a, char **ret, struct shale_err *e);

/* --link NAME[:ALIAS]; "/NAME:/other/ALIAS" as inspect shows it, too. */
struct run_link {
    const char *name, *alias;
};
int run_link(const char *text, struct arena *a, struct run_link *ret, struct shale_err *e);
