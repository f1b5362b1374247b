/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the heap of this process is like.
 *
 * heap_keep_small is for all commands: the threads of a pull allocate little and large blocks only.
 * heap_expect_much is for those that may list thousands, before they begin: memory comes in pages
 * of 2 MiB where the kernel lets us ask for that, at a fifth of the cost of as much in small ones.
 * Neither can fail.
 */
void heap_keep_small(void);
void heap_expect_much(void);
