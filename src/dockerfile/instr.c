/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerfile/dockerfile.h"

#include "base/str.h"

static const char *const names[INSTR_KINDS] = {
    [INSTR_FROM] = "FROM",
    [INSTR_ARG] = "ARG",
    [INSTR_RUN] = "RUN",
    [INSTR_COPY] = "COPY",
    [INSTR_ADD] = "ADD",
    [INSTR_CMD] = "CMD",
    [INSTR_ENTRYPOINT] = "ENTRYPOINT",
    [INSTR_ENV] = "ENV",
    [INSTR_LABEL] = "LABEL",
    [INSTR_EXPOSE] = "EXPOSE",
    [INSTR_VOLUME] = "VOLUME",
    [INSTR_USER] = "USER",
    [INSTR_WORKDIR] = "WORKDIR",
    [INSTR_STOPSIGNAL] = "STOPSIGNAL",
    [INSTR_SHELL] = "SHELL",
    [INSTR_HEALTHCHECK] = "HEALTHCHECK",
    [INSTR_ONBUILD] = "ONBUILD",
    [INSTR_MAINTAINER] = "MAINTAINER",
};

const char *instr_name(enum instr_kind k)
{
    return names[k];
}

int instr_flag_get(const struct instr *i, const char *name, const char **ret, struct shale_err *e)
{
    *ret = NULL;
    for (size_t n = 0; n < i->n_flags; n++) {
        const struct instr_flag *f = &i->flags[n];
        if (!streq(f->name, name))
            continue;
        if (*ret)
            return err_set(e, SHALE_INVALID, "line %u: duplicate flag specified: --%s", f->pos.line,
                           name);
        *ret = f->value ? f->value : "";
    }
    return 0;
}

const struct instr_heredoc *instr_word_heredoc(const struct instr *i, size_t w)
{
    for (size_t k = 0; k < i->n_heredocs; k++)
        if (i->heredocs[k].word == w)
            return &i->heredocs[k];
    return NULL;
}
