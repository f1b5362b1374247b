/* SPDX-License-Identifier: Apache-2.0 */
#include "api/create_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/body.h"
#include "base/cleanup.h"

static struct arena arena = ARENA_INIT(16u << 20);

/* The body with ' for ", so that it can be read. */
static int take(const char *text, struct shale_create_opts *o, struct shale_err *e)
{
    struct api_req q = {.arena = &arena, .version = API_VERSION_MAX};
    char *json = arena_strdup(&arena, text);
    json_t *j = NULL;

    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    assert_int_equal(api_json_parse(json, strlen(json), &j, NULL), 0);
    int r = create_body_take(&q, j, o, e);
    json_decref(j);
    return r;
}

static struct shale_create_opts good(const char *text)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct shale_create_opts o;

    if (take(text, &o, &e) < 0)
        fail_msg("%s: %s", text, e.msg);
    return o;
}

static void bad(const char *text, int code, const char *words)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct shale_create_opts o;

    assert_int_equal(take(text, &o, &e), -code);
    if (!strstr(e.msg, words))
        fail_msg("%s: %s", text, e.msg);
}

static void plain(void **state)
{
    struct shale_create_opts o =
        good("{'Image':'i','Cmd':['a','b'],'Entrypoint':'e','Env':['A=1'],'Tty':true,"
             "'OpenStdin':true,'StdinOnce':true,'AttachStdout':true,'Labels':{'k':'v'},"
             "'StopTimeout':4,'Unknown':{'x':1},'ExposedPorts':{'90/tcp':{}},"
             "'Healthcheck':{'Test':['CMD','x'],'Interval':5},'User':null}");

    (void)state;
    assert_string_equal(o.image, "i");
    assert_string_equal(o.cmd[1], "b");
    assert_null(o.cmd[2]);
    assert_string_equal(o.entrypoint[0], "e");
    assert_null(o.entrypoint[1]);
    assert_string_equal(o.env[0], "A=1");
    assert_string_equal(o.labels[0], "k=v");
    assert_string_equal(o.expose[0], "90/tcp");
    assert_string_equal(o.health_test[1], "x");
    assert_int_equal(o.health_interval_ns, 5);
    assert_int_equal(o.stop_timeout_s, 4);
    assert_true(o.tty && o.interactive && !o.detached && o.foreign);
    assert_null(o.user);
    assert_true(good("{'Image':'i','Healthcheck':{'Test':['NONE']}}").no_healthcheck);
    assert_int_equal(good("{'Image':'i'}").stop_timeout_s, -1);
    assert_true(good("{'Image':'i','OpenStdin':true}").detached);
    assert_true(o.attach_told && !o.attach_in && o.attach_out && !o.attach_err);
    o = good("{'Image':'i','OpenStdin':true,'StdinOnce':false,'AttachStdin':true}");
    assert_true(o.detached && o.attach_in && !o.attach_out && !o.attach_err);
    assert_null(good("{'Image':'i','Entrypoint':null}").entrypoint);
    o = good("{'Image':'i','Entrypoint':[]}");
    assert_non_null(o.entrypoint);
    assert_null(o.entrypoint[0]);
}

static void host(void **state)
{
    struct shale_create_opts o =
        good("{'Image':'i','HostConfig':{'Memory':7,'NanoCpus':8,'CpusetCpus':'0','PidsLimit':9,"
             "'RestartPolicy':{'Name':'on-failure','MaximumRetryCount':3},'Init':true,"
             "'Ulimits':[{'Name':'nofile','Soft':1,'Hard':2}],'CapAdd':'ALL','Isolation':'default',"
             "'Devices':[{'PathOnHost':'/dev/null','PathInContainer':'','CgroupPermissions':''}],"
             "'PortBindings':{'80/tcp':[{'HostIp':'','HostPort':'8080'},{'HostIp':'::1','HostPort'"
             ":'1'}],'81/udp':null,'82/tcp':[{'HostIp':'1.2.3.4','HostPort':''}]},"
             "'MemorySwappiness':-1,'OomKillDisable':false,'Sysctls':{'a.b':'1'}}}");

    (void)state;
    assert_int_equal(o.memory_bytes, 7);
    assert_int_equal(o.nano_cpus, 8);
    assert_int_equal(o.pids_limit, 9);
    assert_string_equal(o.more_limits.cpuset_cpus, "0");
    assert_null(o.more_limits.cpuset_mems);
    assert_string_equal(o.restart, "on-failure:3");
    assert_string_equal(o.ulimits[0], "nofile=1:2");
    assert_string_equal(o.cap_add[0], "ALL");
    assert_string_equal(o.devices[0], "/dev/null:/dev/null:rwm");
    assert_string_equal(o.publish[0], "8080:80/tcp");
    assert_string_equal(o.publish[1], "[::1]:1:80/tcp");
    assert_string_equal(o.publish[2], "81/udp");
    assert_string_equal(o.publish[3], "1.2.3.4::82/tcp");
    assert_null(o.publish[4]);
    assert_string_equal(o.sysctls[0], "a.b=1");
}

static void mounts(void **state)
{
    struct shale_create_opts o = good(
        "{'Image':'i','Volumes':{'/anon':{},'/h':{}},'HostConfig':{'Binds':['/a:/h:ro','v:/v'],"
        "'Tmpfs':{'/t':'size=1m'},'Mounts':[{'Type':'bind','Source':'/s','Target':'/m',"
        "'BindOptions':{'Propagation':'rslave'}},{'Type':'image','Source':'i','Target':'/i',"
        "'ImageOptions':{'Subpath':'p'}}]}}");

    (void)state;
    assert_int_equal(o.n_mounts, 6);
    assert_int_equal(o.mounts[0].type, SHALE_MOUNT_BIND);
    assert_string_equal(o.mounts[0].propagation, "rslave");
    assert_false(o.mounts[0].create_source);
    assert_string_equal(o.mounts[1].subpath, "p");
    assert_true(o.mounts[1].read_only);
    assert_true(o.mounts[2].read_only && o.mounts[2].create_source);
    assert_int_equal(o.mounts[3].type, SHALE_MOUNT_VOLUME);
    assert_int_equal(o.mounts[4].tmpfs_size_bytes, 1 << 20);
    assert_string_equal(o.mounts[5].target, "/anon");
    bad("{'Image':'i','HostConfig':{'Mounts':[{'Type':'bind','Target':'/a'}]}}", SHALE_INVALID,
        "field Source must not be empty");
    bad("{'Image':'i','HostConfig':{'Binds':['a:b:c:d']}}", SHALE_INVALID, "too many colons");
    assert_int_equal(good("{'Image':'i','HostConfig':{'Mounts':[{'Type':'volume','Target':'/a',"
                          "'VolumeOptions':{'DriverConfig':{'Name':'local','Options':{}}}}]}}")
                         .n_mounts,
                     1);
    o = good("{'Image':'i','HostConfig':{'Mounts':[{'Type':'volume','Target':'/a','VolumeOptions':"
             "{'NoCopy':true,'Labels':{'a':'b'},'DriverConfig':{'Options':{'type':'tmpfs'}}}}]}}");
    assert_true(o.mounts[0].no_copy);
    assert_string_equal(o.mounts[0].volume_options[0], "type=tmpfs");
    assert_string_equal(o.mounts[0].volume_labels[0], "a=b");
    bad("{'Image':'i','HostConfig':{'Mounts':[{'Type':'volume','Target':'/a','VolumeOptions':"
        "{'DriverConfig':{'Name':'nfs'}}}]}}",
        SHALE_UNSUPPORTED, "nfs");
}

static void networks(void **state)
{
    struct shale_create_opts o = good("{'Image':'i'}");

    (void)state;
    assert_int_equal(o.n_networks, 1);
    assert_string_equal(o.networks[0].network, "default");
    o = good("{'Image':'i','HostConfig':{'NetworkMode':'n'},'NetworkingConfig':{'EndpointsConfig':"
             "{'m':{},'n':{'Aliases':['x'],'IPAMConfig':{'IPv4Address':'10.0.0.2'}}}}}");
    assert_int_equal(o.n_networks, 2);
    assert_string_equal(o.networks[0].network, "n");
    assert_string_equal(o.networks[0].aliases[0], "x");
    assert_string_equal(o.networks[0].address, "10.0.0.2");
    assert_string_equal(o.networks[1].network, "m");
    o = good("{'Image':'i','NetworkingConfig':{'EndpointsConfig':{'m':null}}}");
    assert_int_equal(o.n_networks, 1);
    assert_string_equal(o.networks[0].network, "m");
    o = good("{'Image':'i','HostConfig':{'NetworkMode':'none'},'NetworkingConfig':"
             "{'EndpointsConfig':{'none':{'Aliases':['x']}}}}");
    assert_int_equal(o.n_networks, 1);
    assert_null(o.networks[0].aliases);
    o = good("{'Image':'i','HostConfig':{'NetworkMode':'m'},'NetworkingConfig':{'EndpointsConfig':"
             "{'m':{'MacAddress':'02:42:00:00:00:01','Links':['db:data']}}}}");
    assert_string_equal(o.networks[0].mac, "02:42:00:00:00:01");
    assert_string_equal(o.networks[0].links[0], "db:data");
    o = good("{'Image':'i','MacAddress':'02:42:00:00:00:01'}");
    assert_string_equal(o.networks[0].mac, "02:42:00:00:00:01");
    bad("{'Image':'i','MacAddress':'02:42:00:00:00:01','HostConfig':{'NetworkMode':'m'},"
        "'NetworkingConfig':{'EndpointsConfig':{'m':{'MacAddress':'02:42:00:00:00:02'}}}}",
        SHALE_INVALID, "must match the endpoint-specific MAC address");
    bad("{'Image':'i','NetworkingConfig':{'EndpointsConfig':{'m':{'DriverOpts':{'a':'b'}}}}}",
        SHALE_UNSUPPORTED, "EndpointsConfig.DriverOpts is not supported yet");
}

static void shared(void **state)
{
    struct shale_create_opts o = good(
        "{'Image':'i','Domainname':'d','HostConfig':{'PidMode':'host','IpcMode':'container:x',"
        "'UTSMode':'host','CgroupnsMode':'private','UsernsMode':'host','Links':['a:b'],"
        "'OomScoreAdj':-5,'OomKillDisable':true,'MemorySwappiness':0,'CgroupParent':'/p',"
        "'DeviceCgroupRules':['c 1:3 r'],'Annotations':{'k':'v'},'MaskedPaths':[],'ReadonlyPaths':"
        "['/x'],'BlkioWeight':300,'BlkioDeviceWriteIOps':[{'Path':'/dev/a','Rate':7}],"
        "'BlkioWeightDevice':[{'Path':'/dev/b','Weight':20}]}}");

    (void)state;
    assert_string_equal(o.domainname, "d");
    assert_string_equal(o.namespaces.pid, "host");
    assert_string_equal(o.namespaces.ipc, "container:x");
    assert_string_equal(o.namespaces.uts, "host");
    assert_string_equal(o.namespaces.cgroup, "private");
    assert_string_equal(o.namespaces.user, "host");
    assert_string_equal(o.links[0], "a:b");
    assert_int_equal(o.oom_score_adj, -5);
    assert_true(o.oom_kill_disable);
    assert_int_equal(*o.memory_swappiness, 0);
    assert_string_equal(o.cgroup_parent, "/p");
    assert_string_equal(o.device_rules[0], "c 1:3 r");
    assert_string_equal(o.annotations[0], "k=v");
    assert_null(o.masked_paths[0]);
    assert_string_equal(o.readonly_paths[0], "/x");
    assert_int_equal(o.blkio.weight, 300);
    assert_string_equal(o.blkio.write_iops[0], "/dev/a:7");
    assert_string_equal(o.blkio.weight_devices[0], "/dev/b:20");
    assert_null(o.blkio.read_bps);
    o = good("{'Image':'i','HostConfig':{'MaskedPaths':null,'MemorySwappiness':null}}");
    assert_null(o.masked_paths);
    assert_null(o.memory_swappiness);
    assert_null(good("{'Image':'i','HostConfig':{'MemorySwappiness':-1}}").memory_swappiness);
}

static void refused(void **state)
{
    (void)state;
    bad("{'Image':1}", SHALE_INVALID, "Image");
    bad("{'Image':'i','Cmd':{}}", SHALE_INVALID, "Cmd");
    bad("{'Image':'i','HostConfig':[]}", SHALE_INVALID, "HostConfig");
    bad("{'Image':'i','HostConfig':{'PidMode':1}}", SHALE_INVALID, "PidMode");
    bad("{'Image':'i','HostConfig':{'Cgroup':'x'}}", SHALE_UNSUPPORTED, "HostConfig.Cgroup");
    bad("{'Image':'i','HostConfig':{'Isolation':'hyperv'}}", SHALE_UNSUPPORTED, "Isolation");
    bad("{'Image':'i','HostConfig':{'StorageOpt':{'size':'1G'}}}", SHALE_UNSUPPORTED, "StorageOpt");
    bad("{'Image':'i','HostConfig':{'StorageOpt':{'size':1}}}", SHALE_INVALID, "StorageOpt");
    bad("{'Image':'i','HostConfig':{'BlkioDeviceReadBps':[7]}}", SHALE_INVALID, "BlkioDevice");
    bad("{'Image':'i','HostConfig':{'BlkioDeviceReadBps':[{'Rate':-1}]}}", SHALE_INVALID, "Rate");
    bad("{'Image':'i','HostConfig':{'DeviceRequests':[{}]}}", SHALE_UNSUPPORTED, "DeviceRequests");
}

static void logs(void **state)
{
    struct shale_create_opts o;

    (void)state;
    assert_int_equal(take("{'Image':'i'}", &o, NULL), 0);
    assert_string_equal(o.log_driver, "json-file");
    assert_int_equal(take("{'Image':'i','HostConfig':{'LogConfig':{'Type':'local','Config':"
                          "{'max-size':'1m'}}}}",
                          &o, NULL),
                     0);
    assert_string_equal(o.log_driver, "local");
    assert_string_equal(o.log_opts[0], "max-size=1m");
    assert_null(o.log_opts[1]);
    bad("{'Image':'i','HostConfig':{'LogConfig':{'Config':{'a':1}}}}", SHALE_INVALID, "Config");
}

static int clear(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),    cmocka_unit_test(host),   cmocka_unit_test(mounts),
        cmocka_unit_test(networks), cmocka_unit_test(shared), cmocka_unit_test(refused),
        cmocka_unit_test(logs),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
