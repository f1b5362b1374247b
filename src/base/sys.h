/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The one seam for system calls that change the disk. Everything that writes files goes through
 * here (banned.h forbids the raw calls elsewhere), so that fault tests can fail or kill at the n-th
 * call. All are thin: they return what the system call returns and set errno; EINTR is retried;
 * descriptors are O_CLOEXEC. sys_write_all and sys_pwrite_all return 0 or -1.
 *
 * In a build with -Dfault=true the environment variable SHALE_FAULT arms the hook:
 *   kill:N          SIGKILL to the process itself just before the N-th call (1 is the first)
 *   fail:N:ERRNO    the N-th call fails with that number, later ones work
 *   failall:N:ERRNO the N-th and every later call fails
 *   count:FILE      writes the number of calls made to FILE at exit
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

int sys_openat(int dirfd, const char *path, int flags, mode_t mode);
int sys_write_all(int fd, const void *p, size_t n);
int sys_pwrite_all(int fd, const void *p, size_t n, uint64_t offset);
int sys_read_full(int fd, void *p, size_t n, size_t *ret_n); /* stops early only at end of file */
int sys_pread_full(int fd, void *p, size_t n, uint64_t offset, size_t *ret_n);
int sys_fsync(int fd);
int sys_fdatasync(int fd);
int sys_ftruncate(int fd, uint64_t size);
int sys_fallocate(int fd, uint64_t size); /* room for so many bytes; what is there stays */
int sys_renameat(int olddir, const char *oldp, int newdir, const char *newp);
int sys_linkat(int olddir, const char *oldp, int newdir, const char *newp);
int sys_symlinkat(const char *target, int dirfd, const char *path);
int sys_unlinkat(int dirfd, const char *path, int flags);
int sys_mkdirat(int dirfd, const char *path, mode_t mode);

/* A step that is not a system call of ours but must be a kill point too (database commit, mount):
 * counts, may kill, may fail. 0, or -1 with errno. Always 0 without -Dfault. */
int sys_step(const char *name);
bool sys_fault_built(void);
