/* SPDX-License-Identifier: Apache-2.0 */
#include "container/seccomp_table.h"

#include <linux/audit.h>
#include <sched.h>

#include "base/cleanup.h"
#include "container/caps.h"

/* The clone flags that make namespaces. */
#define NEW_NAMESPACES                                                                             \
    ((uint64_t)(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |         \
                CLONE_NEWNET | CLONE_NEWCGROUP))

static const char always[] =
    "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod "
    "chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 "
    "clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range "
    "connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl "
    "epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 "
    "execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate "
    "fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 "
    "fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 "
    "fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue "
    "futex_time64 futex_wait futex_waitv futex_wake futimesat get_robust_list "
    "get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 "
    "getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid "
    "getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit "
    "getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr "
    "getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel "
    "io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl "
    "ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset "
    "landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount "
    "listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 "
    "madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat "
    "mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify "
    "mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 "
    "mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap "
    "name_to_handle_at nanosleep newfstatat _newselect open openat openat2 pause pidfd_open "
    "pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll "
    "ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 "
    "pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv "
    "recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr "
    "removexattrat rename renameat renameat2 restart_syscall riscv_hwprobe rmdir rseq "
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max "
    "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam "
    "sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
    "sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp "
    "select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 "
    "sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setfsgid "
    "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid "
    "setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid "
    "setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat shmat "
    "shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn "
    "socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink "
    "symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create "
    "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
    "timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
    "timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink "
    "unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid "
    "waitpid write writev";

#define ALLOW_ARG(text, i, v, o)                                                                   \
    {                                                                                              \
        .names = text, .has_arg = true, .arg_index = (i), .arg_value = (v), .arg_op = (o)          \
    }
#define ALLOW_CAP(cap, text)                                                                       \
    {                                                                                              \
        .names = text, .caps = CAP_BIT(cap)                                                        \
    }
#define ALLOW_ARCH(set, text)                                                                      \
    {                                                                                              \
        .names = text, .arches = (set)                                                             \
    }

const struct seccomp_rule seccomp_default_rules[] = {
    {.names = always},
    {.names = "process_vm_readv process_vm_writev ptrace", .min_kernel = SECCOMP_KERNEL(4, 8)},
    /* AF_VSOCK (40) reaches the hypervisor, AF_ALG (38) the kernel's crypto: neither is namespaced.
     */
    ALLOW_ARG("socket", 0, 38, "SCMP_CMP_LT"),
    ALLOW_ARG("socket", 0, 39, "SCMP_CMP_EQ"),
    ALLOW_ARG("socket", 0, 40, "SCMP_CMP_GT"),
    ALLOW_ARG("personality", 0, 0x0, "SCMP_CMP_EQ"),
    ALLOW_ARG("personality", 0, 0x8, "SCMP_CMP_EQ"),
    ALLOW_ARG("personality", 0, 0x20000, "SCMP_CMP_EQ"),
    ALLOW_ARG("personality", 0, 0x20008, "SCMP_CMP_EQ"),
    ALLOW_ARG("personality", 0, 0xffffffff, "SCMP_CMP_EQ"),
    ALLOW_ARCH(SECCOMP_PPC64LE, "sync_file_range2 swapcontext"),
    ALLOW_ARCH(SECCOMP_ARM | SECCOMP_ARM64, "arm_fadvise64_64 arm_sync_file_range sync_file_range2 "
                                            "breakpoint cacheflush set_tls"),
    ALLOW_ARCH(SECCOMP_AMD64, "arch_prctl"),
    ALLOW_ARCH(SECCOMP_AMD64 | SECCOMP_X86, "modify_ldt"),
    ALLOW_ARCH(SECCOMP_S390X, "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"),
    ALLOW_ARCH(SECCOMP_RISCV64, "riscv_flush_icache"),
    ALLOW_CAP(CAPS_DAC_READ_SEARCH, "open_by_handle_at"),
    ALLOW_CAP(
        CAPS_SYS_ADMIN,
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
        "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount "
        "open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog "
        "umount umount2 unshare"),
    {.names = "clone",
     .has_arg = true,
     .arg_index = 0,
     .arg_value = NEW_NAMESPACES,
     .arg_op = "SCMP_CMP_MASKED_EQ",
     .no_caps = CAP_BIT(CAPS_SYS_ADMIN),
     .no_arches = SECCOMP_S390X},
    {.names = "clone",
     .has_arg = true,
     .arg_index = 1,
     .arg_value = NEW_NAMESPACES,
     .arg_op = "SCMP_CMP_MASKED_EQ",
     .no_caps = CAP_BIT(CAPS_SYS_ADMIN),
     .arches = SECCOMP_S390X},
    /* Its flags are behind a pointer: ENOSYS makes libc fall back to clone. */
    {.names = "clone3", .errno_ret = 38, .no_caps = CAP_BIT(CAPS_SYS_ADMIN)},
    ALLOW_CAP(CAPS_SYS_BOOT, "reboot"),
    ALLOW_CAP(CAPS_SYS_CHROOT, "chroot"),
    ALLOW_CAP(CAPS_SYS_MODULE, "delete_module init_module finit_module"),
    ALLOW_CAP(CAPS_SYS_PACCT, "acct"),
    ALLOW_CAP(CAPS_SYS_PTRACE,
              "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
    ALLOW_CAP(CAPS_SYS_RAWIO, "iopl ioperm"),
    ALLOW_CAP(CAPS_SYS_TIME, "settimeofday stime clock_settime clock_settime64"),
    ALLOW_CAP(CAPS_SYS_TTY_CONFIG, "vhangup"),
    ALLOW_CAP(CAPS_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    ALLOW_CAP(CAPS_SYSLOG, "syslog"),
    ALLOW_CAP(CAPS_BPF, "bpf"),
    ALLOW_CAP(CAPS_PERFMON, "perf_event_open"),
};
const size_t seccomp_default_n_rules = ARRAY_SIZE(seccomp_default_rules);

const struct seccomp_arch seccomp_arches[] = {
    {"x86_64", "amd64", SECCOMP_AMD64, {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
    {"aarch64", "arm64", SECCOMP_ARM64, {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}},
    {"armv7l", "arm", SECCOMP_ARM, {"SCMP_ARCH_ARM"}},
    {"armv6l", "arm", SECCOMP_ARM, {"SCMP_ARCH_ARM"}},
    {"i686", "x86", SECCOMP_X86, {"SCMP_ARCH_X86"}},
    {"ppc64le", "ppc64le", SECCOMP_PPC64LE, {"SCMP_ARCH_PPC64LE"}},
    {"s390x", "s390x", SECCOMP_S390X, {"SCMP_ARCH_S390X", "SCMP_ARCH_S390"}},
    {"riscv64", "riscv64", SECCOMP_RISCV64, {"SCMP_ARCH_RISCV64"}},
    {"loongarch64", "loong64", SECCOMP_LOONG64, {"SCMP_ARCH_LOONGARCH64"}},
    {"mips64",
     "mips64le",
     SECCOMP_MIPS64LE,
     {"SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32"}},
};
const size_t seccomp_n_arches = ARRAY_SIZE(seccomp_arches);
