/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The merged tree and the EROFS index of a table of contents, as n layers over each other. */
void index_of(const char *toc_name, unsigned n_layers);
