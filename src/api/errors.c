/* SPDX-License-Identifier: Apache-2.0 */
#include "api/errors.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "view/json_out.h"

/* 401 makes the docker command ask for a password, and wait: only POST /auth says it (F.4). */
static const int status_of[_SHALE_ERR_MAX] = {
    [SHALE_INVALID] = 400,   [SHALE_NOT_FOUND] = 404,   [SHALE_EXISTS] = 409,
    [SHALE_IN_USE] = 409,    [SHALE_DENIED] = 403,      [SHALE_UNAUTHORIZED] = 500,
    [SHALE_CONFLICT] = 409,  [SHALE_UNSUPPORTED] = 501, [SHALE_CORRUPT] = 500,
    [SHALE_LIMIT] = 400,     [SHALE_NO_SPACE] = 500,    [SHALE_NETWORK] = 500,
    [SHALE_TIMEOUT] = 500,   [SHALE_CANCELED] = 500,    [SHALE_SYSTEM] = 500,
    [SHALE_NO_MEMORY] = 500, [SHALE_INTERNAL] = 500,
};

int api_status_of(int code)
{
    code = abs(code);
    return code > 0 && code < _SHALE_ERR_MAX && status_of[code] ? status_of[code] : 500;
}

void api_error_body(struct buf *b, const char *message)
{
    buf_adds(b, "{\"message\":");
    json_out_string(b, str_of(message), JSON_OUT_HTML);
    buf_adds(b, "}\n");
}
