/* SPDX-License-Identifier: Apache-2.0 */
/* A --format from a user over a document from an image: "TEMPLATE NUL JSON". */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "view/tmpl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char fixed[] =
    "{\"Id\":\"sha256:abc\",\"Size\":1234567,\"F\":-0.5,\"B\":true,\"N\":null,\"Tags\":[\"a\","
    "\"b\"],"
    "\"Config\":{\"Cmd\":[\"sh\"],\"Labels\":{\"k\":\"v\"},\"Volumes\":{\"/d\":{}}},\"L\":[1,[2]]}";

static void run(const struct tmpl *t, const json_t *doc, bool header)
{
    static const struct tmpl_field fields[] = {{"Health", TMPL_ZERO_POINTER}, {NULL}};
    struct tmpl_exec_opts o = {
        .fields = fields, .missing_key_error = header, .header = header, .printable = !header};
    struct buf out = BUF_INIT(1 << 18);
    struct shale_err e = SHALE_ERR_INIT;
    int r = tmpl_exec(t, tmpl_json(doc), &o, &out, &e);
    if (r < 0 && (e.code != -r || !memchr(e.msg, 0, sizeof e.msg)))
        __builtin_trap();
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size;
    const char *text = nul ? (const char *)nul + 1 : fixed;
    size_t text_n = nul ? size - n - 1 : sizeof fixed - 1;
    struct shale_err e = SHALE_ERR_INIT;
    _cleanup_(tmpl_freep) struct tmpl *t = NULL;
    _cleanup_json_ json_t *doc = NULL;
    if (size > 1 << 14)
        return 0;
    int r = tmpl_parse((const char *)data, n, &t, &e);
    if (r < 0) {
        if (e.code != -r || e.msg[0] == 0)
            __builtin_trap();
        return 0;
    }
    if (json_parse(text, text_n, 1 << 20, &doc, NULL) < 0)
        return 0;
    run(t, doc, false);
    run(t, doc, true);
    return 0;
}
