/* SPDX-License-Identifier: Apache-2.0 */
#include "view/api_system.h"

#include <shale/shale.h>
#include <sys/utsname.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "model/platform.h"
#include "view/doc.h"

static json_t *dotted(int version)
{
    return json_sprintf("%d.%02d", version / 100, version % 100);
}

/* ---- version ---- */

/* What there is of Go's build in docker's answer says nothing here, and is there because clients
 * ask for it. */
static void put_build(struct doc *d)
{
    doc_str(d, "GitCommit", "");
    doc_str(d, "GoVersion", "");
}

static json_t *details(int newest, int oldest, const struct utsname *u, const char *arch)
{
    struct doc d = doc_begin();

    doc_put(&d, "ApiVersion", dotted(newest));
    doc_str(&d, "Arch", arch);
    doc_str(&d, "BuildTime", "");
    doc_str(&d, "Experimental", "false");
    put_build(&d);
    doc_str(&d, "KernelVersion", u->release);
    doc_put(&d, "MinAPIVersion", dotted(oldest));
    doc_str(&d, "Os", "linux");
    return doc_take(&d);
}

int view_api_version(int newest, int oldest, json_t **ret, struct shale_err *e)
{
    struct doc d = doc_begin(), engine = doc_begin();
    const char *arch = platform_host().arch;
    json_t *components = json_array();
    struct utsname u;

    if (uname(&u) < 0) {
        json_decref(components);
        return err_sys(e, "uname");
    }
    doc_str(&engine, "Name", "Engine");
    doc_str(&engine, "Version", shale_version());
    doc_put(&engine, "Details", details(newest, oldest, &u, arch));
    json_t *part = doc_take(&engine);
    if (!components || !part || json_array_append_new(components, part) < 0)
        d.failed = true;
    doc_put(&d, "Platform", json_pack("{s:s}", "Name", "shale"));
    doc_str(&d, "Version", shale_version());
    doc_put(&d, "ApiVersion", dotted(newest));
    doc_put(&d, "MinAPIVersion", dotted(oldest));
    put_build(&d);
    doc_str(&d, "Os", "linux");
    doc_str(&d, "Arch", arch);
    doc_str(&d, "KernelVersion", u.release);
    doc_str(&d, "BuildTime", "");
    doc_put(&d, "Components", components);
    return doc_end(&d, ret, e);
}

/* ---- info ---- */

static json_t *plugins(void)
{
    return json_pack("{s:[s], s:[s,s,s], s:n, s:[s,s,s]}", "Volume", "local", "Network", "bridge",
                     "host", "null", "Authorization", "Log", "json-file", "local", "none");
}

static bool is_cidr(const char *s)
{
    return strchr(s, '/') != NULL;
}

/* docker ends them with a slash. */
static json_t *mirrors_of(const char *const *mirrors)
{
    json_t *list = json_array();

    for (size_t i = 0; mirrors && mirrors[i]; i++)
        if (json_array_append_new(list, json_sprintf("%s%s", mirrors[i],
                                                     str_has_suffix(mirrors[i], "/") ? "" : "/")) <
            0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *index_of(const char *name, json_t *mirrors, bool secure, bool official)
{
    return json_pack("{s:s, s:o, s:b, s:b}", "Name", name, "Mirrors", mirrors, "Secure", secure,
                     "Official", official);
}

static json_t *registries(const char *const *insecure, const char *const *mirrors)
{
    struct doc d = doc_begin(), configs = doc_begin();
    json_t *cidrs = json_pack("[s, s]", "::1/128", "127.0.0.0/8");
    bool hub_is_secure = true;

    for (size_t i = 0; insecure && insecure[i]; i++)
        hub_is_secure = hub_is_secure && !streq(insecure[i], "docker.io");
    doc_put(&configs, "docker.io", index_of("docker.io", mirrors_of(mirrors), hub_is_secure, true));
    for (size_t i = 0; insecure && insecure[i]; i++) {
        if (streq(insecure[i], "docker.io"))
            continue;
        if (!is_cidr(insecure[i]))
            doc_put(&configs, insecure[i], index_of(insecure[i], json_array(), false, false));
        else if (json_array_append_new(cidrs, json_string(insecure[i])) < 0)
            d.failed = true;
    }
    doc_put(&d, "IndexConfigs", doc_take(&configs));
    doc_put(&d, "InsecureRegistryCIDRs", cidrs);
    doc_put(&d, "Mirrors", mirrors_of(mirrors));
    return doc_take(&d);
}

/* What the kernel can limit: with cgroups, all of it. */
static void put_limits(struct doc *d, bool cgroups)
{
    static const char *const names[] = {"MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota",
                                        "CPUShares",   "CPUSet",    "PidsLimit"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        doc_bool(d, names[i], cgroups);
}

/* docker's clients want an object for the status: ours is a sentence. */
static json_t *runtimes(const struct shale_info *i)
{
    struct doc all = doc_begin();

    for (size_t k = 0; k < i->n_runtimes; k++) {
        const char *name = i->runtimes[k].key;
        doc_put(&all, name,
                json_pack("{s:s}", "path", streq(name, i->runtime) ? i->runtime_path : name));
    }
    return doc_take(&all);
}

static json_t *commit(const char *id)
{
    return json_pack("{s:s}", "ID", id);
}

int view_api_info(const struct shale_info *i, const struct view_api_info *more, json_t **ret,
                  struct shale_err *e)
{
    struct doc d = doc_begin();
    json_t *base = NULL;
    char now[40];
    int r = doc_info(i, &base, e);

    if (r < 0)
        return r;
    doc_str(&d, "ID", more->id);
    if (!d.failed && json_object_update(d.j, base) < 0)
        d.failed = true;
    json_decref(base);
    doc_str(&d, "LoggingDriver", more->log_driver ? more->log_driver : "json-file");
    doc_put(&d, "Runtimes", runtimes(i));
    doc_put(&d, "Plugins", plugins());
    put_limits(&d, *i->cgroup != 0);
    /* Clients before 23.0 warn of what is missing; our networks do without the filter of bridges.
     */
    doc_bool(&d, "OomKillDisable", *i->cgroup != 0);
    doc_bool(&d, "BridgeNfIptables", true);
    doc_bool(&d, "BridgeNfIp6tables", true);
    doc_bool(&d, "IPv4Forwarding", true);
    doc_bool(&d, "Debug", more->debug);
    doc_int(&d, "NFd", 0);
    doc_int(&d, "NGoroutines", 0);
    doc_str(&d, "SystemTime", time_format_rfc3339nano(more->now_ns, now));
    doc_int(&d, "NEventsListener", (int64_t)more->n_listeners);
    doc_str(&d, "OSVersion", "");
    doc_put(&d, "RegistryConfig", registries(more->insecure, more->mirrors));
    doc_put(&d, "GenericResources", json_null());
    doc_str(&d, "Isolation", "");
    doc_str(&d, "InitBinary", "");
    doc_put(&d, "ContainerdCommit", commit(""));
    doc_put(&d, "RuncCommit", commit(""));
    doc_put(&d, "InitCommit", commit(""));
    doc_put(&d, "CDISpecDirs", json_array());
    return doc_end(&d, ret, e);
}
