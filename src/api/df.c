/* SPDX-License-Identifier: Apache-2.0 */
/* GET /system/df. */
#include "api/system.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "view/api_df.h"

/* ?type=image&type=volume, from 1.42 on; none: all. */
static int choose(struct api_req *q, unsigned *ret, struct shale_err *e)
{
    static const char *const names[] = {"image", "container", "volume", "build-cache"};
    const char *const *types = api_query_all(q, "type");
    unsigned what = 0;

    if (!types)
        return err_nomem(e);
    for (; *types && q->version >= 142; types++) {
        size_t i = 0;
        while (i < ARRAY_SIZE(names) && !streq(names[i], *types))
            i++;
        if (i == ARRAY_SIZE(names))
            return err_set(e, SHALE_INVALID, "unknown object type: %.60s", *types);
        what |= 1u << i; /* as shale_df_what */
    }
    *ret = what ? what : (1u << ARRAY_SIZE(names)) - 1;
    return 0;
}

int api_df(struct api_req *q, struct shale_err *e)
{
    struct shale_df_opts o = {.size = sizeof o};
    struct shale_df *d = NULL;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(API_MAX_DOC);
    struct json_put w = {.b = &b, .flags = JSON_OUT_HTML};
    int r = choose(q, &o.what, e);

    if (r >= 0)
        r = shale_df(q->s, &o, &d, e);
    if (r >= 0)
        r = view_api_put_df(&w, d, o.what, q->version, time_now_ns(), e);
    shale_free(d);
    return r < 0 ? r : api_reply_text(q, 200, &b);
}
