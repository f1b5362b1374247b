/* SPDX-License-Identifier: Apache-2.0 */
#include "model/blkio_value.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "model/run_value.h"

#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

int blkio_weight_check(uint64_t weight, struct shale_err *e)
{
    if (weight != 0 && (weight < WEIGHT_MIN || weight > WEIGHT_MAX))
        return err_set(e, SHALE_INVALID, "Range of blkio weight is from %d to %d", WEIGHT_MIN,
                       WEIGHT_MAX);
    return 0;
}

static int take_weight(const char *text, const char *number, uint64_t *ret, struct shale_err *e)
{
    if (!str_to_u64(number, ret) || blkio_weight_check(*ret, NULL) < 0)
        return err_set(e, SHALE_INVALID, "invalid weight for device: %.200s", text);
    return 0;
}

static int take_bps(const char *text, const char *number, uint64_t *ret, struct shale_err *e)
{
    int64_t v;

    if (units_parse_binary(number, &v, NULL) < 0 || v <= 0)
        return err_set(e, SHALE_INVALID,
                       "invalid rate for device: %.200s. The correct format is "
                       "<device-path>:<number>[<unit>]. Number must be a positive integer. Unit is "
                       "optional and can be kb, mb, or gb",
                       text);
    *ret = (uint64_t)v;
    return 0;
}

static int take_iops(const char *text, const char *number, uint64_t *ret, struct shale_err *e)
{
    if (!str_to_u64(number, ret) || *ret == 0 || *ret > INT64_MAX)
        return err_set(e, SHALE_INVALID,
                       "invalid rate for device: %.200s. The correct format is "
                       "<device-path>:<number>. Number must be a positive integer",
                       text);
    return 0;
}

static int (*const take[BLKIO_LISTS])(const char *text, const char *number, uint64_t *ret,
                                      struct shale_err *e) = {
    [BLKIO_WEIGHTS] = take_weight, [BLKIO_READ_BPS] = take_bps,    [BLKIO_WRITE_BPS] = take_bps,
    [BLKIO_READ_IOPS] = take_iops, [BLKIO_WRITE_IOPS] = take_iops,
};

int blkio_value(enum blkio_list list, const char *text, struct arena *a, struct blkio_device *ret,
                struct shale_err *e)
{
    const char *colon = strchr(text, ':');
    uint64_t value = 0;

    if (strlen(text) > RUN_VALUE_BYTES)
        return err_set(e, SHALE_LIMIT, "value of more than %d bytes", RUN_VALUE_BYTES);
    if (!colon || strchr(colon + 1, ':'))
        return err_set(e, SHALE_INVALID, "bad format: %.200s", text);
    if (!str_has_prefix(text, "/dev/"))
        return err_set(e, SHALE_INVALID, "bad format for device path: %.200s", text);
    int r = take[list](text, colon + 1, &value, e);
    if (r < 0)
        return r;
    *ret = (struct blkio_device){arena_strndup(a, text, (size_t)(colon - text)), value};
    return ret->path ? 0 : err_nomem(e);
}
