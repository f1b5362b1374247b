/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What --ssh gives to RUN: the socket of an agent that runs, or private keys in files. For keys an
 * agent of the build's own is started when the first step wants them (the programs ssh-agent and
 * ssh-add of OpenSSH), which ends with the build, also with one that is killed. No key is in the
 * step: it can only ask for signatures.
 *
 *   ssh_check(text, e)                            // before anything is done
 *   ssh_find(list, "default", arena, &given, e)   // what is given for a mount
 *   ssh_socket(build, given, &path, e)            // when the step runs
 *   ssh_agents_end(crew->agents)
 *
 * The list is that of struct shale_build_opts.
 */
#include "base/arena.h"
#include "base/err.h"

struct build;
struct ssh_agent;

/* One of --ssh makes sense: "default", "ID=SOCKET", "ID=KEYFILE[,KEYFILE]", and what it names is
 * there. UNSUPPORTED: keys, and no OpenSSH. */
int ssh_check(const char *text, struct shale_err *e);
/* 1: *ret is what was given under that name. 0: nothing was. */
int ssh_find(const char *const *list, const char *id, struct arena *a, const char **ret,
             struct shale_err *e);
/* The path of the socket for what ssh_find has found; of keys the same agent each time. INVALID: a
 * key that cannot be used, as one with a passphrase. TIMEOUT: it takes more than 10 s; the build's
 * cancel ends it, too. Thread-safe. */
int ssh_socket(struct build *b, const char *given, const char **ret, struct shale_err *e);
struct ssh_agent *ssh_agents_end(struct ssh_agent *first); /* NULL */
