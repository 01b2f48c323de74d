#ifndef QUBA_WARP_SIMD_H
#define QUBA_WARP_SIMD_H

#include <stddef.h>

/* Samples an RGB picture of h rows of w pixels at (xs[i], ys[i]) for i < n,
   bilinearly, into pixel i of out. Leaves out pixels whose four neighbours do
   not all lie in the picture. Reads one float beyond the picture, and writes
   one beyond out. */
void quba_warp_row(float *out, const float *from, long w, long h,
                   const double *xs, const double *ys, size_t n);

#endif
