/* SPDX-License-Identifier: Apache-2.0 */
#include "container/names.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Kind words, and people who read the layers of the earth. */
static const char *const adjectives[] = {
    "agile",    "amber",  "ample",   "ardent",   "balmy",   "bold",     "breezy",   "bright",
    "brisk",    "calm",   "candid",  "careful",  "cheery",  "civil",    "clear",    "clever",
    "cool",     "cosy",   "curious", "deft",     "devoted", "eager",    "earnest",  "easy",
    "elated",   "fair",   "fancy",   "fearless", "festive", "fleet",    "fluent",   "fond",
    "frank",    "fresh",  "gallant", "gentle",   "glad",    "golden",   "graceful", "grateful",
    "hardy",    "hearty", "honest",  "humble",   "jaunty",  "jolly",    "joyful",   "keen",
    "kind",     "lively", "loyal",   "lucid",    "lucky",   "mellow",   "merry",    "mild",
    "modest",   "neat",   "nimble",  "noble",    "patient", "peaceful", "plucky",   "polite",
    "prime",    "proud",  "quick",   "quiet",    "ready",   "robust",   "rosy",     "serene",
    "sharp",    "silent", "sincere", "smart",    "smooth",  "snappy",   "sober",    "solid",
    "spry",     "stable", "steady",  "sturdy",   "sunny",   "swift",    "tender",   "tidy",
    "tranquil", "trusty", "upbeat",  "vivid",    "warm",    "wise",     "witty",    "zesty",
};
static const char *const surnames[] = {
    "agassiz",    "agricola", "alvarez",  "anning",  "arduino",  "barrande",   "bascom",
    "benioff",    "bowen",    "buckland", "bullard", "cuvier",   "dana",       "darwin",
    "desmarest",  "dutoit",   "edinger",  "fossey",  "geikie",   "gilbert",    "gutenberg",
    "hall",       "hess",     "holmes",   "hooke",   "humboldt", "hutton",     "jeffreys",
    "kingdon",    "lapworth", "lehmann",  "leidy",   "leonardo", "lyell",      "mantell",
    "matuyama",   "mercalli", "milne",    "miller",  "mohs",     "morley",     "murchison",
    "ogilvie",    "oldham",   "oppel",    "osann",   "owen",     "patterson",  "philpot",
    "playfair",   "powell",   "ramsay",   "rankama", "richter",  "rosenbusch", "sedgwick",
    "sheng",      "smith",    "sorby",    "steno",   "stille",   "suess",      "tharp",
    "tuttle",     "vine",     "wadati",   "wegener", "werner",   "wilson",     "woodward",
    "xenophanes", "zirkel",
};

static bool is_alnum(char c) /* whatever the locale */
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool name_is_valid(const char *name)
{
    size_t n = strlen(name);

    if (n < 2 || n > NAME_MAX_BYTES || !is_alnum(name[0]))
        return false;
    for (size_t i = 1; i < n; i++)
        if (!is_alnum(name[i]) && !strchr("_.-", name[i]))
            return false;
    return true;
}

int name_check(const char *name, struct shale_err *e)
{
    char shown[280];

    if (name_is_valid(name))
        return 0;
    return err_set(e, SHALE_INVALID,
                   "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                   str_printable(shown, sizeof shown, name));
}

int name_make(int attempt, char ret[64], struct shale_err *e)
{
    uint32_t r[3];

    if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
        return err_sys(e, "random bytes");
    (void)snprintf(ret, 64, "%s_%s", adjectives[r[0] % ARRAY_SIZE(adjectives)],
                   surnames[r[1] % ARRAY_SIZE(surnames)]);
    if (attempt > 0)
        (void)snprintf(ret + strlen(ret), 64 - strlen(ret), "%u", (unsigned)(r[2] % 1000));
    return 0;
}
